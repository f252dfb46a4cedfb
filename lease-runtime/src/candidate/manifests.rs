//! What a candidate needs from Kubernetes.

use super::Candidate;
use crate::manifests::{ManifestNeeds, ManifestsBuilder};

impl Candidate {
    /// The manifests of the program: access rules for the leases of its tasks, and what its Deployment needs. `app` is the name of
    /// the Deployment. Add all tasks first. The objects belong to the [namespace](Self::namespace) of the candidate, and the Roles to
    /// the namespaces of the leases.
    ///
    /// It sends no request, so the API server of the candidate need not be reachable. Tasks that are over do not count.
    ///
    /// A task that the program adds later, such as one for each tenant, needs rights that these manifests do not grant.
    pub fn manifests(&self, app: impl Into<String>) -> ManifestsBuilder {
        let (mut leases, mut longest_end) = (Vec::new(), std::time::Duration::ZERO);
        let (refused, all) = {
            let mut state = self.inner.state();
            state.described = true;
            (state.refused.clone(), state.leases.values().cloned().collect::<Vec<_>>())
        };
        for lease_tasks in all {
            let tasks = lease_tasks.live();
            longest_end = tasks.iter().map(|entry| entry.longest_end()).fold(longest_end, Ord::max);
            leases.extend((!tasks.is_empty()).then(|| (lease_tasks.lease.clone(), lease_tasks.traffic())));
        }
        let needs = ManifestNeeds {
            namespace: self.namespace().to_owned(),
            leases,
            longest_end,
            release_timeout: self.inner.settings.release_timeout,
            events: self.inner.settings.kubernetes_events,
            death_reports: self.inner.settings.death_reports,
            refused,
        };
        ManifestsBuilder::new(app.into(), needs)
    }
}
