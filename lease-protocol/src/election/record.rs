//! The content of a Lease, without the object around it.

use std::time::Duration;

use crate::clock::WallTime;

/// The part of a Lease that belongs to the election, as read or to be written. Every field may be absent, because other
/// programs write Leases too.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Record {
    /// `holderIdentity`.
    pub holder: Option<String>,
    /// `leaseDurationSeconds`.
    pub duration_seconds: Option<i32>,
    /// `acquireTime`.
    pub acquired: Option<WallTime>,
    /// `renewTime`.
    pub renewed: Option<WallTime>,
    /// `leaseTransitions`.
    pub transitions: Option<i32>,
}

impl Record {
    /// The holder, if there is one. An absent holder and an empty one mean the same.
    pub fn holder(&self) -> Option<&str> {
        self.holder.as_deref().filter(|holder| !holder.is_empty())
    }

    /// How long this record asks a candidate to wait, or `own` if it gives no usable duration. If an absent duration
    /// meant "expired", a candidate would take the lease from a holder that is alive.
    pub fn duration_or(&self, own: Duration) -> Duration {
        match self.duration_seconds.map(u64::try_from) {
            Some(Ok(seconds)) if seconds > 0 => Duration::from_secs(seconds),
            _ => own,
        }
    }
}

/// One object in one state. The API server accepts a write that names both only if no other write came in between.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Version {
    /// `metadata.uid`. A Lease that is deleted and created again has another uid.
    pub uid: String,
    /// `metadata.resourceVersion`. Kubernetes defines it as an integer that grows over all objects of a type, also
    /// across deletions (defined since 1.35, and true before that). It lies between 1 and [`i64::MAX`], because etcd counts
    /// with signed numbers.
    pub revision: u64,
}

/// One state of the Lease.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct View {
    /// The object, and the state that it is in.
    pub version: Version,
    /// Its content.
    pub record: Record,
    /// The candidate that the last holder has named as its successor. It counts only while nobody holds the lease (rule C5).
    pub successor: Option<String>,
}

/// What a get or a watch showed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Observation {
    /// The Lease, in this state.
    Present(View),
    /// There is no Lease. A watch reports the revision of the deletion, a get does not.
    Missing {
        /// The revision at which the Lease was deleted, if known.
        revision: Option<u64>,
    },
}
