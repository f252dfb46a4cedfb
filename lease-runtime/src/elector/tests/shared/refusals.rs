//! Namespaces whose leases cannot be watched together.

use super::*;
use crate::elector::tests::log::Lines;
use crate::embedded::Fault;

#[tokio::test(start_paused = true)]
async fn without_permission_for_a_shared_watch_each_lease_is_watched_by_name() {
    let lines = Lines::default();
    let _guard = lines.capture();
    let world = World::new();
    let denial =
        world.api.inject(RequestMatcher::verb(Verb::Watch).and(|call| call.name.is_none()), Fault::status(403));
    let (mut a, mut b, led) = world.leader_and_follower(6, 6).await;
    secs(1800).await;
    let tries = world.count("b", |entry| entry.call.verb == Verb::Watch && entry.call.name.is_none());
    assert_eq!(tries, 1, "asked again within half an hour");
    assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (6, 0));
    assert_eq!(world.of("b", Verb::Get), 6, "polled");
    assert_eq!(lines.matching(&["INFO", "cannot be watched together"]), 2, "once for each candidate: {lines:?}");
    assert_eq!(lines.count("WARN") + lines.count("ERROR"), 0, "{lines:?}");
    let (led, took) = handover(&world, &mut a, &mut b, led).await;
    assert!(took <= Duration::from_millis(10), "{took:?}");
    a.elections.iter().for_each(ElectionHandle::contend);

    denial.remove();
    secs(4_600).await;
    for caller in ["a", "b"] {
        assert_eq!((world.watches_of(caller), world.shared_watches_of(caller)), (1, 1), "{caller}");
    }
    assert_eq!(lines.matching(&["INFO", "are watched together"]), 2, "{lines:?}");
    let looks = world.of("a", Verb::Get);
    let (_led, took) = handover(&world, &mut b, &mut a, led).await;
    assert!(took <= Duration::from_millis(10), "{took:?}");
    assert_eq!(world.of("a", Verb::Get), looks, "found out by polling");
}

/// While watches by name are in use, another problem is no reason to try the shared watch often either.
#[tokio::test(start_paused = true)]
async fn a_refused_shared_watch_is_tried_rarely() {
    let world = World::new();
    world.api.inject(when_shared("a"), Fault::status(500));
    world.api.inject(when_shared("a").times(1), Fault::status(403));
    let mut a = world.crowd("a", 5);
    let _led = a.terms().await;
    secs(9_400).await;
    let tries = world.count("a", |entry| is_shared("a")(&entry.call));
    assert!((3..=4).contains(&tries), "{tries} tries in two hours and a half");
    assert_eq!(world.watches_of("a"), 5);
}

/// If the watch that follows is refused, no event is lost and no additional read is made.
#[tokio::test(start_paused = true)]
async fn a_permission_that_is_withdrawn_leads_to_watches_by_name() {
    let world = World::new();
    let (mut a, mut b, led) = world.leader_and_follower(6, 6).await;
    secs(100).await;
    world.api.inject(when_shared("b"), Fault::status(403));
    world.api.close_watches(is_shared("b"));
    let (_led, took) = handover(&world, &mut a, &mut b, led).await;
    assert!(took <= Duration::from_millis(600), "{took:?}");
    assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (6, 0));
    assert_eq!(world.of("b", Verb::Get), 6, "polled");
}

/// The watch is refused or not understood again and again: other leases may be the reason, or a proxy.
#[tokio::test(start_paused = true)]
async fn a_shared_watch_that_never_works_leads_to_watches_by_name() {
    for fault in [
        Fault::status(400),
        Fault::status(410),
        Fault::html(404),
        Fault::body(200, "application/json", "garbage\n"),
        Fault::body(200, "application/json", "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"x\"}}}\n"),
    ] {
        let world = World::new();
        world.api.inject(when_shared("b"), fault.clone());
        let (mut a, mut b, led) = world.leader_and_follower(10, 10).await;
        secs(30).await;
        assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (10, 0), "{fault:?}");
        assert_eq!(world.count("b", |entry| is_shared("b")(&entry.call)), 3, "{fault:?}");
        back_and_forth(&world, &mut a, &mut b, led).await;
    }
}

/// The content of other programs' Leases does no harm, unless not even their metadata can be read.
#[tokio::test(start_paused = true)]
async fn an_unreadable_lease_of_others_does_not_stop_the_watch() {
    let lines = Lines::default();
    let _guard = lines.capture();
    let world = World::new();
    world.api.put_lease(NAMESPACE, "theirs", &serde_json::json!({ "spec": {} }));
    let (mut a, mut b, mut led) = world.leader_and_follower(6, 6).await;
    secs(100).await;
    world.api.edit_lease(NAMESPACE, "theirs", |lease| lease["spec"]["leaseTransitions"] = "many".into());
    secs(100).await;
    assert_eq!((world.of("b", Verb::Watch), world.shared_watches_of("b")), (1, 1));

    world.api.edit_lease(NAMESPACE, "theirs", |lease| lease["metadata"]["creationTimestamp"] = "yesterday".into());
    secs(10).await;
    assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (6, 0));
    assert_eq!(lines.matching(&["INFO", "cannot be watched together"]), 2, "{lines:?}");
    let (back, took) = handover(&world, &mut a, &mut b, led).await;
    assert!(took <= Duration::from_millis(10), "{took:?}");
    led = back;

    a.elections.iter().for_each(ElectionHandle::contend);
    world.api.delete_lease(NAMESPACE, "theirs");
    secs(4_600).await;
    assert_eq!((world.watches_of("a"), world.shared_watches_of("a")), (1, 1));
    back_and_forth(&world, &mut b, &mut a, led).await;
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_lease_of_ours_is_a_problem_of_its_own_election_only() {
    let world = World::new();
    let (mut a, mut b, mut led) = world.leader_and_follower(20, 20).await;
    secs(100).await;
    world.api.edit_lease(NAMESPACE, &shard(7), |lease| lease["spec"]["leaseTransitions"] = "many".into());
    secs(100).await;
    assert_eq!(world.shared_watches_of("b"), 1);
    let problem = b.elections[7].status.borrow().problem.clone();
    assert!(matches!(problem.as_deref(), Some(ElectorError::Unreadable { .. })), "{problem:?}");
    assert!(b.elections.iter().enumerate().all(|(n, c)| n == 7 || c.status.borrow().problem.is_none()));
    // The Lease becomes readable again.
    drop(led.remove(7));
    world.api.edit_lease(NAMESPACE, &shard(7), |lease| lease["spec"] = serde_json::json!({}));
    let again = tokio::select! {
        (term, alive) = async { a.elections[7].terms.recv().await.unwrap() } => (term, alive, true),
        (term, alive) = async { b.elections[7].terms.recv().await.unwrap() } => (term, alive, false),
    };
    // If a watch by name were still in use, its pause would be over by then.
    secs(60).await;
    for caller in ["a", "b"] {
        assert_eq!((world.watches_of(caller), world.shared_watches_of(caller)), (1, 1), "{caller}");
    }
    let (first, other) = if again.2 { (&a, &mut b) } else { (&b, &mut a) };
    first.elections[7].withdraw(StopReason::Shutdown);
    drop(again);
    let before = world.clock.now();
    let _led = other.term(7).await;
    assert!(world.clock.now().since(before) <= Duration::from_millis(10));
    assert!(led.iter().all(Led::goes_on));
}
