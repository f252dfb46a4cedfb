//! One run, from the write that takes it to the write that records its end.

use std::sync::Arc;

use super::record::Origin;
use crate::clock::WallTime;
use crate::ticks::AttemptId;

/// A run that a write of this process has taken or tried to take.
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
    /// When its body was seen to be gone.
    pub(super) until: Option<WallTime>,
    /// The number of the last write that it was part of.
    pub(super) composed: u64,
    pub(super) state: AttemptState,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum AttemptState {
    /// It is part of a write that is in flight or whose outcome is unknown.
    Asked,
    /// The Lease shows that it was taken, and its body was started.
    Running,
    /// Its body is gone.
    Ended(RunEnd),
}

/// How the run of a body ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RunEnd {
    /// It returned.
    Done,
    /// It failed, and so did all further attempts that the task allows.
    Failed,
    /// It was ended, or not begun, because a later tick takes its place.
    Replaced,
    /// It was interrupted because its term ended or because it was asked to end. Whether its work was done is not
    /// known.
    Interrupted,
    /// Its body was never polled and never will be. The run is given back: the next leader starts it as if it had not
    /// been taken.
    NotStarted,
}

/// A body to start once. Its run has been taken.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RunStart {
    /// The task.
    pub task: Arc<str>,
    /// The nominal time.
    pub tick: WallTime,
    /// The id of the attempt, to pass to [`ended`](super::Ticks::ended).
    pub id: AttemptId,
    /// The number of the attempt at this tick.
    pub attempt: u32,
    /// What asked for the run.
    pub origin: Origin,
    /// The id of the trigger, if a trigger asked for the run.
    pub trigger: Option<String>,
    /// How many ticks were not run since the last one that was.
    pub missed: u64,
    /// The task's other runs must end first.
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
