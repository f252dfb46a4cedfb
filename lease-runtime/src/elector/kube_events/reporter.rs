//! Reports what happens in one election.

use std::sync::{Arc, Mutex, PoisonError};

use super::KubeEvents;
use super::event::{Happening, KubeEvent};
use crate::clock::{Clock, WallTime};
use crate::lease::LeaseId;
use lease_protocol::election::{StopReason, Version};

/// Reports what happens in one election as Events. A cheap handle. The default reports nothing.
///
/// Its methods return at once. They may be called from any thread.
#[derive(Clone, Default)]
pub(crate) struct LeaseReporter(Option<Arc<ReportedLease>>);

struct ReportedLease {
    events: KubeEvents,
    lease: LeaseId,
    identity: Arc<str>,
    clock: Arc<dyn Clock>,
    /// The newest state of the Lease that is known. The Events of a deleted Lease are found by the uid that it had.
    version: Mutex<Option<Version>>,
}

impl LeaseReporter {
    pub(in crate::elector) fn new(
        events: &KubeEvents,
        lease: &LeaseId,
        identity: &Arc<str>,
        clock: &Arc<dyn Clock>,
    ) -> LeaseReporter {
        let (events, lease) = (events.clone(), lease.clone());
        let (identity, clock) = (Arc::clone(identity), Arc::clone(clock));
        LeaseReporter(Some(Arc::new(ReportedLease { events, lease, identity, clock, version: Mutex::default() })))
    }

    pub(in crate::elector) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The newest state of the Lease, which the next Events name.
    pub(in crate::elector) fn saw(&self, newest: Option<&Version>) {
        if let (Some(reported), Some(newest)) = (&self.0, newest) {
            *reported.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(newest.clone());
        }
    }

    pub(in crate::elector) fn became_leader(&self) {
        self.report(|| Happening::BecameLeader);
    }

    /// Nothing of the term is left since `at`.
    pub(in crate::elector) fn stopped_leading(&self, at: WallTime) {
        if let Some(reported) = &self.0 {
            reported.put(at, Happening::StoppedLeading);
        }
    }

    /// The term has ended for this reason. If this process wished it, that is no Event.
    pub(in crate::elector) fn leader_lost(&self, reason: &StopReason) {
        if reason.is_involuntary() || *reason == StopReason::RuntimeGone {
            self.report(|| Happening::LeaderLost(reason.clone()));
        }
    }

    /// So many ticks of each task were not run before the term.
    pub(in crate::elector) fn ticks_missed(&self, tasks: Vec<(String, u64)>) {
        if !tasks.is_empty() {
            self.report(|| Happening::TicksMissed(tasks));
        }
    }

    /// A body of the task does not yield although its time is up.
    pub(crate) fn task_overrun(&self, task: &Arc<str>) {
        self.report(|| Happening::TaskOverrun(Arc::clone(task)));
    }

    /// The task has failed, and its policy allows no more attempts. `how` is half a sentence after its name, and names no error
    /// of a body: many more people may read Events than logs.
    pub(crate) fn task_exhausted(&self, task: &Arc<str>, how: impl FnOnce() -> String) {
        self.report(|| Happening::TaskExhausted(Arc::clone(task), how()));
    }

    fn report(&self, what: impl FnOnce() -> Happening) {
        if let Some(reported) = &self.0 {
            reported.put(reported.clock.wall(), what());
        }
    }
}

impl ReportedLease {
    fn put(&self, at: WallTime, what: Happening) {
        let version = self.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (lease, identity) = (self.lease.clone(), Arc::clone(&self.identity));
        self.events.put(KubeEvent { lease, identity, version, at, what }, self.clock.now());
    }
}
