//! The end of a shared watch.

use super::*;
use crate::elector::tests::log::Lines;
use crate::embedded::Fault;

#[tokio::test(start_paused = true)]
async fn a_shared_watch_that_ends_is_opened_again_where_it_ended() {
    type End = fn(&EmbeddedApi);
    let ends: [(&str, End); 4] = [
        ("closed", |api| assert_eq!(api.close_watches(is_shared("b")), 1)),
        ("broken", |api| assert_eq!(api.break_watches(is_shared("b")), 1)),
        ("expired", |api| assert_eq!(api.expire_watches(is_shared("b")), 1)),
        ("compacted", |api| {
            assert_eq!(api.break_watches(is_shared("b")), 1);
            api.skip_revisions(10);
            api.compact();
        }),
    ];
    for (what, end) in ends {
        // Before and after something has been shown, from which the next watch could begin.
        for quiet in [1, 200] {
            let world = World::new();
            let (mut a, mut b, mut led) = world.leader_and_follower(8, 8).await;
            secs(quiet).await;
            let looks = world.of("b", Verb::Get);
            end(&world.api);
            // The next watch shows what happens in the gap.
            a.elections[7].withdraw(StopReason::Shutdown);
            drop(led.remove(7));
            let before = world.clock.now();
            let early = b.term(7).await;
            let took = world.clock.now().since(before);
            // A watch that did not last is followed by a pause.
            let in_time = if what == "compacted" || quiet == 1 { 3_000 } else { 300 };
            assert!(took <= Duration::from_millis(in_time), "{what} after {quiet} s: {took:?}");
            drop(early);
            a.elections.remove(7);
            b.elections.remove(7);
            secs(3).await;
            assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (1, 1), "{what}");
            assert!(in_time == 3_000 || world.of("b", Verb::Get) == looks, "{what}: polled");
            back_and_forth(&world, &mut a, &mut b, led).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_every_shared_watch_at_once_is_not_stormed() {
    for fault in [
        Fault::body(200, "application/json", ""),
        Fault::body(200, "application/json", "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"reason\":\"Expired\"}}\n"),
        Fault::status(500),
        Fault::status(429).retry_after(1),
        Fault::drop_connection(),
    ] {
        let lines = Lines::default();
        let _guard = lines.capture();
        let world = World::new();
        world.api.inject(when_shared("b"), fault.clone());
        let mut a = world.crowd("a", 6);
        let led = a.terms().await;
        let mut b = world.crowd("b", 6);
        secs(60).await;
        let first = world.of("b", Verb::Watch);
        assert!((3..=8).contains(&first), "{first} watches in the first minute of {fault:?}");
        secs(600).await;
        let more = world.of("b", Verb::Watch) - first;
        assert!((15..=30).contains(&more), "{more} watches in the ten minutes after it of {fault:?}");
        assert_eq!(lines.matching(&["WARN", "cannot be watched and are polled"]), 1, "{fault:?}: {lines:?}");
        // All of them poll.
        let (_led, took) = handover(&world, &mut a, &mut b, led).await;
        assert!(took <= Duration::from_millis(2_500), "{took:?} with {fault:?}");
        // All of them learn when the problem is over.
        world.api.clear_faults();
        secs(120).await;
        assert_eq!(lines.matching(&["INFO", "are watched again"]), 1, "{fault:?}: {lines:?}");
        let rate = world.rate("b", 10).await;
        assert!(rate <= 12.5 * 6.0, "{rate} requests a minute: it goes on polling after {fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_shared_watch_is_detected_before_a_takeover() {
    let world = World::new();
    let (mut a, mut b, led) = world.leader_and_follower(20, 20).await;
    secs(30).await;
    assert_eq!(world.api.silence_watches(is_shared("b")), 1);
    secs(120).await;
    assert_eq!(world.of("b", Verb::Watch), 2, "replaced by each who found out");
    back_and_forth(&world, &mut a, &mut b, led).await;
}

#[tokio::test(start_paused = true)]
async fn shared_watches_that_are_all_deaf_are_not_replaced_faster_and_faster() {
    let world = World::new();
    let (_a, _b, led) = world.leader_and_follower(10, 10).await;
    for _ in 0..6_000 {
        world.api.silence_watches(is_shared("b"));
        millis(100).await;
    }
    assert!(led.iter().all(Led::goes_on));
    let watches = world.of("b", Verb::Watch);
    assert!((10..=60).contains(&watches), "{watches} watches in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn a_shared_watch_whose_peer_has_gone_is_replaced() {
    let world = World::new();
    for n in 0..10 {
        let held = serde_json::json!({ "spec": { "holderIdentity": "somebody", "leaseDurationSeconds": 1_000_000 } });
        world.api.put_lease(NAMESPACE, &shard(n), &held);
    }
    let mut b = world.crowd("b", 10);
    secs(10).await;
    assert_eq!(world.api.silence_watches(is_shared("b")), 1);
    secs(155).await;
    assert_eq!(world.of("b", Verb::Watch), 2);
    world.api.edit_lease(NAMESPACE, &shard(3), |lease| lease["spec"]["holderIdentity"] = "".into());
    let before = world.clock.now();
    let _led = b.term(3).await;
    assert!(world.clock.now().since(before) <= Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn a_shared_watch_is_back_as_soon_as_the_api_is() {
    let world = World::new();
    let (_a, b, led) = world.leader_and_follower(20, 20).await;
    secs(100).await;
    let outage = world.api.inject(from("b"), Fault::drop_connection());
    world.api.break_watches(is_watch_of("b"));
    secs(600).await;
    let tries = world.of("b", Verb::Watch);
    // At first only requests succeed. All elections find that out, and the watch is tried again once for all of them.
    let no_watch = world.api.inject(when_shared("b"), Fault::drop_connection());
    outage.remove();
    secs(4).await;
    let more = world.of("b", Verb::Watch) - tries;
    assert!((2..=5).contains(&more), "{more} tries");
    no_watch.remove();
    secs(6).await;
    assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (1, 1));
    assert!(led.iter().all(Led::goes_on));
    assert_eq!(b.elections.len(), 20);
}
