//! What a candidate can be given, made ready to run.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::TaskOutput;
use super::member::Member;
use crate::lease::LeaseId;
use lease_protocol::election::Timing;

/// What a [`Candidate`](crate::Candidate) can be given: a [`LeaderTask`](crate::LeaderTask) or a [`TaskGroup`](crate::TaskGroup).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a leader task",
    label = "not a `LeaderTask` or a `TaskGroup`",
    note = "call the function with `#[leader_only]` and pass on what it returns, without `.await`; add several one by one, or as \
            `TaskGroup::concurrent(..).with_all(..)`"
)]
pub trait IntoTask: sealed::IntoPlan<<Self as IntoTask>::Output> + Send + 'static {
    /// What whoever waits for it gets.
    type Output: TaskOutput;
}

pub(crate) mod sealed {
    use super::Plan;
    use crate::error::Error;

    pub trait IntoPlan<T> {
        fn title(&self) -> &str;

        /// Runs under this lease, or in this namespace, instead of its own.
        fn move_to(&mut self, lease: Option<&str>, namespace: Option<&str>);

        /// Checks it and erases its types. `namespace` is that of leases which name none.
        fn into_plan(self, namespace: &str) -> Result<Plan<T>, Error>;
    }
}

/// A task that was checked: its lease, what runs, and what has to be the case before.
pub struct Plan<T> {
    pub(super) lease: LeaseId,
    pub(super) timing: Timing,
    pub(super) member: Member,
    pub(super) warm_up: Vec<BoxFuture<'static, ()>>,
    pub(super) conditions: Vec<watch::Receiver<bool>>,
    /// Its body takes a tick, and nothing gives it one.
    pub(super) wants_tick: bool,
    /// Puts in place what a task that runs once gives if another replica has done it; `None` for all others.
    pub(super) done: Option<Box<dyn Fn() + Send + Sync>>,
    /// What the last run returned. A failed run's value is the task's only if no run follows.
    pub(super) output: Arc<Mutex<Option<T>>>,
}
