//! The content of a Lease, without the object around it.

use std::fmt;
use std::num::{ParseIntError, TryFromIntError};
use std::str::FromStr;
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
    /// across deletions (defined since 1.35, and true before that).
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

/// A number that grows with every term of a lease, over all replicas, and also if the Lease was deleted in between.
///
/// Pass it to the system that the leader writes to, and let that system refuse a token below the highest it has seen.
/// This closes the gaps that no program on the leader's side can close, such as a request that was already under way
/// when the term ended. The token is the `resourceVersion` of the write that began the term. Restoring etcd from a
/// backup sets it back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct FencingToken(u64);

impl FencingToken {
    /// The token with this number.
    pub const fn new(number: u64) -> FencingToken {
        FencingToken(number)
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for FencingToken {
    fn from(number: u64) -> FencingToken {
        FencingToken(number)
    }
}

impl From<FencingToken> for u64 {
    fn from(token: FencingToken) -> u64 {
        token.0
    }
}

/// For targets that store signed numbers, like SQL's `BIGINT`.
impl TryFrom<FencingToken> for i64 {
    type Error = TryFromIntError;

    fn try_from(token: FencingToken) -> Result<i64, TryFromIntError> {
        i64::try_from(token.0)
    }
}

/// From a target that stores signed numbers. A negative number is an error.
impl TryFrom<i64> for FencingToken {
    type Error = TryFromIntError;

    fn try_from(number: i64) -> Result<FencingToken, TryFromIntError> {
        u64::try_from(number).map(FencingToken)
    }
}

/// Reads what `Display` writes: a decimal number.
impl FromStr for FencingToken {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<FencingToken, ParseIntError> {
        text.parse().map(FencingToken)
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FencingToken({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_to_a_target_and_comes_back() {
        let token = FencingToken::new(7);
        assert_eq!(token.to_string().parse(), Ok(token));
        assert_eq!(i64::try_from(token).and_then(FencingToken::try_from), Ok(token));
        assert_eq!(FencingToken::from(u64::from(token)), token);
        assert!(i64::try_from(FencingToken::new(u64::MAX)).is_err() && FencingToken::try_from(-1_i64).is_err());
        assert!("-1".parse::<FencingToken>().is_err() && "7 ".parse::<FencingToken>().is_err());
    }
}
