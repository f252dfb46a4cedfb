//! What a Lease remembers of the ticks of one task.

use jiff::civil::DateTime;

use super::counts::{TickCounts, TickOutcome};
use crate::clock::WallTime;
use crate::schedule::Schedule;
use crate::ticks::AttemptId;

/// The record of one task, as an annotation carries it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TickRecord {
    /// Of the schedule. Another one means that the schedule was edited.
    pub fingerprint: String,
    /// Every tick up to here is accounted for: taken, or counted as not run. Of a task with `delay`, the end of its last run.
    pub accounted_until: WallTime,
    /// The civil time of that tick in the schedule's zone, if it is a cron expression of fixed times.
    pub civil: Option<DateTime>,
    /// The version of the zone data by which that was found out.
    pub zone_data: Option<String>,
    /// `leaseTransitions` of the term in which a run was last taken.
    pub term: i32,
    /// Runs that were taken and whose end is not written, the latest last.
    pub open: Vec<OpenRun>,
    /// The run that ended last.
    pub last: Option<EndedRun>,
    /// When the next tick is due, for people.
    pub next: Option<WallTime>,
    /// The id under which a run was last asked for.
    pub trigger: Option<String>,
    /// How many ticks were not run since the last one that was.
    pub missed: u64,
    /// What has become of ticks.
    pub counts: TickCounts,
}

/// A run that was taken and whose end is not written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OpenRun {
    /// The tick's nominal time.
    pub tick: WallTime,
    /// The attempt.
    pub id: AttemptId,
    /// Its number.
    pub attempt: u32,
    /// Who asked for it.
    pub origin: Origin,
    /// It was given back: the process that took it says that its body never began. It waits to be taken again, under the
    /// same number.
    pub unstarted: bool,
}

/// Who asked for a run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Origin {
    /// The schedule.
    Schedule,
    /// Somebody, with an id.
    Trigger,
    /// Somebody, for a stretch of the past.
    Backfill,
}

/// A run whose end is written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EndedRun {
    /// The tick's nominal time.
    pub tick: WallTime,
    /// The attempt.
    pub id: AttemptId,
    /// Its number.
    pub attempt: u32,
    /// How it ended.
    pub outcome: TickOutcome,
    /// When that was written.
    pub at: WallTime,
}

/// More runs of one task than this are not open at once, so that a record has a greatest length.
pub(super) const MOST_OPEN: usize = 4;

impl TickRecord {
    /// Of a task that runs once: it has. A run of another schedule, under the same name, is none of it.
    pub fn is_done(&self) -> bool {
        self.fingerprint == Schedule::once().fingerprint()
            && self.open.is_empty()
            && self.last.is_some_and(|last| last.outcome == TickOutcome::Done)
    }

    /// A task that is seen for the first time, or with another schedule: ticks count from now, and none runs.
    pub fn armed(fingerprint: String, now: WallTime) -> TickRecord {
        TickRecord {
            fingerprint,
            accounted_until: now,
            civil: None,
            zone_data: None,
            term: 0,
            open: Vec::new(),
            last: None,
            next: None,
            trigger: None,
            missed: 0,
            counts: TickCounts::default(),
        }
    }
}
