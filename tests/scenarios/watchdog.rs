//! Deadlines are enforced even if the log or the elector's thread is stuck.

use std::sync::Arc;
use std::time::Duration;

use lease_runtime::OnLoss;
use lease_tests::log::{now, until};
use lease_tests::proxy::Link;
use lease_tests::replica::{Host, Manners, STEADY, Settings, Sink, Trick};
use lease_tests::world::{Plan, World};
use rustix::process::Signal;

use crate::bodies::{SAID_OF_A_BLOCKED_BODY, cut_off_while_it_blocks};
use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("watchdog::log_blocks", |world| stuck(world, Sink::Blocks, Host::Thread)),
        scenario("watchdog::log_panics", |world| stuck(world, Sink::Panics, Host::Thread)),
        scenario("watchdog::log_is_a_full_pipe", |world| stuck(world, Sink::Pipe, Host::Thread)),
        scenario("watchdog::elections_wait_for_the_body", |world| stuck(world, Sink::Fine, Host::Bodies)),
        scenario("watchdog::elections_wait_for_the_body_and_the_log", |world| stuck(world, Sink::Blocks, Host::Bodies)),
        scenario("watchdog::bodies_are_asked_to_end_although_the_log_blocks", asked_to_end),
        scenario("watchdog::a_lost_lease_ends_the_process_although_its_elections_are_stuck", ends_the_process),
        scenario("watchdog::a_slow_log_costs_no_lease", a_slow_log_costs_no_lease).alone(),
    ]
}

/// A body that is inside a poll at the hard stop ends the process, even if other parts of the process are stuck.
async fn stuck(world: Arc<World>, sink: Sink, host: Host) {
    let trick = Trick::Block(Duration::from_secs(60));
    let settings = Settings { trick, sink, host, ..world.settings() };
    let (leader, token) = cut_off_while_it_blocks(&world, &settings).await;
    if sink != Sink::Pipe {
        for words in SAID_OF_A_BLOCKED_BODY {
            assert!(leader.said().contains(words), "{words:?} is not in\n{}", leader.said());
        }
    }
    let next = world.next_term(token).await;
    assert_ne!(next.pid, leader.pid);
}

/// A body that is idle is asked to end at the renew deadline, and uses its grace.
async fn asked_to_end(world: Arc<World>) {
    let settings = Settings { sink: Sink::Blocks, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 3).await;
    leader.signal(Signal::USR1);
    world.wait_in(term.token, "acting").await;
    leader.link.set(Link::BLACK_HOLE);
    world.log.note("cut-off", "");
    let next = world.next_term(term.token).await;
    assert_ne!(next.pid, leader.pid);
    // A regular shutdown needs a log that works.
    leader.kill().await;
    let events = world.events_of(&leader);
    let at = |what: &str| events.iter().find(|event| event.is(what) && event.token == term.token);
    let cancelled = at("cancelled").expect("the body was not asked to end");
    let stopped = at("stopped").expect("the body did not end");
    assert_eq!(stopped.detail, "returned");
    assert!(cancelled.at <= stopped.at && stopped.at < next.at);
}

/// A thread that the body has started runs until the process ends. The process must end with the lease.
async fn ends_the_process(world: Arc<World>) {
    let settings = Settings {
        manners: Manners::Thread,
        on_loss: OnLoss::Exit,
        sink: Sink::Blocks,
        host: Host::Bodies,
        ..world.settings()
    };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    world.wait_in(term.token, "thread").await;
    leader.signal(Signal::USR1);
    world.wait_in(term.token, "acting").await;
    leader.link.set(Link::BLACK_HOLE);
    world.log.note("cut-off", "");
    assert_eq!(leader.end().await.code(), Some(1), "{}", leader.said());
    assert!(leader.said().contains("is lost, the lease could not be renewed in time"), "{}", leader.said());
    let next = world.next_term(term.token).await;
    assert_ne!(next.pid, leader.pid);
    assert!(world.last_of(term.token).at < next.at, "the process had not ended when its successor began");
}

/// Many leases, and a log that takes a tenth of a second for each line. The log falls behind by more than the renew deadline.
async fn a_slow_log_costs_no_lease(world: Arc<World>) {
    // A thousand leases with these timings are 333 writes a second. On a busy machine, a real API server cannot keep up with that,
    // whatever the log does: `compare crowd` measures it.
    let shards = if world.cluster.hooks().is_some() { 1000 } else { 250 };
    let settings = Settings {
        shards,
        timing: STEADY,
        beat: Duration::from_secs(5),
        sink: Sink::Slow(Duration::from_millis(100)),
        ..world.settings()
    };
    let replica = world.launch("a", &settings, Plan { direct: true, ..Plan::default() });
    let held = async || {
        let mut held = Vec::new();
        for lease in settings.leases() {
            held.push(world.cluster.lease(&lease).await.filter(|lease| lease["spec"]["holderIdentity"] != ""));
        }
        held.into_iter().collect::<Option<Vec<_>>>()
    };
    let first = until("all leases to be held", held).await;
    let begun = now();
    until("two lease durations", async || (now().since(begun) > 2 * STEADY.lease_duration).then_some(())).await;
    let last = until("all leases to be held", held).await;
    for (first, last) in first.iter().zip(&last) {
        let (first, last) = (&first["spec"], &last["spec"]);
        assert_ne!(first["renewTime"], last["renewTime"], "a lease was not renewed");
        assert_eq!(first["leaseTransitions"], last["leaseTransitions"], "a lease was lost: {last}");
        assert_eq!(first["acquireTime"], last["acquireTime"], "a lease was lost: {last}");
    }
    let lost = world.events_of(&replica).into_iter().find(|event| event.is("cancelled"));
    assert!(lost.is_none(), "a body was asked to end: {lost:?}");
    replica.kill().await;
}
