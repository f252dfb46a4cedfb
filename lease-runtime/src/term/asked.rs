//! Whether bodies have been asked to end.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use crate::clock::Moment;

/// Whether bodies have been asked to end, and when: their grace counts from then. A term asks all of its bodies at once,
/// unless some have to wait until others are gone; those are asked by whoever keeps the order.
#[derive(Debug)]
pub(crate) struct Asked {
    at: AtomicU64,
    token: CancellationToken,
}

impl Asked {
    pub(crate) fn new() -> Asked {
        Asked { at: AtomicU64::new(Moment::FAR.as_nanos()), token: CancellationToken::new() }
    }

    /// Asks; the first time counts.
    pub(crate) fn ask(&self, now: Moment) {
        // In this order: whoever sees the token finds the moment.
        let far = Moment::FAR.as_nanos();
        let _ = self.at.compare_exchange(far, now.as_nanos(), Ordering::Release, Ordering::Relaxed);
        self.token.cancel();
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Resolves once asked. Cancel safe.
    pub(crate) async fn asked(&self) {
        self.token.cancelled().await;
    }

    /// When it was asked; [`Moment::FAR`] if it was not.
    pub(super) fn at(&self) -> Moment {
        Moment::from_nanos(self.at.load(Ordering::Acquire))
    }
}
