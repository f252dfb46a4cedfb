//! The name of a lease.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Names one Lease: its namespace and its name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId {
    pub(crate) namespace: Arc<str>,
    pub(crate) name: Arc<str>,
}

impl LeaseId {
    /// The lease `name` in `namespace`.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> LeaseId {
        LeaseId { namespace: namespace.into(), name: name.into() }
    }

    /// The namespace of the lease.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name of the lease, unique within its namespace.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Reads the text that `Display` writes: `namespace/name`.
impl FromStr for LeaseId {
    type Err = NotALeaseId;

    fn from_str(text: &str) -> Result<LeaseId, NotALeaseId> {
        match text.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
                Ok(LeaseId::new(namespace, name))
            }
            _ => Err(NotALeaseId),
        }
    }
}

/// As the text `namespace/name`.
#[cfg(feature = "serde")]
impl serde::Serialize for LeaseId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From the text `namespace/name`.
#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for LeaseId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<LeaseId, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The error for a text that is not the name of a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a lease is named by its namespace and its name: write it as in \"jobs/ledger\"")]
#[non_exhaustive]
pub struct NotALeaseId;

/// Names a lease to a [`Candidate`](crate::Candidate) or a [`TickAdmin`](crate::TickAdmin): by a [`LeaseId`], by a text
/// `namespace/name`, or by its name alone, in the namespace of that candidate or admin.
///
/// In a text, the name is the one that the program gives to the lease, without the
/// [prefix](crate::Overrides::prefix) of the deployment. A [`LeaseId`] contains the name in the cluster.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct LeaseRef {
    namespace: Option<Arc<str>>,
    name: Arc<str>,
    /// The name is the one in the cluster.
    whole: bool,
}

impl LeaseRef {
    /// The id of the lease, in this namespace if it names none, with this prefix if its name has none yet.
    pub(crate) fn within(self, namespace: &Arc<str>, prefix: Option<&str>) -> LeaseId {
        let name = prefixed(prefix.filter(|_| !self.whole), self.name);
        LeaseId { namespace: self.namespace.unwrap_or_else(|| Arc::clone(namespace)), name }
    }
}

/// The name in the cluster of a lease that a program calls `lease`.
pub(crate) fn prefixed(prefix: Option<&str>, lease: Arc<str>) -> Arc<str> {
    prefix.map_or(lease.clone(), |prefix| format!("{prefix}-{lease}").into())
}

impl From<&str> for LeaseRef {
    fn from(text: &str) -> LeaseRef {
        match text.split_once('/') {
            Some((namespace, name)) => LeaseRef { namespace: Some(namespace.into()), name: name.into(), whole: false },
            None => LeaseRef { namespace: None, name: text.into(), whole: false },
        }
    }
}

impl From<String> for LeaseRef {
    fn from(text: String) -> LeaseRef {
        LeaseRef::from(&*text)
    }
}

impl From<&String> for LeaseRef {
    fn from(text: &String) -> LeaseRef {
        LeaseRef::from(&**text)
    }
}

impl From<LeaseId> for LeaseRef {
    fn from(LeaseId { namespace, name }: LeaseId) -> LeaseRef {
        LeaseRef { namespace: Some(namespace), name, whole: true }
    }
}

impl From<&LeaseId> for LeaseRef {
    fn from(lease: &LeaseId) -> LeaseRef {
        LeaseRef::from(lease.clone())
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeaseId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_named_in_several_ways() {
        let own: Arc<str> = "own".into();
        let ledger = LeaseId::new("jobs", "ledger");
        assert_eq!(LeaseRef::from("jobs/ledger").within(&own, None), ledger);
        assert_eq!(LeaseRef::from(&ledger).within(&own, None), ledger);
        assert_eq!(LeaseRef::from("ledger".to_owned()).within(&own, None), LeaseId::new("own", "ledger"));
        // A text is the name that the program uses, and an id the name in the cluster.
        let blue = LeaseId::new("jobs", "blue-ledger");
        assert_eq!(LeaseRef::from("jobs/ledger").within(&own, Some("blue")), blue);
        assert_eq!(LeaseRef::from("ledger").within(&own, Some("blue")), LeaseId::new("own", "blue-ledger"));
        assert_eq!(LeaseRef::from(&blue).within(&own, Some("blue")), blue);
        assert_eq!(ledger.to_string().parse(), Ok(ledger));
        for text in ["", "ledger", "/ledger", "jobs/", "a/b/c"] {
            assert_eq!(text.parse::<LeaseId>(), Err(NotALeaseId), "{text}");
        }
    }
}
