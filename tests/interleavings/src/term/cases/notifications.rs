//! The watchdog, which wakes nothing itself, and the notifier, which it leaves that to.

use std::sync::Arc;

use loom::future::block_on;
use loom::thread;

use super::Case;
use super::support::{Body, DROP_AT, Effects, HandClock, at, granted, scoped, working};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::Thread;
use crate::term::watched::WatchedTerms;
use crate::term::{Ended, Guarded};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "notified",
        promise: "a body that is idle at its deadline is dropped, although the watchdog wakes nothing",
        preemptions: Some(2),
        run: notified,
    },
    Case {
        name: "notified-beside",
        promise: "a term that drains does not lose the notification of another",
        preemptions: Some(2),
        run: notified_beside,
    },
    Case {
        name: "forgotten",
        promise: "the watchdog forgets a term that drains, also while it enforces it",
        preemptions: Some(3),
        run: forgotten,
    },
];

/// The notifier on a thread of its own, as the watchdog starts it.
struct Notifier {
    parked: Thread,
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Notifier {
    fn start(watched: &Arc<WatchedTerms>) -> Notifier {
        let (parked, is_over) = (Thread::new(), Arc::new(AtomicBool::new(false)));
        watched.notifier.set(parked.clone()).expect("the first notifier");
        let thread = thread::spawn({
            let (watched, parked, is_over) = (Arc::clone(watched), parked.clone(), Arc::clone(&is_over));
            move || loop {
                parked.park();
                if is_over.load(Ordering::Acquire) {
                    return;
                }
                watched.notify();
            }
        });
        Notifier { parked, is_over, thread }
    }

    fn end(self) {
        self.is_over.store(true, Ordering::Release);
        self.parked.unpark();
        self.thread.join().expect("does not panic");
    }
}

/// One round of the watchdog.
fn enforce(watched: &WatchedTerms, clock: &HandClock, nanos: u64) {
    clock.set(nanos);
    if watched.enforce(at(nanos)).notify {
        watched.wake_notifier();
    }
}

fn notified() {
    let (clock, watched) = (HandClock::new(), Arc::new(WatchedTerms::new()));
    let (term_state, alive) = granted(&clock);
    watched.add(&term_state);
    let notifier = Notifier::start(&watched);
    let body = Guarded::body(scoped(&term_state), working(&Effects::new()), alive);
    let watchdog = thread::spawn({
        let watched = Arc::clone(&watched);
        move || {
            enforce(&watched, &clock, DROP_AT / 2);
            enforce(&watched, &clock, DROP_AT);
        }
    });
    assert_eq!(block_on(body), Err(Ended::Dropped));
    watchdog.join().expect("does not panic");
    notifier.end();
    assert_eq!(watched.each(|_| true).count(), 0, "a drained term is still watched");
}

fn notified_beside() {
    let (clock, watched) = (HandClock::new(), Arc::new(WatchedTerms::new()));
    let (first, first_alive) = granted(&clock);
    let (second, second_alive) = granted(&clock);
    watched.add(&first);
    watched.add(&second);
    let notifier = Notifier::start(&watched);
    let term = scoped(&second);
    let waits: Body = Box::pin({
        let term = term.clone();
        async move { term.cancelled().await }
    });
    let body = Guarded::body(term, waits, second_alive);
    let watchdog = thread::spawn({
        let watched = Arc::clone(&watched);
        move || {
            drop(first_alive);
            enforce(&watched, &clock, DROP_AT / 2);
        }
    });
    assert_eq!(block_on(body), Ok(()));
    watchdog.join().expect("does not panic");
    notifier.end();
    assert_eq!(watched.each(|_| true).count(), 0, "a drained term is still watched");
}

fn forgotten() {
    let (clock, watched) = (HandClock::new(), Arc::new(WatchedTerms::new()));
    let (term_state, alive) = granted(&clock);
    watched.add(&term_state);
    let watchdog = thread::spawn({
        let watched = Arc::clone(&watched);
        move || enforce(&watched, &clock, DROP_AT)
    });
    drop(alive);
    block_on(term_state.drained());
    assert_eq!(watched.each(|_| true).count(), 0, "a drained term is still watched");
    watchdog.join().expect("does not panic");
}
