//! Bodies that behave badly.

use std::sync::Arc;
use std::time::Duration;

use lease_runtime::OnOverrun;
use lease_tests::proxy::Link;
use lease_tests::replica::{LONG, Manners, Replica, STEADY, Settings, Trick};
use lease_tests::world::World;
use rustix::process::Signal;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("bodies::blocks_and_keeps_the_lease", blocks_and_keeps_the_lease),
        scenario("bodies::blocks_beyond_the_hard_stop", blocks_beyond_the_hard_stop),
        scenario("bodies::blocks_beyond_the_hard_stop_and_may", blocks_beyond_the_hard_stop_and_may),
        scenario("bodies::ignores_cancellation", ignores_cancellation),
        scenario("bodies::panics", |world| fails(world, Trick::Panic, "panicked: told to panic")),
        scenario("bodies::fails", |world| fails(world, Trick::Fail, "told to fail")),
        scenario("bodies::returns", returns),
        scenario("bodies::panics_in_drop", panics_in_drop),
        scenario("bodies::children_end_with_the_term", children_end_with_the_term),
        scenario("bodies::children_end_before_the_release", children_end_before_the_release),
    ]
}

/// A body blocks for longer than the lease duration. Its lease is still renewed, because renewals do not depend on the body.
async fn blocks_and_keeps_the_lease(world: Arc<World>) {
    let timing = STEADY;
    let block = timing.lease_duration + Duration::from_secs(2);
    let settings = Settings { timing, trick: Trick::Block(block), ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    leader.signal(Signal::USR1);
    world.wait_in(term.token, "acting").await;
    world.renewals(4).await;
    let after = world.log.mark();
    world
        .log
        .find_from(after, "a beat after blocking", |events| {
            events
                .iter()
                .find(|event| event.is("beat") && event.token == term.token && event.detail.is_empty())
                .cloned()
        })
        .await;
    assert_eq!(world.tokens(), [term.token], "a body that blocked has lost its lease");
}

/// What the watchdog says before it ends a process.
pub(crate) const SAID_OF_A_BLOCKED_BODY: [&str; 3] =
    ["task `work` of lease `", "has been inside one poll for", "ending the process"];

/// Cuts a leader off whose body has begun to block, and waits until its process has been ended, which must be in time. Returns it and
/// the token of its term.
pub(crate) async fn cut_off_while_it_blocks(world: &Arc<World>, settings: &Settings) -> (Arc<Replica>, u64) {
    let [leader, ..] = world.start_three(settings).await;
    let term = world.leads(&leader).await;
    leader.signal(Signal::USR1);
    world.wait_in(term.token, "acting").await;
    let cut = leader.link.set(Link::BLACK_HOLE);
    world.log.note("cut-off", "");
    leader.end().await;
    assert!(leader.was_ended_by(Signal::ABORT), "{:?}", leader.ended());
    let last = world.last_of(term.token);
    let stop = cut + settings.timing.hard_stop();
    // On a busy machine, the watchdog's thread may be late. It has the rest of the lease duration.
    let margin = (settings.timing.lease_duration - settings.timing.hard_stop()) / 2;
    assert!(last.at <= stop + margin, "the body continued for {:?} after the hard stop", last.at.since(stop));
    (leader, term.token)
}

/// If the lease is lost, a body that blocks cannot be stopped. Its process is ended in time, and logs which task blocked.
async fn blocks_beyond_the_hard_stop(world: Arc<World>) {
    let settings = Settings { trick: Trick::Block(Duration::from_secs(60)), ..world.settings() };
    let (leader, token) = cut_off_while_it_blocks(&world, &settings).await;
    for words in SAID_OF_A_BLOCKED_BODY {
        assert!(leader.said().contains(words), "{words:?} is not in\n{}", leader.said());
    }
    let next = world.next_term(token).await;
    assert_ne!(next.pid, leader.pid);
}

/// With `report`, the body continues beside its successor, as the task asked for, and the replica does not take part in the
/// election until the body has ended.
async fn blocks_beyond_the_hard_stop_and_may(world: Arc<World>) {
    let settings =
        Settings { trick: Trick::Block(Duration::from_secs(8)), on_overrun: OnOverrun::Report, ..world.settings() };
    let [leader, second, third] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    world.excuse(term.token, "its task asked for that");
    leader.signal(Signal::USR1);
    world.wait_in(term.token, "acting").await;
    leader.link.set(Link::BLACK_HOLE);
    world.log.note("cut-off", "");
    let next = world.next_term(term.token).await;
    leader.says("as `on_overrun = report` asks for").await;
    leader.link.set(Link::PASS);
    world.log.note("repaired", "");
    // No other replica is left, but it does not lead before its old body has ended.
    for other in [&second, &third] {
        other.kill().await;
    }
    let stopped = world.wait_in(term.token, "stopped").await;
    let again = world.next_term(next.token).await;
    assert_eq!(again.pid, leader.pid);
    assert!(again.at > stopped.at, "it led again before its old body had ended");
    let overlap = world.last_of(term.token).at.since(next.at);
    assert!(!overlap.is_zero(), "the body should continue beside its successor");
}

/// A body that continues when it is asked to end gets its grace, and no more time.
async fn ignores_cancellation(world: Arc<World>) {
    let grace = Duration::from_secs(2);
    let settings = Settings { timing: LONG, manners: Manners::Ignores, grace, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 3).await;
    let asked = leader.signal(Signal::TERM);
    let cancelled = world.wait_in(term.token, "cancelled").await;
    let stopped = world.wait_in(term.token, "stopped").await;
    assert_eq!(stopped.detail, "dropped");
    assert!(stopped.at.since(asked) >= grace, "dropped {:?} after it was asked to end", stopped.at.since(asked));
    let mut beats = world.log.events().into_iter().filter(|event| event.is("beat") && event.token == term.token);
    let last = beats.next_back().expect("the body has written a beat");
    let used = last.at.since(cancelled.at);
    // No poll begins after the grace, but the beat is written during a poll.
    assert!(used < grace + Duration::from_millis(250), "it continued for {used:?}");
    assert!(leader.end().await.success());
    let next = world.next_term(term.token).await;
    let took = next.at.since(stopped.at);
    assert!(took < LONG.renew_deadline, "the successor came {took:?} after the body was gone");
}

/// A body that panics or fails runs again, in the same term.
async fn fails(world: Arc<World>, trick: Trick, words: &str) {
    let settings = Settings { trick, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    for run in 1..=2 {
        world.beats(term.token, 3).await;
        leader.signal(Signal::USR1);
        let again = |events: &[lease_tests::log::Event]| {
            let starts = events.iter().filter(|event| event.is("started"));
            starts.clone().nth(run).map(|event| (event.clone(), starts.count()))
        };
        let (again, _) = world.log.find("another run", again).await;
        assert_eq!((again.token, again.pid), (term.token, term.pid), "a failure has ended the term");
    }
    assert_eq!(leader.said().matches("task failed and runs again").count(), 2, "{}", leader.said());
    assert!(leader.said().contains(words), "{}", leader.said());
    world.renewals(2).await;
    assert!(world.tokens().iter().all(|token| *token == term.token));
}

/// A body that returns is done: its replica releases the lease and no longer takes part, and another replica's body begins.
async fn returns(world: Arc<World>) {
    let settings = Settings { timing: LONG, trick: Trick::Return, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    leader.signal(Signal::USR1);
    let stopped = world.wait_in(term.token, "stopped").await;
    assert_eq!(stopped.detail, "returned");
    let next = world.next_term(term.token).await;
    assert_ne!(next.pid, leader.pid);
    let took = next.at.since(stopped.at);
    assert!(took < LONG.renew_deadline, "the successor came {took:?} after the body had returned");
    assert!(leader.ended().is_none());
}

/// A panic while a body is dropped is logged. The lease is released and the process shuts down as usual.
async fn panics_in_drop(world: Arc<World>) {
    let grace = Duration::from_millis(300);
    let settings = Settings { timing: LONG, manners: Manners::PanicsInDrop, grace, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    leader.signal(Signal::TERM);
    let stopped = world.wait_in(term.token, "stopped").await;
    assert!(leader.end().await.success(), "{}", leader.said());
    for words in ["panicked while being dropped", "told to panic in drop", "released lease"] {
        assert!(leader.said().contains(words), "{words:?} is not in\n{}", leader.said());
    }
    let next = world.next_term(term.token).await;
    let took = next.at.since(stopped.at);
    assert!(took < LONG.renew_deadline, "the successor came {took:?} after the body was gone");
}

/// What a body has started with its term ends with the body, even if it would continue.
async fn children_end_with_the_term(world: Arc<World>) {
    let settings = Settings { manners: Manners::Children, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    for kind in ["child", "blocking"] {
        world.wait_in(term.token, kind).await;
    }
    let cut = leader.link.set(Link::BLACK_HOLE);
    world.log.note("cut-off", "");
    let next = world.next_term(term.token).await;
    assert_ne!(next.pid, leader.pid);
    let stop = cut + settings.timing.hard_stop();
    let last = world.last_of(term.token);
    assert!(last.at <= stop, "{} continued for {:?} after the hard stop", last.what, last.at.since(stop));
    // The process itself has not ended.
    assert!(leader.ended().is_none());
    leader.link.set(Link::PASS);
    leader.says("all tasks stopped").await;
}

/// On shutdown, the children get the grace, and the lease is held until they have ended.
async fn children_end_before_the_release(world: Arc<World>) {
    let grace = Duration::from_secs(1);
    let settings = Settings { timing: LONG, manners: Manners::Children, grace, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    for kind in ["child", "blocking"] {
        world.wait_in(term.token, kind).await;
    }
    leader.signal(Signal::TERM);
    assert!(leader.end().await.success(), "{}", leader.said());
    let next = world.next_term(term.token).await;
    let events = world.log.events();
    for kind in ["child", "blocking"] {
        let last = events.iter().rev().find(|event| event.is(kind) && event.token == term.token).expect("it ran");
        let stopped = world.wait_in(term.token, "stopped").await;
        assert!(last.at > stopped.at, "the {kind} ended before the body, although it has a grace");
        assert!(last.at < next.at);
    }
}
