//! What a candidate can be given, made ready to run.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::member::{Body, BodyVerdict, Member, MemberWork};
use super::{LeaderTask, TaskGroup, TaskOutput};
use crate::error::Error;
use crate::lease::LeaseId;
use lease_protocol::election::Timing;

/// What a [`Candidate`](crate::Candidate) can be given: a [`LeaderTask`] or a [`TaskGroup`].
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

impl<T: TaskOutput> IntoTask for LeaderTask<T> {
    type Output = T;
}

impl IntoTask for TaskGroup {
    type Output = ();
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

impl<T: TaskOutput> sealed::IntoPlan<T> for LeaderTask<T> {
    fn title(&self) -> &str {
        self.task_name()
    }

    fn move_to(&mut self, lease: Option<&str>, namespace: Option<&str>) {
        self.lease = lease.map(str::to_owned).or(self.lease.take());
        self.namespace = namespace.map(str::to_owned).or(self.namespace.take());
    }

    fn into_plan(self, namespace: &str) -> Result<Plan<T>, Error> {
        let (lease, timing) = self.resolve(namespace)?;
        let ticking = self.scheduling.resolve(&self.name, &self.policy, &timing)?;
        let wants_tick = self.scheduling.scheduled && ticking.is_none();
        let output = Arc::new(Mutex::new(None));
        let (last, mut body) = (output.clone(), self.body);
        let work = MemberWork::Body(Body::new(move |term, tick| {
            let (body, last) = (body.call(term.clone(), tick), last.clone());
            Box::pin(async move {
                let output = body.await;
                let (failure, tells) = (output.failure(), output.tells());
                let verdict = BodyVerdict { failure, asked: term.is_cancelled(), tells };
                let previous = super::lock(&last).replace(output);
                drop(previous);
                verdict
            })
        }));
        let member = Member { name: self.name.as_ref().into(), policy: self.policy, ticking, work };
        let done = self.done.filter(|_| self.scheduling.once).map(|done| {
            let output = output.clone();
            Box::new(move || {
                // What a run of ours gave that failed is not what became of the task.
                let mut last = super::lock(&output);
                let failed = last.as_ref().is_none_or(|last| last.failure().is_some());
                let previous = if failed { last.replace(done()) } else { None };
                drop((last, previous));
            }) as Box<dyn Fn() + Send + Sync>
        });
        let (warm_up, conditions) = (self.warm_up, self.conditions);
        Ok(Plan { lease, timing, member, warm_up, conditions, wants_tick, done, output })
    }
}
