//! The handle on a candidate, which the program uses.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::inner::CandidateInner;
use super::lease_tasks::LeaseTasks;
use super::signal::ShutdownRequest;
use crate::admin::{LeaseAdmin, TickAdmin};
use crate::elector::{Health, LeaseStatus};
use crate::error::Error;
use crate::lease::{LeaseId, LeaseRef};
use crate::spec::Deployment;
use crate::task::{IntoTask, TaskHandle};

/// This process in the elections of its leases. It has one identity, one connection and any number of tasks.
///
/// ```no_run
/// use lease_runtime::{Candidate, Error, LeaderTask, LeaseSpec, shutdown_signal};
///
/// # fn sync_ledger() -> LeaderTask<()> { LeaderTask::new("sync_ledger", LeaseSpec::new("ledger"), |_| async {}) }
/// # async fn main_() -> Result<(), Error> {
/// let candidate = Candidate::from_env().await?;
/// candidate.add(sync_ledger());
/// candidate.run_until(shutdown_signal()).await
/// # }
/// ```
///
/// Tasks of one lease run together, on the replica that holds the lease. Tasks of different leases may run on different
/// replicas. When all tasks of a lease are over on this replica, the candidate releases the lease. A candidate is cheap to
/// clone, and all clones are the same candidate.
///
/// # Where things run
///
/// Elections run on a thread of their own. A body that blocks its runtime does not keep the lease from being renewed.
/// Bodies run on the tokio runtime that called [`run_until`](Self::run_until). Bodies of tasks that are added later run on the
/// runtime that called [`add`](Self::add). That runtime needs timers, which `#[tokio::main]` enables. If it goes away, its
/// bodies are dropped and their leases are released.
#[derive(Clone)]
pub struct Candidate {
    pub(super) inner: Arc<CandidateInner>,
}

impl Candidate {
    /// Adds a task to this candidate. The task runs whenever the candidate runs and holds the lease of the task.
    ///
    /// A task is refused if a value that was set at run time is not valid, or if its name or the timings of its lease conflict with
    /// another task. The handle then returns the error. [`run_until`](Self::run_until) returns it too, if the candidate does not
    /// run yet.
    pub fn add<K: IntoTask>(&self, task: K) -> TaskHandle<K::Output> {
        self.place(task).0
    }

    /// Runs the tasks until `signal` resolves, and then shuts down in order. Every body is asked to end, and may use its grace
    /// while its lease is still renewed. A body that has not ended by then is dropped. Then the leases are released. When this
    /// method returns, no body is left and no lease is held. If the API server does not answer, the release is given up after the
    /// [release timeout](crate::CandidateBuilder::release_timeout), and the lease expires.
    ///
    /// A body that does not return from a poll cannot be dropped. This method then waits for it, and the lease is renewed, until the
    /// process is killed or the lease cannot be renewed.
    ///
    /// With [`shutdown_signal`](crate::shutdown_signal), a second SIGTERM or SIGINT cuts the grace to nothing, and the wait for the
    /// release to half a second. Any future that resolves to `()` or `io::Result<()>` can be the signal, as
    /// `tokio::signal::ctrl_c()` is. If it has resolved already, no lease is contended for.
    ///
    /// # Errors
    ///
    /// At once, if a task was refused or the candidate has run before. Otherwise after the shutdown, for one of these reasons: the
    /// API server refused this process at the first contact (permissions, a missing namespace), an election cannot continue, or the
    /// signal cannot be waited for. If a lease was added while the candidate ran, its refusal ends only its own tasks, unless
    /// [`on_late_refusal`](crate::CandidateBuilder::on_late_refusal) says otherwise.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the bodies are dropped without grace and their leases are released in the background. The runtime
    /// must live a moment longer for that.
    pub async fn run_until<F>(&self, signal: F) -> Result<(), Error>
    where
        F: Future,
        F::Output: ShutdownRequest,
    {
        self.inner.run_until(signal).await
    }

    /// Runs until all tasks are over and their leases are released.
    ///
    /// # Errors
    ///
    /// As [`run_until`](Self::run_until).
    ///
    /// # Cancel safety
    ///
    /// As [`run_until`](Self::run_until).
    pub async fn run(&self) -> Result<(), Error> {
        self.inner.run().await
    }

    /// The status of this process in the election of a lease, now and as it changes. `None` if no task was added for this lease.
    /// Name the lease by its name in the namespace of the candidate, as `namespace/name`, or by a [`LeaseId`]: see [`LeaseRef`].
    ///
    /// The status follows the lease also after this process has stepped down, and while a condition does not hold. If all tasks of
    /// a lease are over, the candidate remembers the lease until sixteen others are in the same state. A receiver keeps the last
    /// status in any case.
    ///
    /// The status is for people, dashboards and readiness probes. A body that decides whether to act uses its
    /// [`Term`](crate::Term).
    pub fn status(&self, lease: impl Into<LeaseRef>) -> Option<watch::Receiver<LeaseStatus>> {
        self.lease_tasks(lease).map(|lease_tasks| lease_tasks.status())
    }

    /// The status of a lease that this process need not take part in, now and as it changes: who holds it, and its ticks. For a
    /// dashboard, or for a follower that sends work to the leader. If a task was added for the lease, it is the
    /// [`status`](Self::status) of that lease.
    ///
    /// From then on, this process follows the lease by a watch, until the candidate is dropped. It needs the verbs `get` and
    /// `watch` on the Lease, and works before the candidate runs and without tasks. Without a watch, it reads the Lease every two seconds.
    /// If no Lease can have this name, nothing is asked, and the status has the problem [`ElectorError::Name`](crate::ElectorError::Name).
    pub fn observe(&self, lease: impl Into<LeaseRef>) -> watch::Receiver<LeaseStatus> {
        let Deployment { namespace, overrides } = &self.inner.deployment;
        let lease = lease.into().within(namespace, overrides.lease_prefix());
        self.status(&lease).unwrap_or_else(|| self.inner.observe(lease))
    }

    /// Gives a lease up, as [`Term::step_down`](crate::Term::step_down) does, so that another replica can take it: to rebalance
    /// shards, or for maintenance. Name the lease as for [`status`](Self::status).
    ///
    /// Returns at once, with whether the lease was held. To learn when it is released, watch the status.
    pub fn step_down(&self, lease: impl Into<LeaseRef>) -> bool {
        self.lease_tasks(lease).is_some_and(|lease_tasks| lease_tasks.step_down())
    }

    /// Pauses, triggers and shows scheduled tasks, on whichever replica they run, in the cluster and namespace of this candidate.
    /// It uses the current tokio runtime.
    ///
    /// # Errors
    ///
    /// If the connection cannot be set up, or outside of a tokio runtime. No request is sent yet.
    pub async fn admin(&self) -> Result<TickAdmin, Error> {
        Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let Deployment { namespace, overrides } = &self.inner.deployment;
        let admin = TickAdmin::new(self.inner.connection.client().await?, Arc::clone(namespace));
        Ok(admin.with_prefix(overrides.lease_prefix()))
    }

    /// Moves the leadership of leases away from replicas or to certain ones, in the cluster and namespace of this candidate. It uses
    /// the current tokio runtime. To give up a lease that this process holds, use [`step_down`](Self::step_down).
    ///
    /// # Errors
    ///
    /// If the connection cannot be set up, or outside of a tokio runtime. No request is sent yet.
    pub async fn lease_admin(&self) -> Result<LeaseAdmin, Error> {
        Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let Deployment { namespace, overrides } = &self.inner.deployment;
        let admin = LeaseAdmin::new(self.inner.connection.client().await?, Arc::clone(namespace));
        Ok(admin.with_prefix(overrides.lease_prefix()))
    }

    fn lease_tasks(&self, lease: impl Into<LeaseRef>) -> Option<Arc<LeaseTasks>> {
        let Deployment { namespace, overrides } = &self.inner.deployment;
        let lease = lease.into().within(namespace, overrides.lease_prefix());
        self.inner.state().leases.get(&lease).cloned()
    }

    /// The leases that tasks were added for, with their names in the cluster. Of the leases whose tasks are all over, only the last sixteen.
    pub fn leases(&self) -> Vec<LeaseId> {
        self.inner.state().leases.keys().cloned().collect()
    }

    /// Whether the loop that runs the elections is alive, for a liveness probe. A follower is healthy, and so is a process that
    /// cannot reach the API server.
    pub fn health(&self) -> Health {
        self.inner.elector.health()
    }

    /// The identity of this process in its elections. It is new for each candidate.
    pub fn identity(&self) -> &str {
        &self.inner.identity
    }

    /// The namespace of the leases that name none.
    pub fn namespace(&self) -> &str {
        &self.inner.deployment.namespace
    }

    /// Whether bodies run only while this process holds their lease. `false` if the deployment has
    /// [turned the election off](crate::Overrides::election): then every replica runs the bodies.
    pub fn elects(&self) -> bool {
        self.inner.deployment.overrides.elects()
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("identity", &self.identity())
            .field("namespace", &self.namespace())
            .field("leases", &self.leases())
            .finish()
    }
}
