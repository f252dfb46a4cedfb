//! Requests that fail while a term is held, and how the term continues or ends.

use super::*;
use crate::embedded::Fault;

/// A fault of one renewal, or of all requests for a short while, does not end the term.
#[tokio::test(start_paused = true)]
async fn a_term_survives_what_passes_within_its_deadline() {
    let garbage = || Fault::body(200, "application/json", "{\"kind\":");
    let faults: Vec<(&str, Fault)> = vec![
        ("no answer", Fault::hang()),
        ("answer lost after commit", Fault::lost_answer()),
        ("connection closed", Fault::drop_connection()),
        ("closed in the answer", Fault::half_a_body()),
        ("timeout after commit", Fault::status(504).after_commit()),
        ("server error", Fault::status(500)),
        ("server error after commit", Fault::status(500).after_commit()),
        ("unavailable", Fault::status(503)),
        ("proxy error", Fault::html(502)),
        ("proxy page", Fault::html(404)),
        ("busy", Fault::status(429).retry_after(1)),
        ("busy for a minute", Fault::status(429).retry_after(60)),
        ("not authenticated", Fault::status(401)),
        ("not authorized", Fault::status(403)),
        ("garbage", garbage()),
        ("garbage after commit", garbage().after_commit()),
        ("another object", Fault::body(200, "application/json", "{}")),
        ("not even text", Fault::body(200, "application/json", vec![0xff, 0xfe])),
        ("rejected", Fault::status(422)),
        ("late, after its sender has given up", Fault::none().late(Duration::from_secs(4))),
    ];
    for (what, fault) in faults {
        let world = World::new();
        let mut a = world.replica("a");
        let led = a.term().await;
        secs(12).await;
        let token = led.term.fencing_token();

        let one = world.api.inject(RequestMatcher::verb(Verb::Update).times(1), fault.clone());
        one.hit(1).await;
        one.remove();
        secs(30).await;
        assert!(led.goes_on(), "{what}, once: {:?}", led.term.stop_reason());

        let all = world.api.inject(RequestMatcher::any(), fault);
        all.hit(1).await;
        secs(2).await;
        let unanswered = ["no answer", "answer lost after commit"].contains(&what) || what.starts_with("late");
        assert!(unanswered || a.status().problem.is_some(), "{what} is no problem");
        all.remove();
        secs(30).await;
        assert!(led.goes_on(), "{what}, for two seconds: {:?}", led.term.stop_reason());
        assert_eq!((a.status().standing, led.term.fencing_token()), (Standing::Leader(token), token), "{what}");
        assert!(a.status().problem.is_none() && !a.status().fatal, "{what}: {:?}", a.status());
    }
}

#[tokio::test(start_paused = true)]
async fn a_term_that_cannot_be_renewed_ends_before_another_begins() {
    for fault in [Fault::hang(), Fault::status(500), Fault::status(429).retry_after(60), Fault::lost_answer()] {
        let world = World::new();
        let (mut a, mut b) = (world.replica("a"), world.replica("b"));
        let led = a.term().await;
        secs(7).await;
        let cut = world.api.inject(from("a"), fault.clone());
        led.term.cancelled().await;
        assert_eq!(
            led.term.stop_reason(),
            Some(StopReason::Lost(lease_protocol::election::LossReason::NotRenewed)),
            "{fault:?}"
        );
        assert!(led.term.check().is_ok(), "the lease is still ours: {fault:?}");
        tokio::time::sleep(led.term.remaining()).await;
        assert!(led.term.check().is_err());
        assert!(b.election.terms.try_recv().is_err(), "two terms: {fault:?}");
        let successor = b.term().await;
        assert!(successor.term.fencing_token() > led.term.fencing_token());
        // Its body is still there, so it does not compete. Afterwards it does.
        cut.remove();
        secs(60).await;
        assert_eq!(a.status().standing, Standing::Draining, "{fault:?}");
        drop(led);
        a.status_until(|status| status.standing == Standing::Follower).await;
        secs(5).await;
        assert_eq!(a.status().holder.as_deref(), Some("b"));
        assert!(successor.goes_on());
    }
}

#[tokio::test(start_paused = true)]
async fn a_term_ends_at_once_when_the_lease_says_so() {
    type Deed = fn(&EmbeddedApi);
    let deeds: [(Deed, StopReason); 4] = [
        (
            |api| assert!(api.delete_lease(NAMESPACE, LEASE)),
            StopReason::Lost(lease_protocol::election::LossReason::Deleted),
        ),
        (
            |api| assert!(api.edit_lease(NAMESPACE, LEASE, |l| l["spec"]["holderIdentity"] = "".into())),
            StopReason::Lost(lease_protocol::election::LossReason::HolderCleared),
        ),
        (
            |api| assert!(api.edit_lease(NAMESPACE, LEASE, |l| l["spec"]["holderIdentity"] = "eve".into())),
            StopReason::Lost(lease_protocol::election::LossReason::TakenBy("eve".into())),
        ),
        (
            |api| assert!(api.edit_lease(NAMESPACE, LEASE, |l| l["spec"]["leaseTransitions"] = 99.into())),
            StopReason::Lost(lease_protocol::election::LossReason::Overwritten),
        ),
    ];
    for (deed, reason) in deeds {
        let world = World::new();
        let mut a = world.replica("a");
        let led = a.term().await;
        secs(12).await;
        deed(&world.api);
        tokio::time::timeout(Duration::from_millis(5), led.term.cancelled()).await.expect("not at once");
        assert_eq!(led.term.stop_reason(), Some(reason.clone()));
        assert!(led.term.check().is_err(), "{reason:?}");
        let token = led.term.fencing_token();
        drop(led);
        let again = a.term().await;
        assert!(again.term.fencing_token() > token, "{reason:?}");
        assert_eq!(a.status().last_stop, Some(reason));
    }
}

#[tokio::test(start_paused = true)]
async fn revisions_that_go_backwards_end_the_election_for_this_process() {
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    let backup = world.api.snapshot();
    secs(60).await;
    assert!(a.elector.health().is_alive());
    world.api.restore(&backup);
    led.term.cancelled().await;
    let status = a.status_until(|status| status.problem.is_some()).await;
    drop(led);
    secs(120).await;
    assert!(a.election.terms.try_recv().is_err(), "led again");
    let problem = a.status().problem.expect("said no more");
    assert!(matches!(*problem, ElectorError::WentBackwards { .. }), "{status:?}");
    // A restart ends this, so a liveness probe has to fail, although the loop runs.
    let health = a.elector.health();
    assert!(health.disqualified && health.running && !health.is_alive(), "{health:?}");
}

/// Any program may write the timings and fields of a Lease.
#[tokio::test(start_paused = true)]
async fn absurd_leases_are_waited_for_or_taken_over() {
    use serde_json::json;
    let specs = [
        json!(null),
        json!({}),
        json!({ "holderIdentity": null, "leaseDurationSeconds": null, "renewTime": null, "leaseTransitions": null }),
        json!({ "holderIdentity": "gone", "leaseDurationSeconds": -5, "leaseTransitions": -1 }),
        json!({ "holderIdentity": "gone", "leaseDurationSeconds": 0, "renewTime": "9999-12-30T00:00:00.000000Z" }),
        json!({ "holderIdentity": "gone", "renewTime": "0001-01-01T00:00:00Z", "leaseTransitions": 2_147_483_647 }),
        json!({ "holderIdentity": "a".repeat(10_000), "strategy": "OldestEmulationVersion", "preferredHolder": "x" }),
    ];
    for spec in specs {
        let world = World::new();
        world.api.put_lease(NAMESPACE, LEASE, &json!({ "spec": spec }));
        let mut a = world.replica("a");
        let (led, took) = a.term_after().await;
        let held = spec["holderIdentity"].is_string();
        assert!(
            took >= Duration::from_secs(if held { 15 } else { 0 }) && took < Duration::from_secs(16),
            "{spec}: {took:?}"
        );
        secs(30).await;
        assert!(led.goes_on(), "{spec}");
    }
}

/// No API server stores such a time, but a proxy might send it. Go can write and read the end of the year 9999. A Lease with such
/// a time is waited for like any other.
#[tokio::test(start_paused = true)]
async fn a_time_that_only_go_can_read_does_not_block_the_lease() {
    let world = World::new();
    let ghost = serde_json::json!({ "spec": {
        "holderIdentity": "ghost", "leaseDurationSeconds": 15, "renewTime": "9999-12-31T23:59:59.999999Z",
    } });
    world.api.put_lease(NAMESPACE, LEASE, &ghost);
    let mut a = world.replica("a");
    secs(10).await;
    world.api.edit_lease(NAMESPACE, LEASE, |lease| lease["spec"]["renewTime"] = "9999-12-31T23:59:58.000000Z".into());
    let before = world.clock.now();
    let _led = a.term().await;
    let took = world.clock.now().since(before);
    // From the last change, which counts although neither time can be read.
    assert!((Duration::from_secs(15)..Duration::from_secs(18)).contains(&took), "{took:?}");
    assert!(a.status().problem.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_lease_is_reported_until_it_can_be_read() {
    let world = World::new();
    world.api.put_lease(NAMESPACE, LEASE, &serde_json::json!({ "spec": { "holderIdentity": "" } }));
    let mut b = world.replica("b");
    let led = b.term().await;
    let mut a = world.replica("a");
    secs(3).await;
    world.api.edit_lease(NAMESPACE, LEASE, |lease| lease["spec"]["leaseTransitions"] = "many".into());
    let status = a.status_until(|status| status.problem.is_some()).await;
    assert!(matches!(**status.problem.as_ref().unwrap(), ElectorError::Unreadable { .. }), "{status:?}");
    assert!(!status.fatal);
    let rate = world.rate("a", 10).await;
    assert!(rate <= 40.0, "{rate} requests a minute");
    assert!(!led.goes_on());
    drop(led);
    world.api.edit_lease(NAMESPACE, LEASE, |lease| lease["spec"] = serde_json::json!({}));
    let (led, _) = tokio::select! {
        led = a.term() => (led, "a"),
        led = b.term() => (led, "b"),
    };
    secs(20).await;
    assert!(led.goes_on());
    assert!(a.status().problem.is_none() && b.status().problem.is_none());
}
