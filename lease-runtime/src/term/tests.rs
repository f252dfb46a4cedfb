use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::FutureExt;

use super::state::TermWatcher;
use super::testing::{HandClock, bounded, granted};
use super::*;
use crate::clock::Moment;
use lease_protocol::election::{LossReason, StopReason};

#[test]
fn a_term_tells_what_it_is() {
    let clock = HandClock::new();
    let (term_state, _alive) = granted(clock.clone(), 100);
    let term = Term::new(term_state.clone());
    assert_eq!(term.fencing_token().get(), 7);
    assert_eq!(term.lease().to_string(), "default/ledger");
    assert_eq!(term.identity(), "pod_1");
    assert_eq!(term.remaining(), Duration::from_nanos(100));
    assert_eq!((term.stop_reason(), term.is_cancelled()), (None, false));
    assert!(term.check().is_ok());

    // The clock has passed the deadline, and the elector has not noticed.
    clock.set(100);
    assert_eq!((term.stop_reason(), term.is_cancelled()), (Some(StopReason::Lost(LossReason::NotRenewed)), true));
    let lost = term.check().unwrap_err();
    assert_eq!(
        lost.to_string(),
        "the term of lease `default/ledger` with fencing token 7 is over, the lease could not be renewed in time: leave \
         the work to the next leader"
    );
}

#[test]
fn the_first_reason_stays() {
    let (term_state, _alive) = granted(HandClock::new(), 100);
    let term = Term::new(term_state.clone());
    term_state.cancel(StopReason::Lost(LossReason::TakenBy("other".to_owned())));
    term_state.cancel(StopReason::Shutdown);
    term_state.expire();
    assert_eq!(term.stop_reason(), Some(StopReason::Lost(LossReason::TakenBy("other".to_owned()))));
    assert_eq!(term.check().unwrap_err().reason, StopReason::Lost(LossReason::TakenBy("other".to_owned())));
    assert!(term.cancelled().now_or_never().is_some());
}

#[test]
fn a_term_that_is_taken_away_gives_a_running_poll_as_long_as_one_that_runs_out() {
    let clock = HandClock::new();
    let (term_state, _alive) = granted(clock.clone(), 100);
    clock.set(40);
    term_state.expire();
    assert_eq!(term_state.deadlines().hard_stop.as_nanos(), 50);

    let (term_state, _alive) = granted(clock.clone(), 100);
    clock.set(105);
    term_state.expire();
    assert_eq!(term_state.deadlines().hard_stop.as_nanos(), 110, "a late expiry does not move the hard stop");
}

#[test]
fn tokens_come_only_from_tokens() {
    let (term_state, alive) = granted(HandClock::new(), 100);
    let second = alive.another();
    drop(alive);
    assert!(term_state.drained().now_or_never().is_none());
    let third = term_state.alive().expect("one is left");
    drop(second);
    assert!(term_state.drained().now_or_never().is_none());
    drop(third);
    assert!(term_state.drained().now_or_never().is_some());
    assert!(term_state.alive().is_none());
}

/// Threads take tokens of the term and give them back, until the term is drained. After that, no thread gets a token.
#[test]
fn drained_is_final_whoever_comes_at_the_same_time() {
    for _ in 0..500 {
        let (term_state, alive) = granted(HandClock::new(), 100);
        let drained = AtomicBool::new(false);
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    loop {
                        let before = drained.load(Ordering::SeqCst);
                        match term_state.alive() {
                            Some(_) => assert!(!before, "a token after the end"),
                            None => break,
                        }
                    }
                });
            }
            drop(alive);
            while term_state.drained().now_or_never().is_none() {
                std::hint::spin_loop();
            }
            drained.store(true, Ordering::SeqCst);
        });
    }
}

#[tokio::test]
async fn a_child_ends_with_the_term_and_the_term_waits_for_it() {
    let (term, control) = Term::for_test();
    let (gone, is_gone) = mpsc::channel::<()>();
    let child = term.spawn(async move {
        let _gone = gone;
        pending::<()>().await;
    });
    let done = term.spawn(async { 7 });
    assert_eq!(bounded(done).await, Ok(7));

    assert!(control.drained().now_or_never().is_none());
    control.expire();
    bounded(control.drained()).await;
    assert_eq!(is_gone.try_recv(), Err(mpsc::TryRecvError::Disconnected));
    assert_eq!(bounded(child).await, Err(Ended::Dropped));
    assert_eq!(bounded(term.spawn(async { 7 })).await, Err(Ended::Dropped), "nothing starts on a drained term");
}

/// As after a release: the lease is given up long before the deadline of the last renewal.
#[tokio::test]
async fn nothing_starts_on_a_term_that_is_drained_before_its_deadline() {
    let (term, control) = Term::for_test();
    bounded(control.drained()).await;
    assert!(term.check().is_ok(), "the deadline has not come");
    assert_eq!(bounded(term.spawn(async { 7 })).await, Err(Ended::Dropped));
    assert_eq!(bounded(term.blocking(|_| 7)).await, Err(Ended::Dropped));
}

/// A thread that has read the clock and the deadline before the end, and enters after it.
#[test]
fn an_expired_term_shuts_the_gates_that_are_open_and_those_that_are_opened_later() {
    let (term_state, _alive) = granted(HandClock::new(), 100);
    let scope = Term::new(term_state.clone()).scope().clone();
    let early = term_state.open_gate(&scope, GateUse::Future);
    term_state.expire();
    let late = term_state.open_gate(&scope, GateUse::Future);
    for gate in [early, late] {
        assert!(!gate.enter(Moment::from_nanos(50)));
    }
}

#[derive(Debug, Default)]
struct Nudges(std::sync::atomic::AtomicUsize);

impl TermWatcher for Nudges {
    fn forget(&self, _: usize) {}

    fn nudge(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The hard stop of a term that is taken away comes earlier than the watchdog has planned to look.
#[test]
fn the_watchdog_is_told_that_a_term_is_taken_away() {
    let (term_state, _alive) = granted(HandClock::new(), 100);
    let nudges = Arc::new(Nudges::default());
    term_state.is_watched_by(nudges.clone(), 0);
    term_state.expire();
    assert_eq!(nudges.0.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_child_that_panics_says_so() {
    let (term, control) = Term::for_test();
    let child = term.spawn(async { panic!("in the child") });
    assert_eq!(bounded(child).await, Err::<(), _>(Ended::Panicked("in the child".to_owned())));
    bounded(control.drained()).await;
}

#[tokio::test]
async fn the_term_waits_for_a_blocking_closure_which_can_ask() {
    let (term, control) = Term::for_test();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (proceed, may_proceed) = mpsc::channel::<()>();
    let closure = term.blocking(move |check| {
        assert!(check.check().is_ok());
        begun.send(()).unwrap();
        may_proceed.recv().unwrap();
        check.check().map_err(|lost| lost.reason)
    });
    bounded(has_begun).await.unwrap();
    control.cancel(StopReason::Lost(LossReason::Deleted));
    control.expire();
    assert!(control.drained().now_or_never().is_none(), "the closure has not returned");
    proceed.send(()).unwrap();
    assert_eq!(bounded(closure).await, Ok(Err(StopReason::Lost(LossReason::Deleted))));
    bounded(control.drained()).await;
}

#[tokio::test]
async fn a_closure_that_has_not_begun_when_the_term_ends_is_not_called() {
    let (term, control) = Term::for_test();
    control.expire();
    let called = Arc::new(AtomicBool::new(false));
    let closure = term.blocking({
        let called = called.clone();
        move |_| called.store(true, Ordering::SeqCst)
    });
    assert_eq!(bounded(closure).await, Err(Ended::Dropped));
    assert!(!called.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_closure_that_panics_gives_the_term_back() {
    let (term, control) = Term::for_test();
    let closure = term.blocking(|_| panic!("in the closure"));
    assert_eq!(bounded(closure).await, Err::<(), _>(Ended::Panicked("in the closure".to_owned())));
    bounded(control.drained()).await;
}

#[test]
fn without_a_runtime_a_child_is_an_error_and_no_panic() {
    let (term, _control) = Term::for_test();
    let child = term.spawn(async {});
    assert_eq!(child.now_or_never(), Some(Err(Ended::NoRuntime)));
}
