//! Labels that a candidate adds to its Leases, as a policy of the cluster may demand.

use super::*;
use crate::elector::ElectorError;
use crate::embedded::{Fault, RequestMatcher};

fn labels(world: &World) -> serde_json::Value {
    world.api.lease_json("default", "ledger").map(|lease| lease["metadata"]["labels"].clone()).unwrap_or_default()
}

/// A policy that refuses Leases without the label `team`.
fn demand_a_label(world: &World) {
    world.api.inject(
        RequestMatcher::writes().and(|call| call.body["metadata"]["labels"]["team"].is_null()),
        Fault::status(422).message("ValidatingAdmissionPolicy 'owners' denied request: the label team is required"),
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_because_of_a_missing_label_says_how_to_add_it() {
    let world = World::new();
    demand_a_label(&world);
    let candidate = world.candidate("a").await;
    candidate.add(world.obedient("one", LEDGER));
    let error = within(600, candidate.run()).await.unwrap_err();
    assert!(matches!(&error, Error::Election { cause, .. } if matches!(**cause, ElectorError::Rejected { .. })));
    let text = error.to_string();
    assert!(text.contains("the label team is required") && text.contains("lease_label(key, value)"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_demanded_label_can_be_added() {
    let world = World::new();
    demand_a_label(&world);
    let client = world.api.client_as("a", "default");
    let builder = Candidate::builder().identity("a").client(client).clock(world.clock.clone());
    let candidate = builder.lease_label("team", "ledger").lease_label("example.com/tier", "3").build().await.unwrap();
    candidate.add(world.obedient("one", LEDGER));
    let running = Running::start(&candidate);
    world.story.grown_to(1).await;
    let managed_by = ("app.kubernetes.io/managed-by", "lease-runtime");
    let mut want = serde_json::json!({ "team": "ledger", "example.com/tier": "3", (managed_by.0): managed_by.1 });
    assert_eq!(labels(&world), want);
    // Labels that others add or change stay, also when the Lease is created again.
    world.api.edit_lease("default", "ledger", |lease| {
        lease["metadata"]["labels"]["team"] = "other".into();
        lease["metadata"]["labels"]["note"] = "kept".into();
    });
    seconds(20).await;
    world.api.delete_lease("default", "ledger");
    seconds(60).await;
    (want["team"], want["note"]) = ("other".into(), "kept".into());
    assert_eq!(labels(&world), want);
    assert_eq!(world.holder("ledger").as_deref(), Some("a"));
    running.end().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_label_that_kubernetes_would_refuse_is_refused_before_anything_is_sent() {
    let world = World::new();
    let long = "x".repeat(64);
    for (key, value) in [
        ("", "x"),
        ("/team", "x"),
        ("Example.com/team", "x"),
        ("a/b/c", "x"),
        ("-team", "x"),
        (&*long, "x"),
        ("team", "not this"),
        ("team", "x."),
        ("team", &*long),
    ] {
        let client = world.api.client_as("a", "default");
        let error = Candidate::builder().client(client).lease_label(key, value).build().await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::Label { .. }) && text.contains("a label's"), "{key} = {value}: {text}");
    }
    for (key, value) in [("team", ""), ("t", "a.B_c-1"), ("app.kubernetes.io/Name", "x")] {
        let client = world.api.client_as("a", "default");
        Candidate::builder().client(client).lease_label(key, value).build().await.unwrap();
    }
    assert_eq!(world.api.requests().total(), 0);
}
