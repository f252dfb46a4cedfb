//! The objects of Kubernetes that a program needs beside its Leases, made from its tasks.

mod builder;
mod error;
mod objects;
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
/// | [`flow_schema`](Self::flow_schema) | a FlowSchema, which belongs to the cluster | `kubectl apply -f -`, by an administrator |
///
/// None contains a Lease: the first leader creates it. No text names an image.
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
    flow_schema: String,
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

    /// A FlowSchema that serves the Lease requests of the service account at the priority level `leader-election`. A FlowSchema
    /// belongs to no namespace, and most accounts may not create one.
    pub fn flow_schema(&self) -> &str {
        &self.flow_schema
    }
}

/// As [`to_yaml`](Manifests::to_yaml).
impl fmt::Display for Manifests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.objects)
    }
}
