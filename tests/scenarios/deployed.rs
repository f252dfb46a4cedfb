//! What a deployment sets by variables of the environment.

use std::sync::Arc;

use lease_tests::log::{Event, until};
use lease_tests::replica::{Replica, Settings};
use lease_tests::world::{Plan, World};
use rustix::process::Signal;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![scenario("deployed::two_releases_lead_side_by_side", two_releases_lead_side_by_side)]
}

/// Two replicas of one program for each of two releases, in one namespace. Each release has a leader, and one of them has
/// another after a shutdown, which the other release does not notice.
async fn two_releases_lead_side_by_side(world: Arc<World>) {
    // A replica with a number of leases names the lease in its events, so that the terms of each are checked separately.
    let settings = Settings { shards: 1, ..world.settings() };
    let mut replicas = Vec::new();
    for (name, release) in [("blue-a", "blue"), ("green-a", "green"), ("blue-b", "blue"), ("green-b", "green")] {
        let env = [("LEASE_PREFIX", release)];
        let replica = world.launch(name, &settings, Plan { env: &env, ..Plan::default() });
        world.ready(&replica).await;
        replicas.push(replica);
    }
    let [blue, green] = ["blue", "green"].map(|release| format!("{release}-{}-0", world.lease));
    let (of_blue, of_green) = (leader(&world, &blue, &replicas).await, leader(&world, &green, &replicas).await);
    assert!(of_blue.name.starts_with("blue-") && of_green.name.starts_with("green-"), "{of_blue:?}, {of_green:?}");
    for lease in [&blue, &green] {
        beats(&world, lease, 3).await;
    }
    assert!(world.cluster.lease(&settings.leases()[0]).await.is_none(), "a lease without the prefix");

    of_blue.signal(Signal::TERM);
    assert!(of_blue.end().await.success(), "{}", of_blue.said());
    let others: Vec<_> = replicas.iter().filter(|replica| replica.pid != of_blue.pid).cloned().collect();
    let successor = leader(&world, &blue, &others).await;
    assert!(successor.name.starts_with("blue-"), "{successor:?}");
    beats(&world, &green, 3).await;
    let terms =
        |lease: &str| world.log.events().iter().filter(|event| event.is("started") && event.lease == lease).count();
    assert_eq!(terms(&green), 1, "the handover of one release has ended a term of the other");

    world.finish().await;
    for lease in [&blue, &green] {
        assert_eq!(world.cluster.holder(lease).await, None, "all replicas have shut down, and {lease} is still held");
    }
}

/// Waits until one of these replicas holds the lease.
async fn leader(world: &World, lease: &str, replicas: &[Arc<Replica>]) -> Arc<Replica> {
    until(&format!("a holder of {lease}"), async || {
        let holder = world.cluster.holder(lease).await?;
        replicas.iter().find(|replica| holder.starts_with(&format!("{}_", replica.name))).cloned()
    })
    .await
}

/// Waits for this many more beats of a body under the lease.
async fn beats(world: &World, lease: &str, count: usize) {
    let enough = |events: &[Event]| {
        let beats = events.iter().filter(|event| event.is("beat") && event.lease == lease).count();
        (beats >= count).then_some(())
    };
    world.log.find_from(world.log.mark(), &format!("{count} beats under {lease}"), enough).await;
}
