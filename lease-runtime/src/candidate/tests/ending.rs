//! Shutdown in order: cancel, drain while renewing, release, return.

use tokio::sync::oneshot;

use super::*;
use crate::elector::tests::log::Lines;
use crate::embedded::{Fault, RequestMatcher, Verb};

#[tokio::test(start_paused = true)]
async fn bodies_end_before_their_lease_is_released_and_that_before_the_return() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let handle = candidate.add(world.obedient("one", LEDGER));
    candidate.add(world.stubborn("two", LEDGER).grace(Duration::from_secs(30)));
    candidate.add(world.obedient("three", SHARD));
    let before = world.clock.now();
    within(120, candidate.run_until(seconds(5))).await.unwrap();

    let took = world.clock.now().since(before);
    // Later than the deadline of the lease at the signal, so it was renewed meanwhile.
    assert!((35.0..35.5).contains(&took.as_secs_f64()), "{took:?}");
    let mut lines = world.story.lines();
    lines[..3].sort();
    lines[3..5].sort();
    let ends = ["one ended, lease held", "three ended, lease held", "two dropped, lease held"];
    assert_eq!(lines[..3], ["one began", "three began", "two began"]);
    assert_eq!(lines[3..], ends);
    assert_eq!((world.holder("ledger").as_deref(), world.holder("shard").as_deref()), (Some(""), Some("")));
    let status = candidate.status("ledger").unwrap();
    assert_eq!(
        (status.borrow().standing, status.borrow().holder.clone()),
        (Standing::Out, None),
        "the last status is stale"
    );
    handle.await.unwrap();
    assert!(matches!(candidate.add(world.obedient("late", LEDGER)).await, Err(Error::Stopped { .. })));
    assert!(matches!(candidate.run().await, Err(Error::AlreadyRun)));
}

#[tokio::test(start_paused = true)]
async fn the_next_candidate_goes_on_at_once() {
    let world = World::new();
    let (a, b) = (world.candidate("a").await, world.candidate("b").await);
    a.add(world.obedient("in_a", LEDGER));
    let running = tokio::spawn(async move { a.run_until(seconds(5)).await });
    assert_eq!(world.story.grown_to(1).await, ["in_a began"]);
    b.add(world.obedient("in_b", LEDGER));
    let before = world.clock.now();
    let running_b = tokio::spawn(async move { b.run_until(seconds(20)).await });
    within(60, running).await.unwrap().unwrap();
    let lines = world.story.grown_to(3).await;
    assert_eq!(lines, ["in_a began", "in_a ended, lease held", "in_b began"]);
    assert!(world.clock.now().since(before) < Duration::from_secs(6), "released, not waited out");
    within(60, running_b).await.unwrap().unwrap();
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_drops_the_bodies_and_then_releases() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let handle = candidate.add(world.stubborn("one", LEDGER).grace(Duration::from_secs(3600)));
    {
        let mut run = std::pin::pin!(candidate.run_until(pending::<()>()));
        let began = async { world.story.grown_to(1).await };
        tokio::select! {
            biased;
            _ = &mut run => unreachable!("nothing ends it"),
            _ = began => {}
        }
    }
    let before = world.clock.now();
    assert!(matches!(within(60, handle).await, Err(Error::Stopped { .. })));
    until(|| world.holder("ledger").as_deref() == Some("")).await;
    assert_eq!(world.story.lines(), ["one began", "one dropped, lease held"]);
    assert!(world.clock.now().since(before) < Duration::from_secs(1), "with no grace");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_at_first_contact_ends_the_rest_in_order() {
    let world = World::new();
    world.api.inject(RequestMatcher::leases().name("shard"), Fault::status(403).message("no"));
    let candidate = world.candidate("a").await;
    let ledger = candidate.add(world.obedient("one", LEDGER));
    let shard = candidate.add(world.obedient("two", SHARD));
    let error = within(120, candidate.run_until(pending::<()>())).await.unwrap_err();
    assert!(matches!(&error, Error::Election { lease, .. } if &*lease.name == "shard"), "{error}");
    assert!(error.to_string().starts_with("cannot take part in the election of lease `default/shard`: "), "{error}");
    assert!(matches!(shard.await, Err(Error::Election { .. })));
    // It may or may not have begun by then. If it has, it has ended in order.
    let began = world.story.lines().len();
    assert_eq!(world.story.lines()[..], ["one began", "one ended, lease held"][..began]);
    assert_eq!(ledger.await.is_ok(), began > 0);
    assert!(matches!(world.holder("ledger").as_deref(), None | Some("")));
}

#[tokio::test(start_paused = true)]
async fn a_missing_namespace_is_an_error() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    let task = candidate.add(world.obedient("one", LEDGER).namespace("nowhere"));
    let error = within(120, candidate.run_until(pending::<()>())).await.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
    assert!(task.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_signal_that_cannot_be_waited_for_is_an_error_after_an_orderly_end() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    let signal = async {
        seconds(5).await;
        Err::<(), _>(std::io::Error::other("no signals here"))
    };
    let error = within(120, candidate.run_until(signal)).await.unwrap_err();
    assert!(matches!(error, Error::Signal(_)), "{error}");
    assert_eq!(world.story.lines(), ["one began", "one ended, lease held"]);
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_ends_the_body_which_begins_again_in_the_next_term() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.stubborn("one", LEDGER));
    let mut status = candidate.status("ledger").unwrap();
    assert_eq!(status.borrow().standing, Standing::Out);
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn({
        let candidate = candidate.clone();
        async move { candidate.run_until(async { stopped.await.unwrap_or_default() }).await }
    });
    let token = |standing| match standing {
        Standing::Leader(token) => Some(token),
        _ => None,
    };
    let first = within(60, status.wait_for(|now| token(now.standing).is_some())).await.unwrap().standing;
    world.story.grown_to(1).await;
    world.api.edit_lease("default", "ledger", |lease| lease["spec"]["holderIdentity"] = "somebody".into());
    let lines = world.story.grown_to(2).await;
    assert_eq!(lines[1], "one dropped, lease not held", "with no grace: another replica may run it");
    let lost = within(60, status.wait_for(|now| now.standing == Standing::Follower)).await.unwrap().clone();
    assert_eq!(
        lost.last_stop,
        Some(StopReason::Lost(lease_protocol::election::LossReason::TakenBy("somebody".to_owned())))
    );
    world.story.grown_to(3).await;
    let second = within(60, status.wait_for(|now| token(now.standing).is_some())).await.unwrap().standing;
    assert!(token(second) > token(first), "{first:?}, {second:?}");
    stop.send(()).unwrap();
    within(60, running).await.unwrap().unwrap();
    assert_eq!(status.borrow().standing, Standing::Out);
    assert!(candidate.health().is_alive());
}

#[tokio::test(start_paused = true)]
async fn an_api_that_is_gone_ends_the_bodies_before_the_hard_stop() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.stubborn("one", LEDGER).grace(Duration::from_secs(3600)));
    let running = tokio::spawn(async move { candidate.run_until(seconds(60)).await });
    world.story.grown_to(1).await;
    seconds(3).await;
    let fault = world.api.inject(RequestMatcher::any(), Fault::hang());
    let last_renewal = world.api.requests().count(|entry| entry.call.verb == Verb::Update);
    let before = world.clock.now();
    let lines = world.story.grown_to(2).await;
    assert_eq!(lines[1], "one dropped, lease held", "as far as the server knows");
    let took = world.clock.now().since(before).as_secs_f64();
    assert!(took < 12.0, "{took}, after {last_renewal} renewals");
    fault.remove();
    assert_eq!(world.story.grown_to(3).await[2], "one began");
    // The grace is an hour.
    running.abort();
}

/// A lease of an hour, so that no time limit of the election ends the wait.
const LONG: LeaseSpec = LEDGER.lease_duration(Duration::from_secs(3600)).renew_deadline(Duration::from_secs(2400));

#[tokio::test(start_paused = true)]
async fn an_end_without_an_answer_takes_the_release_timeout() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LONG));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    seconds(3).await;
    world.api.inject(RequestMatcher::any(), Fault::hang());
    let before = world.clock.now();
    running.end().await.unwrap();
    assert_eq!(world.story.lines()[1], "one ended, lease held");
    let took = world.clock.now().since(before);
    assert!(took <= Duration::from_secs(6), "{took:?}");
    assert_eq!(candidate.status("ledger").unwrap().borrow().standing, Standing::Out);
}

#[tokio::test(start_paused = true)]
async fn the_release_timeout_can_be_set_and_the_release_is_tried_after_it() {
    let world = World::new();
    let builder = Candidate::builder().identity("a").client(world.api.client("default")).clock(world.clock.clone());
    let candidate = builder.release_timeout(Duration::from_secs(60)).build().await.unwrap();
    candidate.add(world.obedient("one", LONG));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    let fault = world.api.inject(RequestMatcher::any(), Fault::hang());
    let before = world.clock.now();
    running.end().await.unwrap();
    let took = world.clock.now().since(before).as_secs();
    assert!((60..=61).contains(&took), "{took}");
    assert_eq!(world.holder("ledger").as_deref(), Some("a"));
    // The process continues, and so does its elector.
    fault.remove();
    seconds(1000).await;
    assert_eq!(world.holder("ledger").as_deref(), Some(""));
}

#[test]
fn a_runtime_that_is_dropped_releases_its_leases() {
    // The elections run on one runtime, the bodies on another.
    let elections = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let bodies = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let api = EmbeddedApi::new();
    let candidate = elections.block_on(async {
        let client = api.client("default");
        Candidate::builder().identity("a").client(client).build().await.unwrap()
    });
    let (began, has_begun) = std::sync::mpsc::channel();
    let task = LeaderTask::new("one", LEDGER, move |_| {
        let began = began.clone();
        async move {
            began.send(()).unwrap();
            pending::<()>().await;
        }
    });
    let handle = candidate.add(task);
    // Another handle on the candidate still exists, for example to read its health.
    let another_handle = candidate.clone();
    drop(bodies.spawn(async move { candidate.run_until(pending::<()>()).await }));
    has_begun.recv_timeout(Duration::from_secs(30)).unwrap();
    drop(bodies);
    elections.block_on(async {
        assert!(matches!(within(30, handle).await, Err(Error::CandidateGone { .. } | Error::Stopped { .. })));
        let released = || api.lease("default", "ledger").unwrap().spec.unwrap().holder_identity.as_deref() == Some("");
        until(released).await;
    });
    drop(another_handle);
}

/// A log may block forever. The bodies must still be asked to end.
#[tokio::test(start_paused = true)]
async fn bodies_are_asked_to_end_before_that_is_logged() {
    let world = World::new();
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    let (shutdown, lines) = (candidate.inner.shutdown.clone(), Lines::default());
    let _capture = lines.capture_and(move |line| {
        assert!(!line.contains("shutting down") || shutdown.is_cancelled(), "said first: {line}");
    });
    within(120, candidate.run_until(seconds(5))).await.unwrap();
    assert_eq!(lines.matching(&["shutting down: stopping tasks"]), 1, "{lines:?}");
}
