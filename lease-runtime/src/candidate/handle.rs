//! The candidate as the program that runs it sees it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::inner::CandidateInner;
use super::lease_tasks::LeaseTasks;
use super::signal::ShutdownRequest;
use crate::admin::TickAdmin;
use crate::elector::{Health, LeaseStatus};
use crate::error::Error;
use crate::lease::{LeaseId, LeaseRef};
use crate::task::{IntoTask, TaskHandle};

/// This process in the elections of its leases: one identity, one connection, any number of tasks.
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
/// Tasks of the same lease run together on the replica that holds it; tasks of different leases may run on different
/// replicas. When all tasks of a lease are over here, the lease is given up. It is cheap to clone, and all clones are the
/// same candidate.
///
/// # Where things run
///
/// Elections run on a thread of their own, so that nothing a body does to its runtime keeps a lease from being renewed.
/// Bodies run on the tokio runtime from which [`run_until`](Self::run_until) was called, those added later on the one from
/// which [`add`](Self::add) was called; it needs its timers, as `#[tokio::main]` enables them. If that runtime goes away,
/// its bodies do, and their leases are released.
#[derive(Clone)]
pub struct Candidate {
    pub(super) inner: Arc<CandidateInner>,
}

impl Candidate {
    /// Gives a task to this candidate. It starts whenever this process holds the task's lease and the candidate runs; at
    /// once, if it does already.
    ///
    /// A task that is not valid is refused: its name or the timings of its lease conflict with another task's, or a value
    /// that was set at run time breaks a rule. Then the handle gives the error, and so does [`run_until`](Self::run_until)
    /// if the candidate does not run yet.
    pub fn add<K: IntoTask>(&self, task: K) -> TaskHandle<K::Output> {
        self.place(task).0
    }

    /// Runs until `signal` resolves, and then ends in order: every body is asked to end, and may use its grace while its
    /// lease goes on being renewed; what has not ended by then is dropped; then the leases are released. When it returns,
    /// nothing of the tasks is left and no lease is held. An API server that does not answer is waited for no longer than the
    /// [release timeout](crate::CandidateBuilder::release_timeout), once the bodies are gone; the lease is then left to run out.
    ///
    /// A body that is inside one poll cannot be dropped: this waits for it, and the lease goes on being renewed, until the
    /// process is killed or the lease cannot be renewed.
    ///
    /// With [`shutdown_signal`](crate::shutdown_signal), a second SIGTERM or SIGINT cuts the grace to nothing, and the wait for the release to half a
    /// second. Any future may be the signal that resolves to `()` or `io::Result<()>`, as `tokio::signal::ctrl_c()` does. If
    /// it has resolved already, no lease is contended for.
    ///
    /// # Errors
    ///
    /// At once, if a task was refused or the candidate has run before. Otherwise after everything has ended in order: if the
    /// API server refused to let this process take part in an election at the very first contact (permissions, a missing
    /// namespace), if an election cannot go on, or if the signal cannot be waited for. The refusal of a lease that was added
    /// while the candidate ran ends only the tasks of that lease, unless
    /// [`on_late_refusal`](crate::CandidateBuilder::on_late_refusal) says otherwise.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, the bodies are dropped with no grace and their leases are released in the background, for
    /// which the runtime has to live on for a moment.
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

    /// Where this process stands in the election of a lease, now and as it changes. The lease is one that a task has been
    /// added for, by its name in the candidate's namespace, as `namespace/name`, or as a [`LeaseId`]; `None` for any other.
    /// While this process takes no part in the election, the holder is the one it last saw. Of the leases whose tasks are all
    /// over, the last sixteen are remembered; a receiver that is there keeps the last word about any.
    ///
    /// This is for people, dashboards and readiness; to decide whether to act, a body asks its [`Term`](crate::Term).
    pub fn status(&self, lease: impl Into<LeaseRef>) -> Option<watch::Receiver<LeaseStatus>> {
        self.roster(lease).map(|roster| roster.status())
    }

    /// Gives a lease up for another replica to try, as [`Term::step_down`](crate::Term::step_down) does: for an operator, a
    /// rebalancing of shards, maintenance of this machine. The lease is named as for [`status`](Self::status).
    ///
    /// Returns at once, and whether the lease was held; to learn when it is given up, watch the status.
    pub fn step_down(&self, lease: impl Into<LeaseRef>) -> bool {
        self.roster(lease).is_some_and(|roster| roster.step_down())
    }

    /// Pauses, triggers and looks at scheduled tasks, whichever replica runs them: in the cluster and the namespace of this
    /// candidate, on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// If the connection cannot be set up, or outside of a tokio runtime. No request is sent yet.
    pub async fn admin(&self) -> Result<TickAdmin, Error> {
        Handle::try_current().map_err(|_| Error::NoRuntime)?;
        Ok(TickAdmin::new(self.inner.connection.client().await?, &*self.inner.namespace))
    }

    fn roster(&self, lease: impl Into<LeaseRef>) -> Option<Arc<LeaseTasks>> {
        let lease = lease.into().within(&self.inner.namespace);
        self.inner.state().rosters.get(&lease).cloned()
    }

    /// The leases that tasks have been added for. Of those whose tasks are all over, the last sixteen.
    pub fn leases(&self) -> Vec<LeaseId> {
        self.inner.state().rosters.keys().cloned().collect()
    }

    /// Whether the loop that runs the elections is alive: for a liveness probe. Being a follower is healthy, and so is
    /// being cut off from the API server.
    pub fn health(&self) -> Health {
        self.inner.elector.health()
    }

    /// The name under which this process takes part, unique to this start of it.
    pub fn identity(&self) -> &str {
        &self.inner.identity
    }

    /// The namespace of the leases that name none.
    pub fn namespace(&self) -> &str {
        &self.inner.namespace
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
