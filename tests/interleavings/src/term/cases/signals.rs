//! The signal that asks bodies to end.

use std::sync::Arc;

use lease_protocol::election::{LossReason, StopReason};
use loom::future::block_on;
use loom::thread;

use super::Case;
use super::support::{DROP_AT, HandClock, at, granted};
use crate::clock::Moment;
use crate::term::StopSignal;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "stop-signal",
        promise: "what waits for the signal is woken, and finds the time and the reason",
        preemptions: Some(3),
        run: woken,
    },
    Case {
        name: "first-request",
        promise: "the first request counts, and only that one",
        preemptions: None,
        run: first_counts,
    },
    Case {
        name: "stop-reason",
        promise: "a thread that finds a term cancelled finds the reason, and it stays the same",
        preemptions: Some(3),
        run: reason_is_there,
    },
];

fn woken() {
    let signal = Arc::new(StopSignal::new());
    let waits = thread::spawn({
        let signal = Arc::clone(&signal);
        move || {
            block_on(signal.requested());
            (signal.at(), signal.why())
        }
    });
    signal.request_because(at(5), StopReason::Replaced);
    assert_eq!(waits.join().expect("does not panic"), (at(5), Some(StopReason::Replaced)));
}

fn first_counts() {
    let signal = Arc::new(StopSignal::new());
    let other = thread::spawn({
        let signal = Arc::clone(&signal);
        move || signal.mark(at(5))
    });
    let (marked, seen) = (signal.mark(at(7)), signal.at());
    let others = other.join().expect("does not panic");
    assert_ne!(marked, others);
    assert_ne!(seen, Moment::FAR);
    assert_eq!((signal.at(), seen), (seen, if marked { at(7) } else { at(5) }));
}

fn reason_is_there() {
    let clock = HandClock::new();
    let (term_state, _alive) = granted(&clock);
    let steps_down = thread::spawn({
        let term_state = Arc::clone(&term_state);
        move || term_state.cancel(StopReason::SteppedDown)
    });
    let watchdog = thread::spawn({
        let term_state = Arc::clone(&term_state);
        move || term_state.enforce(at(DROP_AT / 2))
    });
    let found = term_state.is_cancelled().then(|| term_state.stop_reason());
    steps_down.join().expect("does not panic");
    watchdog.join().expect("does not panic");
    let reason = term_state.stop_reason();
    assert!(reason == Some(StopReason::SteppedDown) || reason == Some(StopReason::Lost(LossReason::NotRenewed)));
    found.into_iter().for_each(|found| assert_eq!(found, reason, "the reason came after the cancellation"));
}
