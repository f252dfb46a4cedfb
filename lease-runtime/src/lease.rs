//! Which lease.

use std::fmt;
use std::sync::Arc;

/// Names one Lease: its namespace and its name. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId {
    /// The namespace it is in.
    pub namespace: Arc<str>,
    /// Its name, unique within the namespace.
    pub name: Arc<str>,
}

impl LeaseId {
    /// The lease `name` in `namespace`.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> LeaseId {
        LeaseId { namespace: namespace.into(), name: name.into() }
    }

    /// The lease that is named by its name in this namespace, or as `namespace/name`.
    pub(crate) fn within(namespace: &Arc<str>, lease: impl fmt::Display) -> LeaseId {
        let lease = lease.to_string();
        match lease.split_once('/') {
            Some((namespace, name)) => LeaseId::new(namespace, name),
            None => LeaseId::new(namespace.clone(), &*lease),
        }
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
