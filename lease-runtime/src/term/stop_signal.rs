//! Whether bodies have been asked to end.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use crate::clock::Moment;
use lease_protocol::election::StopReason;

/// Whether bodies have been asked to end, and when: their grace counts from then. A term asks all of its bodies at once,
/// unless some have to wait until others are gone; those are asked by whoever keeps the order.
#[derive(Debug)]
pub(crate) struct StopSignal {
    at: AtomicU64,
    /// Why this body in particular, if not for a reason of the term.
    why: OnceLock<StopReason>,
    token: CancellationToken,
}

impl StopSignal {
    pub(crate) fn new() -> StopSignal {
        let at = AtomicU64::new(Moment::FAR.as_nanos());
        StopSignal { at, why: OnceLock::new(), token: CancellationToken::new() }
    }

    /// Asks; the first time counts.
    pub(crate) fn request(&self, now: Moment) {
        // In this order: whoever sees the token finds the moment.
        self.mark(now);
        self.wake();
    }

    /// Asks, and wakes nobody. Whether that was news.
    pub(super) fn mark(&self, now: Moment) -> bool {
        let far = Moment::FAR.as_nanos();
        self.at.compare_exchange(far, now.as_nanos(), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Wakes whoever waits to be asked. Runs code of others: a waker may be the user's.
    pub(super) fn wake(&self) {
        self.token.cancel();
    }

    /// Asks for a reason of its own, unless it was asked already.
    pub(crate) fn ask_because(&self, now: Moment, why: StopReason) {
        if !self.is_asked() {
            let _ = self.why.set(why);
            self.request(now);
        }
    }

    /// Asks as `other` was asked: for the same reason.
    pub(crate) fn ask_as(&self, now: Moment, other: &StopSignal) {
        match other.why() {
            Some(why) => self.ask_because(now, why),
            None => self.request(now),
        }
    }

    /// The reason, if it is one of its own.
    pub(crate) fn why(&self) -> Option<StopReason> {
        self.why.get().cloned()
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.at() != Moment::FAR
    }

    /// Resolves once asked. Cancel safe.
    pub(crate) async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// When it was asked; [`Moment::FAR`] if it was not.
    pub(super) fn at(&self) -> Moment {
        Moment::from_nanos(self.at.load(Ordering::Acquire))
    }
}
