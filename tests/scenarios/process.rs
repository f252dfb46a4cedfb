//! What happens to processes.

use std::sync::Arc;
use std::time::Duration;

use lease_tests::log::until;
use lease_tests::replica::{LONG, Manners, SHORT, Settings, Trick};
use lease_tests::world::{Plan, World};
use rustix::process::Signal;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("process::signalled_twice", signalled_twice),
        scenario("process::runtime_dropped_while_leading", runtime_dropped_while_leading),
        scenario("process::two_of_one_name", two_of_one_name),
        scenario("process::stopped_and_continued", stopped_and_continued),
        scenario("process::stopped_before_the_lease_runs_out", stopped_before_the_lease_runs_out),
        scenario("process::killed_again_and_again", killed_again_and_again),
    ]
}

/// A second SIGTERM ends the grace.
async fn signalled_twice(world: Arc<World>) {
    let grace = Duration::from_secs(600);
    let settings = Settings { timing: LONG, manners: Manners::Ignores, grace, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    leader.signal(Signal::TERM);
    world.wait_in(term.token, "cancelled").await;
    // The body uses its grace, and the lease is renewed meanwhile.
    world.beats(term.token, 5).await;
    world.renewals(1).await;
    assert!(leader.ended().is_none());
    leader.signal(Signal::TERM);
    assert!(leader.end().await.success(), "{}", leader.said());
    let stopped = world.wait_in(term.token, "stopped").await;
    assert_eq!(stopped.detail, "dropped");
    let took = world.next_term(term.token).await.at.since(stopped.at);
    assert!(took < LONG.renew_deadline, "the successor came {took:?} after the body was gone");
}

/// A program drops the runtime of its bodies and continues. The lease is released, because no body can run any more.
async fn runtime_dropped_while_leading(world: Arc<World>) {
    let settings = Settings { timing: LONG, trick: Trick::DropRuntime, manners: Manners::Ignores, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 3).await;
    leader.signal(Signal::USR1);
    let stopped = world.wait_in(term.token, "stopped").await;
    let next = world.next_term(term.token).await;
    let took = next.at.since(stopped.at);
    assert!(took < LONG.renew_deadline, "the successor came {took:?} after the runtime was dropped");
    assert!(leader.ended().is_none());
    world.beats(next.token, 3).await;
}

/// Two processes with the same pod name, like two containers of one pod: never both lead, and each can lead after the other.
async fn two_of_one_name(world: Arc<World>) {
    let settings = Settings { timing: LONG, ..world.settings() };
    let plan = Plan { pod_name: Some("twin"), ..Plan::default() };
    let mut token = 0;
    let mut running = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let replica = world.launch(name, &settings, plan);
        world.ready(&replica).await;
        running.push(replica);
        if running.len() < 2 {
            continue;
        }
        let term = world.next_term(token).await;
        world.beats(term.token, 5).await;
        assert!(term.identity.starts_with("twin_"), "{}", term.identity);
        let at = running.iter().position(|replica| replica.pid == term.pid).expect("one of them");
        let leader = running.remove(at);
        leader.signal(Signal::TERM);
        assert!(leader.end().await.success(), "{}", leader.said());
        token = term.token;
    }
    let events = world.log.events();
    let mut identities: Vec<_> =
        events.iter().filter(|event| event.is("ready")).map(|event| event.identity.as_str()).collect();
    identities.sort_unstable();
    identities.dedup();
    assert_eq!(identities.len(), 4, "two processes had the same identity");
}

/// A leader is stopped for longer than its lease lasts, and continued when another replica leads. Its body was in the middle of
/// its work, and must not be polled again.
async fn stopped_and_continued(world: Arc<World>) {
    let settings = Settings { manners: Manners::Ignores, ..world.settings() };
    let [mut leader, mut second, third] = world.start_three(&settings).await;
    let mut term = world.leads(&leader).await;
    third.kill().await;
    for _ in 0..3 {
        // Stopped right after a beat, and so between two polls: a poll that is interrupted would continue.
        world.beats(term.token, 1).await;
        leader.signal(Signal::STOP);
        let next = world.next_term(term.token).await;
        assert_eq!(next.pid, second.pid);
        world.beats(next.token, 5).await;
        leader.signal(Signal::CONT);
        world.log.note("continued", "");
        world.wait_in(term.token, "stopped").await;
        let late = world.log.events().into_iter().filter(|event| event.token == term.token && event.at > next.at);
        // The end of the body is not work. It comes after the process has been continued.
        let late: Vec<_> = late.filter(|event| !event.is("stopped")).collect();
        assert!(late.is_empty(), "polled after its successor had started: {late:?}");
        world.excuse(term.token, "the body was dropped when the process was continued");
        // It is a follower again, and leads next.
        world.renewals(1).await;
        (leader, second, term) = (second, leader, next);
    }
}

/// Stopped for less time than the lease lasts: the term continues.
async fn stopped_before_the_lease_runs_out(world: Arc<World>) {
    let settings = Settings { timing: LONG, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 1).await;
    leader.signal(Signal::STOP);
    // Waits long enough for another beat.
    tokio::time::sleep(SHORT.lease_duration / 2).await;
    leader.signal(Signal::CONT);
    world.renewals(1).await;
    world.beats(term.token, 3).await;
    assert_eq!(world.tokens(), [term.token], "a short stop has ended the term");
}

/// One leader after the other is killed, at any point of its start, and new replicas start.
async fn killed_again_and_again(world: Arc<World>) {
    let settings = world.settings();
    let mut token = 0;
    let mut running = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let replica = world.launch(name, &settings, Plan::default());
        if running.len() % 2 == 1 {
            world.ready(&replica).await;
        }
        running.push(replica);
        if running.len() < 2 {
            continue;
        }
        let term = world.next_term(token).await;
        let at = running.iter().position(|replica| replica.pid == term.pid).expect("one of them");
        running.remove(at).kill().await;
        token = term.token;
    }
    until("the last one to lead", async || world.tokens().iter().any(|other| *other > token).then_some(())).await;
    world.renewals(2).await;
}
