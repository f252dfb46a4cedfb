//! Why manifests cannot be made.

use std::fmt;

use crate::error::Error;
use crate::spec::SpecError;

/// Why a [`ManifestsBuilder`](crate::ManifestsBuilder) makes no manifests.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestsError {
    /// Kubernetes would refuse objects of this name.
    #[error(
        "the name of the {what} must have 1 to 63 lower-case letters, digits and `-`, and must start and end with a letter or \
         digit, not {name:?}: choose another name"
    )]
    Name {
        /// What has the name: `application`, `container` or `service account`.
        what: &'static str,
        /// The name.
        name: String,
    },

    /// Kubernetes would refuse the label of the pods.
    #[error("the label of the pods is not valid: {cause}")]
    Label {
        /// The rule that it breaks.
        cause: SpecError,
    },

    /// The candidate has no tasks, so it needs no Role.
    #[error("the candidate has no tasks: add all tasks before you make the manifests")]
    NoTasks,

    /// A component of kustomize has one namespace, and this lease is in another one.
    #[error(
        "a lease is in the namespace {namespace:?}, and kustomize would move its Role to the namespace of the pods: apply the \
         manifests without kustomize"
    )]
    OtherNamespace {
        /// The namespace of the lease.
        namespace: String,
    },

    /// The candidate has refused a task, so the manifests would lack its lease.
    #[error("the manifests would not be complete: {cause}")]
    TaskRefused {
        /// Why the task was refused.
        cause: Box<Error>,
    },
}

impl ManifestsError {
    fn variant(&self) -> &'static str {
        match self {
            ManifestsError::Name { .. } => "Name",
            ManifestsError::Label { .. } => "Label",
            ManifestsError::NoTasks => "NoTasks",
            ManifestsError::OtherNamespace { .. } => "OtherNamespace",
            ManifestsError::TaskRefused { .. } => "TaskRefused",
        }
    }
}

/// The variant and the text of `Display`, because a `main` that returns the error prints this.
impl fmt::Debug for ManifestsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.variant())
    }
}
