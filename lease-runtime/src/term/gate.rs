//! The gate that a guarded future or closure passes before user code runs.

use std::sync::Arc;
use std::time::Duration;

use super::RunScope;
use crate::clock::Moment;
use crate::sync::AtomicWaker;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// What the gate belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GateUse {
    /// A future. It is inside for the length of a poll.
    Future,
    /// A closure on the blocking pool. It is inside until it returns.
    Blocking,
}

/// What is inside a gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Inside {
    /// When it entered.
    pub(crate) since: Moment,
    /// It is dropping the future, not polling it.
    pub(crate) dropping: bool,
}

impl Inside {
    /// Whether this is an overrun. Call it after the hard stop.
    ///
    /// A running poll began before the end of the term, so it is an overrun at once. A drop may have just begun, on a busy
    /// runtime, so it gets as much time as a poll.
    pub(crate) fn is_overrun(&self, now: Moment, poll_margin: Duration) -> bool {
        !self.dropping || now.since(self.since) >= poll_margin
    }
}

/// Nothing is inside.
const OPEN: u64 = 0;
/// Nothing is inside, and nothing can enter any more.
const SHUT: u64 = u64::MAX;
/// Set in the stamp while the future is being dropped.
const DROPPING: u64 = 1;

/// The gate of one guarded future or closure. It says whether user code is inside and since when, and it can be shut.
///
/// Both are one atomic word, so that one of "a poll enters" and "the elector shuts the gate" comes first. A thread that was
/// stopped between reading the clock and entering finds the gate shut, however old its reading is. If a poll did enter, the
/// thread that shuts the gate sees it.
#[derive(Debug)]
pub(crate) struct Gate {
    /// `OPEN`, `SHUT`, or the time of entry in nanoseconds, whose lowest bit is `DROPPING`.
    word: AtomicU64,
    waker: AtomicWaker,
    reported: AtomicBool,
    scope: Arc<RunScope>,
    kind: GateUse,
    /// The number of this gate in its term.
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

    /// Call it before comparing the deadline. A [`wake`](Self::wake) that comes in between is then either noticed by the
    /// comparison or wakes this waker. In the other order it can be lost.
    pub(crate) fn register(&self, waker: &std::task::Waker) {
        self.waker.register(waker);
    }

    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// Enters user code, unless the gate is shut.
    pub(crate) fn enter(&self, now: Moment) -> bool {
        // Acquire and release on success, paired with `shut`: see the documentation of the type. Only the gate's own future
        // enters, so a failure means that the gate is shut.
        self.word.compare_exchange(OPEN, stamp(now), Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Leaves user code.
    pub(crate) fn leave(&self) {
        // Release: what the poll did happens before a `shut` that finds the gate empty.
        self.word.store(OPEN, Ordering::Release);
    }

    /// Begins to drop the future. A shut gate does not prevent that: after the term, the future has to be dropped.
    pub(crate) fn enter_drop(&self, now: Moment) {
        self.word.store(stamp(now) | DROPPING, Ordering::Release);
    }

    /// The future or closure is gone, so nothing can enter any more.
    pub(crate) fn leave_for_good(&self) {
        self.word.store(SHUT, Ordering::Release);
    }

    /// Lets nothing enter any more. Returns what is still inside.
    pub(crate) fn shut(&self) -> Option<Inside> {
        match self.word.compare_exchange(OPEN, SHUT, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) | Err(SHUT) => None,
            Err(word) => Some(Inside { since: Moment::from_nanos(word & !DROPPING), dropping: word & DROPPING != 0 }),
        }
    }

    /// Whether this call is the first that reports an overrun here.
    pub(crate) fn first_report(&self) -> bool {
        !self.reported.swap(true, Ordering::Relaxed)
    }

    /// Whether an overrun was reported.
    pub(super) fn is_reported(&self) -> bool {
        self.reported.load(Ordering::Relaxed)
    }
}

/// A moment as the word of a gate. It has a precision of two nanoseconds, and differs from `OPEN` and `SHUT`.
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
    fn shutting_returns_what_is_inside() {
        for at in [Moment::ZERO, Moment::from_nanos(10), Moment::FAR] {
            let gate = gate();
            assert!(gate.enter(at));
            assert!(!gate.shut().expect("somebody is inside").dropping);
            gate.leave();
            gate.enter_drop(at);
            assert!(gate.shut().expect("somebody is inside").dropping);
            gate.leave_for_good();
            assert!(!gate.enter(at));
            assert_eq!(gate.shut(), None);
            assert!(!gate.enter(at));
        }
    }

    /// Either the poll enters and `shut` sees it, or the gate is shut and the poll does not run.
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
