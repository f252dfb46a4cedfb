//! Scripts that write the Lease without looking at it.

use std::sync::Arc;
use std::time::Duration;

use lease_protocol::election::Timing;
use lease_tests::log::{now, until_within};
use lease_tests::replica::{STEADY, Settings};
use lease_tests::world::World;
use serde_json::{Value, json};

use super::{BUSY, Siege};
use crate::runner::{Scenario, scenario};

pub(super) fn list() -> Vec<Scenario> {
    vec![
        scenario("hostile::spec_patched_blindly", spec_patched_blindly),
        scenario("hostile::absurd_while_held", absurd_while_held),
        scenario("hostile::deleted_again_and_again", deleted_again_and_again),
        scenario("hostile::labelled_by_whole_updates", labelled_by_whole_updates),
        scenario("hostile::released_again_and_again", released_again_and_again),
    ]
}

/// For how long a script writes.
const SPELL: Duration = Duration::from_secs(6);
/// How often it does.
const PACE: Duration = Duration::from_millis(100);

/// The longest that a replica may take to lead when a script has ended: it waits for the duration in the record, and after a deletion
/// it may read once more and wait again.
fn recovery(timing: Timing) -> Duration {
    2 * timing.lease_duration + BUSY
}

/// Merge patches without a version, ten in a second, of each field of the record. No field releases the lease, so no two replicas may
/// lead at once.
async fn spec_patched_blindly(world: Arc<World>) {
    let settings = world.settings();
    let [first, second, third] = world.start_three(&settings).await;
    let siege = Siege::of(&[&first, &second, &third]);
    let patches = [
        json!({ "leaseDurationSeconds": 1 }),
        json!({ "leaseDurationSeconds": null }),
        json!({ "renewTime": "9999-12-30T00:00:00.000000Z" }),
        json!({ "renewTime": null, "acquireTime": null }),
        json!({ "acquireTime": "0001-01-01T00:00:01.000000Z" }),
        json!({ "leaseTransitions": i32::MAX }),
        json!({ "leaseTransitions": null }),
        json!({ "renewTime": "2026-01-01T00:00:00.000000Z" }),
    ];
    let patch = async |spec: &Value| {
        world.cluster.patch_lease(&world.lease, &json!({ "spec": spec })).await.expect("a merge patch");
    };
    let begun = now();
    let mut rounds = patches.iter().cycle();
    while now().since(begun) < SPELL {
        patch(rounds.next().expect("an endless round")).await;
        tokio::time::sleep(PACE).await;
    }
    patch(&json!({ "holderIdentity": "intruder", "leaseDurationSeconds": 1 })).await;
    let term = siege.ends(&world, recovery(settings.timing)).await;
    check_record(&world, &term.identity, settings.timing).await;
}

/// Absurd values in the record of a holder end its term, and it leads again with a record that everybody can read.
async fn absurd_while_held(world: Arc<World>) {
    let settings = world.settings();
    let replica = world.start_with("a", &settings).await;
    let siege = Siege::of(&[&replica]);
    let mut term = world.leads(&replica).await;
    for (name, spec) in absurd() {
        world.log.note("writing", name);
        world.cluster.patch_lease(&world.lease, &json!({ "spec": spec })).await.expect("a merge patch");
        term = world.next_term(term.token).await;
        check_record(&world, &term.identity, settings.timing).await;
    }
    for spec in
        [json!({ "leaseDurationSeconds": 0 }), json!({ "leaseDurationSeconds": -5 }), json!({ "leaseTransitions": -1 })]
    {
        world.log.note("writing", &spec.to_string());
        let Some(api) = world.cluster.hooks() else {
            let refused = world.cluster.patch_lease(&world.lease, &json!({ "spec": spec })).await;
            assert!(refused.is_err(), "the API server accepts {spec}");
            continue;
        };
        // As from a server that accepts what Kubernetes refuses.
        let mut lease = world.cluster.lease(&world.lease).await.expect("a lease");
        for (field, value) in spec.as_object().expect("fields") {
            lease["spec"][field] = value.clone();
        }
        api.put_lease(&world.cluster.namespace, &world.lease, &json!({ "spec": lease["spec"] }));
        term = world.next_term(term.token).await;
        check_record(&world, &term.identity, settings.timing).await;
    }
    siege.ends(&world, BUSY).await;
}

fn absurd() -> Vec<(&'static str, Value)> {
    let whole = json!({ "holderIdentity": null, "leaseDurationSeconds": null, "acquireTime": null, "renewTime": null, "leaseTransitions": null });
    let foreign = |mut spec: Value| {
        (spec["holderIdentity"], spec["leaseDurationSeconds"]) = ("ghost".into(), 1.into());
        spec
    };
    vec![
        ("for ever", json!({ "leaseDurationSeconds": i32::MAX })),
        ("no duration", json!({ "leaseDurationSeconds": null })),
        ("the last transition", json!({ "leaseTransitions": i32::MAX })),
        ("no transitions", json!({ "leaseTransitions": null })),
        ("year 1", json!({ "acquireTime": "0001-01-01T00:00:01.000000Z", "renewTime": "0001-01-01T00:00:01.000000Z" })),
        (
            "year 9999",
            json!({ "acquireTime": "9999-12-31T23:59:59.999999Z", "renewTime": "9999-12-31T23:59:59.999999Z" }),
        ),
        ("no times", json!({ "acquireTime": null, "renewTime": null })),
        ("nothing", whole),
        ("another, in year 1", foreign(json!({ "renewTime": "0001-01-01T00:00:01.000000Z" }))),
        ("another, in year 9999", foreign(json!({ "renewTime": "9999-12-31T23:59:59.999999Z" }))),
        ("another, without times", foreign(json!({ "renewTime": null, "acquireTime": null }))),
        ("another, at the last transition", foreign(json!({ "leaseTransitions": i32::MAX }))),
    ]
}

/// Waits until the record is one that a replica writes: its name, its duration, and times of today.
async fn check_record(world: &World, holder: &str, timing: Timing) {
    until_within(BUSY, "a record that a replica has written", async || {
        let spec = world.cluster.lease(&world.lease).await?["spec"].take();
        let is_today = |field: &str| spec[field].as_str().is_some_and(|time| time.starts_with("20"));
        let is_ours = spec["holderIdentity"] == holder
            && spec["leaseDurationSeconds"] == timing.lease_duration.as_secs()
            && spec["leaseTransitions"].as_i64().is_some_and(|count| count >= 0)
            && is_today("acquireTime")
            && is_today("renewTime");
        is_ours.then_some(())
    })
    .await;
}

/// The Lease is deleted as soon as there is one.
async fn deleted_again_and_again(world: Arc<World>) {
    let settings = world.settings();
    let [first, second, third] = world.start_three(&settings).await;
    let siege = Siege::of(&[&first, &second, &third]);
    let begun = now();
    let mut deleted = 0;
    while now().since(begun) < SPELL || deleted < 2 {
        if world.cluster.lease(&world.lease).await.is_some() {
            world.log.note("deleting", "");
            world.cluster.delete_lease(&world.lease).await;
            deleted += 1;
        }
        tokio::time::sleep(PACE).await;
    }
    siege.ends(&world, recovery(settings.timing)).await;
}

/// A script writes whole Leases with another label, ten in a second. Each of its updates makes a write of a replica conflict that was
/// under way. A term continues, and a follower takes over from a holder that was killed.
async fn labelled_by_whole_updates(world: Arc<World>) {
    let settings = Settings { timing: STEADY, ..world.settings() };
    let [leader, second, third] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    let siege = Siege::of(&[&second, &third]);
    let writer = Arc::clone(&world);
    let labelling = tokio::task::spawn_local(async move {
        for count in 0_u64.. {
            let label = |lease: &mut Value| lease["metadata"]["labels"]["example.com/seen"] = count.to_string().into();
            writer.cluster.edit_lease(&writer.lease, label).await;
            tokio::time::sleep(PACE).await;
        }
    });
    world.renewals(2).await;
    assert_eq!(world.tokens(), [term.token], "labels have ended the term");
    let renewed = world.renewals(1).await;
    leader.kill().await;
    world.log.note("killed", "");
    let next = world.next_term(term.token).await;
    let waited = next.at.since(renewed);
    let limit = STEADY.lease_duration + STEADY.renew_deadline;
    assert!(waited >= STEADY.lease_duration && waited <= limit + BUSY, "taken over {waited:?} after a renewal");
    labelling.abort();
    let again = siege.ends(&world, BUSY).await;
    assert_eq!(again.token, next.token);
}

/// Somebody releases the lease in the name of each holder, as client-go does if its release comes late. A replica leads each time.
async fn released_again_and_again(world: Arc<World>) {
    let settings = world.settings();
    let [first, second, third] = world.start_three(&settings).await;
    let siege = Siege::of(&[&first, &second, &third]);
    let mut term = world.leads(&first).await;
    for round in 0..4 {
        world.beats(term.token, 1).await;
        world.excuse(term.token, "somebody released the lease in its holder's name");
        world.log.note("releasing", "");
        world
            .cluster
            .edit_lease(&world.lease, |lease| {
                let transitions = lease["spec"]["leaseTransitions"].take();
                let at = "2026-01-01T00:00:00.000000Z";
                lease["spec"] = json!({
                    "holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": transitions,
                    "acquireTime": at, "renewTime": at,
                });
            })
            .await;
        let next = world.next_term(term.token).await;
        let stopped = world.wait_in(term.token, "stopped").await;
        let late = stopped.at.since(next.at);
        assert!(
            late < settings.timing.hard_stop(),
            "round {round}: the released term ran {late:?} beside the next one"
        );
        term = next;
    }
    let again = siege.ends(&world, BUSY).await;
    assert!(again.token >= term.token, "{again}");
}
