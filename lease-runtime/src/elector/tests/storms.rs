//! Requests stay few, whatever fails.

use super::*;
use crate::embedded::Fault;

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_everything_at_once_is_not_stormed() {
    // Per minute, for one candidate: one try per retry period, or four if the server was not reached or a race was lost.
    let faults = [
        (Fault::status(401), 40.0),
        (Fault::status(403), 40.0),
        (Fault::status(404), 130.0),
        (Fault::html(404), 40.0),
        (Fault::status(409), 40.0),
        (Fault::status(410), 40.0),
        (Fault::status(422), 40.0),
        (Fault::status(429), 40.0),
        (Fault::status(429).retry_after(1), 40.0),
        (Fault::status(500), 40.0),
        (Fault::status(503).retry_after(30), 10.0),
        (Fault::drop_connection(), 40.0),
        (Fault::hang(), 40.0),
        (Fault::body(200, "application/json", "{}"), 40.0),
        (Fault::body(200, "text/html", "<html>"), 40.0),
    ];
    for (fault, most) in faults {
        let world = World::new();
        world.api.inject(RequestMatcher::any(), fault.clone());
        let a = world.replica("a");
        let rate = world.rate("a", 10).await;
        assert!((1.0..=most).contains(&rate), "{rate} requests a minute with {fault:?}");
        assert_eq!(a.status().standing, Standing::Follower);

        // The same with a term, and while its body drains.
        let world = World::new();
        let mut a = world.replica("a");
        let led = a.term().await;
        secs(12).await;
        world.api.inject(RequestMatcher::any(), fault.clone());
        let rate = world.rate("a", 1).await;
        assert!((0.0..=most).contains(&rate), "{rate} requests in the last minute of a term with {fault:?}");
        assert!(!led.goes_on());
    }
}

#[tokio::test(start_paused = true)]
async fn writes_that_always_conflict_are_not_repeated_at_speed() {
    for fault in [Fault::status(409), Fault::lost_answer(), Fault::status(504)] {
        let world = World::new();
        world.api.inject(RequestMatcher::writes(), fault.clone());
        let a = world.replica("a");
        let rate = world.rate("a", 10).await;
        assert!(rate <= 130.0, "{rate} requests a minute with {fault:?}");
        assert!(a.status().fatal.eq(&false), "{:?}", a.status());
    }
}

/// Two processes fight for one lease, and the other one breaks the rules.
#[tokio::test(start_paused = true)]
async fn a_rival_that_overwrites_all_the_time_does_not_make_us_fast() {
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    drop(led);
    let before = world.count("a", |_| true);
    for n in 0..6_000_u64 {
        let name = if n % 2 == 0 { "" } else { "rival" };
        world.api.edit_lease(NAMESPACE, LEASE, |lease| lease["spec"]["holderIdentity"] = name.into());
        while let Ok((_, alive)) = a.election.terms.try_recv() {
            drop(alive);
        }
        millis(100).await;
    }
    let rate = (world.count("a", |_| true) - before) as f64 / 10.0;
    assert!(rate <= 130.0, "{rate} requests a minute");
}
