use std::error::Error as _;
use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;

use super::*;
use crate::term::testing::{HandClock, granted, is_drained};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the object was refused")]
struct Refused(#[source] fmt::Error);

const REFUSED: Refused = Refused(fmt::Error);

/// What `Controller::run` and `Controller::graceful_shutdown_on` of kube-runtime ask for.
fn fits_a_controller<K, C, R>(_: &impl Fn(Arc<K>, Arc<C>) -> R, _: impl Future<Output = ()> + Send + Sync + 'static)
where
    R: futures_util::TryFuture<Ok = u32> + Send + 'static,
    R::Error: std::error::Error + Send + 'static,
{
}

#[tokio::test]
async fn a_reconcile_returns_what_the_function_returns() {
    let (term, _control) = Term::for_test();
    let reconcile =
        |object: Arc<u32>, context: Arc<u32>| async move { if object > context { Ok(*object) } else { Err(REFUSED) } };
    let guarded = term.reconciler(reconcile);
    fits_a_controller(&guarded, term.cancelled_owned());
    assert_eq!(guarded(Arc::new(3), Arc::new(2)).await, Ok(3));
    let error = guarded(Arc::new(1), Arc::new(2)).await.unwrap_err();
    assert_eq!(error, ReconcileError::Failed(REFUSED));
    assert_eq!(error.to_string(), "the object was refused");
    assert_eq!(error.source().expect("the source of the function's error").to_string(), fmt::Error.to_string());
}

#[tokio::test]
async fn a_reconcile_that_panics_fails_alone() {
    let (term, control) = Term::for_test();
    // Also while the function is being called, before there is a future.
    let guarded = term.reconciler(|object: u32, _: ()| {
        assert!(object > 1, "in the call");
        async move { if object > 2 { Ok::<_, Refused>(object) } else { panic!("in the future") } }
    });
    let why = |message: &str| ReconcileError::Ended(Ended::Panicked(message.to_owned()));
    assert_eq!(guarded(1, ()).await, Err(why("in the call")));
    assert_eq!(guarded(2, ()).await, Err(why("in the future")));
    assert_eq!(guarded(3, ()).await, Ok(3));
    control.drained().await;
}

/// The clock alone decides, as for a body.
#[test]
fn no_reconcile_is_polled_past_the_deadline_and_none_outlives_the_term() {
    let clock = HandClock::new();
    let (term_state, alive) = granted(clock.clone(), 100);
    let polls = Arc::new(AtomicUsize::new(0));
    let guarded = Term::new(term_state.clone()).reconciler({
        let polls = polls.clone();
        move |(): (), (): ()| {
            let polls = polls.clone();
            poll_fn(move |_| {
                polls.fetch_add(1, Ordering::SeqCst);
                Poll::<Result<(), Refused>>::Pending
            })
        }
    });
    let (mut parked, unpolled) = (guarded((), ()), guarded((), ()));
    clock.set(99);
    assert!((&mut parked).now_or_never().is_none());
    assert_eq!(polls.load(Ordering::SeqCst), 1);

    // The body is gone, and the lease may not be released yet.
    drop(alive);
    assert!(!is_drained(&term_state));
    clock.set(100);
    let dropped = || Some(Err(ReconcileError::Ended(Ended::Dropped)));
    assert_eq!(parked.now_or_never(), dropped());
    assert!(!is_drained(&term_state), "another one exists");
    assert_eq!(unpolled.now_or_never(), dropped());
    assert!(is_drained(&term_state));

    // The closure has outlived the term. The clock of the term may be anything by now.
    clock.set(0);
    assert_eq!(guarded((), ()).now_or_never(), dropped());
    assert_eq!(polls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_call_knows_the_body_that_it_belongs_to() {
    let (term, _control) = Term::for_test();
    let here =
        term.reconciler(|(): (), (): ()| async { Ok::<_, Refused>(PolledBody::here().map(|body| body.task.clone())) });
    assert_eq!(tokio::spawn(here((), ())).await.unwrap().unwrap().as_deref(), Some("test"));
}

#[tokio::test]
async fn a_shutdown_signal_of_its_own_resolves_when_the_term_is_cancelled() {
    let (term, control) = Term::for_test();
    let (early, mut late) = (tokio::spawn(term.cancelled_owned()), Box::pin(term.cancelled_owned()));
    assert!((&mut late).now_or_never().is_none());
    // It belongs to the run and not to this handle.
    drop(term);
    control.cancel(lease_protocol::election::StopReason::Shutdown);
    early.await.unwrap();
    late.await;
    let (term, _control) = Term::for_test();
    assert!(term.cancelled_owned().now_or_never().is_none());
    let never = term.reconciler(|(): (), (): ()| pending::<Result<(), Refused>>());
    assert!(never((), ()).now_or_never().is_none());
}
