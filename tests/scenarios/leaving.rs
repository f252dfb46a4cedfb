//! Replicas that release the lease for some time or for good.

use std::sync::Arc;

use lease_runtime::{OnExhausted, OnLoss};
use lease_tests::log::{Event, now, until};
use lease_tests::proxy::Link;
use lease_tests::replica::{LONG, Manners, Replica, Settings, Trick};
use lease_tests::world::World;
use rustix::process::Signal;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("leaving::exhausted_and_ends_the_process", exhausted_and_ends_the_process),
        scenario("leaving::exhausted_and_resigns", exhausted_and_resigns),
        scenario("leaving::lost_and_ends_the_process", lost_and_ends_the_process),
        scenario("leaving::steps_down", steps_down),
        scenario("leaving::unavailable_for_a_while", unavailable_for_a_while),
    ]
}

/// Waits for the successor, which must come because of the release. The lease expires after 20 s.
async fn succeeded_at_once(world: &World, term: &Event) -> Event {
    let stopped = world.wait_in(term.token, "stopped").await;
    let next = world.next_term(term.token).await;
    let took = next.at.since(stopped.at);
    assert!(took < LONG.renew_deadline, "the successor came {took:?} after the body had ended");
    assert_ne!(next.pid, term.pid);
    next
}

async fn ended_with_1(replica: &Replica, words: &[&str]) {
    assert_eq!(replica.end().await.code(), Some(1), "{}", replica.said());
    let said = replica.said();
    let last = said.lines().rfind(|line| line.starts_with("lease-runtime: "));
    let last = last.unwrap_or_else(|| panic!("no error at the end of {said}"));
    for words in words {
        assert!(last.contains(words), "{words:?} is not in {last:?}");
    }
}

/// The body fails more often than it may, and the process ends. It shuts down as usual, so the lease is free at once.
async fn exhausted_and_ends_the_process(world: Arc<World>) {
    let exits = OnExhausted::Exit;
    let settings = Settings { timing: LONG, trick: Trick::Fail, restarts: 1, on_exhausted: exits, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    fail_twice(&world, &leader).await;
    let why = ["task `work`", "its restarts are used up (1 in 60s)", "told to fail", "ending the process"];
    ended_with_1(&leader, &why).await;
    succeeded_at_once(&world, &term).await;
}

/// The body fails more often than it may, and another replica tries. The first one takes part again as soon as that one leads, so
/// that it follows at once when the other ends.
async fn exhausted_and_resigns(world: Arc<World>) {
    let settings = Settings { trick: Trick::Fail, restarts: 1, ..world.settings() };
    let [leader, second, third] = world.start_three(&settings).await;
    third.kill().await;
    let term = world.leads(&leader).await;
    fail_twice(&world, &leader).await;
    let next = world.next_term(term.token).await;
    assert_eq!(next.pid, second.pid);
    second.signal(Signal::TERM);
    assert!(second.end().await.success(), "{}", second.said());
    let left = now();
    let again = world.next_term(next.token).await;
    assert_eq!(again.pid, leader.pid);
    let waited = again.at.since(left);
    assert!(waited < settings.timing.lease_duration, "it led again after {waited:?}");
    // The count of failures starts from zero, so it may fail once more.
    world.beats(again.token, 3).await;
    leader.signal(Signal::USR1);
    let runs = |events: &[Event]| {
        (events.iter().filter(|event| event.is("started") && event.token == again.token).count() == 2).then_some(())
    };
    world.log.find("another run in the same term", runs).await;
}

/// Two failures. Only one is allowed.
async fn fail_twice(world: &World, leader: &Replica) {
    for run in 1..=2 {
        let runs = |events: &[Event]| {
            let mut starts = events.iter().filter(|event| event.is("started") && event.pid == leader.pid);
            starts.nth(run - 1).cloned()
        };
        let started = world.log.find("a run", runs).await;
        world.beats(started.token, 3).await;
        leader.signal(Signal::USR1);
        let acting = |events: &[Event]| {
            (events.iter().filter(|event| event.is("acting") && event.pid == leader.pid).count() == run).then_some(())
        };
        world.log.find("a failure", acting).await;
    }
}

/// The body has started a thread that continues after the body has ended. Only the end of the process ends the thread. It must
/// come before a successor's body begins.
async fn lost_and_ends_the_process(world: Arc<World>) {
    let settings = Settings { manners: Manners::Thread, on_loss: OnLoss::Exit, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    world.wait_in(term.token, "thread").await;
    leader.link.set(Link::BLACK_HOLE);
    world.log.note("cut-off", "");
    let why = ["lease `", "is lost, the lease could not be renewed in time", "on_loss = exit", "ending the process"];
    ended_with_1(&leader, &why).await;
    let next = world.next_term(term.token).await;
    assert_ne!(next.pid, leader.pid);
    let last = world.last_of(term.token);
    assert!(last.at < next.at, "the process had not ended when its successor began");
}

/// A body steps down: another replica leads at once, and this one pauses.
async fn steps_down(world: Arc<World>) {
    let settings = Settings { timing: LONG, trick: Trick::StepDown, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    leader.signal(Signal::USR1);
    assert_eq!(world.wait_in(term.token, "cancelled").await.detail, "this replica stepped down");
    let next = succeeded_at_once(&world, &term).await;
    world.beats(next.token, 3).await;
    assert!(leader.ended().is_none());
}

/// A replica that may not take part hands over. It does not lead until it may take part again, even if no other replica is left.
async fn unavailable_for_a_while(world: Arc<World>) {
    let settings = Settings { timing: LONG, ..world.settings() };
    let [leader, second, third] = world.start_three(&settings).await;
    third.kill().await;
    let term = world.leads(&leader).await;
    leader.signal(Signal::USR2);
    let why = world.wait_in(term.token, "cancelled").await.detail;
    assert_eq!(why, "this replica takes no part in the election for now");
    let next = succeeded_at_once(&world, &term).await;
    second.signal(Signal::TERM);
    assert!(second.end().await.success(), "{}", second.said());
    until("the lease to be free", async || world.cluster.holder(&world.lease).await.is_none().then_some(())).await;
    leader.signal(Signal::USR2);
    let available = world.log.wait("available", |event| event.pid == leader.pid).await;
    let again = world.next_term(next.token).await;
    assert_eq!(again.pid, leader.pid);
    assert!(again.at > available.at, "it led {:?} before it was available", available.at.since(again.at));
}
