//! A leader task: work that runs while this process holds a lease.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::TaskOutput;
use super::lock::lock;
use super::member::{Body, BodyResult, Member, MemberWork};
use super::name::check_task_name;
use super::overridden;
use super::plan::{IntoTask, Plan, sealed::IntoPlan};
use super::policy::Policy;
use super::resolve::Scheduling;
use crate::error::Error;
use crate::lease::LeaseId;
use crate::spec::{Deployment, LeaseSpec, check_lease_name, check_namespace, check_takeover_delay};
use crate::term::Term;
use crate::tick::Tick;
use lease_protocol::election::Timing;
use lease_protocol::ticks::Timetable;

/// Work that runs on the replica that holds its lease. A function with [`#[leader_only]`](macro@crate::leader_only) returns
/// one.
///
/// A task is a value. It does nothing until it is added to a [`Candidate`](crate::Candidate), awaited, or
/// [spawned](Self::spawn). Its body starts when the lease is acquired and is stopped when the lease is lost. In the next term of
/// this process it starts from the beginning. A body that returns is done, and so is the task. A body that fails or panics runs
/// again in the same term, after a pause. If that happens too often, this replica gives the lease up for another to try. Change
/// this with [`restart`](Self::restart), [`backoff`](Self::backoff), [`max_restarts`](Self::max_restarts) and
/// [`on_exhausted`](Self::on_exhausted). A [`TaskGroup`](crate::TaskGroup) starts and stops several tasks in an order.
///
/// The methods have the names of the attribute's keys, and override the attribute. So one function can make many tasks:
///
/// ```
/// use lease_runtime::{LeaderTask, LeaseSpec, Term};
///
/// fn drain(shard: u32) -> LeaderTask<()> {
///     const LEASE: LeaseSpec = LeaseSpec::new("drain");
///     LeaderTask::new("drain", LEASE, move |term: Term| async move {
///         term.cancelled().await; // Work on the shard.
///     })
///     .lease(format!("drain-{shard}"))
/// }
/// let tasks: Vec<LeaderTask<()>> = (0..64).map(drain).collect();
/// ```
///
/// # Awaiting it
///
/// `task.await` runs the task under a candidate that all such tasks of the process share. It is built from the environment, like
/// [`Candidate::from_env`](crate::Candidate::from_env), when it is first needed. The result is what the body returned. `main`
/// needs no [`Candidate`](crate::Candidate), but nothing ends the task at SIGTERM either: drop the future to drop the body and to
/// release the lease in the background.
#[must_use = "a leader task does nothing until it is added to a candidate, awaited or spawned"]
pub struct LeaderTask<T> {
    pub(super) name: Cow<'static, str>,
    pub(super) spec: LeaseSpec,
    pub(super) lease: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) lease_duration: Option<Duration>,
    pub(super) renew_deadline: Option<Duration>,
    pub(super) retry_period: Option<Duration>,
    pub(super) takeover_delay: Option<Duration>,
    pub(super) leader_label: bool,
    pub(super) leader_service: Option<String>,
    pub(super) policy: Policy,
    pub(super) scheduling: Scheduling,
    /// For a scheduled task: the output if another replica has done it.
    pub(super) done: Option<fn() -> T>,
    pub(super) warm_up: Vec<BoxFuture<'static, ()>>,
    pub(super) conditions: Vec<watch::Receiver<bool>>,
    pub(super) body: Box<dyn BodyFn<T>>,
}

/// The function that starts a run. This is a trait and not an `FnMut` with a boxed future, because that would be one more closure
/// to compile for each task.
pub(super) trait BodyFn<T>: Send {
    /// `tick` is the tick of the run, if the task is scheduled.
    fn call(&mut self, term: Term, tick: Option<Tick>) -> BoxFuture<'static, T>;
}

impl<T, F, Fut> BodyFn<T> for F
where
    F: FnMut(Term) -> Fut + Send,
    Fut: Future<Output = T> + Send + 'static,
{
    fn call(&mut self, term: Term, _: Option<Tick>) -> BoxFuture<'static, T> {
        Box::pin(self(term))
    }
}

/// A body that takes a tick.
pub(super) struct ScheduledBody<F>(pub(super) F);

impl<T, F, Fut> BodyFn<T> for ScheduledBody<F>
where
    F: FnMut(Term, Tick) -> Fut + Send,
    Fut: Future<Output = T> + Send + 'static,
{
    fn call(&mut self, term: Term, tick: Option<Tick>) -> BoxFuture<'static, T> {
        let ScheduledBody(body) = self;
        // The supervisor of a scheduled task passes a tick to each run.
        let tick = tick.unwrap_or_else(|| Tick::for_test(jiff::Timestamp::UNIX_EPOCH));
        Box::pin(body(term, tick))
    }
}

impl<T: TaskOutput> LeaderTask<T> {
    /// Makes the task `name` under the lease of `spec`. `body` is called at the start of each run.
    pub fn new<F, Fut>(name: &'static str, spec: LeaseSpec, body: F) -> LeaderTask<T>
    where
        F: FnMut(Term) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        // Only this place knows the type of the body, so that nothing after it is compiled once per task.
        LeaderTask::boxed(name, spec, Box::new(body))
    }
}

impl<T> LeaderTask<T> {
    pub(super) fn boxed(name: &'static str, spec: LeaseSpec, body: Box<dyn BodyFn<T>>) -> LeaderTask<T> {
        LeaderTask {
            name: Cow::Borrowed(name),
            spec,
            lease: None,
            namespace: None,
            lease_duration: None,
            renew_deadline: None,
            retry_period: None,
            takeover_delay: None,
            leader_label: false,
            leader_service: None,
            policy: Policy::default(),
            scheduling: Scheduling::default(),
            done: None,
            warm_up: Vec::new(),
            conditions: Vec::new(),
            body,
        }
    }

    /// Runs the body once, without election and guard, to test it with a [`Term::for_test`].
    ///
    /// ```
    /// # use lease_runtime::{LeaderTask, LeaseSpec, StopReason, Term};
    /// # fn count() -> LeaderTask<Result<u32, String>> {
    /// #     LeaderTask::new("count", LeaseSpec::new("count"), |term| async move { term.cancelled().await; Ok(7) })
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (term, control) = Term::for_test();
    /// let body = count().run_body(term);
    /// control.cancel(StopReason::Shutdown);
    /// assert_eq!(body.await, Ok(7));
    /// # }
    /// ```
    pub fn run_body(&mut self, term: Term) -> impl Future<Output = T> + Send + use<T> {
        self.body.call(term, None)
    }

    /// Runs the body of a scheduled task once for this tick, without election, schedule and guard, to test it with a
    /// [`Tick::for_test`].
    pub fn run_tick(&mut self, term: Term, tick: Tick) -> impl Future<Output = T> + Send + use<T> {
        self.body.call(term, Some(tick))
    }

    /// The schedule for the tick protocol; `None` without one. For programs that drive that protocol, such as a simulation.
    ///
    /// # Errors
    ///
    /// As for adding the task.
    #[doc(hidden)]
    pub fn timetable(&self) -> Result<Option<Timetable>, Error> {
        let timing = self.spec.timing_with(self.lease_duration, self.renew_deadline, self.retry_period);
        let ticking = self.scheduling.resolve(&self.name, &self.policy, &timing)?;
        Ok(ticking.map(|ticking| ticking.timetable))
    }

    pub(crate) fn task_name(&self) -> &str {
        &self.name
    }

    /// The lease in the cluster and its timings, checked.
    pub(super) fn resolve(&self, deployment: &Deployment) -> Result<(LeaseId, Timing), Error> {
        check_task_name(&self.name)?;
        self.policy.check(&self.name)?;
        let lease = self.lease.as_deref().or(self.spec.lease_name());
        let lease = lease.ok_or_else(|| Error::NoLease { task: self.name.to_string() })?;
        let namespace = self.namespace.as_deref().or(self.spec.namespace_name()).unwrap_or(&deployment.namespace);
        check_lease_name(lease)
            .and_then(|()| check_namespace(namespace))
            .map_err(|cause| Error::Spec { task: self.name.to_string(), cause })?;
        let lease = overridden::lease(LeaseId::new(namespace, lease), &self.name, deployment)?;
        let [lease_duration, renew_deadline, retry_period] = deployment.overrides.timings();
        let timing = self.spec.timing_with(
            lease_duration.or(self.lease_duration),
            renew_deadline.or(self.renew_deadline),
            retry_period.or(self.retry_period),
        );
        let own = self.spec.timing_with(self.lease_duration, self.renew_deadline, self.retry_period);
        overridden::check_timing(&timing, &own, &lease, &self.name, deployment)?;
        Ok((lease, timing))
    }
}

impl<T> LeaderTask<T> {
    /// How long the bodies wait after a takeover, checked.
    fn resolve_takeover_delay(&self, deployment: &Deployment) -> Result<Duration, Error> {
        let own = self.takeover_delay.unwrap_or(self.spec.own_takeover_delay());
        let delay = deployment.overrides.own_takeover_delay().unwrap_or(own);
        check_takeover_delay(delay).map_err(|cause| Error::Spec { task: self.name.to_string(), cause })?;
        Ok(delay)
    }
}

impl<T: TaskOutput> IntoTask for LeaderTask<T> {
    type Output = T;
}

impl<T: TaskOutput> IntoPlan<T> for LeaderTask<T> {
    fn title(&self) -> &str {
        self.task_name()
    }

    fn move_to(&mut self, lease: Option<&str>, namespace: Option<&str>) {
        self.lease = lease.map(str::to_owned).or(self.lease.take());
        self.namespace = namespace.map(str::to_owned).or(self.namespace.take());
    }

    fn into_plan(self, deployment: &Deployment) -> Result<Plan<T>, Error> {
        let (lease, timing) = self.resolve(deployment)?;
        let takeover_delay = self.resolve_takeover_delay(deployment)?;
        let traffic = self.spec.traffic_with(self.leader_label, self.leader_service.as_deref());
        overridden::check_traffic(&traffic, &lease, &self.name, deployment)?;
        let ticking = overridden::ticking(&self.scheduling, &self.name, &self.policy, (&lease, &timing), deployment)?;
        let wants_tick = self.scheduling.scheduled && ticking.is_none();
        let output = Arc::new(Mutex::new(None));
        let (last, mut body) = (output.clone(), self.body);
        let work = MemberWork::Body(Body::new(move |term, tick| {
            let (body, last) = (body.call(term.clone(), tick), last.clone());
            Box::pin(async move {
                let output = body.await;
                let (failure, says_done) = (output.failure(), output.says_done());
                let result = BodyResult { failure, asked_to_end: term.is_cancelled(), says_done };
                let previous = lock(&last).replace(output);
                drop(previous);
                result
            })
        }));
        let member = Member { name: self.name.as_ref().into(), policy: self.policy, ticking, work };
        let done = self.done.filter(|_| self.scheduling.once).map(|done| {
            let output = output.clone();
            Box::new(move || {
                // The output of a failed run is not the output of the task.
                let mut last = lock(&output);
                let failed = last.as_ref().is_none_or(|last| last.failure().is_some());
                let previous = if failed { last.replace(done()) } else { None };
                drop((last, previous));
            }) as Box<dyn Fn() + Send + Sync>
        });
        let (warm_up, conditions) = (self.warm_up, self.conditions);
        Ok(Plan { lease, timing, takeover_delay, traffic, member, warm_up, conditions, wants_tick, done, output })
    }
}

impl<T> fmt::Debug for LeaderTask<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaderTask")
            .field("name", &self.name)
            .field("lease", &self.lease.as_deref().or(self.spec.lease_name()))
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
