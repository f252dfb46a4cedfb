//! The watch, and how it ends.

use super::*;
use crate::embedded::Fault;

/// A leader, a follower that watches, and how long it takes until the follower sees a handover.
async fn handover(world: &World, a: &mut Replica, b: &mut Replica, led: Led) -> Duration {
    a.election.withdraw(StopReason::Shutdown);
    drop(led);
    let (led, took) = b.term_after().await;
    assert!(led.goes_on());
    assert_eq!(world.holder().as_deref(), Some("b"));
    took
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_is_opened_again_where_it_ended() {
    type End = fn(&EmbeddedApi);
    let ends: [(&str, End); 4] = [
        ("closed", |api| assert_eq!(api.close_watches(is_watch_of("b")), 1)),
        ("broken", |api| assert_eq!(api.break_watches(is_watch_of("b")), 1)),
        ("expired", |api| assert_eq!(api.expire_watches(is_watch_of("b")), 1)),
        ("compacted", |api| {
            assert_eq!(api.break_watches(is_watch_of("b")), 1);
            // The server forgets what comes after the point at which the watch broke.
            api.skip_revisions(10);
            api.compact();
        }),
    ];
    for (what, end) in ends {
        let world = World::new();
        let (mut a, mut b) = (world.replica("a"), world.replica("b"));
        let led = a.term().await;
        secs(200).await;
        let revision = world.api.revision();
        end(&world.api);
        // If the revision is too old, the second watch comes after a pause.
        let in_time = if what == "compacted" { 3_000 } else { 1_500 };
        millis(in_time).await;
        let watches = world.api.watches();
        let watch = watches.iter().find(|call| call.caller == "b").expect("no watch");
        let from = match what {
            "closed" | "broken" => format!("&resourceVersion={revision}"),
            _ => "&resourceVersion=".to_owned(),
        };
        assert!(watch.uri.ends_with(&from), "{what}: {} from {revision}", watch.uri);
        assert_eq!(world.api.watches().iter().filter(|call| call.caller == "b").count(), 1, "{what}");
        let looks = world.of("b", Verb::Get);
        assert!(looks <= 2, "{what}: {looks} looks");
        let took = handover(&world, &mut a, &mut b, led).await;
        assert!(took <= Duration::from_millis(10), "{what}: {took:?}");
    }
}

/// Nothing that happens between two watches is lost.
#[tokio::test(start_paused = true)]
async fn a_release_in_the_gap_between_two_watches_is_seen() {
    let world = World::new();
    let (mut a, mut b) = (world.replica("a"), world.replica("b"));
    let led = a.term().await;
    secs(200).await;
    world.api.close_watches(is_watch_of("b"));
    let took = handover(&world, &mut a, &mut b, led).await;
    assert!(took <= Duration::from_millis(300), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_every_watch_at_once_is_not_stormed() {
    for fault in [
        Fault::body(200, "application/json", ""),
        Fault::body(200, "application/json", "garbage\n"),
        Fault::body(200, "application/json", "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"reason\":\"Expired\"}}\n"),
        Fault::body(200, "application/json", "{\"type\":\"ERROR\",\"object\":{\"code\":500}}\n"),
        Fault::body(
            200,
            "application/json",
            "{\"type\":\"MODIFIED\",\"object\":{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\",\
             \"metadata\":{\"name\":\"ledger\",\"uid\":\"u\",\"resourceVersion\":\"x\"}}}\n",
        ),
        Fault::status(410),
        Fault::status(500),
        Fault::status(429).retry_after(1),
        Fault::drop_connection(),
    ] {
        let world = World::new();
        world.api.inject(RequestMatcher::verb(Verb::Watch).caller("b"), fault.clone());
        let mut a = world.replica("a");
        let led = a.term().await;
        let mut b = world.replica("b");
        secs(60).await;
        let first = world.of("b", Verb::Watch);
        assert!((3..=8).contains(&first), "{first} watches in the first minute of {fault:?}");
        secs(600).await;
        let more = world.of("b", Verb::Watch) - first;
        assert!((15..=30).contains(&more), "{more} watches in the ten minutes after it of {fault:?}");
        assert!(led.goes_on() && b.status().problem.is_none());
        // It polls meanwhile, also right after a watch that was accepted.
        let tries = world.of("b", Verb::Watch);
        until("the next try", || world.of("b", Verb::Watch) > tries).await;
        let took = handover(&world, &mut a, &mut b, led).await;
        assert!(took <= Duration::from_millis(2_500), "{took:?} with {fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_permission_to_watch_it_polls_and_tries_again_rarely() {
    let world = World::new();
    let denial = world.api.inject(RequestMatcher::verb(Verb::Watch).caller("b"), Fault::status(403));
    let (mut a, mut b) = (world.replica("a"), world.replica("b"));
    let led = a.term().await;
    secs(10).await;
    let rate = world.rate("b", 30).await;
    // A read per retry period of two seconds, with jitter.
    assert!((25.0..=30.5).contains(&rate), "{rate} requests a minute");
    let watches = world.of("b", Verb::Watch);
    assert!((6..=12).contains(&watches), "{watches} tries in half an hour");
    assert!(b.status().problem.is_none(), "it can take part all the same");
    // The permission is granted, and the watch opens by itself.
    denial.remove();
    secs(6 * 60).await;
    assert_eq!(world.api.watches().iter().filter(|call| call.caller == "b").count(), 1);
    let rate = world.rate("b", 30).await;
    assert!(rate <= 0.3, "{rate} requests a minute");
    let took = handover(&world, &mut a, &mut b, led).await;
    assert!(took <= Duration::from_millis(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_detected_before_a_takeover() {
    let world = World::new();
    let (mut a, mut b) = (world.replica("a"), world.replica("b"));
    let led = a.term().await;
    secs(30).await;
    assert_eq!(world.api.silence_watches(is_watch_of("b")), 1);
    secs(120).await;
    assert!(led.goes_on(), "taken over from a leader that renews");
    assert!(b.election.terms.try_recv().is_err());
    let took = handover(&world, &mut a, &mut b, led).await;
    assert!(took <= Duration::from_millis(10), "the watch that replaced it is deaf as well: {took:?}");
}

/// A proxy that holds events back makes every watch deaf.
#[tokio::test(start_paused = true)]
async fn watches_that_are_all_deaf_are_not_replaced_faster_and_faster() {
    let world = World::new();
    let (mut a, b) = (world.replica("a"), world.replica("b"));
    let led = a.term().await;
    for _ in 0..6_000 {
        world.api.silence_watches(is_watch_of("b"));
        millis(100).await;
    }
    assert!(led.goes_on());
    let watches = world.of("b", Verb::Watch);
    assert!((10..=30).contains(&watches), "{watches} watches in ten minutes");
    let all = world.count("b", |_| true);
    assert!(all <= 10 * 30, "{all} requests in ten minutes: more than polling costs");
    assert_eq!(b.status().standing, Standing::Follower);
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_peer_has_gone_is_replaced() {
    let world = World::new();
    // No holder renews, so nothing but bookmarks would come.
    world.api.put_lease(
        NAMESPACE,
        LEASE,
        &serde_json::json!({ "spec": {
        "holderIdentity": "somebody", "leaseDurationSeconds": 1_000_000 } }),
    );
    let mut b = world.replica("b");
    secs(10).await;
    assert_eq!(world.api.silence_watches(is_watch_of("b")), 1);
    secs(155).await;
    assert_eq!(world.of("b", Verb::Watch), 2);
    world.api.edit_lease(NAMESPACE, LEASE, |lease| lease["spec"]["holderIdentity"] = "".into());
    let (_led, took) = b.term_after().await;
    assert!(took <= Duration::from_millis(10), "{took:?}");
}

/// If the server ends a watch after its time, that is not a loss: there is no polling and no gap.
#[tokio::test(start_paused = true)]
async fn a_watch_that_the_server_ends_in_time_is_not_missed() {
    let world = World::new();
    let (mut a, _b) = (world.replica("a"), world.replica("b"));
    let _led = a.term().await;
    secs(3 * 3600).await;
    let (watches, looks) = (world.of("b", Verb::Watch), world.of("b", Verb::Get));
    assert!((37..=46).contains(&watches), "{watches} watches in three hours");
    assert!(looks <= 3, "{looks} looks");
}

#[tokio::test(start_paused = true)]
async fn an_election_that_was_left_is_not_watched() {
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    secs(5).await;
    assert_eq!(world.api.watches().len(), 1);
    a.election.withdraw(StopReason::Shutdown);
    drop(led);
    a.election.left().await;
    millis(10).await;
    assert_eq!(world.api.watches().len(), 0);
    assert_eq!(world.rate("a", 60).await, 0.0);
}

/// The pauses between two tries have grown to half a minute. A request that succeeds cuts them short.
#[tokio::test(start_paused = true)]
async fn a_watch_is_back_as_soon_as_the_api_is() {
    let world = World::new();
    let (mut a, b) = (world.replica("a"), world.replica("b"));
    let led = a.term().await;
    secs(100).await;
    let outage = world.api.inject(from("b"), Fault::drop_connection());
    world.api.break_watches(is_watch_of("b"));
    secs(600).await;
    outage.remove();
    secs(4).await;
    assert_eq!(world.api.watches().iter().filter(|call| call.caller == "b").count(), 1);
    assert!(led.goes_on() && b.status().problem.is_none());
}

/// A late answer now and then does not affect a watch that is open, or one that cannot be opened.
#[tokio::test(start_paused = true)]
async fn requests_that_sometimes_fail_do_not_affect_the_watch() {
    for refused in [false, true] {
        let world = World::new();
        if refused {
            world.api.inject(RequestMatcher::verb(Verb::Watch), Fault::drop_connection());
        }
        let mut a = world.replica("a");
        let led = a.term().await;
        let flips = std::sync::atomic::AtomicUsize::new(0);
        world.api.inject_with(move |call| {
            let turn = flips.fetch_add(usize::from(call.verb != Verb::Watch), std::sync::atomic::Ordering::Relaxed);
            (call.verb != Verb::Watch && turn.is_multiple_of(3)).then(Fault::drop_connection)
        });
        secs(600).await;
        assert!(led.goes_on());
        let watches = world.of("a", Verb::Watch);
        assert!(watches <= if refused { 30 } else { 4 }, "{watches} watches in ten minutes, refused: {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_outlives_an_outage_is_kept() {
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    secs(5).await;
    let outage = world.api.inject(RequestMatcher::verb(Verb::Update).or(Verb::Get), Fault::drop_connection());
    secs(20).await;
    drop(led);
    outage.remove();
    let _led = a.term().await;
    secs(5).await;
    assert_eq!(world.of("a", Verb::Watch), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_waits_for_as_long_as_the_server_asks_but_not_for_hours() {
    for (asked, tries) in [(60, 9..=12), (3_600, 3..=4)] {
        let world = World::new();
        world.api.inject(RequestMatcher::verb(Verb::Watch), Fault::status(429).retry_after(asked));
        let mut a = world.replica("a");
        let _led = a.term().await;
        secs(600).await;
        let watches = world.of("a", Verb::Watch);
        assert!(tries.contains(&watches), "{watches} watches in ten minutes, {asked} s asked for");
    }
}

/// The Lease stays the same for hours, while the server forgets what came before. Bookmarks say how far a watch has come.
#[tokio::test(start_paused = true)]
async fn a_watch_that_shows_nothing_goes_on_from_its_last_bookmark() {
    let world = World::new();
    let spec = serde_json::json!({ "holderIdentity": "somebody", "leaseDurationSeconds": 1_000_000 });
    world.api.put_lease(NAMESPACE, LEASE, &serde_json::json!({ "spec": spec }));
    let _b = world.replica("b");
    secs(10).await;
    world.api.skip_revisions(100);
    secs(120).await;
    world.api.compact();
    assert_eq!(world.api.close_watches(is_watch_of("b")), 1);
    secs(1).await;
    let watches = world.api.watches();
    let from = format!("&resourceVersion={}", world.api.revision());
    assert!(watches.len() == 1 && watches[0].uri.ends_with(&from), "{watches:?} and not {from}");
}
