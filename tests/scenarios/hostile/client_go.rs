//! Candidates on client-go compete for the same Lease.

use std::sync::Arc;
use std::time::Duration;

use lease_protocol::election::Timing;
use lease_tests::log::now;
use lease_tests::proxy::Link;
use lease_tests::replica::{LONG, SHORT, Settings};
use lease_tests::world::World;
use rustix::process::Signal;

use super::contender::Contenders;
use super::{BUSY, Siege};
use crate::runner::{Scenario, scenario};

pub(super) fn list() -> Vec<Scenario> {
    vec![
        scenario("hostile::hands_over_to_client_go_and_back", hands_over_to_client_go_and_back).needs_contender(),
        scenario("hostile::client_go_ends_without_a_release", client_go_ends_without_a_release).needs_contender(),
        scenario("hostile::client_go_releases_what_others_hold", client_go_releases_what_others_hold).needs_contender(),
        scenario("hostile::client_go_is_stopped_and_continued", client_go_is_stopped_and_continued).needs_contender(),
    ]
}

/// Each kind takes the lease as soon as the other has released it. The timings are so long that no lease expires.
async fn hands_over_to_client_go_and_back(world: Arc<World>) {
    let settings = Settings { timing: LONG, ..world.settings() };
    let contenders = Contenders::new(&world);
    let mut ours = world.start_with("a", &settings).await;
    let mut term = world.leads(&ours).await;
    for (go, next) in [("go-1", "b"), ("go-2", "c")] {
        let contender = contenders.start(&world, go, LONG, true).await;
        world.beats(term.token, 3).await;
        ours.signal(Signal::TERM);
        assert!(ours.end().await.success(), "{}", ours.said());
        let stopped = world.wait_in(term.token, "stopped").await;
        let led = contenders.leads(&contender, stopped.at).await;
        let took = led.at.since(stopped.at);
        assert!(took < LONG.renew_deadline, "{go} led {took:?} after the body had ended");

        ours = world.start_with(next, &settings).await;
        ours.says("new leader observed").await;
        assert!(ours.said().contains(go), "{}", ours.said());
        let released = contender.signal(Signal::TERM);
        assert!(contender.end().await.success(), "{}", contender.said());
        term = world.next_term(term.token).await;
        let took = term.at.since(released);
        assert!(took < LONG.renew_deadline, "{next} led {took:?} after {go} was asked to end");
    }
    world.renewals(1).await;
    // Both were asked to end, and client-go releases the lease beside its body.
    contenders.check_apart(&world, &["go-1", "go-2"]);
}

/// Without `ReleaseOnCancel`, and after a crash, each kind waits for the duration in the record of the other.
async fn client_go_ends_without_a_release(world: Arc<World>) {
    let contenders = Contenders::new(&world);
    let first = world.start("a").await;
    let term = world.leads(&first).await;
    let contender = contenders.start(&world, "go-1", SHORT, false).await;
    let renewed = world.renewals(1).await;
    let killed = first.kill().await;
    let led = contenders.leads(&contender, killed).await;
    let waited = led.at.since(renewed);
    assert!(waited >= SHORT.lease_duration, "client-go took the lease {waited:?} after a renewal");

    let second = world.start("b").await;
    second.says("new leader observed").await;
    let renewed = world.renewals(1).await;
    contender.signal(Signal::TERM);
    assert!(contender.end().await.success(), "{}", contender.said());
    let next = world.next_term(term.token).await;
    let waited = next.at.since(renewed);
    assert!(waited >= SHORT.lease_duration, "the lease was taken from client-go {waited:?} after a renewal");
    world.renewals(2).await;
    world.beats(next.token, 3).await;
    contenders.check_apart(&world, &[]);
}

/// Timings of a candidate on client-go whose release lasts until another has taken the lease.
const SLOW_TO_RELEASE: Timing = Timing {
    lease_duration: Duration::from_secs(5),
    renew_deadline: Duration::from_millis(4_800),
    retry_period: Duration::from_millis(400),
};

/// client-go reads the lease again before it releases it, and does not look at who holds it then. Here its release is stopped until a
/// replica has taken the lease, and then empties the holder of that replica's record. The replica ends its term. An overlap is
/// possible, as after every release in the name of a holder. A replica leads again.
async fn client_go_releases_what_others_hold(world: Arc<World>) {
    let contenders = Contenders::new(&world);
    let first = world.start("a").await;
    let term = world.leads(&first).await;
    let contender = contenders.start(&world, "go-1", SLOW_TO_RELEASE, true).await;
    first.signal(Signal::TERM);
    assert!(first.end().await.success(), "{}", first.said());
    let led = contenders.leads(&contender, term.at).await;
    let [second, third] = [world.start("b").await, world.start("c").await];
    for replica in [&second, &third] {
        replica.says("new leader observed").await;
    }
    let siege = Siege::of(&[&second, &third]);
    world.renewals(1).await;
    contender.link.set(Link::NO_REQUESTS);
    // By now it waits for a renewal. It gives that up, and reads the lease for its release, when it is asked to end.
    tokio::time::sleep(SLOW_TO_RELEASE.lease_duration / 2).await;
    contender.signal(Signal::TERM);
    contenders.stops(&contender, led.at).await;
    contender.signal(Signal::STOP);
    let taken = world.next_term(term.token).await;
    world.excuse(taken.token, "client-go releases the lease in its holder's name");
    world.beats(taken.token, 1).await;
    contender.link.set(Link::PASS);
    contender.signal(Signal::CONT);
    assert!(contender.end().await.success(), "{}", contender.said());
    let emptied = world.log.note("emptied", "");
    let next = world.next_term(taken.token).await;
    let stopped = world.wait_in(taken.token, "stopped").await;
    let late = stopped.at.since(next.at);
    assert!(late < SHORT.hard_stop(), "the term whose lease was released ran {late:?} beside the next one");
    let again = siege.ends(&world, SHORT.lease_duration + BUSY).await;
    assert!(again.token >= next.token, "{again} {emptied:?}");
    contenders.check_apart(&world, &["go-1"]);
}

/// A holder on client-go is stopped for longer than its lease lasts. When it is continued, it finds another holder, and competes again.
async fn client_go_is_stopped_and_continued(world: Arc<World>) {
    let contenders = Contenders::new(&world);
    let first = world.start("a").await;
    let term = world.leads(&first).await;
    let contender = contenders.start(&world, "go-1", SHORT, true).await;
    let killed = first.kill().await;
    let led = contenders.leads(&contender, killed).await;
    let second = world.start("b").await;
    second.says("new leader observed").await;
    let siege = Siege::of(&[&second]);
    let renewed = world.renewals(1).await;
    contender.signal(Signal::STOP);
    let taken = world.next_term(term.token).await;
    let waited = taken.at.since(renewed);
    assert!(waited >= SHORT.lease_duration, "the lease was taken from client-go {waited:?} after a renewal");
    world.beats(taken.token, 3).await;
    contender.signal(Signal::CONT);
    contenders.stops(&contender, led.at).await;
    world.renewals(2).await;
    world.beats(taken.token, 3).await;
    assert_eq!(world.tokens(), [term.token, taken.token], "a stopped process has disturbed its successor");
    // It takes part again, and takes the lease when it is released.
    let asked = now();
    second.signal(Signal::TERM);
    assert!(second.end().await.success(), "{}", second.said());
    contenders.leads(&contender, asked).await;
    siege.check();
    contenders.check_apart(&world, &["go-1"]);
}
