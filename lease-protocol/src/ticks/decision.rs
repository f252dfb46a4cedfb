//! The decision about one task in a write, and what it is based on.

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

/// The part of a write that concerns one task.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// The new record. `None` if the record stays as it is, or if there is no record and none is needed.
    pub(super) record: Option<TickRecord>,
    /// Runs that this write takes.
    pub(super) takes: Vec<Attempt>,
    /// This write takes the run that the trigger asks for.
    pub(super) trigger_done: bool,
    /// The rest of the backfill, if this write changes it.
    pub(super) backfill: Option<Option<TimeRange>>,
    /// Worth a write of its own, because a run is taken or its end is known. Otherwise the change waits for the next
    /// renewal.
    pub(super) urgent: bool,
    /// When there will be something to do because of the clock.
    pub(super) wake_at: Option<WallTime>,
    /// What to log once it has been written.
    pub(super) notes: Vec<TickNote>,
}

/// A change to a task's ticks.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TickNote {
    /// The task is seen for the first time: ticks count from now.
    Armed,
    /// The record of the task was removed after this term had seen it: ticks count from now.
    Removed,
    /// Its schedule was edited: ticks count from now.
    Rearmed,
    /// Ticks were not run.
    NotRun(NotRun, u64),
    /// A run of an earlier leader was found, and is counted as abandoned.
    Abandoned(WallTime),
    /// A run of an earlier leader was found, and is run again.
    RunAgain(WallTime, u32),
    /// A run that was taken has not begun. It is given back, so that the next leader starts it.
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
    /// The attempts of this task, including those that this process remembers from earlier terms.
    pub(super) attempts: &'a [&'a Attempt],
    pub(super) leading: &'a TickTerm,
    pub(super) time: TickTime,
    /// A time that has certainly passed, according to the API server and to the records of other tasks.
    pub(super) known: WallTime,
    /// Runs may be taken: the write is a renewal, and the bodies have not been asked to end.
    pub(super) may_take: bool,
    pub(super) out: Decision,
}

impl DecisionContext<'_> {
    /// Whether runs may be taken now.
    pub(super) fn is_open(&self) -> bool {
        self.may_take && self.time.bounded() >= self.leading.acquired.plus(self.timetable.initial_delay)
    }

    /// How many runs of the task there are once this write has succeeded. It is based on what the leader remembers,
    /// because somebody may empty the record while a run is under way.
    pub(super) fn running(&self, record: &TickRecord) -> usize {
        let started = self.attempts.iter().filter(|attempt| match attempt.state {
            AttemptState::Running => true,
            // The record shows it as taken, so it is about to start.
            AttemptState::Asked => record.open.iter().any(|run| run.id == attempt.id) && !self.takes(attempt.id),
            AttemptState::Ended(_) => false,
        });
        started.count() + self.out.takes.len()
    }

    pub(super) fn takes(&self, id: AttemptId) -> bool {
        self.out.takes.iter().any(|take| take.id == id)
    }

    /// When the runs that this process knows were taken, and until when they ran, the oldest first. These are the current
    /// ones, and those whose end has not been written yet.
    pub(super) fn runs(&self, now: WallTime) -> Vec<(WallTime, WallTime)> {
        let known = self.attempts.iter().filter_map(|attempt| match attempt.state {
            AttemptState::Running => Some((attempt.taken, now)),
            AttemptState::Ended(RunEnd::NotStarted) | AttemptState::Asked => None,
            AttemptState::Ended(_) => Some((attempt.taken, attempt.until?)),
        });
        let mut runs: Vec<_> = known.chain(self.out.takes.iter().map(|take| (take.taken, now))).collect();
        runs.sort_unstable();
        runs
    }
}

/// Whether another run fits into the record. A record with more than [`MOST_OPEN`] open runs could not be read again.
pub(super) fn has_room(record: &TickRecord) -> bool {
    record.open.len() < MOST_OPEN
}

/// The last tick that the record accounts for.
pub(super) fn mark(record: &TickRecord) -> Watermark {
    Watermark { at: record.accounted_until, civil: record.civil }
}

pub(super) fn account(record: &mut TickRecord, until: &ScheduledTime) {
    record.accounted_until = until.at;
    record.civil = until.civil;
    record.zone_data = until.civil.map(|_| crate::schedule::zone_data_version().to_owned());
}

/// Rounded up: a tick has no fraction of a second, and never starts before its time.
pub(super) fn whole_second(at: WallTime) -> WallTime {
    WallTime(at.0.saturating_add(999_999).div_euclid(1_000_000).saturating_mul(1_000_000))
}
