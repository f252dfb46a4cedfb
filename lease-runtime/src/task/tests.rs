use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::entry::Entry;
use super::*;
use crate::error::Error;
use crate::lease::LeaseId;
use crate::spec::{Deployment, LeaseSpec, Overrides};
use crate::term::Term;
use lease_protocol::election::Timing;

const SPEC: LeaseSpec = LeaseSpec::new("ledger").namespace("books");

fn task() -> LeaderTask<()> {
    LeaderTask::new("t", SPEC, |_| async {})
}

fn deployment() -> Deployment {
    Deployment::new("default", Overrides::default())
}

fn resolved(task: LeaderTask<()>) -> Result<(LeaseId, Timing), Error> {
    task.resolve(&deployment())
}

#[test]
fn what_is_set_at_run_time_wins_over_the_constant() {
    assert_eq!(resolved(task()).unwrap().0.to_string(), "books/ledger");
    let (lease, timing) = resolved(
        task()
            .lease(format!("ledger-{}", 7))
            .namespace("vault")
            .lease_duration(Duration::from_secs(60))
            .retry_period(Duration::from_secs(3)),
    )
    .unwrap();
    assert_eq!(lease.to_string(), "vault/ledger-7");
    assert_eq!(timing.lease_duration, Duration::from_secs(60));
    assert_eq!(timing.renew_deadline, Duration::from_secs(40), "follows the lease duration");
    assert_eq!(timing.retry_period, Duration::from_secs(3));

    let own = LeaderTask::new("t", LeaseSpec::new("ledger"), |_| async {});
    assert_eq!(resolved(own).unwrap().0.to_string(), "default/ledger");
}

#[test]
fn what_is_not_valid_at_run_time_is_an_error_that_names_the_task() {
    for (task, hint) in [
        (task().lease("Ledger"), "task `t` cannot run: a lease's name must consist of"),
        (task().lease(""), "a lease must have a name"),
        (task().namespace("a.b"), "a namespace must consist of"),
        (task().lease_duration(Duration::from_millis(1500)), "whole seconds"),
        (task().renew_deadline(Duration::from_secs(15)), "renew_deadline must be less than lease_duration / 1.25"),
        (task().name(""), "must not be empty"),
        (task().name("a b"), "must consist of ASCII letters"),
        (task().name("-a"), "must start and end with"),
        (task().name("a".repeat(64)), "at most 63"),
    ] {
        let error = resolved(task).unwrap_err().to_string();
        assert!(error.contains(hint), "{error}");
    }
}

#[tokio::test]
async fn the_handle_gives_the_error_of_a_task_that_is_not_valid() {
    let (entry, handle) = Entry::new(task().lease("Ledger"), &deployment(), CancellationToken::new());
    assert!(entry.is_err());
    assert!(matches!(handle.await, Err(Error::Spec { task, .. }) if task == "t"));
}

#[tokio::test]
async fn a_handle_that_is_awaited_again_does_not_panic() {
    let (entry, mut handle) = Entry::new(task(), &deployment(), CancellationToken::new());
    assert!(!handle.is_finished());
    drop(entry);
    assert!(handle.is_finished());
    assert!(matches!((&mut handle).await, Err(Error::CandidateGone { .. })));
    assert!(matches!(handle.await, Err(Error::CandidateGone { .. })));
}

#[test]
fn outputs_say_what_went_wrong() {
    assert_eq!(().failure(), None);
    assert_eq!(Ok::<_, String>(1).failure(), None);
    assert_eq!(Err::<(), _>("why").failure().as_deref(), Some("\"why\""));
}

/// The code that `#[leader_only]` generates for a function that never returns.
#[allow(clippy::redundant_async_block, reason = "it turns `!` into `Infallible`")]
#[tokio::test]
async fn a_body_that_never_returns_is_a_task() {
    async fn forever(_: Term) -> ! {
        loop {
            pending::<()>().await;
        }
    }
    let mut task: LeaderTask<Infallible> = LeaderTask::new("forever", SPEC, move |term| {
        let body = forever(term);
        async move { body.await }
    });
    let (term, control) = Term::for_test();
    let body = term.guard(task.run_body(term.clone()));
    control.expire();
    assert_eq!(body.await.unwrap_err(), crate::Ended::Dropped);
}

#[tokio::test]
async fn a_body_runs_in_a_test_with_no_election() {
    let mut task = LeaderTask::new("t", SPEC, |term: Term| async move {
        term.cancelled().await;
        Ok::<_, String>(term.stop_reason())
    });
    let (term, control) = Term::for_test();
    control.cancel(crate::StopReason::Lost(lease_protocol::election::LossReason::Deleted));
    assert_eq!(
        task.run_body(term).await,
        Ok(Some(crate::StopReason::Lost(lease_protocol::election::LossReason::Deleted)))
    );
}
