//! What a Lease stores about the ticks of one task.

use jiff::civil::DateTime;

use super::counts::{TickCounts, TickOutcome};
use crate::clock::WallTime;
use crate::schedule::Schedule;
use crate::ticks::AttemptId;

/// The record of one task, which an annotation stores.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct TickRecord {
    /// The fingerprint of the schedule. If it differs, the schedule was edited.
    pub fingerprint: String,
    /// Every tick up to this time is accounted for: it was taken, or counted as not run. For a task with `delay`, it is
    /// the end of the last run.
    pub accounted_until: WallTime,
    /// The civil time of that tick in the schedule's zone, if it is a cron expression of fixed times.
    pub civil: Option<DateTime>,
    /// The version of the zone data with which that civil time was computed.
    pub zone_data: Option<String>,
    /// `leaseTransitions` of the term in which a run was last taken.
    pub term: i32,
    /// Runs that were taken and whose end has not been written. The latest is the last.
    pub open: Vec<OpenRun>,
    /// The run that ended last.
    pub last: Option<EndedRun>,
    /// When the next tick is due, for people.
    pub next: Option<WallTime>,
    /// The id of the last trigger that was taken.
    pub trigger: Option<String>,
    /// How many ticks were not run since the last one that was.
    pub missed: u64,
    /// How the ticks ended so far.
    pub counts: TickCounts,
}

/// A run that was taken and whose end has not been written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OpenRun {
    /// The tick's nominal time.
    pub tick: WallTime,
    /// The id of the attempt.
    pub id: AttemptId,
    /// The number of the attempt at this tick.
    pub attempt: u32,
    /// What asked for the run.
    pub origin: Origin,
    /// The run was given back: the process that took it reported that its body never began. It waits to be taken again,
    /// under the same attempt number.
    pub unstarted: bool,
}

/// What asked for a run.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Origin {
    /// The schedule.
    Schedule,
    /// A trigger, which has an id.
    Trigger,
    /// A backfill for a range of the past.
    Backfill,
}

/// A run whose end has been written.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EndedRun {
    /// The tick's nominal time.
    pub tick: WallTime,
    /// The id of the attempt.
    pub id: AttemptId,
    /// The number of the attempt at this tick.
    pub attempt: u32,
    /// How it ended.
    pub outcome: TickOutcome,
    /// When the end was recorded.
    pub at: WallTime,
}

/// How many runs of one task may be open at once, so that the length of a record is bounded.
pub(super) const MOST_OPEN: usize = 4;

impl TickRecord {
    /// Whether a task with `once` is done. A run of another schedule under the same name does not count.
    pub fn is_done(&self) -> bool {
        self.fingerprint == Schedule::once().fingerprint()
            && self.open.is_empty()
            && self.last.is_some_and(|last| last.outcome == TickOutcome::Done)
    }

    /// The record of a task that is seen for the first time, or with another schedule: ticks count from now, and no run
    /// is open.
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
