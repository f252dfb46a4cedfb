//! The objects that a policy guards.

use lease_grammar::names::{broken_by_lease_name, broken_by_namespace};

use super::error::PoliciesError;
use crate::yaml::Yaml;

/// Objects of one kind that only the leader may write: their API group and the plural name of their resource, as
/// `kubectl api-resources` shows them.
///
/// Objects of all versions are guarded, unless [`versions`](Self::versions) says otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "give it to `Policies::guard`"]
pub struct GuardedResource {
    group: String,
    resource: String,
    versions: Vec<String>,
    status: bool,
}

impl GuardedResource {
    /// The objects of this resource, such as `ledgers` of the group `example.com`. The group of ConfigMaps, Pods and Services is `""`.
    pub fn new(group: impl Into<String>, resource: impl Into<String>) -> GuardedResource {
        GuardedResource { group: group.into(), resource: resource.into(), versions: Vec::new(), status: false }
    }

    /// Guards only these versions of the API, such as `v1`. An empty list means all versions.
    ///
    /// A request in another version of the same object is still guarded: the API server converts it.
    pub fn versions<T: Into<String>>(mut self, versions: impl IntoIterator<Item = T>) -> GuardedResource {
        self.versions = versions.into_iter().map(Into::into).collect();
        self
    }

    /// Guards the subresource `status`, too.
    ///
    /// A write of `status` cannot change an annotation, so the token policy compares the field `status.fencingToken`, a text of
    /// digits. The definition of the resource must have this field, and a candidate must set it to its token in each write of
    /// `status`. Leave this out if only controllers that do not elect a leader write `status`.
    pub fn with_status(mut self) -> GuardedResource {
        self.status = true;
        self
    }

    pub(super) fn has_status(&self) -> bool {
        self.status
    }

    pub(super) fn check(&self) -> Result<(), PoliciesError> {
        let GuardedResource { group, resource, versions, .. } = self;
        let refuse = |what, name: &str| Err(PoliciesError::Name { what, name: name.to_owned() });
        if !group.is_empty() && broken_by_lease_name(group).is_some() {
            return refuse("API group", group);
        }
        if broken_by_namespace(resource).is_some() {
            return refuse("resource", resource);
        }
        if let Some(version) = versions.iter().find(|version| broken_by_namespace(version).is_some()) {
            return refuse("version", version);
        }
        match self.is_not_guardable() {
            Some(because) => Err(PoliciesError::NotGuardable { resource: resource.clone(), because }),
            None => Ok(()),
        }
    }

    fn is_not_guardable(&self) -> Option<&'static str> {
        match (&*self.group, &*self.resource) {
            ("coordination.k8s.io" | "", "leases") => {
                Some("candidates write Leases to elect a leader, and a policy would keep every candidate from leading")
            }
            ("events.k8s.io" | "", "events") => {
                Some("candidates that do not lead write Events, too; Events have no effect that must be fenced")
            }
            ("admissionregistration.k8s.io", _) => Some(
                "the API server does not ask policies about policies and webhooks; candidates need no rights on them",
            ),
            _ => None,
        }
    }

    /// A rule that matches these operations.
    pub(super) fn rule(&self, operations: &[&str]) -> Yaml {
        let GuardedResource { group, resource, versions, status } = self;
        let versions = if versions.is_empty() { Yaml::words(["*"]) } else { Yaml::words(versions) };
        let status = status.then(|| format!("{resource}/status"));
        Yaml::map([
            ("apiGroups", Yaml::words([group])),
            ("apiVersions", versions),
            ("operations", Yaml::words(operations)),
            ("resources", Yaml::words([resource.clone()].into_iter().chain(status))),
        ])
    }
}
