//! Other writers change or delete the Lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lease_tests::replica::{Manners, STEADY, Settings};
use lease_tests::world::World;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("object::deleted_while_held", deleted_while_held),
        scenario("object::deleted_and_made_anew_while_held", deleted_and_made_anew_while_held),
        scenario("object::holder_emptied", holder_emptied),
        scenario("object::holder_emptied_beside_others", holder_emptied_beside_others),
        scenario("object::holder_overwritten", holder_overwritten),
        scenario("object::annotated_all_the_time", annotated_all_the_time),
        scenario("object::null_and_absurd_fields", null_and_absurd_fields),
        scenario("object::fields_that_cannot_be_read", fields_that_cannot_be_read),
    ]
}

async fn deleted_while_held(world: Arc<World>) {
    let ignores = Settings { manners: Manners::Ignores, ..world.settings() };
    let [leader, ..] = world.start_three(&ignores).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 3).await;
    let deleting = world.log.note("deleting", "");
    world.cluster.delete_lease(&world.lease).await;
    assert_eq!(world.wait_in(term.token, "stopped").await.detail, "dropped");
    let next = world.next_term(term.token).await;
    // A candidate that has seen the lease waits as long as for a silent holder, because the holder may not know of the deletion.
    let waited = next.at.since(deleting);
    assert!(waited >= ignores.timing.lease_duration, "created again {waited:?} after it was deleted");
    world.renewals(2).await;
    assert_eq!(world.tokens(), [term.token, next.token]);
}

async fn deleted_and_made_anew_while_held(world: Arc<World>) {
    let [leader, ..] = world.start_three(&world.settings()).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 3).await;
    let lease = world.cluster.lease(&world.lease).await.expect("a lease");
    world.log.note("deleting", "");
    world.cluster.delete_lease(&world.lease).await;
    // Like a restored backup: the same record in another object.
    world.cluster.create_lease(&world.lease, &lease["spec"]).await;
    world.log.note("created-again", "with the same record");
    world.wait_in(term.token, "stopped").await;
    let next = world.next_term(term.token).await;
    world.renewals(2).await;
    assert_eq!(world.tokens(), [term.token, next.token]);
}

/// Without other candidates, the holder acquires the lease again, in a new term that begins after the old one has ended.
async fn holder_emptied(world: Arc<World>) {
    let ignores = Settings { manners: Manners::Ignores, ..world.settings() };
    let leader = world.start_with("a", &ignores).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 3).await;
    world.log.note("emptying", "");
    empty(&world).await;
    assert_eq!(world.wait_in(term.token, "stopped").await.detail, "dropped");
    let next = world.next_term(term.token).await;
    world.renewals(2).await;
    assert_eq!(world.tokens(), [term.token, next.token]);
}

/// Somebody empties the holder by hand. For the others this is a release, and they see it at the same time as the holder, so an
/// overlap is possible. This is documented. But the old term must end.
async fn holder_emptied_beside_others(world: Arc<World>) {
    let [leader, ..] = world.start_three(&world.settings()).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 3).await;
    world.excuse(term.token, "somebody released the lease in its holder's name");
    world.log.note("emptying", "");
    empty(&world).await;
    let next = world.next_term(term.token).await;
    let stopped = world.wait_in(term.token, "stopped").await;
    world.renewals(3).await;
    assert_eq!(world.tokens(), [term.token, next.token]);
    assert_eq!(world.last_of(term.token).at, stopped.at);
}

async fn empty(world: &World) {
    world.cluster.edit_lease(&world.lease, |lease| lease["spec"]["holderIdentity"] = "".into()).await;
}

/// An intruder writes itself into the Lease. The holder stops at once. The intruder never renews, and the others wait for its
/// duration.
async fn holder_overwritten(world: Arc<World>) {
    let ignores = Settings { manners: Manners::Ignores, ..world.settings() };
    let [leader, ..] = world.start_three(&ignores).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 3).await;
    let before = world.log.note("overwriting", "");
    let duration = 5;
    world
        .cluster
        .edit_lease(&world.lease, |lease| {
            lease["spec"]["holderIdentity"] = "intruder".into();
            lease["spec"]["leaseDurationSeconds"] = duration.into();
        })
        .await;
    leader.says("reason=the lease is held by `intruder`").await;
    assert_eq!(world.wait_in(term.token, "stopped").await.detail, "dropped");
    let next = world.next_term(term.token).await;
    let waited = next.at.since(before);
    assert!(waited >= Duration::from_secs(duration), "taken from the intruder after {waited:?}");
    world.renewals(2).await;
    assert_eq!(world.tokens(), [term.token, next.token]);
}

/// `kubectl annotate` every 100 ms changes the version, but not the record. It must not end a term or prevent a takeover.
async fn annotated_all_the_time(world: Arc<World>) {
    let steady = Settings { timing: STEADY, ..world.settings() };
    let [leader, ..] = world.start_three(&steady).await;
    let term = world.leads(&leader).await;
    let over = Arc::new(AtomicBool::new(false));
    let (writer, done) = (world.clone(), over.clone());
    let annotating = tokio::task::spawn_local(async move {
        let mut count = 0_u32;
        while !done.load(Ordering::SeqCst) {
            match writer.cluster.annotate_lease(&writer.lease, "example.com/seen", &count.to_string()).await {
                Ok(_) => count += 1,
                Err(error) => panic!("cannot annotate: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        count
    });
    world.renewals(6).await;
    world.beats(term.token, 3).await;
    assert_eq!(world.tokens(), [term.token], "annotations have ended the term");
    leader.kill().await;
    world.log.note("killed", "");
    let next = world.next_term(term.token).await;
    world.renewals(3).await;
    assert_eq!(world.tokens(), [term.token, next.token]);
    over.store(true, Ordering::SeqCst);
    let count = annotating.await.expect("the annotating task");
    assert!(count >= 20, "annotated only {count} times");
    let lease = world.cluster.lease(&world.lease).await.expect("a lease");
    assert_eq!(lease["metadata"]["annotations"]["example.com/seen"], (count - 1).to_string(), "an annotation was lost");
}

/// For every content of a Lease that an API server accepts, a new replica acquires the Lease at once or after the holder's
/// duration, or logs who holds it.
async fn null_and_absurd_fields(world: Arc<World>) {
    let absurd = [
        ("nothing", json!({})),
        (
            "null",
            json!({ "holderIdentity": null, "leaseDurationSeconds": null, "acquireTime": null, "renewTime": null, "leaseTransitions": null }),
        ),
        ("free, overflowing", json!({ "holderIdentity": "", "leaseTransitions": i32::MAX })),
        ("free, for ever", json!({ "holderIdentity": "", "leaseDurationSeconds": i32::MAX })),
        ("held, no duration", json!({ "holderIdentity": "ghost" })),
        (
            "held, in year 1",
            json!({ "holderIdentity": "ghost", "leaseDurationSeconds": 1, "renewTime": "0001-01-01T00:00:00.000000Z" }),
        ),
        (
            "held, in year 9999",
            json!({ "holderIdentity": "ghost", "leaseDurationSeconds": 1, "acquireTime": "9999-12-30T00:00:00.000000Z", "renewTime": "9999-12-30T00:00:00.000000Z" }),
        ),
        ("held by an odd name", json!({ "holderIdentity": "gh\nost \u{1F480} \u{7}", "leaseDurationSeconds": 1 })),
        ("held by a long name", json!({ "holderIdentity": "x".repeat(5000), "leaseDurationSeconds": 1 })),
        ("held, for ever", json!({ "holderIdentity": "ghost", "leaseDurationSeconds": i32::MAX })),
    ];
    for (number, (name, spec)) in absurd.into_iter().enumerate() {
        world.log.note("lease", name);
        if world.cluster.lease(&world.lease).await.is_some() {
            world.cluster.delete_lease(&world.lease).await;
        }
        world.cluster.create_lease(&world.lease, &spec).await;
        let replica = world.start(&format!("r{number}")).await;
        if name == "held, for ever" {
            replica.says("new leader observed").await;
            assert!(replica.said().contains("ghost"));
            // Such a lease is released by hand.
            empty(&world).await;
        }
        let term = world.leads(&replica).await;
        let lease = world.cluster.lease(&world.lease).await.expect("a lease");
        let well_formed = |spec: &Value| {
            spec["holderIdentity"] == term.identity.as_str()
                && spec["leaseDurationSeconds"] == 3
                && spec["leaseTransitions"].as_i64().is_some_and(|count| count >= 0)
                && spec["renewTime"].as_str().is_some_and(|time| time.starts_with("20"))
        };
        assert!(well_formed(&lease["spec"]), "{name}: {}", lease["spec"]);
        replica.signal(Signal::TERM);
        assert!(replica.end().await.success(), "{name}: {}", replica.said());
    }
}

/// Content that cannot be read or is not valid, as from an API server of another version. The replica logs it and never
/// overwrites it.
async fn fields_that_cannot_be_read(world: Arc<World>) {
    let odd = [
        ("the last day of all", json!({ "holderIdentity": "ghost", "renewTime": "9999-12-31T23:59:59.999999Z" }), true),
        ("a negative duration", json!({ "holderIdentity": "ghost", "leaseDurationSeconds": -5 }), true),
        ("no duration", json!({ "holderIdentity": "ghost", "leaseDurationSeconds": 0 }), true),
        ("negative transitions", json!({ "holderIdentity": "", "leaseTransitions": -7 }), true),
        ("words for a number", json!({ "holderIdentity": "ghost", "leaseDurationSeconds": "soon" }), false),
        ("words for a time", json!({ "holderIdentity": "ghost", "renewTime": "yesterday" }), true),
        ("a number for a name", json!({ "holderIdentity": 7 }), false),
    ];
    for (number, (name, spec, readable)) in odd.into_iter().enumerate() {
        world.log.note("lease", name);
        match world.cluster.hooks() {
            Some(api) => api.put_lease(&world.cluster.namespace, &world.lease, &json!({ "spec": spec })),
            // A real API server accepts the first of these.
            None if number == 0 => world.cluster.create_lease(&world.lease, &spec).await,
            None => break,
        }
        let replica = world.start(&format!("r{number}")).await;
        if !readable {
            replica.says("the answer cannot be read as a Lease").await;
            assert!(replica.ended().is_none(), "{name}: {}", replica.said());
            let lease = world.cluster.lease(&world.lease).await.expect("a lease");
            assert_eq!(lease["spec"]["holderIdentity"], spec["holderIdentity"]);
            world.cluster.delete_lease(&world.lease).await;
        }
        world.leads(&replica).await;
        replica.signal(Signal::TERM);
        assert!(replica.end().await.success(), "{name}: {}", replica.said());
    }
}
