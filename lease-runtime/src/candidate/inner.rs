//! What the parts of a candidate share: its settings, its leases, and whether it runs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::lease_tasks::LeaseTasks;
use crate::elector::{Connection, Elector};
use crate::error::Error;
use crate::lease::LeaseId;

/// What the clones of a candidate, its drivers and its warm-ups share.
pub(super) struct CandidateInner {
    pub(super) elector: Elector,
    pub(super) connection: Connection,
    pub(super) identity: Arc<str>,
    pub(super) namespace: Arc<str>,
    pub(super) settings: CandidateSettings,
    /// End in order: cancel, drain, release.
    pub(super) shutdown: CancellationToken,
    /// End now: bodies are dropped. Also stops every task.
    pub(super) cut: CancellationToken,
    /// The election of a lease cannot go on.
    pub(super) failed: CancellationToken,
    /// One for each lease that is being driven.
    pub(super) driven: TaskTracker,
    pub(super) state: Mutex<CandidateState>,
}

/// So many leases that have no task any more can still be looked at.
pub(super) const REMEMBERED: usize = 16;

/// What was set about it.
pub(super) struct CandidateSettings {
    /// What has to be true for it to take part in any election.
    pub(super) condition: Option<watch::Receiver<bool>>,
    /// How long the release of a lease is waited for, from when its bodies are gone.
    pub(super) release_timeout: Duration,
    pub(super) on_late_refusal: OnLateRefusal,
}

pub(super) struct CandidateState {
    pub(super) leases: BTreeMap<LeaseId, Arc<LeaseTasks>>,
    /// Those that had no task any more, the last ones.
    pub(super) retired: VecDeque<LeaseId>,
    pub(super) phase: CandidatePhase,
    /// What was wrong with a task that was added: the candidate refuses to run.
    pub(super) refused: Option<Error>,
    /// The first failure while running.
    pub(super) failure: Option<Error>,
    /// What wants the process to end.
    pub(super) exiting: Option<Error>,
}

#[derive(Clone)]
pub(super) enum CandidatePhase {
    /// Tasks are collected.
    Waiting,
    /// Tasks start as they come, on this runtime if they are not added from another.
    Running(Handle),
    /// It shuts down, or has.
    Over,
}

/// What becomes of a candidate when the API server refuses to let it take part in the election of a lease that was added
/// while the candidate ran.
///
/// A lease that is there when the candidate begins to run ends it in either case: then most likely a permission is missing
/// in what has just been deployed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnLateRefusal {
    /// The tasks of that lease end with [`Error::Election`], which is logged, and the other leases go on. They can be added
    /// again.
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
        namespace: Arc<str>,
        settings: CandidateSettings,
    ) -> CandidateInner {
        let state = CandidateState {
            leases: BTreeMap::new(),
            retired: VecDeque::new(),
            phase: CandidatePhase::Waiting,
            refused: None,
            failure: None,
            exiting: None,
        };
        let driven = TaskTracker::new();
        // `wait` resolves when it is empty; it can be filled again.
        driven.close();
        CandidateInner {
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
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, CandidateState> {
        // Nothing under this lock is the user's code, and it holds in between two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody has a task for a lease any more. It can be looked at until so many others are in the same case: a candidate
    /// that uses each name once does not grow.
    pub(super) fn retired(&self, lease: &LeaseId) {
        let mut state = self.state();
        // Under the lock under which tasks are admitted.
        state.retired.retain(|retired| retired != lease);
        state.retired.push_back(lease.clone());
        if state.retired.len() > REMEMBERED
            && let Some(oldest) = state.retired.pop_front()
            && state.leases.get(&oldest).is_some_and(|lease_tasks| lease_tasks.is_idle())
        {
            state.leases.remove(&oldest);
        }
    }

    pub(super) fn refuse(&self, error: Error) {
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
        if matches!(state.phase, CandidatePhase::Waiting) && !state.leases.is_empty() {
            tracing::warn!(
                target: "lease_runtime",
                identity = &*self.identity,
                "the candidate goes away with tasks that it never ran: call `candidate.run_until(shutdown_signal())`"
            );
        }
    }
}
