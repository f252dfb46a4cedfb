//! A leader task: what runs while this process holds a lease, and what becomes of it.

mod backoff;
pub(crate) mod entry;
pub(crate) mod handle;
mod output;
pub(crate) mod overrun;
pub(crate) mod supervise;

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::time::Duration;

use futures_util::future::BoxFuture;

pub use handle::TaskHandle;
pub use output::TaskOutput;
pub use overrun::OnOverrun;

use crate::election::Timing;
use crate::error::Error;
use crate::lease::LeaseId;
use crate::spec::{LeaseSpec, check_lease_name, check_namespace, check_timing};
use crate::term::Term;

/// How long a body may take to end once it is asked to, unless the task says otherwise.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// Work that runs on the one replica that holds its lease. What a function with
/// [`#[leader_only]`](macro@crate::leader_only) returns.
///
/// It is a value, and does nothing until it is given to a [`Candidate`](crate::Candidate), awaited, or
/// [spawned](Self::spawn). Its body runs from the acquisition of the lease to its loss, and from the start again in the next
/// term of this process. A body that fails or panics runs again within the term, after a pause that grows from a second to
/// a minute; one that returns is done, and with it the task.
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
    grace: Duration,
    on_overrun: OnOverrun,
    body: Box<dyn FnMut(Term) -> BoxFuture<'static, T> + Send>,
}

impl<T: TaskOutput> LeaderTask<T> {
    /// The task `name` under the lease of `spec`. `body` is called at the start of each run.
    pub fn new<F, Fut>(name: &'static str, spec: LeaseSpec, mut body: F) -> LeaderTask<T>
    where
        F: FnMut(Term) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
    {
        LeaderTask {
            name: Cow::Borrowed(name),
            spec,
            lease: None,
            namespace: None,
            lease_duration: None,
            renew_deadline: None,
            retry_period: None,
            grace: DEFAULT_GRACE,
            on_overrun: OnOverrun::default(),
            // The one place that knows the body's type: nothing after it is compiled once per task.
            body: Box::new(move |term| Box::pin(body(term))),
        }
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
    /// Runs under this lease instead. A name that Kubernetes would refuse is an error when the task is added.
    pub fn lease(mut self, lease: impl Into<String>) -> LeaderTask<T> {
        self.lease = Some(lease.into());
        self
    }

    /// Keeps the lease in this namespace instead of the candidate's. One that Kubernetes would refuse is an error when the
    /// task is added.
    pub fn namespace(mut self, namespace: impl Into<String>) -> LeaderTask<T> {
        self.namespace = Some(namespace.into());
        self
    }

    /// Names the task in logs and errors. Unique among the tasks of one lease, at most 63 ASCII letters, digits, `-`, `_`
    /// and `.`, a letter or digit at both ends; anything else is an error when the task is added.
    pub fn name(mut self, name: impl Into<String>) -> LeaderTask<T> {
        self.name = Cow::Owned(name.into());
        self
    }

    /// How long the others wait for a holder that has fallen silent, in whole seconds: see
    /// [`LeaseSpec::lease_duration`]. The timings that are not set follow it. All tasks of one lease have the same timings;
    /// that, and the rules among them, is checked when the task is added.
    pub fn lease_duration(mut self, lease_duration: Duration) -> LeaderTask<T> {
        self.lease_duration = Some(lease_duration);
        self
    }

    /// How long a holder that cannot renew goes on: see [`LeaseSpec::renew_deadline`].
    pub fn renew_deadline(mut self, renew_deadline: Duration) -> LeaderTask<T> {
        self.renew_deadline = Some(renew_deadline);
        self
    }

    /// How long to wait after a failed request: see [`LeaseSpec::retry_period`].
    pub fn retry_period(mut self, retry_period: Duration) -> LeaderTask<T> {
        self.retry_period = Some(retry_period);
        self
    }

    /// How long the body may take to end once it is asked to, before it is dropped at its current `.await`. Ten seconds if
    /// not set.
    ///
    /// It counts from the moment [`Term::cancelled`] resolves. While the lease can be renewed, as on shutdown, it is renewed
    /// meanwhile; otherwise the lease's own deadline may come first. Stay well below the pod's
    /// `terminationGracePeriodSeconds`.
    pub fn grace(mut self, grace: Duration) -> LeaderTask<T> {
        self.grace = grace;
        self
    }

    /// What to do about a body that is still inside one poll when the lease may pass to another replica.
    pub fn on_overrun(mut self, on_overrun: OnOverrun) -> LeaderTask<T> {
        self.on_overrun = on_overrun;
        self
    }

    /// Runs the body once, with no election and no guard: for testing it with a [`Term::for_test`].
    ///
    /// ```
    /// # use lease_runtime::{LeaderTask, LeaseSpec, Loss, Term};
    /// # fn count() -> LeaderTask<Result<u32, String>> {
    /// #     LeaderTask::new("count", LeaseSpec::new("count"), |term| async move { term.cancelled().await; Ok(7) })
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (term, control) = Term::for_test();
    /// let body = count().run_body(term);
    /// control.cancel(Loss::Shutdown);
    /// assert_eq!(body.await, Ok(7));
    /// # }
    /// ```
    pub fn run_body(&mut self, term: Term) -> impl Future<Output = T> + Send + use<T> {
        (self.body)(term)
    }

    pub(crate) fn task_name(&self) -> &str {
        &self.name
    }

    /// The lease and its timings, checked.
    fn resolve(&self, namespace: &str) -> Result<(LeaseId, Timing), Error> {
        if let Some(rule) = broken_by_task_name(&self.name) {
            return Err(Error::TaskName { task: self.name.to_string(), rule });
        }
        let lease = self.lease.as_deref().unwrap_or(self.spec.lease_name());
        let namespace = self.namespace.as_deref().or(self.spec.namespace_name()).unwrap_or(namespace);
        let timing = self.spec.timing_with(self.lease_duration, self.renew_deadline, self.retry_period);
        check_lease_name(lease)
            .and_then(|()| check_namespace(namespace))
            .and_then(|()| check_timing(&timing))
            .map_err(|source| Error::Spec { task: self.name.to_string(), source })?;
        Ok((LeaseId::new(namespace, lease), timing))
    }
}

/// A task's name becomes part of an annotation's name on the Lease, and so has to be one.
fn broken_by_task_name(name: &str) -> Option<&'static str> {
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    if name.is_empty() {
        Some("must not be empty")
    } else if name.len() > 63 {
        Some("must have at most 63 characters")
    } else if !name.chars().all(|c| is_alphanumeric(c) || matches!(c, '-' | '_' | '.')) {
        Some("must consist of ASCII letters, digits, `-`, `_` and `.`")
    } else if !name.starts_with(is_alphanumeric) || !name.ends_with(is_alphanumeric) {
        Some("must start and end with a letter or digit")
    } else {
        None
    }
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
            .field("lease", &self.lease.as_deref().unwrap_or(self.spec.lease_name()))
            .field("grace", &self.grace)
            .field("on_overrun", &self.on_overrun)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
