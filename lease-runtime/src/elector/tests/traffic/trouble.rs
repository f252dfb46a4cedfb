//! What goes wrong with traffic is no matter of the election.

use super::*;
use crate::elector::tests::log::Lines;

fn both() -> Traffic {
    Traffic { label: true, service: Some("orders".into()) }
}

/// Whatever happens to the requests about pods, Services and slices, the lease is renewed, handed over and released in time.
#[tokio::test(start_paused = true)]
async fn requests_that_hang_or_are_refused_do_not_touch_the_election() {
    for fault in [Fault::hang(), Fault::status(403), Fault::status(500), Fault::status(429), Fault::html(502)] {
        let world = World::with_pods(&["a", "b"]);
        for resource in ["pods", "services", "endpointslices"] {
            world.api.inject(about(resource), fault.clone());
        }
        let mut a = world.replica_in_pod("a", both());
        let led = a.term().await;
        let mut b = world.replica_in_pod("b", both());
        secs(600).await;
        assert!(led.goes_on(), "{fault:?}");
        assert!(a.status().traffic_problem.is_some() && a.status().problem.is_none(), "{fault:?}: {:?}", a.status());
        a.election.withdraw(StopReason::SteppedDown);
        drop(led);
        let before = world.clock.now();
        a.election.left().await;
        let (_led, took) = b.term_after().await;
        assert!(world.clock.now().since(before) < Duration::from_secs(2), "{fault:?}: {took:?}");
        world.api.clear_faults();
        until("the sign of the new leader", || world.is_labelled("b") && world.led_to().0.as_deref() == Some("b"))
            .await;
        let mut b = b;
        b.status_until(|status| status.traffic_problem.is_none()).await;
        assert!(!world.is_labelled("a"));
    }
}

/// Each kind of problem is said once as long as it lasts, with its remedy, and then that it is over.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_said_once_with_the_role_that_helps() {
    let lines = Lines::default();
    let _capture = lines.capture();
    let world = World::with_pods(&["a"]);
    let refused = world.api.inject(about("pods"), Fault::status(403));
    let mut a = world.replica_in_pod("a", label());
    let _led = a.term().await;
    secs(600).await;
    assert_eq!(lines.count("WARN"), 1, "{:?}", lines.all());
    for words in ["may not patch pods `a` in namespace `default`", "resources: [\"pods\"]", "verbs: [\"patch\"]"] {
        assert_eq!(lines.matching(&["WARN", words]), 1, "{words} is not in {:?}", lines.all());
    }
    // The pauses grow to half a minute.
    let tries = world.asked("a", "pods").len();
    assert!((15..40).contains(&tries), "{tries}");
    refused.remove();
    until("the label", || world.is_labelled("a")).await;
    secs(1).await;
    assert_eq!(lines.matching(&["traffic is led as it should be again"]), 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_leads_elsewhere_is_refused_until_it_is_changed() {
    let world = World::with_pods(&["a"]);
    let refusals: [(Value, &str); 3] = [
        (json!({ "selector": { "app": "x" } }), "the Service `orders` has a selector"),
        (json!({ "type": "ExternalName", "externalName": "example.com" }), "is an ExternalName"),
        (json!({ "ports": [{ "port": 80, "targetPort": "http" }] }), "has the targetPort `http`"),
    ];
    world.api.delete_object("services", NAMESPACE, "orders");
    let mut a = world.replica_in_pod("a", orders());
    let _led = a.term().await;
    let says = |words: &'static str| {
        move |status: &LeaseStatus| status.traffic_problem.as_ref().is_some_and(|problem| problem.contains(words))
    };
    a.status_until(says("there is no Service `orders` in namespace `default`")).await;
    for (spec, words) in refusals {
        world.api.put_object("services", NAMESPACE, "orders", &json!({ "spec": spec }));
        a.status_until(says(words)).await;
        assert_eq!(world.slice(), None, "{words}");
    }
    let ports = json!([{ "name": "http", "containerPort": 7070 }]);
    world.api.edit_object("pods", NAMESPACE, "a", |pod| pod["spec"]["containers"] = json!([{ "ports": ports }]));
    a.status_until(|status| status.traffic_problem.is_none()).await;
    assert_eq!(world.slice().unwrap()["ports"][0]["port"], 7070);
}

/// What others store is read without a panic, and what is not ours stays as it is.
#[tokio::test(start_paused = true)]
async fn a_slice_of_others_or_of_another_shape_stays_as_it_is() {
    for (slice, words) in [
        (json!({ "metadata": { "labels": { "endpointslice.kubernetes.io/managed-by": "x" } } }), "is managed by `x`"),
        (json!({ "metadata": { "annotations": { (TOKEN): "7\u{1b}" } } }), "cannot be read (`7\\u{1b}`)"),
        (json!({ "addressType": "IPv6" }), "addresses of the family IPv6"),
        (json!({ "addressType": 7, "endpoints": "none", "ports": { "a": 1 } }), "addresses of the family "),
    ] {
        let world = World::with_pods(&["a"]);
        world.api.put_object("endpointslices", NAMESPACE, SLICE, &slice);
        let before = world.slice();
        let mut a = world.replica_in_pod("a", orders());
        let led = a.term().await;
        let status = a.status_until(|status| status.traffic_problem.is_some()).await;
        assert!(status.traffic_problem.as_ref().unwrap().contains(words), "{words}: {status:?}");
        a.election.withdraw(StopReason::SteppedDown);
        drop(led);
        a.election.left().await;
        secs(60).await;
        assert_eq!(world.slice(), before);
    }
}

/// The number of requests that are sent at once is limited, and those that hang are no candidate's turn.
#[tokio::test(start_paused = true)]
async fn requests_that_hang_keep_no_election_from_its_turn() {
    let world = World::with_pods(&["a"]);
    let elector = world.replica_in_pod("a", label()).elector;
    world.api.inject(about("pods"), Fault::hang());
    let pod = PodFacts { namespace: NAMESPACE.into(), name: "a".into(), uid: "uid-a".into(), ip: None, node: None };
    let labelled = |n: usize| {
        let plan = TrafficPlan { traffic: label(), pod: pod.clone() };
        elector.contend_with(LeaseId::new(NAMESPACE, format!("shard-{n}")), Timing::default(), Some(plan))
    };
    let shards: Vec<_> = (0..40).map(labelled).collect();
    millis(500).await;
    let before = world.clock.now();
    let mut late = elector.contend(LeaseId::new(NAMESPACE, "late"), Timing::default());
    let _led = tokio::time::timeout(BOUND, late.terms.recv()).await.expect("a term");
    assert!(world.clock.now().since(before) < Duration::from_secs(1), "{:?}", world.clock.now().since(before));
    drop(shards);
}
