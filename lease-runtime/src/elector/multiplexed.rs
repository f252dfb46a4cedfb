//! Whether a request that has had no answer for long is on a connection that is known to be alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the connections of a client are watched over. All clones are one.
#[derive(Clone, Default)]
pub(super) struct Multiplexed(Arc<AtomicBool>);

impl Multiplexed {
    /// The requests are on HTTP/2, whose connections are watched over. Otherwise nobody can tell a slow answer from none.
    pub(super) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}
