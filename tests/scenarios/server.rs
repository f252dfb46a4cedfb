//! The API server itself goes down and comes back.

use std::sync::Arc;
use std::time::Duration;

use lease_protocol::election::Timing;
use lease_tests::replica::{Manners, Replica, SHORT, Settings};
use lease_tests::world::{Plan, World};
use rustix::process::Signal;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("server::restarted_in_time", restarted_in_time).alone().needs_control(),
        scenario("server::down_for_longer_than_the_lease", down_for_longer_than_the_lease).alone().needs_control(),
    ]
}

/// Long enough for a real API server to start on a busy machine.
const PATIENT: Timing = Timing {
    lease_duration: Duration::from_secs(60),
    renew_deadline: Duration::from_secs(40),
    retry_period: Duration::from_millis(800),
};

/// Replicas that connect directly, so that no proxy hides that the server is down.
async fn three(world: &World, settings: &Settings) -> [Arc<Replica>; 3] {
    let plan = Plan { direct: true, ..Plan::default() };
    let leader = world.launch("a", settings, plan);
    world.leads(&leader).await;
    let followers = ["b", "c"].map(|name| world.launch(name, settings, plan));
    for follower in &followers {
        world.ready(follower).await;
        follower.says("new leader observed").await;
    }
    let [second, third] = followers;
    [leader, second, third]
}

async fn restarted_in_time(world: Arc<World>) {
    let [leader, ..] = three(&world, &Settings { timing: PATIENT, ..world.settings() }).await;
    let term = world.leads(&leader).await;
    world.cluster.kill_server().await;
    world.log.note("server-killed", "");
    world.cluster.start_server().await;
    world.log.note("server-started", "");
    world.renewals(1).await;
    world.beats(term.token, 3).await;
    assert_eq!(world.tokens(), [term.token], "a short outage has ended the term");
    // The followers watch again, and see the release.
    leader.signal(Signal::TERM);
    assert!(leader.end().await.success());
    let stopped = world.wait_in(term.token, "stopped").await;
    let took = world.next_term(term.token).await.at.since(stopped.at);
    assert!(took < PATIENT.renew_deadline, "the successor came {took:?} after the body had ended");
}

async fn down_for_longer_than_the_lease(world: Arc<World>) {
    let ignores = Settings { timing: SHORT, manners: Manners::Ignores, ..world.settings() };
    let [leader, ..] = three(&world, &ignores).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 3).await;
    world.cluster.kill_server().await;
    let down = world.log.note("server-killed", "");
    world.wait_in(term.token, "stopped").await;
    let stop = down + SHORT.hard_stop();
    let last = world.last_of(term.token);
    assert!(last.at <= stop, "the body continued for {:?} after the hard stop", last.at.since(stop));
    world.cluster.start_server().await;
    world.log.note("server-started", "");
    let next = world.next_term(term.token).await;
    world.renewals(2).await;
    world.beats(next.token, 3).await;
}
