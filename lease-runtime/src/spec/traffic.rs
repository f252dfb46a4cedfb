//! How traffic reaches the leader of a lease: what a task says about it, and what can be wrong with it.

use std::fmt;
use std::sync::Arc;

use crate::lease::LeaseId;

/// The domain of the labels of leaders' pods. The name of the lease follows it.
pub(crate) const LABEL_DOMAIN: &str = "leader.lease-runtime.dev/";

/// What the leader of a lease does so that traffic reaches it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(crate) struct Traffic {
    /// Its own Pod has a label.
    pub(crate) label: bool,
    /// It is the one endpoint of this Service.
    pub(crate) service: Option<Arc<str>>,
}

impl Traffic {
    pub(crate) fn is_none(&self) -> bool {
        *self == Traffic::default()
    }

    /// What a process uses up for a lease: of two leases, only one can have it.
    pub(crate) fn shared_with(&self, lease: &LeaseId, other: &Traffic, other_lease: &LeaseId) -> Option<String> {
        if self.label && other.label && lease.name == other_lease.name {
            return Some(format!("the label `{}`", label_key(lease)));
        }
        let service = self.service.as_ref().filter(|_| self.service == other.service)?;
        Some(format!("the Service `{service}`"))
    }

    /// The settings that need to know the pod, as half a sentence.
    pub(super) fn settings(&self) -> &'static str {
        match (self.label, &self.service) {
            (true, None) => "`leader_label`",
            (_, Some(_)) if !self.label => "`leader_service`",
            _ => "`leader_label` and `leader_service`",
        }
    }
}

/// As half a sentence: `leader_label and leader_service "orders"`.
impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.label, &self.service) {
            (false, None) => f.write_str("no leader_label and no leader_service"),
            (true, None) => f.write_str("leader_label"),
            (false, Some(service)) => write!(f, "leader_service {service:?}"),
            (true, Some(service)) => write!(f, "leader_label and leader_service {service:?}"),
        }
    }
}

/// The key of the label that the pod of the leader has.
pub(crate) fn label_key(lease: &LeaseId) -> String {
    format!("{LABEL_DOMAIN}{}", lease.name)
}

/// The name of the EndpointSlice that the leader writes for a Service. Kubernetes makes names for the slices of a Service that end in
/// five characters, so it never makes this one.
pub(crate) fn slice_name(service: &str) -> String {
    format!("{service}-leader")
}

/// Why a task cannot be added, or a candidate cannot run, because of [`leader_label`](crate::LeaderTask::leader_label) or
/// [`leader_service`](crate::LeaderTask::leader_service).
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrafficError {
    /// Two tasks of one lease say different things.
    #[error(
        "task `{task}` asks for {traffic}, but task `{other}` of the same lease `{lease}` for {other_traffic}: give both the same, \
         or a lease each"
    )]
    Differs {
        /// The lease.
        lease: Box<LeaseId>,
        /// The task that was added.
        task: String,
        /// What it asks for, as half a sentence.
        traffic: String,
        /// The one that was there.
        other: String,
        /// What that one asks for.
        other_traffic: String,
    },

    /// Two leases of one process ask for the same label or Service.
    #[error(
        "task `{task}` of lease `{lease}` asks for {what}, which lease `{other}` of this process has already, and one process can lead \
         under both: give one of the leases another name or Service"
    )]
    Taken {
        /// The task that was added.
        task: String,
        /// Its lease.
        lease: Box<LeaseId>,
        /// The label or the Service.
        what: String,
        /// The lease that has it.
        other: Box<LeaseId>,
    },

    /// The process does not know its own pod.
    #[error(
        "lease `{lease}` has {settings}, for which this process must know its own pod, but {reason}: set the variables by the \
         downward API, as `Candidate::manifests` prints them, or call `Candidate::builder().pod(..)`"
    )]
    PodUnknown {
        /// The lease.
        lease: LeaseId,
        /// Which settings need it.
        settings: &'static str,
        /// What is not known.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_leases_share_no_label_and_no_service() {
        let (here, there) = (LeaseId::new("a", "ledger"), LeaseId::new("b", "ledger"));
        let other = LeaseId::new("a", "billing");
        let label = Traffic { label: true, service: None };
        let orders = Traffic { label: false, service: Some("orders".into()) };
        assert!(label.shared_with(&here, &label, &there).is_some_and(|what| what.contains("dev/ledger")));
        assert_eq!(label.shared_with(&here, &label, &other), None);
        assert_eq!(label.shared_with(&here, &orders, &there), None);
        assert_eq!(orders.shared_with(&here, &orders, &other).as_deref(), Some("the Service `orders`"));
        assert_eq!(Traffic::default().shared_with(&here, &Traffic::default(), &there), None);
    }
}
