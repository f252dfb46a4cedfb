//! The count of what may still run code of a term.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::Case;
use super::support::{Effects, HandClock, granted, poll_once, scoped, working};
use crate::lease::LeaseId;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::term::Guarded;
use crate::term::drain::{Drain, DrainCount, DrainToken};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "drain",
        promise: "a term is drained once, for good, and after everything that its tokens stood for",
        preemptions: Some(3),
        run: drained_once,
    },
    Case {
        name: "late-child",
        promise: "what is started while the term drains is waited for, or never polled",
        preemptions: Some(3),
        run: late_child,
    },
];

/// A term that only counts.
struct Counted {
    lease: LeaseId,
    drain_count: DrainCount,
    emptied: AtomicUsize,
}

impl Drain for Counted {
    fn lease(&self) -> &LeaseId {
        &self.lease
    }

    fn count(&self) -> &DrainCount {
        &self.drain_count
    }

    fn before_empty(&self) {
        let before = self.emptied.load(Ordering::Relaxed);
        self.emptied.store(before + 1, Ordering::Relaxed);
    }
}

fn drained_once() {
    let lease = LeaseId::new("default", "ledger");
    let term = Arc::new(Counted { lease, drain_count: DrainCount::new(), emptied: AtomicUsize::new(0) });
    let (first, bodys, childs) = (DrainToken::first(term.clone()), Effects::new(), Effects::new());
    let body = thread::spawn({
        let (token, bodys) = (first.another(), Arc::clone(&bodys));
        move || {
            bodys.act();
            drop(token);
        }
    });
    let child = thread::spawn({
        let (term, childs) = (term.clone(), Arc::clone(&childs));
        move || {
            if let Some(token) = DrainToken::join(term) {
                childs.act();
                drop(token);
            }
        }
    });
    drop(first);
    block_on(term.drain_count.emptied());
    let seen = (bodys.seen(), childs.seen(), term.emptied.load(Ordering::Relaxed));
    body.join().expect("does not panic");
    child.join().expect("does not panic");
    assert_eq!(seen, (1, childs.seen(), 1), "something of the term ran, or was not seen, after its end");
    assert!(DrainToken::join(term.clone()).is_none(), "a drained term was revived");
    assert_eq!(term.emptied.load(Ordering::Relaxed), 1);
}

fn late_child() {
    let (term_state, alive) = granted(&HandClock::new());
    let effects = Effects::new();
    let child = thread::spawn({
        let (term, effects) = (scoped(&term_state), Arc::clone(&effects));
        move || {
            let _ = poll_once(&mut Guarded::child(&term, working(&effects)));
        }
    });
    drop(alive);
    block_on(term_state.drained());
    let seen = effects.seen();
    child.join().expect("does not panic");
    assert_eq!(seen, effects.seen(), "a child of a drained term was polled");
}
