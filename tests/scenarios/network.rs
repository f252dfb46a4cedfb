//! Network links that break, stall or are slow.

use std::sync::Arc;
use std::time::Duration;

use lease_protocol::election::Timing;
use lease_runtime::embedded::{Fault, RequestMatcher, Verb};
use lease_tests::log::{now, until};
use lease_tests::proxy::Link;
use lease_tests::replica::{Manners, Settings};
use lease_tests::world::{Plan, World};
use rustix::process::Signal;
use serde_json::json;

use crate::runner::{Scenario, scenario};

pub(crate) fn list() -> Vec<Scenario> {
    vec![
        scenario("network::api_refuses_while_leading", |world| cut_off(world, Link::REFUSE)),
        scenario("network::black_hole_while_leading", |world| cut_off(world, Link::BLACK_HOLE)),
        scenario("network::answers_lost_for_good", |world| cut_off(world, Link::NO_ANSWERS)),
        scenario("network::requests_lost_for_good", |world| cut_off(world, Link::NO_REQUESTS)),
        scenario("network::answer_to_a_renewal_lost", answer_to_a_renewal_lost),
        scenario("network::answer_to_an_acquisition_lost", answer_to_an_acquisition_lost),
        scenario("network::slow_answers_then_none", slow_answers_then_none),
        scenario("network::api_unreachable_at_start", api_unreachable_at_start),
        scenario("network::every_kind_of_refusal", |world| each_strikes_once(world, refusals())).on_embedded(),
        scenario("network::every_kind_of_silence", |world| each_strikes_once(world, silences())).on_embedded(),
        scenario("network::every_kind_of_nonsense", |world| each_strikes_once(world, nonsense())).on_embedded(),
        scenario("network::every_kind_of_broken_watch", every_kind_of_broken_watch).on_embedded(),
    ]
}

/// Timings with time for two failed attempts between a due renewal and the renew deadline, on a busy machine.
const ROOMY: Timing = Timing {
    lease_duration: Duration::from_secs(6),
    renew_deadline: Duration::from_secs(4),
    retry_period: Duration::from_millis(400),
};

/// Only the leader's link fails. Its body ignores that it is asked to end, and is dropped before the hard stop. A successor comes
/// only then. When the link works again and late requests arrive, the old leader is a follower like the others.
async fn cut_off(world: Arc<World>, link: Link) {
    let ignores = Settings { manners: Manners::Ignores, ..world.settings() };
    let [leader, second, third] = world.start_three(&ignores).await;
    let term = world.leads(&leader).await;
    world.beats(term.token, 3).await;

    let cut = leader.link.set(link);
    world.log.note("cut-off", &format!("{link:?}"));
    let stopped = world.wait_in(term.token, "stopped").await;
    let next = world.next_term(term.token).await;
    assert_ne!(next.pid, leader.pid);
    // Every renewal that was acknowledged was sent before the link was cut.
    let stop = cut + ignores.timing.hard_stop();
    let last = world.last_of(term.token);
    assert!(last.at <= stop, "the body continued for {:?} after the hard stop", last.at.since(stop));
    assert_eq!(stopped.detail, "dropped");
    assert_eq!(world.wait_in(term.token, "cancelled").await.detail, "the lease could not be renewed in time");
    assert!(leader.ended().is_none(), "the process ended because it lost its lease");

    leader.link.set(Link::PASS);
    leader.says("requests succeed again").await;
    world.renewals(2).await;
    assert_eq!(world.tokens(), [term.token, next.token], "the return of the old leader has disturbed the new one");
    for other in [second, third] {
        other.kill().await;
    }
    assert_eq!(world.next_term(next.token).await.pid, leader.pid);
    leader.kill().await;
}

/// A renewal takes effect and its answer is lost. The leader finds its own record and renews again, and the term continues.
async fn answer_to_a_renewal_lost(world: Arc<World>) {
    let settings = Settings { timing: ROOMY, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    // The leader must use an existing connection: with TLS, no new one can be opened if no answers arrive.
    world.renewals(1).await;
    world.answered(&leader).await;
    leader.link.set(Link::NO_ANSWERS);
    world.log.note("no-answers", "");
    world.renewals(1).await;
    world.log.note("connections-reset", "a renewal took effect");
    // In this order, because answers that are held back must not arrive.
    leader.link.cut();
    leader.link.set(Link::PASS);
    world.renewals(3).await;
    world.beats(term.token, 3).await;
    assert_eq!(world.tokens(), [term.token], "a lost answer has ended the term");
}

/// An acquisition takes effect and its answer is lost. Only this write can have written the record in the Lease, so the record
/// proves the same as the answer. The holder's name alone would not prove it.
async fn answer_to_an_acquisition_lost(world: Arc<World>) {
    const WAIT: Duration = Duration::from_secs(5);
    let ghost = json!({ "holderIdentity": "ghost", "leaseDurationSeconds": WAIT.as_secs() });
    world.cluster.create_lease(&world.lease, &ghost).await;
    let replica = world.start("a").await;
    replica.says("new leader observed").await;
    // Its second read of the Lease, shortly before the end of the wait, opens the connection for the acquisition. With TLS, no
    // new connection can be opened if no answers arrive.
    let seen = now();
    until("the second read", async || (replica.link.last_up().since(seen) > WAIT / 2).then_some(())).await;
    world.answered(&replica).await;
    replica.link.set(Link::NO_ANSWERS);
    world.log.note("no-answers", "");
    let taken = until("the lease to be taken over", async || {
        let lease = world.cluster.lease(&world.lease).await?;
        (lease["spec"]["holderIdentity"] != "ghost").then_some(lease)
    })
    .await;
    let version: u64 =
        taken["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).expect("a number");
    world.log.note("connections-reset", &format!("the lease was taken over by {}", taken["spec"]["holderIdentity"]));
    assert_eq!(world.tokens(), [0; 0], "a term before the answer");
    replica.link.cut();
    replica.link.set(Link::PASS);
    let term = world.leads(&replica).await;
    assert_eq!(taken["spec"]["holderIdentity"], term.identity.as_str());
    assert!(term.token >= version, "the token is older than the acquisition");
    world.renewals(2).await;
    assert_eq!(world.tokens(), [term.token]);
}

/// Answers come late but in time, and then not at all. A holder that counted from the arrival of the answer would continue too
/// long: past the time for which the others wait, by the delay of the last answer.
async fn slow_answers_then_none(world: Arc<World>) {
    let delay = Duration::from_millis(800);
    let settings = Settings { timing: ROOMY, manners: Manners::Ignores, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    // All connections must be open: with TLS, opening one takes several answers.
    world.renewals(1).await;
    world.answered(&leader).await;
    leader.link.set(Link::slow(delay));
    world.renewals(3).await;
    world.beats(term.token, 3).await;
    assert_eq!(world.tokens(), [term.token], "slow answers have ended the term");

    // Waits until the answer to a renewal and its event on the watch have just arrived.
    world.renewals(1).await;
    let sent = leader.link.last_up();
    until("the answer to the renewal", async || (leader.link.last_down() >= sent + delay).then_some(())).await;
    let sent = leader.link.last_up();
    let cut = leader.link.set(Link::BLACK_HOLE);
    world.log.note("cut-off", &format!("{:?} after the last request that may have been answered", cut.since(sent)));
    let next = world.next_term(term.token).await;
    let stop = sent + settings.timing.hard_stop();
    let last = world.last_of(term.token);
    assert!(last.at <= stop, "the body went on for {:?} after the hard stop", last.at.since(stop));
    assert_ne!(next.pid, leader.pid);
    leader.kill().await;
}

/// A replica that starts while the API server cannot be reached waits, and logs this.
async fn api_unreachable_at_start(world: Arc<World>) {
    for (name, link) in [("a", Link::REFUSE), ("b", Link::BLACK_HOLE)] {
        let replica = world.launch(name, &world.settings(), Plan { link, ..Plan::default() });
        world.ready(&replica).await;
        replica.says("the API server cannot be reached").await;
        // It logs this once, and later attempts at a lower level. More than three lines show that it continues to try.
        until("another try", async || {
            (replica.said().matches("the API server cannot be reached").count() > 3).then_some(())
        })
        .await;
        assert_eq!(replica.said().matches("WARN").count(), 1, "{}", replica.said());
        assert!(replica.ended().is_none(), "{}", replica.said());
        assert_eq!(world.events_of(&replica).iter().filter(|event| event.is_work()).count(), 0);
        replica.link.set(Link::PASS);
        world.leads(&replica).await;
        replica.signal(Signal::TERM);
        assert!(replica.end().await.success());
    }
}

type Faults = Vec<(&'static str, Fault)>;

fn refusals() -> Faults {
    vec![
        ("401", Fault::status(401)),
        ("403", Fault::status(403)),
        ("409", Fault::status(409)),
        ("422", Fault::status(422)),
        ("429", Fault::status(429).retry_after(1)),
        ("429 for long", Fault::status(429).retry_after(3600)),
        ("500", Fault::status(500)),
        ("503", Fault::status(503)),
    ]
}

fn silences() -> Faults {
    vec![
        ("hang", Fault::hang()),
        ("lost answer", Fault::lost_answer()),
        ("late", Fault::lost_answer().late(Duration::from_secs(2))),
        ("reset before", Fault::drop_connection()),
        ("reset after", Fault::drop_connection().after_commit()),
        ("half a body", Fault::half_a_body()),
    ]
}

fn nonsense() -> Faults {
    vec![
        ("409 after commit", Fault::status(409).after_commit()),
        ("500 after commit", Fault::status(500).after_commit()),
        ("504 after commit", Fault::status(504).after_commit()),
        ("a proxy's page", Fault::html(502)),
        ("a page with code 200", Fault::html(200)),
        ("garbage", Fault::body(200, "application/json", &b"\xff\xfe{]"[..])),
        ("another object", Fault::body(200, "application/json", r#"{"kind":"Pod","apiVersion":"v1","metadata":{}}"#)),
        ("nothing", Fault::body(200, "application/json", "")),
    ]
}

/// Each fault strikes one request of the leader, of any kind. No fault ends the term.
async fn each_strikes_once(world: Arc<World>, faults: Faults) {
    let Some(api) = world.cluster.hooks() else { return };
    let settings = Settings { timing: ROOMY, ..world.settings() };
    let [leader, ..] = world.start_three(&settings).await;
    let term = world.leads(&leader).await;
    for (name, fault) in faults {
        world.log.note("fault", name);
        let own = RequestMatcher::leases().caller(&leader.name).and(|call| call.verb != Verb::Watch).times(1);
        let injection = api.inject(own, fault);
        injection.hit(1).await;
        world.renewals(1).await;
        injection.remove();
        assert_eq!(world.tokens(), [term.token], "{name:?} has ended the term");
    }
    world.beats(term.token, 3).await;
}

/// Followers notice a release although their watches fail: at the latest when the lease would have expired.
async fn every_kind_of_broken_watch(world: Arc<World>) {
    let Some(api) = world.cluster.hooks() else { return };
    type Break = fn(&lease_runtime::embedded::EmbeddedApi) -> usize;
    let breaks: [(&str, Break); 5] = [
        ("closed", |api| api.close_watches(|_| true)),
        ("reset", |api| api.break_watches(|_| true)),
        ("expired", |api| api.expire_watches(|_| true)),
        ("compacted", |api| {
            api.compact();
            api.break_watches(|_| true)
        }),
        ("silent", |api| api.silence_watches(|_| true)),
    ];
    let mut token = 0;
    let mut leader = world.start("r0").await;
    for (number, (name, break_them)) in breaks.into_iter().enumerate() {
        let term = world.next_term(token).await;
        let follower = world.start(&format!("r{}", number + 1)).await;
        until("two watches", async || (api.watches().len() >= 2).then_some(())).await;
        world.log.note("watches", name);
        assert!(break_them(api) >= 2);
        leader.signal(Signal::TERM);
        assert!(leader.end().await.success());
        assert_eq!(world.next_term(term.token).await.pid, follower.pid, "{name}");
        (token, leader) = (term.token, follower);
    }
}
