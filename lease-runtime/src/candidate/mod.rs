//! This process in the elections.

mod builder;
mod identity;
mod lease_driver;
mod lease_tasks;
mod process;
mod run;
mod signal;
mod warm_up;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use builder::{CandidateBuilder, OnLateRefusal};
pub use signal::{ShutdownRequest, ShutdownSignal, Signalled, shutdown_signal};

use crate::admin::TickAdmin;
use crate::elector::{Connection, Elector, Health, LeaseStatus};
use crate::error::Error;
use crate::lease::LeaseId;
use crate::task::entry::Entry;
use crate::task::{IntoTask, TaskHandle};
use lease_driver::Arrival;
pub(crate) use lease_tasks::LeaseTasks;

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
    inner: Arc<CandidateInner>,
}

struct CandidateInner {
    elector: Elector,
    connection: Connection,
    identity: Arc<str>,
    namespace: Arc<str>,
    settings: CandidateSettings,
    /// End in order: cancel, drain, release.
    shutdown: CancellationToken,
    /// End now: bodies are dropped. Also stops every task.
    cut: CancellationToken,
    /// The election of a lease cannot go on.
    failed: CancellationToken,
    /// One for each lease that is being driven.
    driven: TaskTracker,
    state: Mutex<CandidateState>,
}

/// So many leases that have no task any more can still be looked at.
const REMEMBERED: usize = 16;

/// What was set about it.
struct CandidateSettings {
    /// What has to be true for it to take part in any election.
    condition: Option<watch::Receiver<bool>>,
    /// How long the release of a lease is waited for, from when its bodies are gone.
    release_timeout: Duration,
    on_late_refusal: OnLateRefusal,
}

struct CandidateState {
    rosters: BTreeMap<LeaseId, Arc<LeaseTasks>>,
    /// Those that had no task any more, the last ones.
    retired: VecDeque<LeaseId>,
    phase: CandidatePhase,
    /// What was wrong with a task that was added: the candidate refuses to run.
    refused: Option<Error>,
    /// The first failure while running.
    failure: Option<Error>,
    /// What wants the process to end.
    exiting: Option<Error>,
}

#[derive(Clone)]
enum CandidatePhase {
    /// Tasks are collected.
    Waiting,
    /// Tasks start as they come, on this runtime if they are not added from another.
    Running(Handle),
    /// It shuts down, or has.
    Over,
}

impl Candidate {
    /// The candidate that the environment describes: the cluster of `KUBECONFIG` if that is set, or the one this pod runs
    /// in, or that of `~/.kube/config`.
    ///
    /// # Errors
    ///
    /// If there is no cluster, if the connection cannot be set up, or outside of a tokio runtime. That the API server
    /// cannot be reached right now is no error.
    pub async fn from_env() -> Result<Candidate, Error> {
        Candidate::builder().build().await
    }

    /// A candidate with an identity, a namespace, or a cluster of your choosing.
    pub fn builder() -> CandidateBuilder {
        CandidateBuilder::default()
    }

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
    /// [release timeout](CandidateBuilder::release_timeout), once the bodies are gone; the lease is then left to run out.
    ///
    /// A body that is inside one poll cannot be dropped: this waits for it, and the lease goes on being renewed, until the
    /// process is killed or the lease cannot be renewed.
    ///
    /// With [`shutdown_signal`], a second SIGTERM or SIGINT cuts the grace to nothing, and the wait for the release to half a
    /// second. Any future may be the signal that resolves to `()` or `io::Result<()>`, as `tokio::signal::ctrl_c()` does. If
    /// it has resolved already, no lease is contended for.
    ///
    /// # Errors
    ///
    /// At once, if a task was refused or the candidate has run before. Otherwise after everything has ended in order: if the
    /// API server refused to let this process take part in an election at the very first contact (permissions, a missing
    /// namespace), if an election cannot go on, or if the signal cannot be waited for. The refusal of a lease that was added
    /// while the candidate ran ends only the tasks of that lease, unless
    /// [`on_late_refusal`](CandidateBuilder::on_late_refusal) says otherwise.
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
    pub fn status(&self, lease: impl fmt::Display) -> Option<watch::Receiver<LeaseStatus>> {
        self.roster(lease).map(|roster| roster.status())
    }

    /// Gives a lease up for another replica to try, as [`Term::step_down`](crate::Term::step_down) does: for an operator, a
    /// rebalancing of shards, maintenance of this machine. The lease is named as for [`status`](Self::status).
    ///
    /// Returns at once, and whether the lease was held; to learn when it is given up, watch the status.
    pub fn step_down(&self, lease: impl fmt::Display) -> bool {
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

    fn roster(&self, lease: impl fmt::Display) -> Option<Arc<LeaseTasks>> {
        let lease = LeaseId::within(&self.inner.namespace, lease);
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

    fn new(
        elector: Elector,
        connection: Connection,
        identity: Arc<str>,
        namespace: Arc<str>,
        settings: CandidateSettings,
    ) -> Candidate {
        let state = CandidateState {
            rosters: BTreeMap::new(),
            retired: VecDeque::new(),
            phase: CandidatePhase::Waiting,
            refused: None,
            failure: None,
            exiting: None,
        };
        let driven = TaskTracker::new();
        // `wait` resolves when it is empty; it can be filled again.
        driven.close();
        let inner = CandidateInner {
            elector,
            connection,
            identity,
            namespace,
            settings,
            shutdown: CancellationToken::new(),
            cut: CancellationToken::new(),
            failed: CancellationToken::new(),
            driven,
            state: Mutex::new(state),
        };
        Candidate { inner: Arc::new(inner) }
    }

    /// As `add`, and also gives what it takes to give the task up.
    fn place<K: IntoTask>(&self, task: K) -> (TaskHandle<K::Output>, Option<Placed>) {
        let (entry, handle) = Entry::new(task, &self.inner.namespace, self.inner.cut.child_token());
        let placed = match entry {
            Ok(entry) => {
                let entry = Arc::new(entry);
                let placed = self.inner.place(entry.clone());
                if let Some(placed) = &placed {
                    entry.put(handle.target(), &self.inner.identity, placed.roster.status());
                }
                placed
            }
            Err(error) => {
                self.inner.refuse(error);
                None
            }
        };
        (handle, placed)
    }
}

/// A task and where it was put.
struct Placed {
    entry: Arc<Entry>,
    roster: Arc<LeaseTasks>,
}

impl CandidateInner {
    fn state(&self) -> MutexGuard<'_, CandidateState> {
        // Nothing under this lock is the user's code, and it holds in between two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(self: &Arc<Self>, entry: Arc<Entry>) -> Option<Placed> {
        let refused = {
            let mut state = self.state();
            let phase = state.phase.clone();
            if let CandidatePhase::Over = phase {
                Err(entry.stopped())
            } else {
                let roster = state
                    .rosters
                    .entry(entry.lease.clone())
                    .or_insert_with(|| LeaseTasks::new(&entry.lease, self.settings.condition.clone()));
                let roster = roster.clone();
                // The token keeps the candidate from being found to have nothing to do before it is driven.
                roster.admit(&entry).map(|()| (roster, phase, self.driven.token()))
            }
        };
        match refused {
            Ok((roster, phase, _token)) => {
                drop(roster.forget_those_over());
                if let CandidatePhase::Running(runtime) = phase {
                    // Outside of the lock, too: a runtime that is gone drops the tasks at once.
                    self.drive(&roster, &Handle::try_current().unwrap_or(runtime), Arrival::Late);
                }
                Some(Placed { entry, roster })
            }
            Err(error) => {
                // Outside of the lock: whoever waits for the task may look at the candidate.
                entry.finish(Err(error.clone()));
                self.retired(&entry.lease);
                self.refuse(error);
                None
            }
        }
    }

    /// Nobody has a task for a lease any more. It can be looked at until so many others are in the same case: a candidate
    /// that uses each name once does not grow.
    fn retired(&self, lease: &LeaseId) {
        let mut state = self.state();
        // Under the lock under which tasks are admitted.
        state.retired.retain(|retired| retired != lease);
        state.retired.push_back(lease.clone());
        if state.retired.len() > REMEMBERED
            && let Some(oldest) = state.retired.pop_front()
            && state.rosters.get(&oldest).is_some_and(|roster| roster.is_idle())
        {
            state.rosters.remove(&oldest);
        }
    }

    fn refuse(&self, error: Error) {
        let mut state = self.state();
        match state.phase {
            // `run_until` returns it.
            CandidatePhase::Waiting => drop(state.refused.get_or_insert(error)),
            _ => {
                drop(state);
                tracing::error!(
                    target: "lease_runtime",
                    identity = &*self.identity,
                    error = %error,
                    "a task was not started"
                );
            }
        }
    }
}

/// Nothing that was added has ever run: most likely a line is missing.
impl Drop for CandidateInner {
    fn drop(&mut self) {
        let state = self.state();
        if matches!(state.phase, CandidatePhase::Waiting) && !state.rosters.is_empty() {
            tracing::warn!(
                target: "lease_runtime",
                identity = &*self.identity,
                "the candidate goes away with tasks that it never ran: call `candidate.run_until(shutdown_signal())`"
            );
        }
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

#[cfg(all(test, feature = "embedded"))]
mod tests;
