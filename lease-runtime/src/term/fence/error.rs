//! Why a fencing token was not raised.

use std::sync::Arc;

use crate::fencing::Stale;
use crate::lease::LeaseId;
use crate::term::Lost;

/// The error of [`Term::touch`](crate::Term::touch) and [`Term::verify_fence`](crate::Term::verify_fence).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FenceError {
    /// The term is over. Nothing was sent after its end.
    #[error(transparent)]
    Lost(#[from] Lost),

    /// The object holds the token of a later leader. The body should return.
    #[error("`{object}` belongs to a later leader of lease `{lease}`: {stale}")]
    Stale {
        /// The lease.
        lease: LeaseId,
        /// The name of the object.
        object: String,
        /// The token of this term, and that of the object.
        stale: Stale,
    },

    /// A policy refuses the leader itself, and has done so for a second.
    #[error(
        "a policy refuses what the leader of lease `{lease}` writes to `{object}`: {message}. Either the policy is frozen, because a \
         binding with Leases as its parameters was deleted and created again: restart the API servers, and keep `keep-lease-params`. \
         Or it is not meant for this identity: `{identity}` must contain the uid of the pod, as it does if POD_UID is set, and the \
         client must use the token of that pod. Or it is wrong: apply what `fencing::Policies` prints for this lease, namespace and \
         service account"
    )]
    Refused {
        /// The lease.
        lease: LeaseId,
        /// The identity of this process.
        identity: String,
        /// The name of the object.
        object: String,
        /// What the API server says.
        message: String,
    },

    /// The request failed for another reason: there is no such object, the rights are missing, or the API server cannot be reached.
    /// If there was no answer, the token may have been raised.
    #[error(
        "the fencing token of lease `{lease}` cannot be written to `{object}`: {cause}. The service account needs the verbs `get` and \
         `patch` for it, and the object must exist"
    )]
    Request {
        /// The lease.
        lease: LeaseId,
        /// The name of the object.
        object: String,
        /// What went wrong.
        cause: Arc<kube::Error>,
    },
}
