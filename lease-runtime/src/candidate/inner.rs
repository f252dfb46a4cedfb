//! The state that the parts of a candidate share.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::lease_tasks::LeaseTasks;
use crate::elector::{Connection, ElectionHandle, Elector, ElectorError, LeaseStatus, Standing, TrafficPlan};
use crate::error::Error;
use crate::lease::LeaseId;
use crate::observer::LeaseEvent;
use crate::spec::{Deployment, OwnPod, Traffic, TrafficError, check_lease_name, check_namespace};
use lease_protocol::election::shown;

/// The state that the clones of a candidate, its drivers and its warm-ups share.
pub(super) struct CandidateInner {
    pub(super) elector: Elector,
    pub(super) connection: Connection,
    pub(super) identity: Arc<str>,
    pub(super) deployment: Deployment,
    pub(super) settings: CandidateSettings,
    /// Shut down in order: cancel the terms, drain them, release the leases.
    pub(super) shutdown: CancellationToken,
    /// Drop the bodies now. This also stops every task.
    pub(super) cut: CancellationToken,
    /// An election cannot continue.
    pub(super) failed: CancellationToken,
    /// One for each lease that has a driver.
    pub(super) driven: TaskTracker,
    /// The leases that the program observes and has no task for.
    pub(super) observed: Mutex<BTreeMap<LeaseId, ElectionHandle>>,
    pub(super) state: Mutex<CandidateState>,
}

/// How many leases without tasks a candidate remembers, so that their status can be read.
pub(super) const REMEMBERED: usize = 16;

/// The settings of the builder.
pub(super) struct CandidateSettings {
    /// The candidate takes part in elections only while this is true.
    pub(super) condition: Option<watch::Receiver<bool>>,
    /// How long to wait for the release of a lease after its bodies are gone.
    pub(super) release_timeout: Duration,
    pub(super) on_late_refusal: OnLateRefusal,
    /// The leases in the namespace of the candidate get an owner.
    pub(super) owns_leases: bool,
    /// The pod of this process.
    pub(super) pod: OwnPod,
    /// Elections are reported as Kubernetes Events, if there is an election.
    pub(super) kubernetes_events: bool,
    /// The pods of holders are asked after.
    pub(super) death_reports: bool,
}

pub(super) struct CandidateState {
    pub(super) leases: BTreeMap<LeaseId, Arc<LeaseTasks>>,
    /// The last leases that have no task any more, oldest first.
    pub(super) retired: VecDeque<LeaseId>,
    pub(super) phase: CandidatePhase,
    /// Manifests were made from the tasks, so these tasks may be here only for that.
    pub(super) described: bool,
    /// Why a task was refused. The candidate then refuses to run.
    pub(super) refused: Option<Error>,
    /// The first failure while running.
    pub(super) failure: Option<Error>,
    /// The error for which a task ends the process.
    pub(super) exiting: Option<Error>,
}

#[derive(Clone)]
pub(super) enum CandidatePhase {
    /// Tasks are added, and none starts.
    Waiting,
    /// Tasks start when they are added: on the runtime that adds them, or else on this one.
    Running(Handle),
    /// It shuts down, or has shut down.
    Over,
}

/// What happens if the API server refuses the election of a lease that was added while the candidate ran.
///
/// If the lease was added before the candidate ran, the refusal ends the candidate in either case. Then the deployment most
/// likely lacks a permission.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnLateRefusal {
    /// The tasks of that lease end with [`Error::Election`], which is logged. The other leases go on, and the tasks can be
    /// added again.
    #[default]
    EndTasks,
    /// The candidate shuts down in order, and [`Candidate::run_until`](crate::Candidate::run_until) returns the error.
    EndCandidate,
}

impl CandidateInner {
    pub(super) fn new(
        elector: Elector,
        connection: Connection,
        identity: Arc<str>,
        deployment: Deployment,
        settings: CandidateSettings,
    ) -> CandidateInner {
        let state = CandidateState {
            leases: BTreeMap::new(),
            retired: VecDeque::new(),
            phase: CandidatePhase::Waiting,
            described: false,
            refused: None,
            failure: None,
            exiting: None,
        };
        let driven = TaskTracker::new();
        // `wait` resolves only for a closed tracker. A closed one can still be filled.
        driven.close();
        CandidateInner {
            elector,
            connection,
            identity,
            deployment,
            settings,
            shutdown: CancellationToken::new(),
            cut: CancellationToken::new(),
            failed: CancellationToken::new(),
            driven,
            observed: Mutex::default(),
            state: Mutex::new(state),
        }
    }

    /// The status of a lease that this process has no task for.
    pub(super) fn observe(&self, lease: LeaseId) -> watch::Receiver<LeaseStatus> {
        // The name becomes a part of the path of each request.
        if let Err(cause) = check_namespace(&lease.namespace).and_then(|()| check_lease_name(&lease.name)) {
            let problem = Some(Arc::new(ElectorError::Name { cause }));
            let status = LeaseStatus { problem, fatal: true, ..LeaseStatus::new(&lease, Standing::Out) };
            return watch::Sender::new(status).subscribe();
        }
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        observed.entry(lease).or_insert_with_key(|lease| self.elector.observe(lease.clone())).status.clone()
    }

    /// What this process does for the traffic of a lease while it leads. Nothing if there is no election.
    pub(super) fn traffic_plan(&self, lease: &LeaseId, traffic: Traffic) -> Result<Option<TrafficPlan>, TrafficError> {
        if traffic.is_none() || !self.deployment.overrides.elects() {
            return Ok(None);
        }
        let pod = self.settings.pod.facts(&traffic, lease)?;
        Ok(Some(TrafficPlan { traffic, pod }))
    }

    /// Removes what an earlier process of the same pod may have left of its term. It may take long until this process takes part, and
    /// a Service must not lead to it meanwhile.
    pub(super) fn tidy_up(&self, lease: &LeaseId, traffic: Traffic) {
        if let Ok(Some(plan)) = self.traffic_plan(lease, traffic) {
            self.elector.tidy_up(lease.clone(), plan);
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, CandidateState> {
        // No user code runs under this lock. The state is consistent after each statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lease has no tasks any more. Remembers it until enough others have none either. Without a limit, a candidate that uses
    /// each name once would grow forever.
    pub(super) fn retired(&self, lease: &LeaseId) {
        let mut state = self.state();
        // Under the lock under which tasks are admitted, so that no task is added meanwhile.
        if state.leases.get(lease).is_some_and(|lease_tasks| lease_tasks.is_idle()) {
            self.elector.observer().put(|| LeaseEvent::Removed { lease: lease.clone() });
        }
        state.retired.retain(|retired| retired != lease);
        state.retired.push_back(lease.clone());
        if state.retired.len() > REMEMBERED
            && let Some(oldest) = state.retired.pop_front()
            && state.leases.get(&oldest).is_some_and(|lease_tasks| lease_tasks.is_idle())
        {
            state.leases.remove(&oldest);
        }
        drop(state);
        self.elector.observer().deliver();
    }

    pub(super) fn refuse(&self, error: Error) {
        let mut state = self.state();
        match state.phase {
            // `run_until` returns the error.
            CandidatePhase::Waiting => drop(state.refused.get_or_insert(error)),
            _ => {
                drop(state);
                tracing::error!(
                    target: "lease_runtime",
                    identity = %shown(&self.identity),
                    error = %error,
                    "a task was not started"
                );
            }
        }
    }
}

/// Warns if no task of the candidate ever ran: most likely the call of `run_until` is missing.
impl Drop for CandidateInner {
    fn drop(&mut self) {
        let state = self.state();
        if matches!(state.phase, CandidatePhase::Waiting) && !state.leases.is_empty() && !state.described {
            tracing::warn!(
                target: "lease_runtime",
                identity = %shown(&self.identity),
                "the candidate was dropped and never ran its tasks: call `candidate.run_until(shutdown_signal())`"
            );
        }
    }
}
