//! The trait of what can be added to a candidate, and its checked form.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::TaskOutput;
use super::member::Member;
use crate::lease::LeaseId;
use crate::spec::Traffic;
use lease_protocol::election::Timing;

/// Can be added to a [`Candidate`](crate::Candidate): a [`LeaderTask`](crate::LeaderTask) or a [`TaskGroup`](crate::TaskGroup).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a leader task",
    label = "not a `LeaderTask` or a `TaskGroup`",
    note = "call the function with `#[leader_only]` and pass on what it returns, without `.await`; add several one by one, or as \
            `TaskGroup::concurrent(..).with_all(..)`"
)]
pub trait IntoTask: sealed::IntoPlan<<Self as IntoTask>::Output> + Send + 'static {
    /// The output that the handle returns.
    type Output: TaskOutput;
}

pub(crate) mod sealed {
    use super::Plan;
    use crate::error::Error;
    use crate::spec::Deployment;

    pub trait IntoPlan<T> {
        fn title(&self) -> &str;

        /// Runs under this lease, or in this namespace, instead of its own.
        fn move_to(&mut self, lease: Option<&str>, namespace: Option<&str>);

        /// Checks it and erases its types.
        fn into_plan(self, deployment: &Deployment) -> Result<Plan<T>, Error>;
    }
}

/// A task that was checked: its lease, its parts, and its conditions.
pub struct Plan<T> {
    pub(super) lease: LeaseId,
    pub(super) timing: Timing,
    pub(super) takeover_delay: Duration,
    pub(super) traffic: Traffic,
    pub(super) member: Member,
    pub(super) warm_up: Vec<BoxFuture<'static, ()>>,
    pub(super) conditions: Vec<watch::Receiver<bool>>,
    /// Its body takes a tick, and no schedule provides one.
    pub(super) wants_tick: bool,
    /// For a task that runs once: stores the output for the case that another replica has done it. `None` for other tasks.
    pub(super) done: Option<Box<dyn Fn() + Send + Sync>>,
    /// The output of the last run. The output of a failed run is that of the task only if no run follows.
    pub(super) output: Arc<Mutex<Option<T>>>,
}
