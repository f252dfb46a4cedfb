//! Who leads, and who leads next.

use std::sync::Arc;

use lease_tests::replica::{LONG, Settings};
use lease_tests::world::World;
use rustix::process::Signal;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("handover::one_leader_of_three", one_leader_of_three),
        scenario("handover::sigterm_hands_over_at_once", sigterm_hands_over_at_once),
        scenario("handover::sigkill_fails_over", sigkill_fails_over),
        scenario("handover::a_follower_ends_unnoticed", a_follower_ends_unnoticed),
    ]
}

async fn one_leader_of_three(world: Arc<World>) {
    let [leader, ..] = world.start_three(&world.settings()).await;
    let term = world.leads(&leader).await;
    // Longer than the lease lasts without a renewal.
    world.renewals(4).await;
    world.beats(term.token, 3).await;
    assert_eq!(world.tokens(), [term.token], "more than one term");
    assert_eq!(world.cluster.holder(&world.lease).await.as_deref(), Some(term.identity.as_str()));
}

async fn sigterm_hands_over_at_once(world: Arc<World>) {
    let settings = Settings { timing: LONG, ..world.settings() };
    let mut token = 0;
    let [first, second, third] = world.start_three(&settings).await;
    for _ in 0..2 {
        let term = world.next_term(token).await;
        world.beats(term.token, 3).await;
        let leader =
            [&first, &second, &third].into_iter().find(|replica| replica.pid == term.pid).expect("one of them");
        leader.signal(Signal::TERM);
        assert!(leader.end().await.success(), "{}", leader.said());
        let (cancelled, stopped) =
            (world.wait_in(term.token, "cancelled").await, world.wait_in(term.token, "stopped").await);
        assert_eq!(cancelled.detail, "the candidate is shutting down");
        assert_eq!(stopped.detail, "returned");
        let next = world.next_term(term.token).await;
        assert!(next.at > stopped.at);
        // The successor came because of the release, which takes milliseconds. The lease expires after 20 s.
        let took = next.at.since(stopped.at);
        assert!(took < LONG.renew_deadline, "the successor came {took:?} after the body had ended");
        token = term.token;
    }
}

async fn sigkill_fails_over(world: Arc<World>) {
    let [leader, ..] = world.start_three(&world.settings()).await;
    let term = world.leads(&leader).await;
    let renewed = world.renewals(1).await;
    leader.kill().await;
    let next = world.next_term(term.token).await;
    assert_ne!(next.pid, leader.pid);
    // A candidate waits for the whole lease duration since it saw the last renewal, even if the holder is dead.
    let waited = next.at.since(renewed);
    assert!(waited >= world.settings().timing.lease_duration, "taken over {waited:?} after a renewal");
}

async fn a_follower_ends_unnoticed(world: Arc<World>) {
    let [leader, second, third] = world.start_three(&world.settings()).await;
    let term = world.leads(&leader).await;
    second.signal(Signal::TERM);
    assert!(second.end().await.success(), "{}", second.said());
    third.kill().await;
    world.renewals(2).await;
    world.beats(term.token, 3).await;
    assert_eq!(world.tokens(), [term.token], "more than one term");
}
