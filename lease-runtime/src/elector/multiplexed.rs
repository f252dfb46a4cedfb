//! Whether a connection on which a request waits is known to be alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Whether the connections of a client are checked for signs of life. All clones share one state.
#[derive(Clone, Default)]
pub(super) struct Multiplexed(Arc<HttpVersionState>);

#[derive(Default)]
struct HttpVersionState {
    on: AtomicBool,
    signs: AtomicU64,
}

impl Multiplexed {
    /// The requests use HTTP/2, whose connections are checked. Otherwise a slow answer cannot be told from a dead connection.
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

    /// How many signs of life there have been, apart from answers.
    pub(super) fn signs(&self) -> u64 {
        self.0.signs.load(Ordering::Relaxed)
    }
}
