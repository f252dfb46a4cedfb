//! A leader task: what runs while this process holds a lease, and what becomes of it.

mod backoff;
pub(crate) mod entry;
pub(crate) mod exit;
mod group;
pub(crate) mod handle;
pub(crate) mod inside;
mod log;
mod member;
mod output;
pub(crate) mod overrun;
mod plan;
mod policy;
mod resolve;
mod run;
mod scheduling;
mod settings;
pub(crate) mod supervise;
mod ticking;
#[cfg(feature = "testing")]
pub(crate) mod watched;

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

pub use group::TaskGroup;
pub use handle::TaskHandle;
pub use output::{TaskOutput, TickOutput};
pub use overrun::OnOverrun;
pub use plan::IntoTask;
pub(crate) use policy::Policy;
pub use policy::{DEFAULT_GRACE, OnExhausted, OnLoss, Restart};
pub(crate) use scheduling::Scheduling;

use crate::error::Error;
use crate::lease::LeaseId;
use crate::spec::{LeaseSpec, check_lease_name, check_namespace, check_timing};
use crate::term::Term;
use crate::tick::Tick;
use lease_grammar::names::broken_by_task_name;
use lease_protocol::election::Timing;
use lease_protocol::ticks::Timetable;

/// Work that runs on the one replica that holds its lease. What a function with
/// [`#[leader_only]`](macro@crate::leader_only) returns.
///
/// It is a value, and does nothing until it is given to a [`Candidate`](crate::Candidate), awaited, or
/// [spawned](Self::spawn). Its body runs from the acquisition of the lease to its loss, and from the start again in the next
/// term of this process. One that returns is done, and with it the task. One that fails or panics runs again within the
/// term, after a pause; if that happens too often, this replica gives the lease up for another to try. The settings
/// [`restart`](Self::restart), [`backoff`](Self::backoff), [`max_restarts`](Self::max_restarts) and
/// [`on_exhausted`](Self::on_exhausted) say otherwise. Several tasks can be put in an order as a [`TaskGroup`].
///
/// The methods that configure it are called as the attribute's keys are. What is set here wins over the attribute, which
/// makes one function many tasks:
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
/// `task.await` runs the task under a candidate of the process, which is built from the environment as
/// [`Candidate::from_env`](crate::Candidate::from_env) does when it is first needed, and gives what the body returned. It
/// needs no [`Candidate`](crate::Candidate) in `main`, and so has nothing that ends it at SIGTERM: dropping the future
/// drops the body and then releases the lease in the background.
#[must_use = "a leader task does nothing until it is added to a candidate, awaited or spawned"]
pub struct LeaderTask<T> {
    name: Cow<'static, str>,
    spec: LeaseSpec,
    lease: Option<String>,
    namespace: Option<String>,
    lease_duration: Option<Duration>,
    renew_deadline: Option<Duration>,
    retry_period: Option<Duration>,
    policy: Policy,
    scheduling: Scheduling,
    /// Of a scheduled task: what it gives if another replica has done it.
    done: Option<fn() -> T>,
    warm_up: Vec<BoxFuture<'static, ()>>,
    conditions: Vec<watch::Receiver<bool>>,
    body: Box<dyn BodyFn<T>>,
}

/// The function that starts a run. A trait of its own and no `FnMut` that boxes its future, as that would be one more closure
/// to compile for each task.
trait BodyFn<T>: Send {
    /// `tick` is what the run is for, if the task is a scheduled one.
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
struct ScheduledBody<F>(F);

impl<T, F, Fut> BodyFn<T> for ScheduledBody<F>
where
    F: FnMut(Term, Tick) -> Fut + Send,
    Fut: Future<Output = T> + Send + 'static,
{
    fn call(&mut self, term: Term, tick: Option<Tick>) -> BoxFuture<'static, T> {
        let ScheduledBody(body) = self;
        // A supervisor of scheduled tasks hands a tick to each run.
        let tick = tick.unwrap_or_else(|| Tick::for_test(jiff::Timestamp::UNIX_EPOCH));
        Box::pin(body(term, tick))
    }
}

impl<T: TaskOutput> LeaderTask<T> {
    /// The task `name` under the lease of `spec`. `body` is called at the start of each run.
    pub fn new<F, Fut>(name: &'static str, spec: LeaseSpec, body: F) -> LeaderTask<T>
    where
        F: FnMut(Term) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        // The one place that knows the body's type: nothing after it is compiled once per task.
        LeaderTask::boxed(name, spec, Box::new(body))
    }

    /// Starts the task under the candidate of the process, which is built from the environment if there is none yet. The
    /// task goes on when the handle is dropped.
    ///
    /// Where there is no cluster, or no tokio runtime, the handle gives the error that says so.
    pub fn spawn(self) -> TaskHandle<T> {
        crate::candidate::process::spawn(self)
    }
}

impl<T> LeaderTask<T> {
    fn boxed(name: &'static str, spec: LeaseSpec, body: Box<dyn BodyFn<T>>) -> LeaderTask<T> {
        LeaderTask {
            name: Cow::Borrowed(name),
            spec,
            lease: None,
            namespace: None,
            lease_duration: None,
            renew_deadline: None,
            retry_period: None,
            policy: Policy::default(),
            scheduling: Scheduling::default(),
            done: None,
            warm_up: Vec::new(),
            conditions: Vec::new(),
            body,
        }
    }

    /// Runs the body once, with no election and no guard: for testing it with a [`Term::for_test`].
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

    /// Runs the body of a scheduled task once, for this tick, with no election, no schedule and no guard: for testing it with
    /// a [`Tick::for_test`].
    pub fn run_tick(&mut self, term: Term, tick: Tick) -> impl Future<Output = T> + Send + use<T> {
        self.body.call(term, Some(tick))
    }

    /// Its schedule as the tick protocol has it; `None` without one. For whoever drives that protocol, as a simulation does.
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

    /// The lease and its timings, checked.
    fn resolve(&self, namespace: &str) -> Result<(LeaseId, Timing), Error> {
        check_task_name(&self.name)?;
        self.policy.check(&self.name)?;
        let lease = self.lease.as_deref().or(self.spec.lease_name());
        let lease = lease.ok_or_else(|| Error::NoLease { task: self.name.to_string() })?;
        let namespace = self.namespace.as_deref().or(self.spec.namespace_name()).unwrap_or(namespace);
        let timing = self.spec.timing_with(self.lease_duration, self.renew_deadline, self.retry_period);
        check_lease_name(lease)
            .and_then(|()| check_namespace(namespace))
            .and_then(|()| check_timing(&timing))
            .map_err(|source| Error::Spec { task: self.name.to_string(), source })?;
        Ok((LeaseId::new(namespace, lease), timing))
    }
}

fn check_task_name(name: &str) -> Result<(), Error> {
    broken_by_task_name(name).map_or(Ok(()), |rule| Err(Error::TaskName { task: name.to_owned(), rule }))
}

impl<T: TaskOutput> IntoFuture for LeaderTask<T> {
    type Output = Result<T, Error>;
    type IntoFuture = BoxFuture<'static, Result<T, Error>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(crate::candidate::process::run(self))
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

/// Nothing under these locks leaves anything half done when it panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
