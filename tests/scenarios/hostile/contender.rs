//! Candidates on client-go, beside the replicas of a scenario.

use std::collections::BTreeMap;
use std::time::Duration;

use lease_protocol::election::Timing;
use lease_runtime::clock::Moment;
use lease_tests::cluster::{Caller, Kind};
use lease_tests::log::{Event, Log, terms};
use lease_tests::proxy::Link;
use lease_tests::replica::{Replica, Settings};
use lease_tests::world::World;

/// The candidates on client-go of one scenario. Their events are in a log of their own, because their tokens, `leaseTransitions`,
/// cannot be compared with ours.
pub(crate) struct Contenders {
    log: Log,
}

/// From the beginning of a body to its last sign of life.
#[derive(Clone, Debug)]
struct Body {
    identity: String,
    first: Moment,
    last: Moment,
}

impl Contenders {
    pub(crate) fn new(world: &World) -> Contenders {
        Contenders { log: Log::open(&world.dir.join("contender-events")).expect("no event log for the contenders") }
    }

    /// Starts one, and waits until it takes part. `release` is its `ReleaseOnCancel`.
    pub(crate) async fn start(&self, world: &World, name: &str, timing: Timing, release: bool) -> Replica {
        let Kind::Real(real) = &world.cluster.kind else { panic!("client-go needs a real API server") };
        let program = real.contender.as_ref().expect("the runner asks for a contender");
        let link = world.cluster.link(Link::PASS);
        let kubeconfig = world.cluster.kubeconfig(Some(&link), Caller::Admin(name), &world.cluster.namespace);
        let path = world.dir.join(format!("{name}.kubeconfig"));
        std::fs::write(&path, kubeconfig).expect("a kubeconfig cannot be written");
        let millis = |span: Duration| format!("{}ms", span.as_millis());
        let args = [
            format!("-kubeconfig={}", path.display()),
            format!("-namespace={}", world.cluster.namespace),
            format!("-lease={}", world.lease),
            format!("-identity={name}"),
            format!("-events={}", self.log.path().display()),
            format!("-lease-duration={}", millis(timing.lease_duration)),
            format!("-renew-deadline={}", millis(timing.renew_deadline)),
            format!("-retry-period={}", millis(timing.retry_period)),
            format!("-release-on-cancel={release}"),
        ];
        let home = [("HOME", world.dir.display().to_string())];
        let settings = Settings { timing, ..world.settings() };
        let contender = Replica::spawn(program, &args, name, link, &settings, &home, &world.dir);
        self.log.wait("ready", |event| event.pid == contender.pid).await;
        contender
    }

    /// Waits until it begins a body after this instant.
    pub(crate) async fn leads(&self, contender: &Replica, after: Moment) -> Event {
        self.log.wait("started", |event| event.pid == contender.pid && event.at > after).await
    }

    /// Waits until its body has ended after this instant.
    pub(super) async fn stops(&self, contender: &Replica, after: Moment) -> Event {
        self.log.wait("stopped", |event| event.pid == contender.pid && event.at > after).await
    }

    fn bodies(&self) -> Vec<Body> {
        let mut bodies: Vec<Body> = Vec::new();
        let mut latest: BTreeMap<u32, usize> = BTreeMap::new();
        for event in self.log.events() {
            if event.is("started") {
                latest.insert(event.pid, bodies.len());
                bodies.push(Body { identity: event.identity.clone(), first: event.at, last: event.at });
            } else if let Some(&at) = latest.get(&event.pid) {
                bodies[at].last = event.at;
            }
        }
        bodies
    }

    /// Checks that no body of a replica ran beside one on client-go, except of these: client-go does not wait for the end of a
    /// body that it has cancelled, and a process that was stopped may act late.
    pub(super) fn check_apart(&self, world: &World, except: &[&str]) {
        let ours = terms(&world.log.events());
        let bodies = self.bodies();
        assert!(!bodies.is_empty() && !ours.is_empty(), "only one kind has led");
        for body in bodies.iter().filter(|body| !except.contains(&&*body.identity)) {
            for term in &ours {
                let apart = term.last < body.first || body.last < term.first;
                assert!(apart, "term {} of {} ran beside {body:?}: {term:?}", term.token, term.identity);
            }
        }
    }
}
