//! The deadlines of a term: who moves them, and a guard that compares.

use std::sync::Arc;

use loom::thread;

use super::Case;
use super::support::{DROP_AT, Effects, HandClock, at, deadlines, granted, poll_once, scoped, working};
use crate::clock::{Clock, Moment};
use crate::sync::Mutex;
use crate::term::slots::{Slots, put_into};
use crate::term::{DrainToken, Guarded, TermState};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "taken-away",
        promise: "when a term was ended early and its gates are empty, no poll follows",
        preemptions: Some(3),
        run: taken_away,
    },
    Case {
        name: "clock-passes",
        promise: "when the watchdog has ended a term, a guard that has read the clock before that polls nothing",
        preemptions: Some(3),
        run: clock_passes,
    },
    Case {
        name: "late-renewal",
        promise: "a renewal and the end of the term come one after the other, and the end is final",
        preemptions: Some(2),
        run: late_renewal,
    },
    Case {
        name: "outdated-renewal",
        promise: "a renewal that comes when its own deadline has passed does not revive the term",
        preemptions: Some(2),
        run: outdated_renewal,
    },
    Case {
        name: "opened-late",
        promise: "a gate that is opened while the term ends is shut, too",
        preemptions: Some(3),
        run: opened_late,
    },
    Case { name: "slots", promise: "no value is lost, and no number is used twice", preemptions: None, run: slots },
];

/// A body that is polled twice on another thread, and then dropped.
fn polled_twice(term_state: &Arc<TermState>, alive: DrainToken, effects: &Arc<Effects>) -> thread::JoinHandle<()> {
    let mut body = Guarded::body(scoped(term_state), working(effects), alive);
    thread::spawn(move || {
        for _ in 0..2 {
            let _ = poll_once(&mut body);
        }
    })
}

/// The effects that are seen now, if nothing is inside a poll or a drop.
fn seen_if_empty(term_state: &TermState, effects: &Effects) -> Option<usize> {
    term_state.shut_gates().is_empty().then(|| effects.seen())
}

fn taken_away() {
    let (term_state, alive) = granted(&HandClock::new());
    let effects = Effects::new();
    let polls = polled_twice(&term_state, alive, &effects);
    term_state.expire();
    let seen = seen_if_empty(&term_state, &effects);
    polls.join().expect("does not panic");
    seen.into_iter().for_each(|seen| assert_eq!(seen, effects.seen(), "a poll began after the end of the term"));
}

fn clock_passes() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(&clock);
    let effects = Effects::new();
    let polls = polled_twice(&term_state, alive, &effects);
    clock.set(DROP_AT);
    assert!(term_state.enforce(clock.now()).notify);
    let seen = seen_if_empty(&term_state, &effects);
    polls.join().expect("does not panic");
    seen.into_iter().for_each(|seen| assert_eq!(seen, effects.seen(), "a poll began after the end of the term"));
}

/// The end comes at the old deadline, or the renewal before it.
fn late_renewal() {
    renewed_while_enforced(DROP_AT);
}

/// The renewal is so late that its own deadline has passed, too.
fn outdated_renewal() {
    renewed_while_enforced(3 * DROP_AT);
}

fn renewed_while_enforced(now: u64) {
    let clock = HandClock::new();
    let (term_state, alive) = granted(&clock);
    let effects = Effects::new();
    let mut body = Guarded::body(scoped(&term_state), working(&effects), alive);
    let renewal = thread::spawn({
        let term_state = Arc::clone(&term_state);
        move || term_state.extend(deadlines(3 * DROP_AT))
    });
    let watchdog = thread::spawn({
        let (term_state, clock) = (Arc::clone(&term_state), Arc::clone(&clock));
        move || {
            clock.set(now);
            term_state.enforce(at(now));
        }
    });
    let first = poll_once(&mut body);
    renewal.join().expect("does not panic");
    watchdog.join().expect("does not panic");
    let (drop_at, before) = (term_state.deadlines().drop_at, effects.seen());
    assert_eq!(scoped(&term_state).ends_at(), drop_at, "guards and the ledger differ");
    let may_go_on = now < 3 * DROP_AT && drop_at == at(3 * DROP_AT);
    assert!(drop_at == Moment::ZERO || may_go_on, "{drop_at:?} at {now}");
    let _ = poll_once(&mut body);
    // A body that was dropped at the old deadline stays dropped.
    let goes_on = first.is_pending() && drop_at != Moment::ZERO;
    assert_eq!(effects.seen() > before, goes_on, "the body does not follow the renewal or the end");
}

fn opened_late() {
    let (term_state, alive) = granted(&HandClock::new());
    let effects = Effects::new();
    let polls = thread::spawn({
        let (term, effects) = (scoped(&term_state), Arc::clone(&effects));
        move || {
            let _ = poll_once(&mut Guarded::body(term, working(&effects), alive));
        }
    });
    term_state.expire();
    let seen = seen_if_empty(&term_state, &effects);
    polls.join().expect("does not panic");
    seen.into_iter().for_each(|seen| assert_eq!(seen, effects.seen(), "a gate was left open"));
}

fn slots() {
    let slots = Arc::new(Mutex::new(Slots::new()));
    let put = |slots: &Mutex<Slots<u32>>, value| {
        put_into(value, |step| step(&mut slots.lock().expect("does not panic")));
    };
    let take = |slots: &Mutex<Slots<u32>>, value| {
        let mut slots = slots.lock().expect("does not panic");
        let number = slots.iter().find(|(_, found)| **found == value).map(|(number, _)| number);
        number.and_then(|number| slots.take(number))
    };
    put(&slots, 1);
    let other = thread::spawn({
        let slots = Arc::clone(&slots);
        move || {
            assert_eq!(take(&slots, 1), Some(1));
            (2..5).for_each(|value| put(&slots, value));
        }
    });
    (5..8).for_each(|value| put(&slots, value));
    other.join().expect("does not panic");
    let slots = slots.lock().expect("does not panic");
    let mut values: Vec<u32> = slots.iter().map(|(_, value)| *value).collect();
    values.sort_unstable();
    assert_eq!(values, [2, 3, 4, 5, 6, 7]);
}
