//! Two terms of one process. The elector begins the second when the first is drained, as the driver of the election does.

use std::sync::Arc;

use lease_protocol::election::StopReason;
use loom::future::block_on;
use loom::thread;

use super::Case;
use super::support::{ActsInDrop, Body, Effects, HandClock, granted, scoped};
use crate::term::{Ended, Guarded, TermState};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "handover",
        promise: "the body of the second term begins after all that the first body and its child did",
        preemptions: Some(2),
        run: returned,
    },
    Case {
        name: "handover-dropped",
        promise: "the body of the second term begins after the drop of the first body",
        preemptions: Some(3),
        run: dropped,
    },
];

/// Acts, waits to be asked to end, and acts.
fn good(term_state: &Arc<TermState>, effects: &Arc<Effects>) -> Body {
    let (term, effects) = (scoped(term_state), Arc::clone(effects));
    Box::pin(async move {
        effects.act();
        term.cancelled().await;
        effects.act();
    })
}

/// The next term, and what its body finds.
fn next_term(clock: &Arc<HandClock>, effects: &[&Arc<Effects>]) -> Vec<usize> {
    let (term_state, alive) = granted(clock);
    let effects: Vec<_> = effects.iter().copied().map(Arc::clone).collect();
    let body = Box::pin(async move { effects.iter().map(|effects| effects.seen()).collect() });
    block_on(Guarded::body(scoped(&term_state), body, alive)).expect("the term lasts")
}

fn returned() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(&clock);
    let (bodys, childs) = (Effects::new(), Effects::new());
    let child = Guarded::child(&scoped(&term_state), good(&term_state, &childs));
    let body = Guarded::body(scoped(&term_state), good(&term_state, &bodys), alive);
    let child = thread::spawn(move || block_on(child));
    let body = thread::spawn(move || block_on(body));
    term_state.cancel(StopReason::Shutdown);
    block_on(term_state.drained());
    assert_eq!(next_term(&clock, &[&bodys, &childs]), [2, 2]);
    assert_eq!(body.join().expect("does not panic"), Ok(()));
    assert_eq!(child.join().expect("does not panic"), Ok(()));
    assert_eq!((bodys.seen(), childs.seen()), (2, 2));
}

fn dropped() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(&clock);
    let effects = Effects::new();
    let stays: Body = Box::pin({
        let end = ActsInDrop(Arc::clone(&effects));
        async move {
            let _end = end;
            std::future::pending().await
        }
    });
    let body = Guarded::body(scoped(&term_state), stays, alive);
    let body = thread::spawn(move || block_on(body));
    term_state.expire();
    block_on(term_state.drained());
    assert_eq!(next_term(&clock, &[&effects]), [1]);
    assert_eq!(body.join().expect("does not panic"), Err(Ended::Dropped));
}
