use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::task::noop_waker;

use super::*;
use crate::clock::{Moment, TokioClock, WallTime};
use crate::term::RunScope;
use crate::term::testing::{HandClock, bounded, granted, is_drained};
use lease_protocol::election::StopReason;

/// Counts its polls and never ends.
fn counting(polls: &Arc<AtomicUsize>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let polls = polls.clone();
    Box::pin(poll_fn(move |_| {
        polls.fetch_add(1, Ordering::SeqCst);
        Poll::Pending
    }))
}

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn poll<F: Future + ?Sized>(guarded: &mut Guarded<F>) -> Poll<Result<F::Output, Ended>> {
    Pin::new(guarded).poll(&mut Context::from_waker(&noop_waker()))
}

#[test]
fn nothing_is_polled_at_or_past_the_deadline() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(clock.clone(), 100);
    let polls = Arc::new(AtomicUsize::new(0));
    let mut body = Guarded::body(Term::new(term_state.clone()), counting(&polls), alive);

    clock.set(99);
    assert!(poll(&mut body).is_pending());
    assert_eq!(polls.load(Ordering::SeqCst), 1);

    // `expire` was not called: the clock alone decides.
    clock.set(100);
    assert_eq!(poll(&mut body), Poll::Ready(Err(Ended::Dropped)));
    assert_eq!(polls.load(Ordering::SeqCst), 1);
    assert!(is_drained(&term_state), "the future is gone, although the guard exists");
}

#[test]
fn a_renewal_moves_the_deadline_and_an_expired_term_stays_expired() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(clock.clone(), 100);
    let polls = Arc::new(AtomicUsize::new(0));
    let mut body = Guarded::body(Term::new(term_state.clone()), counting(&polls), alive);

    term_state.extend(HandClock::deadlines(200));
    clock.set(150);
    assert!(poll(&mut body).is_pending());

    term_state.expire();
    term_state.extend(HandClock::deadlines(300));
    assert_eq!(term_state.deadlines().drop_at, Moment::ZERO);
    assert_eq!(poll(&mut body), Poll::Ready(Err(Ended::Dropped)));
}

#[test]
fn grace_counts_from_the_cancellation_and_not_past_the_deadline() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(clock.clone(), 100);
    let scope = |grace| {
        let stop_signal = term_state.stop_signal().clone();
        Arc::new(RunScope::new("t".into(), Duration::from_nanos(grace), Default::default(), None, stop_signal))
    };
    let short = Term::new(term_state.clone()).scoped(scope(20));
    let long = Term::new(term_state.clone()).scoped(scope(80));
    let polls = Arc::new(AtomicUsize::new(0));
    let mut early = Guarded::body(short.clone(), counting(&polls), alive.another());
    let mut late = Guarded::body(long.clone(), counting(&polls), alive);

    clock.set(50);
    term_state.cancel(StopReason::Shutdown);
    assert_eq!((short.remaining(), long.remaining()), (Duration::from_nanos(20), Duration::from_nanos(50)));
    clock.set(69);
    assert!(poll(&mut early).is_pending());
    assert!(short.check().is_ok(), "the grace is for finishing");
    clock.set(70);
    assert!(short.check().is_err());
    assert_eq!(poll(&mut early), Poll::Ready(Err(Ended::Dropped)));

    // The lease is still renewed while bodies drain.
    term_state.extend(HandClock::deadlines(200));
    assert_eq!(long.remaining(), Duration::from_nanos(60));
    clock.set(129);
    assert!(poll(&mut late).is_pending());
    clock.set(130);
    assert_eq!(poll(&mut late), Poll::Ready(Err(Ended::Dropped)));
}

#[test]
fn a_poll_that_was_about_to_begin_when_the_gates_were_shut_does_not() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(clock.clone(), 100);
    let polls = Arc::new(AtomicUsize::new(0));
    let mut body = Guarded::body(Term::new(term_state.clone()), counting(&polls), alive);
    // As if this thread had read the clock and the deadline before the gates were shut.
    assert!(term_state.shut_gates().is_empty());
    assert_eq!(poll(&mut body), Poll::Ready(Err(Ended::Dropped)));
    assert_eq!(polls.load(Ordering::SeqCst), 0);
}

#[test]
fn a_term_is_drained_after_its_future_is_dropped_and_not_before() {
    let (term_state, alive) = granted(HandClock::new(), 100);
    let inside = Arc::new(AtomicBool::new(false));
    let guard = OnDrop({
        let (term_state, inside) = (term_state.clone(), inside.clone());
        move || {
            assert!(!is_drained(&term_state));
            assert!(term_state.shut_gates()[0].1.dropping, "a drop that hangs is seen");
            inside.store(true, Ordering::SeqCst);
        }
    });
    let body = async move {
        let _guard = guard;
        pending::<()>().await;
    };
    let mut body = Guarded::body(Term::new(term_state.clone()), Box::pin(body), alive);
    assert!(poll(&mut body).is_pending());
    drop(body);
    assert!(inside.load(Ordering::SeqCst));
    assert!(is_drained(&term_state));
    assert!(term_state.alive().is_none(), "drained is final");
}

#[test]
fn panics_of_the_body_and_of_its_drop_do_not_keep_the_term() {
    let (term_state, alive) = granted(HandClock::new(), 100);
    // The guard drops the future after it caught the panic, so that this is not a panic while unwinding, which aborts.
    let guard = OnDrop(|| panic!("on the way out"));
    let body = poll_fn(move |_| -> Poll<()> {
        let _ = &guard;
        panic!("half way")
    });
    let mut body = Guarded::body(Term::new(term_state.clone()), Box::pin(body), alive.another());
    assert_eq!(poll(&mut body), Poll::Ready(Err(Ended::Panicked("half way".to_owned()))));

    let idle = async {
        let _guard = OnDrop(|| panic!("while being dropped"));
        pending::<()>().await;
    };
    let mut idle = Guarded::body(Term::new(term_state.clone()), Box::pin(idle), alive);
    assert!(poll(&mut idle).is_pending());
    term_state.expire();
    assert_eq!(poll(&mut idle), Poll::Ready(Err(Ended::Dropped)));
    assert!(is_drained(&term_state));
}

#[test]
fn a_panic_whose_payload_panics_is_survived() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("again");
        }
    }
    let (term_state, alive) = granted(HandClock::new(), 100);
    let body = async { std::panic::panic_any(Bomb) };
    let mut body = Guarded::<dyn Future<Output = ()>>::body(Term::new(term_state.clone()), Box::pin(body), alive);
    assert!(matches!(poll(&mut body), Poll::Ready(Err(Ended::Panicked(_)))));
    assert!(is_drained(&term_state));
}

#[tokio::test]
async fn an_idle_body_is_dropped_when_the_term_expires() {
    let (term_state, alive) = granted(HandClock::new(), 100);
    let body = tokio::spawn(Guarded::body(Term::new(term_state.clone()), Box::pin(pending::<()>()), alive));
    tokio::task::yield_now().await;
    term_state.expire();
    assert_eq!(bounded(body).await.unwrap(), Err(Ended::Dropped));
    bounded(term_state.drained()).await;
}

#[test]
fn a_runtime_that_is_dropped_drains_the_term() {
    let (term_state, alive) = granted(HandClock::new(), 100);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let dropped = Arc::new(AtomicBool::new(false));
    let guard = OnDrop({
        let dropped = dropped.clone();
        move || dropped.store(true, Ordering::SeqCst)
    });
    let term = Term::new(term_state.clone());
    runtime.spawn(Guarded::body(
        term,
        Box::pin(async move {
            let _guard = guard;
            pending::<()>().await;
        }),
        alive,
    ));
    assert!(!is_drained(&term_state));
    drop(runtime);
    assert!(dropped.load(Ordering::SeqCst));
    assert!(is_drained(&term_state));
}

/// Bodies are polled as fast as possible, and the term ends at any point. Once nothing is inside, nothing ever enters again.
#[test]
fn no_poll_runs_after_the_gates_were_found_empty() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    for round in 0..300 {
        let (term_state, alive) = granted(HandClock::new(), 100);
        let over = Arc::new(AtomicBool::new(false));
        let violated = Arc::new(AtomicBool::new(false));
        let body = poll_fn({
            let (over, violated) = (over.clone(), violated.clone());
            move |cx| {
                violated.fetch_or(over.load(Ordering::SeqCst), Ordering::SeqCst);
                std::hint::spin_loop();
                violated.fetch_or(over.load(Ordering::SeqCst), Ordering::SeqCst);
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            }
        });
        let body = runtime.spawn(Guarded::body(Term::new(term_state.clone()), Box::pin(body), alive));
        for _ in 0..round * 10 {
            std::hint::spin_loop();
        }
        term_state.expire();
        while !term_state.shut_gates().is_empty() {
            std::hint::spin_loop();
        }
        over.store(true, Ordering::SeqCst);
        assert_eq!(runtime.block_on(bounded(body)).unwrap(), Err(Ended::Dropped));
        assert!(!violated.load(Ordering::SeqCst));
    }
}

/// The term ends while the body is polled for the first time, or just before or after that.
#[test]
fn no_wake_up_is_lost() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        for round in 0..2_000 {
            let (term_state, alive) = granted(HandClock::new(), 100);
            let body = tokio::spawn(Guarded::body(Term::new(term_state.clone()), Box::pin(pending::<()>()), alive));
            for _ in 0..round % 200 {
                std::hint::spin_loop();
            }
            term_state.expire();
            assert_eq!(bounded(body).await.unwrap(), Err(Ended::Dropped));
        }
    });
}

#[tokio::test(start_paused = true)]
async fn virtual_time_decides_too() {
    let clock = Arc::new(TokioClock::starting_at(WallTime(0)));
    let (term, control) = Term::for_test_on(clock);
    control.expire_in(Duration::from_secs(5));
    let worked = Arc::new(AtomicUsize::new(0));
    let ended = term
        .guard({
            let worked = worked.clone();
            async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    worked.fetch_add(1, Ordering::SeqCst);
                }
            }
        })
        .await;
    assert_eq!(ended, Err::<(), _>(Ended::Dropped));
    assert_eq!(worked.load(Ordering::SeqCst), 4, "the fifth second is after the end of the term");
}

/// A log may block, so nothing may be inside the gate when it is called.
#[cfg(feature = "embedded")]
#[test]
fn a_panic_of_a_drop_is_logged_after_the_gate_was_left() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    let (term_state, alive) = granted(HandClock::new(), 1000);
    let panics = Panics;
    let body = async move {
        let _panics = panics;
        pending::<()>().await;
    };
    let body = Guarded::body(Term::new(term_state.clone()), Box::pin(body), alive);
    let heard = std::rc::Rc::new(std::cell::Cell::new(0));
    let _capture = crate::elector::tests::log::Lines::default().capture_and({
        let (heard, term_state) = (heard.clone(), term_state.clone());
        move |line| {
            assert!(line.contains("panicked while being dropped") && term_state.shut_gates().is_empty(), "{line}");
            assert!(term_state.alive().is_some(), "the lease may be released before the panic was logged");
            heard.set(heard.get() + 1);
        }
    });
    drop(body);
    assert_eq!(heard.get(), 1);
}
