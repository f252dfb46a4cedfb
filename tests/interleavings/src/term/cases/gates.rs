//! A gate: a poll that enters, and a thread that shuts it.

use std::sync::Arc;

use loom::thread;

use super::Case;
use super::support::{Effects, HandClock, at, granted, scoped};
use crate::term::{Gate, GateUse};
use crate::tick::Permit;

pub(super) const CASES: &[Case] = &[
    Case {
        name: "gate-shut",
        promise: "a gate that was shut and empty stays empty, and what was done inside is seen",
        preemptions: None,
        run: shut_and_empty,
    },
    Case {
        name: "gate-drop",
        promise: "a drop that `shut` does not find is over, and is seen",
        preemptions: None,
        run: shut_while_dropping,
    },
    Case { name: "gate-report", promise: "an overrun is reported once", preemptions: None, run: reported_once },
    Case {
        name: "permit",
        promise: "a run begins or is given back, and never both",
        preemptions: None,
        run: begun_or_given_back,
    },
];

fn gate() -> Arc<Gate> {
    let (term_state, alive) = granted(&HandClock::new());
    let gate = Arc::new(Gate::new(Arc::clone(scoped(&term_state).scope()), GateUse::Future));
    drop(alive);
    gate
}

fn shut_and_empty() {
    let (gate, effects) = (gate(), Effects::new());
    let polls = thread::spawn({
        let (gate, effects) = (Arc::clone(&gate), Arc::clone(&effects));
        move || {
            for _ in 0..2 {
                if gate.enter(at(100)) {
                    effects.act();
                    gate.leave();
                }
            }
        }
    });
    // As the watchdog: if something is inside, it looks again.
    let is_empty = gate.shut().is_none() || gate.shut().is_none();
    let seen = is_empty.then(|| effects.seen());
    polls.join().expect("does not panic");
    seen.into_iter().for_each(|seen| assert_eq!(seen, effects.seen(), "a poll ran behind a gate that was shut"));
}

fn shut_while_dropping() {
    let (gate, effects) = (gate(), Effects::new());
    let drops = thread::spawn({
        let (gate, effects) = (Arc::clone(&gate), Arc::clone(&effects));
        move || {
            if gate.enter(at(100)) {
                effects.act();
            }
            gate.enter_drop(at(100));
            effects.act();
            gate.leave_for_good();
        }
    });
    let (first, second) = (gate.shut(), gate.shut());
    // A drop may begin after the first look, also behind a gate that is shut.
    let over = first.is_some_and(|inside| inside.dropping) && second.is_none();
    let seen = over.then(|| effects.seen());
    drops.join().expect("does not panic");
    seen.into_iter().for_each(|seen| assert_eq!(seen, effects.seen(), "the drop was not over"));
    assert!(gate.shut().is_none() && !gate.enter(at(100)), "the gate is open for what is gone");
}

fn reported_once() {
    let gate = gate();
    let other = thread::spawn({
        let gate = Arc::clone(&gate);
        move || gate.first_report()
    });
    let first = gate.first_report();
    assert_ne!(first, other.join().expect("does not panic"));
    assert!(!gate.first_report());
}

fn begun_or_given_back() {
    let (permit, effects) = (Permit::default(), Effects::new());
    let body = thread::spawn({
        let (permit, effects) = (permit.clone(), Arc::clone(&effects));
        move || {
            if permit.begin() {
                effects.act();
            }
        }
    });
    let given_back = permit.revoke();
    body.join().expect("does not panic");
    assert_eq!(given_back, effects.seen() == 0);
}
