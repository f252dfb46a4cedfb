//! A rolling change of the lease duration: replicas with the old and with the new one run at the same time.

use std::sync::Arc;
use std::time::Duration;

use lease_protocol::election::Timing;
use lease_tests::log::Event;
use lease_tests::replica::{Replica, SHORT, Settings};
use lease_tests::world::World;
use rustix::process::Signal;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("timings::crash_of_a_shorter_one", crash_of_a_shorter_one),
        scenario("timings::crash_of_a_longer_one", crash_of_a_longer_one),
        scenario("timings::rolled_up_and_down", rolled_up_and_down),
    ]
}

const LONGER: Timing = Timing {
    lease_duration: Duration::from_secs(8),
    renew_deadline: Duration::from_secs(5),
    retry_period: Duration::from_millis(400),
};
const LONGEST: Timing = Timing {
    lease_duration: Duration::from_secs(30),
    renew_deadline: Duration::from_secs(18),
    retry_period: Duration::from_millis(400),
};

/// A candidate with longer timings waits for as long as the dead holder's record says, not for its own duration.
async fn crash_of_a_shorter_one(world: Arc<World>) {
    let old = world.start_with("old", &Settings { timing: SHORT, ..world.settings() }).await;
    let term = world.leads(&old).await;
    let new = world.start_with("new", &Settings { timing: LONGEST, ..world.settings() }).await;
    new.says("new leader observed").await;
    let renewed = world.renewals(1).await;
    old.kill().await;
    let waited = world.next_term(term.token).await.at.since(renewed);
    assert!(waited >= SHORT.lease_duration, "taken over after {waited:?}");
    assert!(waited < LONGEST.lease_duration, "it waited {waited:?}, which is its own duration");
}

/// A candidate with shorter timings waits for the holder's duration.
async fn crash_of_a_longer_one(world: Arc<World>) {
    let old = world.start_with("old", &Settings { timing: LONGER, ..world.settings() }).await;
    let term = world.leads(&old).await;
    let new = world.start_with("new", &Settings { timing: SHORT, ..world.settings() }).await;
    new.says("new leader observed").await;
    let renewed = world.renewals(1).await;
    old.kill().await;
    let waited = world.next_term(term.token).await.at.since(renewed);
    assert!(waited >= LONGER.lease_duration, "taken over after {waited:?}, by its own duration");
}

/// A rollout like that of a Deployment, to the longer duration and back.
async fn rolled_up_and_down(world: Arc<World>) {
    let mut running: Vec<Arc<Replica>> = Vec::new();
    for (number, timing) in [SHORT, SHORT, LONGER, LONGER, SHORT, SHORT].into_iter().enumerate() {
        let settings = Settings { timing, ..world.settings() };
        running.push(world.start_with(&format!("r{number}"), &settings).await);
        if running.len() > 2 {
            let oldest = running.remove(0);
            oldest.signal(Signal::TERM);
            assert!(oldest.end().await.success(), "{}", oldest.said());
        }
        let leads = |events: &[Event]| {
            let term = events.iter().rev().find(|event| event.is("started"))?;
            running.iter().find(|replica| replica.pid == term.pid).cloned()
        };
        let leader = world.log.find("a running replica to lead", leads).await;
        world.renewals(1).await;
        let lease = world.cluster.lease(&world.lease).await.expect("a lease");
        let seconds = lease["spec"]["leaseDurationSeconds"].as_u64();
        assert_eq!(seconds, Some(leader.settings.timing.lease_duration.as_secs()));
    }
}
