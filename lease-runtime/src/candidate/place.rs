//! Adds a task to a candidate.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::Candidate;
use super::inner::{CandidateInner, CandidatePhase, CandidateState};
use super::lease_driver::Arrival;
use super::lease_tasks::LeaseTasks;
use crate::error::Error;
use crate::observer::LeaseEvent;
use crate::spec::TrafficError;
use crate::task::entry::Entry;
use crate::task::{IntoTask, TaskHandle};

/// A task and the lease that it was added to.
pub(super) struct Placed {
    pub(super) entry: Arc<Entry>,
    pub(super) lease_tasks: Arc<LeaseTasks>,
}

impl Candidate {
    /// As `add`, and also returns what is needed to give the task up.
    pub(super) fn place<K: IntoTask>(&self, task: K) -> (TaskHandle<K::Output>, Option<Placed>) {
        let (entry, handle) = Entry::new(task, &self.inner.deployment, self.inner.cut.child_token());
        let placed = match entry {
            Ok(entry) => {
                let entry = Arc::new(entry);
                let placed = self.inner.place(entry.clone());
                if let Some(placed) = &placed {
                    entry.put(handle.target(), &self.inner.identity, placed.lease_tasks.status());
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

impl CandidateInner {
    fn place(self: &Arc<Self>, entry: Arc<Entry>) -> Option<Placed> {
        let refused = {
            let mut state = self.state();
            let phase = state.phase.clone();
            if let CandidatePhase::Over = phase {
                Err(entry.stopped())
            } else if let Err(error) = self.check_owner(&entry).and_then(|()| self.check_traffic(&state, &entry)) {
                Err(error)
            } else {
                let lease_tasks = state
                    .leases
                    .entry(entry.lease.clone())
                    .or_insert_with(|| LeaseTasks::new(&entry.lease, self.settings.condition.clone()));
                let lease_tasks = lease_tasks.clone();
                if lease_tasks.is_idle() {
                    // Under the lock under which `Removed` is put, so that the last of the two is right.
                    self.elector.observer().put(|| LeaseEvent::Added { lease: entry.lease.clone() });
                }
                // The token counts as a driver. Without it, a candidate with nothing else to do would end before the task is
                // driven.
                lease_tasks.admit(&entry).map(|()| (lease_tasks, phase, self.driven.token()))
            }
        };
        // Without the lock: an observer may use the candidate.
        self.elector.observer().deliver();
        match refused {
            Ok((lease_tasks, phase, _token)) => {
                drop(lease_tasks.forget_those_over());
                if let CandidatePhase::Running(runtime) = phase {
                    // Without the lock: if the runtime is gone, it drops the tasks at once, which runs user code.
                    self.drive(&lease_tasks, &Handle::try_current().unwrap_or(runtime), Arrival::Late);
                }
                Some(Placed { entry, lease_tasks })
            }
            Err(error) => {
                // Without the lock: what waits for the task may use the candidate.
                entry.finish(Err(error.clone()));
                self.retired(&entry.lease);
                self.refuse(error);
                None
            }
        }
    }

    /// A Lease that holds a record of ticks has no owner.
    fn check_owner(&self, entry: &Entry) -> Result<(), Error> {
        let owned = self.settings.owns_leases && entry.lease.namespace == self.deployment.namespace;
        if !owned || entry.scheduled() == 0 {
            return Ok(());
        }
        Err(Error::OwnedRecord { task: entry.name.to_string(), lease: entry.lease.clone() })
    }

    /// A process has one pod, and shows on it each label for one lease, as it does for the endpoints of a Service. A candidate that does
    /// not run yet may be here for its manifests only, and these need no pod.
    fn check_traffic(&self, state: &CandidateState, entry: &Entry) -> Result<(), Error> {
        if let CandidatePhase::Running(_) = state.phase {
            self.traffic_plan(&entry.lease, entry.traffic.clone())?;
        }
        for (other, lease_tasks) in state.leases.iter().filter(|(other, _)| **other != entry.lease) {
            if let Some(what) = entry.traffic.shared_with(&entry.lease, &lease_tasks.traffic(), other) {
                let task = entry.name.to_string();
                let (lease, other) = (Box::new(entry.lease.clone()), Box::new(other.clone()));
                return Err(TrafficError::Taken { task, lease, what, other }.into());
            }
        }
        Ok(())
    }
}
