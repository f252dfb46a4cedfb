//! Many leases in each process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lease_tests::log::{Event, now};
use lease_tests::replica::{Replica, STEADY, Settings};
use lease_tests::world::{Plan, World};
use rustix::process::Signal;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![scenario("sharded::killed_and_stopped", killed_and_stopped).alone()]
}

const SHARDS: usize = 300;

/// Three processes are candidates for hundreds of leases. One is killed: each of its shards has a new leader after the lease has
/// expired. One is shut down: each of its shards has a new leader at once. As in every scenario, the checks of the log find a
/// shard with two leaders.
async fn killed_and_stopped(world: Arc<World>) {
    let settings = Settings { shards: SHARDS, timing: STEADY, beat: Duration::from_millis(250), ..world.settings() };
    // Without a proxy, which this scenario does not need and which would have to forward some thousand connections.
    let plan = Plan { direct: true, ..Plan::default() };
    let mut replicas = ["a", "b", "c"].map(|name| world.launch(name, &settings, plan)).to_vec();
    all_led(&world, &replicas).await;

    let killed = most(&world, &mut replicas);
    let shards = led_by(&world.log.events(), &killed);
    killed.kill().await;
    let gone = now();
    all_led(&world, &replicas).await;
    let events = world.log.events();
    let early: Vec<_> = shards.iter().filter_map(|(shard, term)| next(&events, shard, term)).collect();
    assert_eq!(early.len(), shards.len(), "a shard of the killed replica has no other leader");
    assert!(early.iter().all(|next| next.at > gone), "a shard was taken over before its leader was killed");

    let stopped = most(&world, &mut replicas);
    let shards = led_by(&world.log.events(), &stopped);
    stopped.signal(Signal::TERM);
    assert!(stopped.end().await.success(), "{}", stopped.said());
    all_led(&world, &replicas).await;
    let events = world.log.events();
    for (shard, term) in &shards {
        let next = next(&events, shard, term).unwrap_or_else(|| panic!("{shard} has no other leader"));
        let ended =
            events.iter().find(|event| event.is("stopped") && event.lease == *shard && event.token == term.token);
        let took = next.at.since(ended.expect("the body has ended").at);
        // The successor came because of the release. The lease expires after 9 s.
        assert!(took < STEADY.renew_deadline, "{shard} was without a leader for {took:?}");
    }
}

/// Waits until one of these replicas leads each shard.
async fn all_led(world: &World, replicas: &[Arc<Replica>]) {
    let pids: BTreeSet<u32> = replicas.iter().map(|replica| replica.pid).collect();
    let shards = SHARDS;
    let all = |events: &[Event]| {
        (leaders(events).values().filter(|leader| pids.contains(&leader.pid)).count() == shards).then_some(())
    };
    world.log.find("a leader for each shard", all).await;
}

/// The terms that have begun and not ended in the log. A process that was killed could not log the ends of its terms.
fn leaders(events: &[Event]) -> BTreeMap<&str, &Event> {
    let mut leaders: BTreeMap<&str, &Event> = BTreeMap::new();
    for event in events {
        if event.is("started") {
            leaders.insert(&event.lease, event);
        } else if event.is("stopped") && leaders.get(&*event.lease).is_some_and(|term| term.token == event.token) {
            leaders.remove(&*event.lease);
        }
    }
    leaders
}

/// The shards that a replica leads, and its terms.
fn led_by(events: &[Event], replica: &Replica) -> BTreeMap<String, Event> {
    let own = leaders(events).into_iter().filter(|(_, term)| term.pid == replica.pid);
    own.map(|(shard, term)| (shard.to_owned(), term.clone())).collect()
}

/// Removes the replica that leads the most shards.
fn most(world: &World, replicas: &mut Vec<Arc<Replica>>) -> Arc<Replica> {
    let events = world.log.events();
    let most = (0..replicas.len()).max_by_key(|index| led_by(&events, &replicas[*index]).len());
    replicas.remove(most.expect("there is a replica"))
}

/// The next term after this one.
fn next<'a>(events: &'a [Event], shard: &str, term: &Event) -> Option<&'a Event> {
    events.iter().find(|event| event.is("started") && event.lease == shard && event.token > term.token)
}
