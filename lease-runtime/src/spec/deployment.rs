//! The place of a candidate's leases in its cluster.

use std::sync::Arc;

use super::Overrides;

/// The place of a candidate's leases in its cluster.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The namespace of the leases that name none.
    pub(crate) namespace: Arc<str>,
    pub(crate) overrides: Overrides,
}

impl Deployment {
    pub(crate) fn new(namespace: impl Into<Arc<str>>, overrides: Overrides) -> Deployment {
        Deployment { namespace: namespace.into(), overrides }
    }
}
