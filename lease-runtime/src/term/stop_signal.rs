//! The signal that asks bodies to end.

use crate::clock::Moment;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{CancellationToken, OnceLock};
use lease_protocol::election::StopReason;

/// Whether bodies have been asked to end, and when: their grace counts from then. A term asks all of its bodies at once. In a
/// group with an order, the supervisor asks each member when those before it are gone.
#[derive(Debug)]
pub(crate) struct StopSignal {
    at: AtomicU64,
    /// Why this body was asked, if not for the reason of its term.
    why: OnceLock<StopReason>,
    token: CancellationToken,
}

impl StopSignal {
    pub(crate) fn new() -> StopSignal {
        let at = AtomicU64::new(Moment::FAR.as_nanos());
        StopSignal { at, why: OnceLock::new(), token: CancellationToken::new() }
    }

    /// Asks the bodies to end. If they were asked before, the first time counts.
    pub(crate) fn request(&self, now: Moment) {
        // The time first, so that a thread that sees the cancelled token finds the time.
        self.mark(now);
        self.wake();
    }

    /// Notes the time and wakes nothing. Returns whether they were not asked before.
    pub(super) fn mark(&self, now: Moment) -> bool {
        let far = Moment::FAR.as_nanos();
        self.at.compare_exchange(far, now.as_nanos(), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Wakes everything that waits for this signal. A waker may be user code.
    pub(super) fn wake(&self) {
        self.token.cancel();
    }

    /// Asks the bodies to end for this reason, unless they were asked already.
    pub(crate) fn request_because(&self, now: Moment, why: StopReason) {
        if !self.is_requested() {
            let _ = self.why.set(why);
            self.request(now);
        }
    }

    /// Asks the bodies to end for the reason of `other`.
    pub(crate) fn request_as(&self, now: Moment, other: &StopSignal) {
        match other.why() {
            Some(why) => self.request_because(now, why),
            None => self.request(now),
        }
    }

    /// The reason, if it is not the reason of the term.
    pub(crate) fn why(&self) -> Option<StopReason> {
        self.why.get().cloned()
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.at() != Moment::FAR
    }

    /// Resolves when the bodies are asked to end. Cancel safe.
    pub(crate) async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// When they were asked to end; [`Moment::FAR`] if they were not.
    pub(super) fn at(&self) -> Moment {
        Moment::from_nanos(self.at.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_counts_with_its_time_and_its_reason() {
        let at = Moment::from_nanos;
        let (of_term, of_run) = (StopSignal::new(), StopSignal::new());
        of_term.request(at(50));
        of_term.request_because(at(60), StopReason::Replaced);
        assert_eq!((of_term.at(), of_term.why()), (at(50), None), "the grace does not begin anew");
        of_run.request_because(at(70), StopReason::Replaced);
        of_run.request_as(at(80), &of_term);
        assert_eq!((of_run.at(), of_run.why()), (at(70), Some(StopReason::Replaced)));
    }
}
