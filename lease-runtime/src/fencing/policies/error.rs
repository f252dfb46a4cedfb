//! Why policies cannot be made.

use std::fmt;

use crate::spec::SpecError;

/// The longest name of a lease, in bytes: it is the name of an annotation, behind the domain.
pub(super) const LONGEST_LEASE_NAME: usize = 63;

/// Why [`Policies`](super::Policies) makes no manifest.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PoliciesError {
    /// The name of the lease or of its namespace is not valid.
    #[error(transparent)]
    Spec(#[from] SpecError),

    /// The name of the lease is too long for the annotation with its token.
    #[error(
        "the name of the lease {lease:?} has {} characters, and an annotation with the fencing token can name a lease of at most \
         {LONGEST_LEASE_NAME}: choose a shorter name",
        lease.len()
    )]
    LeaseNameLength {
        /// The name.
        lease: String,
    },

    /// Something that has no default is not set.
    #[error("the {what} is not set: call the method of that name")]
    Missing {
        /// What is not set: `namespace` or `service account`.
        what: &'static str,
    },

    /// Kubernetes has no such name.
    #[error(
        "the {what} must consist of lower-case letters, digits, `-` and, if it has several parts, `.`, with a letter or digit at \
         both ends, not {name:?}: write it as `kubectl api-resources` and `kubectl get serviceaccounts` do"
    )]
    Name {
        /// What has the name: `service account`, `API group`, `version` or `resource`.
        what: &'static str,
        /// The name.
        name: String,
    },

    /// No objects are named, so the policies would guard nothing.
    #[error("no objects are guarded: name the objects that only the leader may write, by `guard`")]
    NothingGuarded,

    /// These objects cannot be guarded.
    #[error("`{resource}` cannot be guarded: {because}")]
    NotGuardable {
        /// The resource.
        resource: String,
        /// Why not, and what to do.
        because: &'static str,
    },
}

impl PoliciesError {
    fn variant(&self) -> &'static str {
        match self {
            PoliciesError::Spec(..) => "Spec",
            PoliciesError::LeaseNameLength { .. } => "LeaseNameLength",
            PoliciesError::Missing { .. } => "Missing",
            PoliciesError::Name { .. } => "Name",
            PoliciesError::NothingGuarded => "NothingGuarded",
            PoliciesError::NotGuardable { .. } => "NotGuardable",
        }
    }
}

/// The variant and the text of `Display`, because a `main` that returns the error prints this.
impl fmt::Debug for PoliciesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.variant())
    }
}
