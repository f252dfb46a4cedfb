//! Whether a request that has had no answer for long is on a connection that is known to be alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Whether the connections of a client are watched over. All clones are one.
#[derive(Clone, Default)]
pub(super) struct Multiplexed(Arc<HttpVersionState>);

#[derive(Default)]
struct HttpVersionState {
    on: AtomicBool,
    signs: AtomicU64,
}

impl Multiplexed {
    /// The requests are on HTTP/2, whose connections are watched over. Otherwise nobody can tell a slow answer from none.
    pub(super) fn is_on(&self) -> bool {
        self.0.on.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, on: bool) {
        self.0.on.store(on, Ordering::Relaxed);
    }

    /// A server has answered a PING.
    #[cfg(feature = "http2")]
    pub(super) fn sign(&self) {
        self.0.signs.fetch_add(1, Ordering::Relaxed);
    }

    /// How many signs of life there have been, beside answers.
    pub(super) fn signs(&self) -> u64 {
        self.0.signs.load(Ordering::Relaxed)
    }
}
