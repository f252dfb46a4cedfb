//! What a write says about one task, and what that is decided by.

use std::sync::Arc;

use super::attempt::{Attempt, AttemptState, RunEnd};
use super::counts::NotRun;
use super::record::{MOST_OPEN, TickRecord};
use super::requests::{TaskRequests, TimeRange};
use super::tick_term::TickTerm;
use super::time::TickTime;
use super::timetable::Timetable;
use crate::clock::WallTime;
use crate::schedule::{ScheduledTime, Watermark};
use crate::ticks::AttemptId;

/// What a write says about one task.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// `None`: it stays as it is, or there is none and none is needed.
    pub(super) record: Option<TickRecord>,
    /// Runs that this write takes.
    pub(super) takes: Vec<Attempt>,
    /// The trigger is carried out by this write.
    pub(super) trigger_done: bool,
    /// What is left of the backfill, if this write changes it.
    pub(super) backfill: Option<Option<TimeRange>>,
    /// Worth a write of its own: a run is taken or its end is known. The rest waits for the next renewal.
    pub(super) urgent: bool,
    /// When there will be something, as far as the clock decides it.
    pub(super) wake_at: Option<WallTime>,
    /// What people want to know, once it is written.
    pub(super) notes: Vec<TickNote>,
}

/// Something that has happened to a task's ticks.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TickNote {
    /// The task is seen for the first time: ticks count from now.
    Armed,
    /// Its record, which this term has seen, is gone: ticks count from now.
    Removed,
    /// Its schedule was edited: ticks count from now.
    Rearmed,
    /// Ticks were not run.
    NotRun(NotRun, u64),
    /// A run of an earlier leader was found, and is counted so.
    Abandoned(WallTime),
    /// A run of an earlier leader was found, and is run again.
    RunAgain(WallTime, u32),
    /// A run that was taken has not begun, and is given back for the next leader to start.
    GivenBack(WallTime),
    /// A run that an earlier leader gave back is taken.
    TakenUp(WallTime),
    /// A trigger whose id was used before is dropped.
    TriggeredBefore(String),
}

pub(super) struct DecisionContext<'a> {
    pub(super) task: &'a Arc<str>,
    pub(super) timetable: &'a Timetable,
    pub(super) requests: &'a TaskRequests,
    /// Of this task, and what this process remembers of earlier terms.
    pub(super) attempts: &'a [&'a Attempt],
    pub(super) leading: &'a TickTerm,
    pub(super) time: TickTime,
    /// A time that has come, by the API server and by what the Lease says of other tasks.
    pub(super) known: WallTime,
    /// Ticks may be taken: the write is a renewal, and nobody asked the bodies to end.
    pub(super) may_take: bool,
    pub(super) out: Decision,
}

impl DecisionContext<'_> {
    /// Runs may be taken.
    pub(super) fn is_open(&self) -> bool {
        self.may_take && self.time.bounded() >= self.leading.acquired.plus(self.timetable.initial_delay)
    }

    /// How many runs of the task there are once this write has succeeded. The leader's memory decides it: a record can be
    /// emptied by hand while a run goes on.
    pub(super) fn running(&self, record: &TickRecord) -> usize {
        let started = self.attempts.iter().filter(|attempt| match attempt.state {
            AttemptState::Running => true,
            // Its record shows it, and it is about to start.
            AttemptState::Asked => record.open.iter().any(|run| run.id == attempt.id) && !self.takes(attempt.id),
            AttemptState::Ended(_) => false,
        });
        started.count() + self.out.takes.len()
    }

    pub(super) fn takes(&self, id: AttemptId) -> bool {
        self.out.takes.iter().any(|take| take.id == id)
    }

    /// When the latest run was taken, and until when it has gone on: the one that goes on, or the last of those whose end is yet
    /// to be written.
    pub(super) fn run(&self, goes_on: bool, now: WallTime) -> Option<(WallTime, WallTime)> {
        let known = self.attempts.iter().filter_map(|attempt| match attempt.state {
            AttemptState::Running => Some((attempt.taken, now)),
            AttemptState::Ended(RunEnd::NotStarted) => None,
            AttemptState::Ended(_) if !goes_on => Some((attempt.taken, attempt.until?)),
            AttemptState::Asked | AttemptState::Ended(_) => None,
        });
        known.chain(self.out.takes.iter().map(|take| (take.taken, now))).max()
    }
}

/// One more run can be written down. A record with too many could not be read again.
pub(super) fn has_room(record: &TickRecord) -> bool {
    record.open.len() < MOST_OPEN
}

/// How far the record is accounted for.
pub(super) fn mark(record: &TickRecord) -> Watermark {
    Watermark { at: record.accounted_until, civil: record.civil }
}

pub(super) fn account(record: &mut TickRecord, until: &ScheduledTime) {
    record.accounted_until = until.at;
    record.civil = until.civil;
    record.zone_data = until.civil.map(|_| crate::schedule::zone_data_version().to_owned());
}

/// Rounded up: a tick has no fraction of a second, and does not come before its time.
pub(super) fn whole_second(at: WallTime) -> WallTime {
    WallTime(at.0.saturating_add(999_999).div_euclid(1_000_000).saturating_mul(1_000_000))
}
