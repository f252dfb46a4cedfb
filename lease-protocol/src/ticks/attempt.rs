//! A run from when a write takes it to when its end is written.

use std::sync::Arc;

use super::record::Origin;
use crate::clock::WallTime;
use crate::ticks::AttemptId;

/// A run that a write of this process has taken, or tried to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Attempt {
    pub(super) task: Arc<str>,
    pub(super) tick: WallTime,
    pub(super) id: AttemptId,
    pub(super) attempt: u32,
    pub(super) origin: Origin,
    pub(super) trigger: Option<String>,
    pub(super) missed: u64,
    pub(super) replaces: bool,
    pub(super) taken: WallTime,
    /// When its body was found to be gone.
    pub(super) until: Option<WallTime>,
    /// The last write that it was part of.
    pub(super) composed: u64,
    pub(super) state: AttemptState,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum AttemptState {
    /// It is part of a write that is on its way, or whose outcome is not known.
    Asked,
    /// The Lease shows it: its body was started.
    Running,
    /// Its body is gone.
    Ended(RunEnd),
}

/// How the run of a body ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RunEnd {
    /// It returned.
    Done,
    /// It failed, and all further attempts that the task allows.
    Failed,
    /// It ended because a later tick takes its place, or never began.
    Replaced,
    /// It ended because its time was up, or was asked to: whether it was done, nobody knows.
    Interrupted,
    /// Its body was never polled, and never will be. The run is given back: whoever leads next starts it as if nobody had
    /// taken it.
    NotStarted,
}

/// A body to start, once. The run is taken.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RunStart {
    /// Of this task.
    pub task: Arc<str>,
    /// The nominal time.
    pub tick: WallTime,
    /// The attempt, to be named when it has [ended](super::Ticks::ended).
    pub id: AttemptId,
    /// Its number.
    pub attempt: u32,
    /// Who asked for it.
    pub origin: Origin,
    /// The id of the trigger.
    pub trigger: Option<String>,
    /// Ticks that were not run since the last one that was.
    pub missed: u64,
    /// The task's other runs are to end first.
    pub replaces: bool,
}

impl Attempt {
    pub(super) fn start(&self) -> RunStart {
        RunStart {
            task: self.task.clone(),
            tick: self.tick,
            id: self.id,
            attempt: self.attempt,
            origin: self.origin,
            trigger: self.trigger.clone(),
            missed: self.missed,
            replaces: self.replaces,
        }
    }
}
