//! The pod that a process runs in.

use std::net::IpAddr;
use std::sync::Arc;

use super::traffic::{Traffic, TrafficError};
use crate::lease::LeaseId;
use lease_protocol::election::shown;

/// The pod that this process runs in, for [`leader_label`](crate::LeaderTask::leader_label) and
/// [`leader_service`](crate::LeaderTask::leader_service).
///
/// A candidate reads it from `POD_NAMESPACE`, `POD_NAME`, `POD_UID`, `POD_IP` and `NODE_NAME`, which the downward API sets. A program
/// that knows its pod from elsewhere, and a test with several candidates in one process, gives it to
/// [`CandidateBuilder::pod`](crate::CandidateBuilder::pod).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[must_use = "a pod does nothing by itself: give it to `Candidate::builder().pod(..)`"]
pub struct OwnPod {
    namespace: Option<Arc<str>>,
    name: Option<Arc<str>>,
    uid: Option<Arc<str>>,
    /// The address; `Err` if `POD_IP` is something else.
    ip: Option<Result<IpAddr, String>>,
    node: Option<Arc<str>>,
}

/// A pod of which everything is known that is needed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PodFacts {
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) uid: Arc<str>,
    /// It is known if the lease has a Service.
    pub(crate) ip: Option<IpAddr>,
    pub(crate) node: Option<Arc<str>>,
}

impl OwnPod {
    /// The pod `name` in `namespace` with this `metadata.uid`. A pod of the same name with another uid is never written to.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>, uid: impl Into<Arc<str>>) -> OwnPod {
        OwnPod {
            namespace: Some(namespace.into()),
            name: Some(name.into()),
            uid: Some(uid.into()),
            ip: None,
            node: None,
        }
    }

    /// Its address, which `leader_service` needs.
    pub fn ip(mut self, ip: IpAddr) -> OwnPod {
        self.ip = Some(Ok(ip));
        self
    }

    /// Its node, which a Service with `internalTrafficPolicy: Local` or with topology hints uses.
    pub fn node(mut self, node: impl Into<Arc<str>>) -> OwnPod {
        self.node = Some(node.into());
        self
    }

    /// The name and the uid, if both are known.
    pub(crate) fn name_and_uid(&self) -> Option<(&str, &str)> {
        self.name.as_deref().zip(self.uid.as_deref())
    }

    pub(crate) fn from_env() -> OwnPod {
        OwnPod::of(|name| std::env::var(name).ok())
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> OwnPod {
        let text = |name| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        OwnPod {
            namespace: text("POD_NAMESPACE").map(Into::into),
            name: text("POD_NAME").map(Into::into),
            uid: text("POD_UID").map(Into::into),
            ip: text("POD_IP").map(|ip| ip.parse().map_err(|_| ip)),
            node: text("NODE_NAME").map(Into::into),
        }
    }

    /// The pod, for a lease with these settings.
    ///
    /// # Errors
    ///
    /// If something is not known that they need.
    pub(crate) fn facts(&self, traffic: &Traffic, lease: &LeaseId) -> Result<PodFacts, TrafficError> {
        let unknown = |reason| TrafficError::PodUnknown { lease: lease.clone(), settings: traffic.settings(), reason };
        let is_needed = traffic.service.is_some();
        if let Some(Err(ip)) = self.ip.as_ref().filter(|_| is_needed) {
            return Err(unknown(format!("POD_IP is no IP address, but \"{}\"", shown(ip))));
        }
        let ip = self.ip.as_ref().and_then(|ip| ip.as_ref().ok()).copied();
        let missing = [
            ("POD_NAMESPACE", self.namespace.is_none()),
            ("POD_NAME", self.name.is_none()),
            ("POD_UID", self.uid.is_none()),
            ("POD_IP", is_needed && ip.is_none()),
        ];
        let missing: Vec<&str> = missing.iter().filter(|(_, is_missing)| *is_missing).map(|(name, _)| *name).collect();
        match (&self.namespace, &self.name, &self.uid) {
            (Some(namespace), Some(name), Some(uid)) if missing.is_empty() => Ok(PodFacts {
                namespace: Arc::clone(namespace),
                name: Arc::clone(name),
                uid: Arc::clone(uid),
                ip,
                node: self.node.clone(),
            }),
            _ => Err(unknown(format!("the environment has no {}", missing.join(", ")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let lease = LeaseId::new("jobs", "ledger");
        let label = Traffic { label: true, service: None };
        let service = Traffic { label: false, service: Some("orders".into()) };
        let all = [
            ("POD_NAMESPACE", "jobs"),
            ("POD_NAME", " a\n"),
            ("POD_UID", "u"),
            ("POD_IP", "10.0.0.1"),
            ("NODE_NAME", "n"),
        ];
        let without = |missing: &[&str]| {
            OwnPod::of(|name| {
                let set = all.iter().filter(|(set, _)| !missing.contains(set));
                set.clone().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let pod = without(&[]).facts(&service, &lease).unwrap();
        assert_eq!((&*pod.name, pod.ip, pod.node.as_deref()), ("a", "10.0.0.1".parse().ok(), Some("n")));
        assert!(without(&["POD_IP", "NODE_NAME"]).facts(&label, &lease).is_ok());
        let says = |pod: OwnPod, traffic| pod.facts(traffic, &lease).unwrap_err().to_string();
        let text = says(without(&["POD_UID", "POD_IP"]), &service);
        assert!(text.contains("`leader_service`") && text.contains("has no POD_UID, POD_IP: set"), "{text}");
        let text = says(OwnPod::of(|name| (name == "POD_IP").then(|| "x\u{1b}".to_owned())), &service);
        assert!(text.contains("POD_IP is no IP address, but \"x\\u{1b}\""), "{text}");
    }
}
