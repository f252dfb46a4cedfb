//! The controller of kube-runtime in a body. It runs each reconcile in a task of its own, and a replica must not leave one behind.
//!
//! Each fault strikes twice: a leader that passes its reconcile function to the controller as it is, so that the fault is seen, and
//! one that wraps it by `Term::reconciler`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lease_runtime::OnOverrun;
use lease_tests::log::Event;
use lease_tests::proxy::Link;
use lease_tests::replica::{Replica, Settings, Trick};
use lease_tests::world::{Plan, World};
use rustix::process::Signal;
use serde_json::json;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    let scenarios = [
        scenario("controller::bare_and_cut_off", bare_and_cut_off),
        scenario("controller::guarded_and_cut_off", guarded_and_cut_off),
        scenario("controller::guarded_and_cut_off_with_a_report", guarded_and_cut_off_with_a_report),
        scenario("controller::bare_and_shut_down", bare_and_shut_down),
        scenario("controller::guarded_and_shut_down", guarded_and_shut_down),
        scenario("controller::guarded_and_paused", guarded_and_paused),
    ];
    // The embedded API has no ConfigMaps.
    scenarios.into_iter().map(Scenario::on_real).collect()
}

/// Several, so that some are between two polls while one blocks.
const OBJECTS: usize = 8;
/// Longer than the lease, with room for a busy machine.
const LONG_POLL: Duration = Duration::from_secs(12);

/// A leader with reconciles under way, and a candidate that waits for its lease.
struct Pair {
    leader: Arc<Replica>,
    term: Event,
    _waiting: Arc<Replica>,
}

impl Pair {
    async fn start(world: &World, how: &str, settings: &Settings) -> Pair {
        Pair::with_objects(OBJECTS, world, how, settings).await
    }

    async fn with_objects(count: usize, world: &World, how: &str, settings: &Settings) -> Pair {
        let path = format!("/api/v1/namespaces/{}/configmaps", world.cluster.namespace);
        for number in 0..count {
            world.cluster.create(&path, &json!({ "metadata": { "name": format!("object-{number}") } })).await;
        }
        let plan = Plan { program: Some(Path::new(env!("CARGO_BIN_EXE_operator"))), ..Plan::default() };
        let leader = world.launch("a", settings, Plan { before: &[how], ..plan });
        world.ready(&leader).await;
        let term = world.leads(&leader).await;
        // The successor behaves well, whatever the leader does.
        let waiting = world.launch("b", settings, Plan { before: &["guarded"], ..plan });
        world.ready(&waiting).await;
        waiting.says("new leader observed").await;
        for number in 0..count {
            let object = format!("object-{number}");
            world.log.wait("reconciling", |event| event.token == term.token && event.detail == object).await;
        }
        Pair { leader, term, _waiting: waiting }
    }

    /// Makes one reconcile block inside a poll. Returns when it does.
    async fn block(&self, world: &World) {
        self.leader.signal(Signal::USR1);
        world.wait_in(self.term.token, "acting").await;
    }

    /// Waits until the successor reconciles.
    async fn successor(&self, world: &World) -> Event {
        let next = world.next_term(self.term.token).await;
        assert_ne!(next.pid, self.leader.pid);
        world.wait_in(next.token, "reconciling").await;
        next
    }

    /// Waits until the old leader still reconciles after its successor began.
    async fn overlaps(&self, world: &World, next: &Event) {
        world.excuse(self.term.token, "a reconcile is not guarded, or may go on");
        let late = |event: &Event| event.token == self.term.token && event.at > next.at;
        let overlap = world.log.wait("reconciling", late).await;
        world.log.note("overlap", &format!("{:?} after the successor began", overlap.at.since(next.at)));
    }
}

fn blocking(world: &World) -> Settings {
    Settings { trick: Trick::Block(LONG_POLL), ..world.settings() }
}

/// Without the guard, a reconcile is inside a poll beside the reconciles of the next leader. Nothing notices.
async fn bare_and_cut_off(world: Arc<World>) {
    let pair = Pair::start(&world, "bare", &blocking(&world)).await;
    pair.block(&world).await;
    pair.leader.link.set(Link::BLACK_HOLE);
    let next = pair.successor(&world).await;
    pair.overlaps(&world, &next).await;
    assert!(!pair.leader.said().contains("has been inside one poll"), "{}", pair.leader.said());
    pair.leader.link.set(Link::PASS);
}

/// With the guard, the process is ended at the hard stop, as with a body that blocks.
async fn guarded_and_cut_off(world: Arc<World>) {
    let settings = blocking(&world);
    let pair = Pair::start(&world, "guarded", &settings).await;
    pair.block(&world).await;
    let cut = pair.leader.link.set(Link::BLACK_HOLE);
    pair.leader.end().await;
    assert!(pair.leader.was_ended_by(Signal::ABORT), "{:?}", pair.leader.ended());
    let last = world.last_of(pair.term.token);
    // On a busy machine, the watchdog's thread may be late. It has the rest of the lease duration.
    let margin = (settings.timing.lease_duration - settings.timing.hard_stop()) / 2;
    assert!(last.at <= cut + settings.timing.hard_stop() + margin, "it went on for {:?}", last.at.since(cut));
    let next = pair.successor(&world).await;
    assert!(last.at < next.at);
}

/// With the guard and `on_overrun = report`, the poll that blocks goes on and is reported. No other poll begins.
async fn guarded_and_cut_off_with_a_report(world: Arc<World>) {
    let settings = Settings { on_overrun: OnOverrun::Report, ..blocking(&world) };
    let pair = Pair::start(&world, "guarded", &settings).await;
    pair.block(&world).await;
    let acting = world.wait_in(pair.term.token, "acting").await;
    pair.leader.link.set(Link::BLACK_HOLE);
    let next = pair.successor(&world).await;
    pair.overlaps(&world, &next).await;
    pair.leader.says("has been inside one poll for").await;
    let late = |event: &Event| event.token == pair.term.token && event.at > next.at && event.is("reconciling");
    let others = world.log.events().into_iter().filter(|event| late(event) && event.detail != acting.detail);
    assert_eq!(others.count(), 0, "a reconcile that does not block was polled after the successor began");
    pair.leader.link.set(Link::PASS);
}

/// Without the guard, the lease is released while a reconcile is inside a poll: a plain SIGTERM is enough.
async fn bare_and_shut_down(world: Arc<World>) {
    let pair = Pair::start(&world, "bare", &blocking(&world)).await;
    pair.block(&world).await;
    pair.leader.signal(Signal::TERM);
    let next = pair.successor(&world).await;
    pair.overlaps(&world, &next).await;
    pair.leader.end().await;
}

/// With the guard, the lease is released when the poll has ended.
async fn guarded_and_shut_down(world: Arc<World>) {
    let pair = Pair::start(&world, "guarded", &blocking(&world)).await;
    pair.block(&world).await;
    let asked = pair.leader.signal(Signal::TERM);
    let next = pair.successor(&world).await;
    let last = world.last_of(pair.term.token);
    assert!(last.at < next.at);
    assert!(last.at.since(asked) > LONG_POLL / 2, "the reconcile that blocked was not waited for");
    assert!(pair.leader.end().await.success());
}

/// The reconcile is between two polls when the process is stopped, and another replica takes the lease over. When the process
/// continues, the reconcile is not polled again.
async fn guarded_and_paused(world: Arc<World>) {
    let settings = Settings { beat: Duration::from_millis(300), ..world.settings() };
    let pair = Pair::with_objects(1, &world, "guarded", &settings).await;
    // Stopped right after the beginning of a poll, and so between two polls: a poll that is interrupted would continue.
    let again = |events: &[Event]| events.iter().any(|event| event.token == pair.term.token).then_some(());
    world.log.find_from(world.log.mark(), "one more poll", again).await;
    pair.leader.signal(Signal::STOP);
    let next = pair.successor(&world).await;
    pair.leader.signal(Signal::CONT);
    pair.leader.says("task was dropped").await;
    let late = |event: &Event| event.token == pair.term.token && event.at > next.at && event.is("reconciling");
    assert_eq!(world.log.events().into_iter().filter(late).count(), 0, "a reconcile was polled");
    // The body logs that it was dropped, which is allowed.
    world.excuse(pair.term.token, "the body is dropped when the process continues");
}
