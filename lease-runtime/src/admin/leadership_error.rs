//! Why the holder of a lease was not asked to give it up.

use std::fmt;
use std::sync::Arc;

use super::objects::ObjectError;
use crate::elector::ElectorError;
use crate::lease::LeaseId;
use crate::spec::SpecError;
use lease_protocol::election::shown;

/// Why an operation of a [`LeaseAdmin`](crate::LeaseAdmin) failed. Unless it says otherwise, nothing was changed.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseAdminError {
    /// The lease's name, or its namespace, is not valid.
    #[error(transparent)]
    Spec(#[from] SpecError),

    /// The identity of the successor is not valid.
    #[error(
        "{} is the identity of no candidate: {rule}; name it as it is logged, or as the Lease shows it while it leads",
        quoted(identity)
    )]
    Identity {
        /// The identity.
        identity: String,
        /// The rule that it breaks.
        rule: &'static str,
    },

    /// There is no such Lease.
    #[error(
        "there is no lease `{lease}`: no candidate has led it yet, or it is in another namespace; the first leader creates it"
    )]
    LeaseMissing {
        /// The lease.
        lease: LeaseId,
    },

    /// Nobody holds the lease, so no replica can be asked.
    #[error("lease `{lease}` has no holder: a candidate takes it by itself, if one runs")]
    NoHolder {
        /// The lease.
        lease: LeaseId,
    },

    /// The candidate that is to follow holds the lease.
    #[error("{} holds lease `{lease}` already", quoted(holder))]
    AlreadyHolds {
        /// The lease.
        lease: LeaseId,
        /// Its holder.
        holder: String,
    },

    /// The holder does not name its tasks in the Lease, as every candidate of this library does from its first renewal on. So it is
    /// another program, and would not hear the request.
    #[error("the holder {} of lease `{lease}` would not hear the request: {}", quoted(holder), remedy(*renewed))]
    NotListening {
        /// The lease.
        lease: LeaseId,
        /// Its holder.
        holder: String,
        /// It has renewed the lease since it acquired it. If not, it may be a candidate that is about to name its tasks.
        renewed: bool,
    },

    /// Others wrote the Lease between each read and the write that followed.
    #[error("lease `{lease}` was changed by others at each of {tried} tries: try again")]
    Contended {
        /// The lease.
        lease: LeaseId,
        /// How often it was tried.
        tried: u32,
    },

    /// The API server refuses, cannot be reached, or does not answer. If it does not answer, the request may have taken effect.
    /// It is safe to repeat it.
    #[error("lease `{lease}` cannot be read or changed: {cause}")]
    Request {
        /// The lease.
        lease: LeaseId,
        /// Why not, and what to do.
        cause: Arc<ElectorError>,
    },
}

/// An identity is text of others.
fn quoted(identity: &str) -> String {
    format!("`{}`", shown(identity))
}

fn remedy(renewed: bool) -> &'static str {
    if renewed {
        "it does not name its tasks there, so it is a program without lease-runtime; let it end in its own way, such as by deleting its pod"
    } else {
        "it has only just acquired the lease; try again in some seconds"
    }
}

impl From<ObjectError> for LeaseAdminError {
    fn from(error: ObjectError) -> LeaseAdminError {
        match error {
            ObjectError::Missing(lease) => LeaseAdminError::LeaseMissing { lease },
            ObjectError::Contended(lease, tried) => LeaseAdminError::Contended { lease, tried },
            ObjectError::Request(lease, cause) => LeaseAdminError::Request { lease, cause },
        }
    }
}

impl LeaseAdminError {
    fn variant(&self) -> &'static str {
        match self {
            LeaseAdminError::Spec(..) => "Spec",
            LeaseAdminError::Identity { .. } => "Identity",
            LeaseAdminError::LeaseMissing { .. } => "LeaseMissing",
            LeaseAdminError::NoHolder { .. } => "NoHolder",
            LeaseAdminError::AlreadyHolds { .. } => "AlreadyHolds",
            LeaseAdminError::NotListening { .. } => "NotListening",
            LeaseAdminError::Contended { .. } => "Contended",
            LeaseAdminError::Request { .. } => "Request",
        }
    }
}

/// The variant and the text of `Display`, because a `main` that returns the error prints this.
impl fmt::Debug for LeaseAdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.variant())
    }
}
