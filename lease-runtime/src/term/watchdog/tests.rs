use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;

use super::*;
use crate::term::state::Enforcement;
use crate::term::testing::{HandClock, granted};
use crate::term::{DrainToken, Guarded, RunScope, Term};
use lease_protocol::election::{Deadlines, LossReason, StopReason};

fn at(nanos: u64) -> Moment {
    Moment::from_nanos(nanos)
}

/// A watched term: cancelled at 500, dropped at 1000, hard stop at 1010.
fn watched(clock: &Arc<HandClock>) -> (Arc<WatchedTerms>, Arc<TermState>, DrainToken) {
    let (term_state, alive) = granted(clock.clone(), 1000);
    let watched = Arc::new(WatchedTerms::new());
    watched.add(&term_state);
    (watched, term_state, alive)
}

fn scoped(term_state: &Arc<TermState>, policy: OnOverrun) -> Term {
    let scope = RunScope::new("sync".into(), Duration::MAX, policy, None, term_state.stop_signal().clone());
    Term::new(term_state.clone()).scoped(Arc::new(scope))
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn each_deadline_is_enforced_and_the_next_one_waited_for() {
    let clock = HandClock::new();
    let (watched, term_state, _alive) = watched(&clock);
    let quiet = |next| Enforcement { next: at(next), ..Enforcement::NONE };
    let notify = |next| Enforcement { next: at(next), notify: true, ..Enforcement::NONE };
    assert_eq!(watched.enforce(at(499)), quiet(500));
    assert!(!term_state.is_cancelled());
    assert_eq!(watched.enforce(at(500)), notify(1000));
    assert_eq!(term_state.stop_reason(), Some(StopReason::Lost(LossReason::NotRenewed)));
    assert!(term_state.is_cancelled() && term_state.deadlines().drop_at == at(1000));
    assert_eq!(watched.enforce(at(999)), quiet(1000));
    assert_eq!(watched.enforce(at(1000)), notify(1010));
    assert_eq!((term_state.deadlines().drop_at, term_state.deadlines().hard_stop), (Moment::ZERO, at(1010)));
    // Nothing is inside.
    assert_eq!(watched.enforce(at(1010)), Enforcement::NONE);
}

/// As after a suspend of the whole process.
#[test]
fn deadlines_that_passed_together_are_enforced_together() {
    let (watched, term_state, _alive) = watched(&HandClock::new());
    assert!(watched.enforce(at(5000)).notify);
    assert!(term_state.is_cancelled() && term_state.deadlines().drop_at == Moment::ZERO);
}

#[test]
fn a_renewal_moves_the_deadlines() {
    let (watched, term_state, _alive) = watched(&HandClock::new());
    term_state.extend(HandClock::deadlines(3000));
    assert_eq!(watched.enforce(at(1400)), Enforcement { next: at(1500), ..Enforcement::NONE });
    assert!(!term_state.is_cancelled());
}

/// Phases only go forward.
#[test]
fn a_renewal_does_not_revive_what_was_enforced() {
    let (watched, term_state, _alive) = watched(&HandClock::new());
    watched.enforce(at(1000));
    term_state.extend(HandClock::deadlines(9000));
    assert_eq!(term_state.deadlines().drop_at, Moment::ZERO);
    assert!(term_state.is_cancelled());
}

#[test]
fn an_idle_body_is_never_polled_again_and_is_woken_by_another_thread() {
    let clock = HandClock::new();
    let (watched, term_state, alive) = watched(&clock);
    let mut body = Guarded::body(scoped(&term_state, OnOverrun::Abort), Box::pin(pending::<()>()), alive);
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let mut poll = || Pin::new(&mut body).poll(&mut Context::from_waker(&waker));
    assert!(poll().is_pending());
    assert!(!watched.enforce(at(1010)).abort);
    assert_eq!(count.0.load(Ordering::SeqCst), 0, "the watchdog must not run a waker");
    assert!(term_state.take_pending_notification());
    term_state.notify();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
    // This holds even for a guard that read the clock long ago.
    clock.set(10);
    assert!(poll().is_ready());
}

/// What the watchdog decides about a body that is inside a poll, at each of these moments.
fn inside(policy: OnOverrun, moments: &'static [u64]) -> Vec<Enforcement> {
    let clock = HandClock::new();
    let (watched, term_state, alive) = watched(&clock);
    let said = Arc::new(Mutex::new(Vec::new()));
    let body = poll_fn({
        let said = said.clone();
        move |_| {
            said.lock().unwrap().extend(moments.iter().map(|moment| watched.enforce(at(*moment))));
            Poll::<()>::Pending
        }
    });
    let mut body = Guarded::body(scoped(&term_state, policy), Box::pin(body), alive);
    let _ = Pin::new(&mut body).poll(&mut Context::from_waker(Waker::noop()));
    drop(body);
    Arc::try_unwrap(said).unwrap().into_inner().unwrap()
}

#[test]
fn a_body_inside_a_poll_at_the_hard_stop_ends_the_process() {
    let said = inside(OnOverrun::Abort, &[500, 1000, 1009, 1010]);
    assert_eq!(said.iter().map(|enforcement| enforcement.abort).collect::<Vec<_>>(), [false, false, false, true]);
}

#[test]
fn a_body_that_may_continue_is_reported_and_looked_at_again() {
    let said = inside(OnOverrun::Report, &[1000, 1010]);
    assert_eq!(said[1], Enforcement { next: at(1020), notify: true, ..Enforcement::NONE });
}

/// All gates of all terms are shut before the process is ended for one of them.
#[test]
fn one_term_does_not_keep_the_others_from_being_enforced() {
    let clock = HandClock::new();
    let (watched, first, first_alive) = watched(&clock);
    let (second, _second_alive) = granted(clock.clone(), 1000);
    watched.add(&second);
    let idle = second.open_gate(scoped(&second, OnOverrun::Abort).scope(), crate::term::GateUse::Future);
    let body = poll_fn(move |_| {
        assert!(watched.enforce(at(1010)).abort);
        assert!(!idle.enter(at(1)), "a gate of another term is open");
        Poll::<()>::Pending
    });
    let mut body = Guarded::body(scoped(&first, OnOverrun::Abort), Box::pin(body), first_alive);
    let polled = Pin::new(&mut body).poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending(), "{polled:?}");
}

#[test]
fn a_drop_is_given_the_time_of_a_poll() {
    let clock = HandClock::new();
    let (watched, term_state, alive) = watched(&clock);
    struct Slow(Arc<WatchedTerms>, Arc<AtomicUsize>);
    impl Drop for Slow {
        fn drop(&mut self) {
            for (moment, abort) in [(2000, false), (2009, false), (2010, true)] {
                let enforcement = self.0.enforce(at(moment));
                self.1.fetch_add(
                    usize::from(enforcement.abort == abort && enforcement.next <= at(moment + 10)),
                    Ordering::SeqCst,
                );
            }
        }
    }
    let right = Arc::new(AtomicUsize::new(0));
    let slow = Slow(watched, right.clone());
    let body = async move {
        let _slow = slow;
        pending::<()>().await;
    };
    let mut body = Guarded::body(scoped(&term_state, OnOverrun::Abort), Box::pin(body), alive);
    assert!(Pin::new(&mut body).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    clock.set(2000);
    drop(body);
    assert_eq!(right.load(Ordering::SeqCst), 3);
}

#[test]
fn those_who_wait_for_the_end_of_a_term_are_woken_by_another_thread() {
    let (watched, term_state, _alive) = watched(&HandClock::new());
    let mut waits = std::pin::pin!(term_state.stop_signal().requested());
    assert!(watched.enforce(at(500)).notify);
    assert!(waits.as_mut().now_or_never().is_none(), "woken by the watchdog itself");
    watched.notify();
    assert!(waits.now_or_never().is_some());
}

#[test]
fn an_idle_body_is_woken_when_its_term_is_taken_away() {
    let (_watched, term_state, alive) = watched(&HandClock::new());
    let count = Arc::new(Count::default());
    let mut body = Guarded::body(scoped(&term_state, OnOverrun::Abort), Box::pin(pending::<()>()), alive);
    assert!(Pin::new(&mut body).poll(&mut Context::from_waker(&Waker::from(count.clone()))).is_pending());
    term_state.expire();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
}

/// If a term is taken away, its hard stop comes earlier.
#[test]
fn a_term_that_is_taken_away_is_looked_at_sooner() {
    let clock = HandClock::new();
    let (watched, term_state, _alive) = watched(&clock);
    let scope = scoped(&term_state, OnOverrun::Abort).scope().clone();
    let gate = term_state.open_gate(&scope, crate::term::GateUse::Future);
    clock.set(100);
    assert!(gate.enter(at(100)));
    term_state.expire();
    assert_eq!(watched.enforce(at(109)).next, at(110));
    assert!(watched.enforce(at(110)).abort);
}

#[test]
fn a_drained_term_is_forgotten() {
    let (watched, term_state, alive) = watched(&HandClock::new());
    assert_eq!(watched.each(|_| true).count(), 1);
    drop(alive);
    assert_eq!(watched.each(|_| true).count(), 0);
    assert_eq!(Arc::strong_count(&term_state), 1);
}

/// The process ends even if the elector has not noticed that the term is drained.
#[test]
fn a_lost_term_that_ends_the_process_ends_it_at_the_hard_stop() {
    let (watched, term_state, alive) = watched(&HandClock::new());
    term_state.exit_on_loss();
    assert!(!watched.enforce(at(1000)).exit);
    drop(alive);
    assert!(!watched.enforce(at(1009)).exit);
    assert!(watched.enforce(at(1010)).exit);
}

#[test]
fn a_term_that_was_given_up_does_not_end_the_process() {
    let (watched, term_state, alive) = watched(&HandClock::new());
    term_state.exit_on_loss();
    term_state.cancel(StopReason::Shutdown);
    assert!(!watched.enforce(at(1010)).exit);
    drop(alive);
    assert_eq!(watched.enforce(at(2000)), Enforcement::NONE);
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker of the user's");
    }
}

#[test]
fn a_waker_that_panics_does_not_keep_others_from_being_woken() {
    let clock = HandClock::new();
    let (watched, first, first_alive) = watched(&clock);
    let (second, second_alive) = granted(clock.clone(), 1000);
    watched.add(&second);
    let count = Arc::new(Count::default());
    let wakers = [Waker::from(Arc::new(Panics)), Waker::from(count.clone())];
    let bodies = [(first, first_alive), (second, second_alive)];
    let _bodies: Vec<_> = bodies
        .into_iter()
        .zip(&wakers)
        .map(|((term_state, alive), waker)| {
            let mut body = Guarded::body(scoped(&term_state, OnOverrun::Abort), Box::pin(pending::<()>()), alive);
            assert!(Pin::new(&mut body).poll(&mut Context::from_waker(waker)).is_pending());
            body
        })
        .collect();
    assert!(watched.enforce(at(1000)).notify);
    watched.notify();
    assert_eq!(count.0.load(Ordering::SeqCst), 1);
}

/// A watchdog without terms sleeps until somebody wakes it. Here this thread stands for it, and never wakes if nobody does.
#[test]
fn a_new_term_wakes_a_watchdog_that_sleeps() {
    let watched = Arc::new(WatchedTerms::new());
    watched.watchdog.set(thread::current()).expect("there is no watchdog yet");
    let (term_state, _alive) = granted(HandClock::new(), 1000);
    watched.add(&term_state);
    thread::park();
    assert!(term_state.is_watched());
}

/// With the system's clock, a thread enforces the deadlines without an elector.
#[tokio::test]
async fn the_thread_of_the_process_cancels_and_expires_by_itself() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    start(&*clock).unwrap();
    let now = clock.now();
    let after = |millis| now + Duration::from_millis(millis);
    let deadlines = Deadlines { cancel_at: after(50), drop_at: after(100), hard_stop: after(110) };
    let grant = lease_protocol::election::Grant {
        token: lease_protocol::election::FencingToken::new(7),
        transitions: 0,
        deadlines,
    };
    let (term_state, alive) =
        TermState::begin(crate::lease::LeaseId::new("default", "ledger"), "a".into(), &grant, clock.clone());
    watch(&term_state);
    let term = Term::new(term_state.clone());
    crate::term::testing::bounded(term.cancelled()).await;
    assert_eq!(term.stop_reason(), Some(StopReason::Lost(LossReason::NotRenewed)));
    let body = Guarded::body(scoped(&term_state, OnOverrun::Abort), Box::pin(pending::<()>()), alive);
    assert!(crate::term::testing::bounded(body).await.is_err());
    assert!(clock.now() >= after(100));
}

#[test]
fn no_other_clock_is_watched() {
    let (term_state, _alive) = granted(HandClock::new(), 1000);
    start(&SystemClock).unwrap();
    watch(&term_state);
    assert!(!term_state.is_watched());
}
