//! Whether a request that has had no answer for long is on a connection that is known to be alive.

#[cfg(feature = "http2")]
use std::sync::Arc;

/// Whether the connections of a client are watched over.
#[derive(Clone, Default)]
pub(super) struct Multiplexed {
    #[cfg(feature = "http2")]
    pool: Option<Arc<super::transport::Pool>>,
}

impl Multiplexed {
    #[cfg(feature = "http2")]
    pub(super) fn by(pool: Arc<super::transport::Pool>) -> Multiplexed {
        Multiplexed { pool: Some(pool) }
    }

    /// The requests are on HTTP/2, whose connections are watched over. Otherwise nobody can tell a slow answer from none.
    pub(super) fn is_on(&self) -> bool {
        #[cfg(feature = "http2")]
        return self.pool.as_ref().is_some_and(|pool| pool.is_multiplexed());
        #[cfg(not(feature = "http2"))]
        false
    }
}
