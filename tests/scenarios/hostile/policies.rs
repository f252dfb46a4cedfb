//! Policies of the cluster change or refuse what replicas write.

use std::sync::Arc;
use std::time::Duration;

use lease_tests::replica::{Manners, SHORT, Settings};
use lease_tests::world::World;

use super::policy::{Policy, probe};
use super::{BUSY, Siege};
use crate::runner::{Scenario, scenario};

pub(super) fn list() -> Vec<Scenario> {
    vec![
        scenario("hostile::policy_promises_more", policy_promises_more).on_real(),
        scenario("hostile::policy_promises_less", policy_promises_less).on_real(),
        scenario("hostile::policy_refuses_for_a_while", policy_refuses_for_a_while).on_real(),
    ]
}

/// The writes of a holder. A release has another duration.
const OF_HOLDERS: &str = "object.spec.leaseDurationSeconds == 3";

/// A policy stores a longer duration, times without a part of their second, and fields of its own. Replicas lead as before, and wait
/// for the duration that is stored.
async fn policy_promises_more(world: Arc<World>) {
    let patches = r#"[
        JSONPatch{op: "replace", path: "/spec/leaseDurationSeconds", value: 5},
        JSONPatch{op: "replace", path: "/spec/acquireTime", value: string(object.spec.acquireTime).substring(0, 19) + ".000000Z"},
        JSONPatch{op: "replace", path: "/spec/renewTime", value: string(object.spec.renewTime).substring(0, 19) + ".000000Z"},
        JSONPatch{op: "add", path: "/metadata/labels", value: {"example.com/seen": "by-policy"}},
        JSONPatch{op: "add", path: "/spec/strategy", value: "OldestEmulationVersion"}
    ]"#;
    let policy = Policy::that_changes(&world, OF_HOLDERS, patches, probe()).await;
    let [leader, second, third] = world.start_three(&world.settings()).await;
    let siege = Siege::of(&[&second, &third]);
    let term = world.leads(&leader).await;
    world.renewals(3).await;
    world.beats(term.token, 3).await;
    assert_eq!(world.tokens(), [term.token], "a policy that promises more has ended a term");
    let lease = world.cluster.lease(&world.lease).await.expect("a lease");
    let spec = &lease["spec"];
    let stored = (&spec["leaseDurationSeconds"], &lease["metadata"]["labels"]["example.com/seen"]);
    assert_eq!(stored, (&5.into(), &"by-policy".into()), "the policy has no effect: {lease}");
    assert!(spec["renewTime"].as_str().is_some_and(|time| time.ends_with(".000000Z")), "{lease}");
    let renewed = world.renewals(1).await;
    leader.kill().await;
    let next = world.next_term(term.token).await;
    let waited = next.at.since(renewed);
    assert!(waited >= Duration::from_secs(5), "taken over {waited:?} after a renewal");
    policy.end(&world).await;
    let again = siege.ends(&world, BUSY).await;
    assert_eq!(again.token, next.token, "the end of a policy has ended a term");
}

/// A policy stores a shorter duration, so that no replica can lead. They say so, and lead when it is over.
async fn policy_promises_less(world: Arc<World>) {
    let patches = r#"[JSONPatch{op: "replace", path: "/spec/leaseDurationSeconds", value: 1}]"#;
    let policy = Policy::that_changes(&world, OF_HOLDERS, patches, probe()).await;
    let replicas = [world.start("a").await, world.start("b").await];
    let siege = Siege::of(&[&replicas[0], &replicas[1]]);
    for replica in &replicas {
        replica.says("leaseDurationSeconds is 1 instead of 3").await;
    }
    siege.check();
    assert_eq!(world.tokens(), [0; 0], "a replica leads although its lease was shortened");
    policy.end(&world).await;
    // A replica that has been told so repeatedly asks less often.
    let term = siege.ends(&world, Duration::from_secs(30) + BUSY).await;
    world.beats(term.token, 3).await;
}

/// A policy refuses every write, with different statuses. The term ends in time, and a replica leads when the policy is over.
async fn policy_refuses_for_a_while(world: Arc<World>) {
    let ignores = Settings { manners: Manners::Ignores, ..world.settings() };
    let [first, second, third] = world.start_three(&ignores).await;
    let mut term = world.leads(&first).await;
    for reason in ["Invalid", "Forbidden"] {
        let siege = Siege::of(&[&first, &second, &third]);
        world.renewals(1).await;
        let policy = Policy::that_refuses(&world, reason, "maintenance tonight").await;
        let refused = world.log.note("refusing", reason);
        let stopped = world.wait_in(term.token, "stopped").await;
        let late = stopped.at.since(refused);
        assert!(late <= SHORT.hard_stop() + BUSY, "{reason}: the body ended {late:?} after writes were refused");
        let leader =
            [&first, &second, &third].into_iter().find(|replica| replica.pid == term.pid).expect("one of them");
        leader.says("maintenance tonight").await;
        policy.end(&world).await;
        term = siege.ends(&world, SHORT.lease_duration + Duration::from_secs(30)).await;
        assert!(term.token > stopped.token, "{reason}: {term}");
    }
}
