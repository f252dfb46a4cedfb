//! Where a guarded future passes on its way into user code.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::task::AtomicWaker;

use super::RunScope;
use crate::clock::Moment;

/// What passes a gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GateUse {
    /// A future, that runs for the length of a poll.
    Future,
    /// A closure on the blocking pool, that runs until it returns.
    Blocking,
}

/// Who is inside a gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Inside {
    /// Since when.
    pub(crate) since: Moment,
    /// Not polling, but dropping the future.
    pub(crate) dropping: bool,
}

impl Inside {
    /// Whether that is an overrun, for after the hard stop.
    ///
    /// A poll that is going on began before the end of the term. A drop may have just begun, on a busy runtime; it gets the
    /// time that a poll has.
    pub(crate) fn is_overrun(&self, now: Moment, poll_margin: Duration) -> bool {
        !self.dropping || now.since(self.since) >= poll_margin
    }
}

/// Nobody is inside.
const OPEN: u64 = 0;
/// Nobody is inside, and nobody enters any more.
const SHUT: u64 = u64::MAX;
/// Set in the stamp of somebody who drops the future.
const DROPPING: u64 = 1;

/// The gate of one guarded future or closure: it says who is inside user code and since when, and it can be shut.
///
/// Both are one atomic word, so that of "a poll enters" and "the elector shuts" one comes first. A thread that was stopped
/// between reading the clock and entering finds the gate shut, however old its reading is; and a poll that did enter is
/// seen by whoever tries to shut.
#[derive(Debug)]
pub(crate) struct Gate {
    /// `OPEN`, `SHUT`, or the nanoseconds since when somebody is inside, the lowest bit being `DROPPING`.
    word: AtomicU64,
    waker: AtomicWaker,
    reported: AtomicBool,
    scope: Arc<RunScope>,
    kind: GateUse,
    /// Its number among the gates of its term.
    number: AtomicUsize,
}

impl Gate {
    pub(super) fn new(scope: Arc<RunScope>, kind: GateUse) -> Gate {
        Gate {
            word: AtomicU64::new(OPEN),
            waker: AtomicWaker::new(),
            reported: AtomicBool::new(false),
            scope,
            kind,
            number: AtomicUsize::new(usize::MAX),
        }
    }

    pub(super) fn number(&self) -> usize {
        self.number.load(Ordering::Acquire)
    }

    pub(super) fn is_number(&self, number: usize) {
        self.number.store(number, Ordering::Release);
    }

    pub(crate) fn kind(&self) -> GateUse {
        self.kind
    }

    pub(crate) fn scope(&self) -> &Arc<RunScope> {
        &self.scope
    }

    /// To be called before comparing the deadline, never after: a [`wake`](Self::wake) that comes in between is then
    /// either noticed by the comparison or wakes this waker.
    pub(crate) fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// Enters user code, unless the gate is shut.
    pub(crate) fn enter(&self, now: Moment) -> bool {
        // Acquire and release on success, paired with `shut`: see the type's documentation. Only the gate's own future
        // enters, so a failure means shut.
        self.word.compare_exchange(OPEN, stamp(now), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Comes back from user code.
    pub(crate) fn leave(&self) {
        // Release: what the poll did happens before a shut that finds it gone.
        self.word.store(OPEN, Ordering::Release);
    }

    /// Begins to drop the future. Also through a shut gate: dropping is what is wanted then.
    pub(crate) fn enter_drop(&self, now: Moment) {
        self.word.store(stamp(now) | DROPPING, Ordering::Release);
    }

    /// Nothing is left to enter with.
    pub(crate) fn leave_for_good(&self) {
        self.word.store(SHUT, Ordering::Release);
    }

    /// Lets nobody enter any more. Somebody who is inside stays, and is told.
    pub(crate) fn shut(&self) -> Option<Inside> {
        match self.word.compare_exchange(OPEN, SHUT, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) | Err(SHUT) => None,
            Err(word) => Some(Inside { since: Moment::from_nanos(word & !DROPPING), dropping: word & DROPPING != 0 }),
        }
    }

    /// Whether this is the first overrun here.
    pub(crate) fn first_report(&self) -> bool {
        !self.reported.swap(true, Ordering::Relaxed)
    }

    /// Whether there has been one.
    pub(super) fn is_reported(&self) -> bool {
        self.reported.load(Ordering::Relaxed)
    }
}

/// A moment as the word of a gate: to two nanoseconds, and neither `OPEN` nor `SHUT`.
fn stamp(now: Moment) -> u64 {
    now.as_nanos().clamp(2, SHUT - 2) & !DROPPING
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate::new(Arc::new(RunScope::unbounded(Arc::new(crate::term::StopSignal::new()))), GateUse::Future)
    }

    #[test]
    fn a_shut_gate_lets_nobody_in() {
        let gate = gate();
        assert_eq!(gate.shut(), None);
        assert!(!gate.enter(Moment::from_nanos(10)));
    }

    #[test]
    fn who_is_inside_is_told_to_whoever_shuts() {
        for at in [Moment::ZERO, Moment::from_nanos(10), Moment::FAR] {
            let gate = gate();
            assert!(gate.enter(at));
            assert!(!gate.shut().expect("somebody is inside").dropping);
            gate.leave();
            gate.enter_drop(at);
            assert!(gate.shut().expect("somebody is inside").dropping);
            gate.leave_for_good();
            assert_eq!(gate.shut(), None);
            assert!(!gate.enter(at));
        }
    }

    /// A poll enters, or the gate is shut and it does not; never does the poll run with nobody knowing.
    #[test]
    fn entering_and_shutting_exclude_each_other() {
        for _ in 0..2_000 {
            let gate = gate();
            let start = std::sync::Barrier::new(2);
            let (entered, seen) = std::thread::scope(|threads| {
                let poll = threads.spawn(|| {
                    start.wait();
                    gate.enter(Moment::from_nanos(10))
                });
                start.wait();
                let seen = gate.shut().is_some();
                (poll.join().expect("does not panic"), seen)
            });
            assert_eq!(entered, seen);
        }
    }
}
