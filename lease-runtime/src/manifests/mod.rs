//! The objects of Kubernetes that a program needs beside its Leases, made from its tasks.

mod builder;
mod component;
mod error;
mod objects;
mod pod_policy;
#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use builder::ManifestNeeds;
pub use builder::ManifestsBuilder;
pub use error::ManifestsError;

/// The objects of Kubernetes that a program needs beside its Deployment, as YAML. [`Candidate::manifests`] makes them from the tasks
/// of the candidate.
///
/// | text | objects | how to use it |
/// |---|---|---|
/// | [`Display`](fmt::Display), [`to_yaml`](Self::to_yaml) | a Role and a RoleBinding for each namespace with leases, a PodDisruptionBudget | `kubectl apply -f -` |
/// | [`deployment_patch`](Self::deployment_patch) | the parts of a Deployment that elections need | `kubectl patch deployment NAME --patch-file FILE`, or a patch of kustomize |
/// | [`kustomize_component`](Self::kustomize_component) | all of these as the files of a component of kustomize | `components: [..]` of a kustomization |
/// | [`flow_schema`](Self::flow_schema) | a FlowSchema, which belongs to the cluster | `kubectl apply -f -`, by an administrator |
/// | [`admission_policy`](Self::admission_policy) | a ValidatingAdmissionPolicy and its binding, which belong to the cluster, if a lease has `leader_label` | `kubectl apply -f -`, by an administrator |
///
/// The Roles also allow the [Events](crate::CandidateBuilder::kubernetes_events) of the elections, unless the candidate writes none.
/// None contains a Lease, or a Service for `leader_service`: the first leader creates the Lease, and the Service is yours, with its
/// ports. No text names an image.
///
/// ```no_run
/// use lease_runtime::{Candidate, LeaderTask, LeaseSpec};
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// # fn process_orders() -> LeaderTask<()> { LeaderTask::new("t", LeaseSpec::new("orders"), |_| async {}) }
/// let candidate = Candidate::from_env().await?;
/// candidate.add(process_orders());
/// if std::env::args().any(|arg| arg == "--manifests") {
///     print!("{}", candidate.manifests("orders").probes(8080).build()?);
///     return Ok(());
/// }
/// # Ok(()) }
/// ```
///
/// [`Candidate::manifests`]: crate::Candidate::manifests
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifests {
    objects: String,
    deployment_patch: String,
    /// Or a namespace of others that has a lease.
    component: Result<component::Files, String>,
    flow_schema: String,
    admission_policy: Option<String>,
}

impl Manifests {
    /// The Roles, the RoleBindings and the PodDisruptionBudget, with a line `---` between two objects.
    pub fn to_yaml(&self) -> &str {
        &self.objects
    }

    /// The parts of the Deployment that elections need, as a strategic merge patch: the service account, the time to shut down, the
    /// names by which a holder is known, the spread over hosts, and the probes if they were asked for.
    ///
    /// It is no complete Deployment. Do not give it to `kubectl apply`, which would remove what it does not name.
    pub fn deployment_patch(&self) -> &str {
        &self.deployment_patch
    }

    /// The files of a component of kustomize, as names and texts: `kustomization.yaml`, `objects.yaml` with the objects of
    /// [`to_yaml`](Self::to_yaml), and `deployment.yaml` with the [`deployment_patch`](Self::deployment_patch). Write them into a
    /// folder, and name the folder among the `components` of the kustomization that has the Deployment.
    ///
    /// They contain no namespace: `namespace:` of that kustomization sets it. `namePrefix` and `nameSuffix` work as well. If there is
    /// no Deployment with the name of the application, kustomize ends with an error.
    ///
    /// # Errors
    ///
    /// [`ManifestsError::OtherNamespace`] if a lease is in another namespace than the pods: kustomize would move its Role to theirs.
    pub fn kustomize_component(&self) -> Result<[(&'static str, &str); 3], ManifestsError> {
        match &self.component {
            Ok(files) => Ok(files.each_ref().map(|(name, text)| (*name, &**text))),
            Err(namespace) => Err(ManifestsError::OtherNamespace { namespace: namespace.clone() }),
        }
    }

    /// A FlowSchema that serves the Lease requests of the service account at the priority level `leader-election`. A FlowSchema
    /// belongs to no namespace, and most accounts may not create one.
    pub fn flow_schema(&self) -> &str {
        &self.flow_schema
    }

    /// A ValidatingAdmissionPolicy and its binding. They let the service account change only labels of leaders, and each pod only its
    /// own. A Role cannot say that: with `leader_label`, it has to allow patches of all pods of the namespace. `None` without
    /// `leader_label`.
    ///
    /// They tell pods apart by the tokens that the kubelet mounts into them, since Kubernetes 1.30.
    pub fn admission_policy(&self) -> Option<&str> {
        self.admission_policy.as_deref()
    }
}

/// As [`to_yaml`](Manifests::to_yaml).
impl fmt::Display for Manifests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.objects)
    }
}
