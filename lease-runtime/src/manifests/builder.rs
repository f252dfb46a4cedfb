//! The builder of manifests.

use std::collections::BTreeMap;
use std::time::Duration;

use lease_grammar::names::{broken_by_lease_name, broken_by_namespace};

use super::objects::ManifestPlan;
use super::{Manifests, ManifestsError};
use crate::error::Error;
use crate::lease::LeaseId;
use crate::spec::{Traffic, check_label};

/// What a candidate needs from Kubernetes.
#[derive(Debug)]
pub(crate) struct ManifestNeeds {
    pub(crate) namespace: String,
    /// The leases, and how traffic reaches their leaders.
    pub(crate) leases: Vec<(LeaseId, Traffic)>,
    /// The longest time that the bodies of a lease may take to end.
    pub(crate) longest_end: Duration,
    pub(crate) release_timeout: Duration,
    /// The candidate writes Kubernetes Events.
    pub(crate) events: bool,
    /// The candidate looks at the pods of holders.
    pub(crate) death_reports: bool,
    pub(crate) refused: Option<Error>,
}

/// Makes [`Manifests`] for the tasks that a candidate has: see [`Candidate::manifests`](crate::Candidate::manifests).
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ManifestsBuilder {
    needs: ManifestNeeds,
    app: String,
    service_account: Option<String>,
    container: Option<String>,
    pod_label: Option<(String, String)>,
    probe_port: Option<u16>,
}

impl ManifestsBuilder {
    pub(crate) fn new(app: String, needs: ManifestNeeds) -> ManifestsBuilder {
        ManifestsBuilder { needs, app, service_account: None, container: None, pod_label: None, probe_port: None }
    }

    /// The service account of the pods. The name of the application if it is not set. The manifests do not contain it.
    pub fn service_account(mut self, name: impl Into<String>) -> ManifestsBuilder {
        self.service_account = Some(name.into());
        self
    }

    /// The container of the program, in the pods of the Deployment. The name of the application if it is not set.
    pub fn container(mut self, name: impl Into<String>) -> ManifestsBuilder {
        self.container = Some(name.into());
        self
    }

    /// The label by which the disruption budget and the spread over hosts find the pods. `app.kubernetes.io/name` with the name of
    /// the application if it is not set. The pods of the Deployment must have it.
    pub fn pod_label(mut self, key: impl Into<String>, value: impl Into<String>) -> ManifestsBuilder {
        self.pod_label = Some((key.into(), value.into()));
        self
    }

    /// Adds probes of `/livez` and `/readyz` at this port. The library serves no HTTP, so the program must answer them: `/livez` by
    /// [`Candidate::health`](crate::Candidate::health), and `/readyz` without regard to which replica leads.
    pub fn probes(mut self, port: u16) -> ManifestsBuilder {
        self.probe_port = Some(port);
        self
    }

    /// Makes the manifests.
    ///
    /// # Errors
    ///
    /// As [`ManifestsError`] says.
    pub fn build(self) -> Result<Manifests, ManifestsError> {
        let ManifestsBuilder { needs, app, service_account, container, pod_label, probe_port } = self;
        let ManifestNeeds { namespace, leases, longest_end, release_timeout, events, death_reports, refused } = needs;
        if let Some(error) = refused {
            return Err(ManifestsError::TaskRefused { cause: Box::new(error) });
        }
        let service_account = service_account.unwrap_or_else(|| app.clone());
        let container = container.unwrap_or_else(|| app.clone());
        let pod_label = pod_label.unwrap_or_else(|| ("app.kubernetes.io/name".to_owned(), app.clone()));
        let refuse = |what, name: &str| ManifestsError::Name { what, name: name.to_owned() };
        for (what, name) in [("application", &app), ("container", &container)] {
            if broken_by_namespace(name).is_some() {
                return Err(refuse(what, name));
            }
        }
        if broken_by_lease_name(&service_account).is_some() {
            return Err(refuse("service account", &service_account));
        }
        check_label(&pod_label.0, &pod_label.1).map_err(|cause| ManifestsError::Label { cause })?;
        let mut by_namespace: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut traffic = Vec::new();
        for (LeaseId { namespace, name }, of_lease) in leases {
            by_namespace.entry(namespace.to_string()).or_default().push(name.to_string());
            traffic.extend((!of_lease.is_none()).then_some(of_lease));
        }
        if by_namespace.is_empty() {
            return Err(ManifestsError::NoTasks);
        }
        let plan = ManifestPlan {
            namespace,
            app,
            service_account,
            container,
            pod_label,
            probe_port,
            leases: by_namespace,
            shutdown_seconds: shutdown_seconds(longest_end, release_timeout, !traffic.is_empty()),
            traffic,
            events,
            death_reports,
        };
        let objects: Vec<String> = plan.objects().iter().map(ToString::to_string).collect();
        Ok(Manifests {
            objects: objects.join("---\n"),
            deployment_patch: plan.deployment_patch().to_string(),
            component: plan.component(),
            flow_schema: plan.flow_schema().to_string(),
            admission_policy: plan.admission_policy(),
        })
    }
}

/// How long the kubelet must wait: until the last body has ended and the release is given up, one second until traffic has left, and one
/// second for the last Events and for the process to end.
fn shutdown_seconds(longest_end: Duration, release_timeout: Duration, waits_for_traffic: bool) -> u64 {
    let total = longest_end.saturating_add(release_timeout);
    let whole = total.as_secs().saturating_add(u64::from(total.subsec_nanos() > 0));
    // Kubernetes counts in signed numbers of 64 bits.
    whole.saturating_add(1).saturating_add(u64::from(waits_for_traffic)).min(i64::MAX as u64)
}
