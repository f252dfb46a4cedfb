//! Bodies that are idle when their time is up. Each has to be woken, or it would stay.

use lease_protocol::election::StopReason;
use loom::future::block_on;
use loom::thread;

use super::Case;
use super::support::{Body, Effects, HandClock, granted, scoped, working};
use crate::term::{Ended, Guarded};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "idle-expired",
        promise: "an idle body is dropped when its term is ended early",
        preemptions: Some(3),
        run: idle_while_expired,
    },
    Case {
        name: "idle-ended",
        promise: "an idle body is dropped when its run is ended",
        preemptions: Some(3),
        run: idle_while_ended,
    },
    Case {
        name: "idle-cancelled",
        promise: "an idle body that waits for the cancellation of its term returns",
        preemptions: Some(3),
        run: idle_while_cancelled,
    },
];

fn idle_while_expired() {
    let (term_state, alive) = granted(&HandClock::new());
    let body = Guarded::body(scoped(&term_state), working(&Effects::new()), alive);
    let runs = thread::spawn(move || block_on(body));
    term_state.expire();
    assert_eq!(runs.join().expect("does not panic"), Err(Ended::Dropped));
}

fn idle_while_ended() {
    let (term_state, alive) = granted(&HandClock::new());
    let term = scoped(&term_state);
    let body = Guarded::body(term.clone(), working(&Effects::new()), alive);
    let runs = thread::spawn(move || block_on(body));
    term_state.end_now(term.scope());
    assert_eq!(runs.join().expect("does not panic"), Err(Ended::Dropped));
}

fn idle_while_cancelled() {
    let (term_state, alive) = granted(&HandClock::new());
    let term = scoped(&term_state);
    let waits: Body = Box::pin({
        let term = term.clone();
        async move { term.cancelled().await }
    });
    let body = Guarded::body(term, waits, alive);
    let runs = thread::spawn(move || block_on(body));
    term_state.cancel(StopReason::Shutdown);
    assert_eq!(runs.join().expect("does not panic"), Ok(()));
}
