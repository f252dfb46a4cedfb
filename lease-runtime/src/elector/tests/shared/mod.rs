//! Many leases of one namespace with one watch.

mod ending;
mod joining;
mod refusals;

use super::*;

/// One process that takes part in many elections.
struct Crowd {
    elector: Elector,
    elections: Vec<ElectionHandle>,
}

fn shard(n: usize) -> String {
    format!("shard-{n}")
}

impl World {
    fn crowd(&self, name: &str, count: usize) -> Crowd {
        let client = self.api.client_as(name, NAMESPACE);
        let elector =
            Elector::start(Connection::Client(client), name.into(), Arc::clone(&self.clock), Vec::new()).unwrap();
        let mut crowd = Crowd { elector, elections: Vec::new() };
        crowd.add(count);
        crowd
    }

    /// One process that holds so many leases, and one that waits for so many of them.
    async fn leader_and_follower(&self, leads: usize, follows: usize) -> (Crowd, Crowd, Vec<Led>) {
        let mut a = self.crowd("a", leads);
        let led = a.terms().await;
        (a, self.crowd("b", follows), led)
    }

    fn watches_of(&self, caller: &str) -> usize {
        self.api.watches().iter().filter(|call| call.caller == caller).count()
    }

    fn shared_watches_of(&self, caller: &str) -> usize {
        self.api.watches().iter().filter(|call| call.caller == caller && call.name.is_none()).count()
    }
}

impl Crowd {
    fn add(&mut self, count: usize) {
        for n in self.elections.len()..self.elections.len() + count {
            self.elections.push(self.elector.contend(LeaseId::new(NAMESPACE, shard(n)), Timing::default()));
        }
    }

    async fn term(&mut self, n: usize) -> Led {
        let term = tokio::time::timeout(BOUND, self.elections[n].terms.recv()).await;
        let (term, alive) = term.expect("no term within an hour").expect("the election has ended");
        Led { term, _alive: alive }
    }

    async fn terms(&mut self) -> Vec<Led> {
        let mut terms = Vec::new();
        for n in 0..self.elections.len() {
            terms.push(self.term(n).await);
        }
        terms
    }

    fn leave(&self) {
        self.elections.iter().for_each(|election| election.withdraw(StopReason::Shutdown));
    }
}

/// Hands all leases over from `a` to `b`, and returns how long that took.
async fn handover(world: &World, a: &mut Crowd, b: &mut Crowd, led: Vec<Led>) -> (Vec<Led>, Duration) {
    assert!(led.iter().all(Led::goes_on));
    let before = world.clock.now();
    a.leave();
    drop(led);
    let led = b.terms().await;
    (led, world.clock.now().since(before))
}

/// Hands all leases over and back again. Afterwards no election may be deaf.
async fn back_and_forth(world: &World, a: &mut Crowd, b: &mut Crowd, led: Vec<Led>) {
    let (led, took) = handover(world, a, b, led).await;
    assert!(took <= Duration::from_millis(10), "{took:?}");
    a.elections.iter().for_each(ElectionHandle::contend);
    secs(10).await;
    let (_led, took) = handover(world, b, a, led).await;
    assert!(took <= Duration::from_millis(10), "{took:?} on the way back");
}

fn is_shared(caller: &'static str) -> impl Fn(&RecordedRequest) -> bool {
    move |call| call.verb == Verb::Watch && call.caller == caller && call.name.is_none()
}

fn when_shared(caller: &'static str) -> RequestMatcher {
    RequestMatcher::matching(is_shared(caller))
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_leases_share_one_watch_and_see_each_release_at_once() {
    let world = World::new();
    let (mut a, mut b, led) = world.leader_and_follower(300, 300).await;
    secs(12).await;
    for caller in ["a", "b"] {
        assert_eq!((world.of(caller, Verb::Watch), world.watches_of(caller)), (1, 1), "{caller}");
    }
    let looks = world.of("b", Verb::Get);
    assert_eq!(looks, 300, "polled");
    let (led, took) = handover(&world, &mut a, &mut b, led).await;
    assert!(took <= Duration::from_millis(10), "{took:?}");
    assert_eq!(world.of("b", Verb::Get), looks, "found out by polling");
    secs(12).await;
    assert!(led.iter().all(Led::goes_on));
    assert_eq!(world.watches_of("a"), 0, "it has left");
    assert_eq!(world.of("b", Verb::Watch), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handful_is_watched_by_name() {
    let world = World::new();
    let mut a = world.crowd("a", 4);
    let _led = a.terms().await;
    secs(60).await;
    assert_eq!((world.watches_of("a"), world.shared_watches_of("a")), (4, 0));
}

/// A namespace is watched only if many leases are in that namespace.
#[tokio::test(start_paused = true)]
async fn namespaces_are_counted_one_by_one() {
    let world = World::new();
    let mut a = world.crowd("a", 6);
    world.api.create_namespace("other");
    for n in 0..3 {
        a.elections.push(a.elector.contend(LeaseId::new("other", shard(n)), Timing::default()));
    }
    let _led = a.terms().await;
    secs(60).await;
    assert_eq!((world.watches_of("a"), world.shared_watches_of("a")), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_ends_the_term_of_that_lease_at_once_and_no_other() {
    let world = World::new();
    let mut a = world.crowd("a", 20);
    let mut led = a.terms().await;
    secs(12).await;
    assert!(world.api.delete_lease(NAMESPACE, &shard(7)));
    let lost = led.remove(7);
    tokio::time::timeout(Duration::from_millis(5), lost.term.cancelled()).await.expect("not at once");
    assert_eq!(lost.term.stop_reason(), Some(StopReason::Lost(lease_protocol::election::LossReason::Deleted)));
    drop(lost);
    secs(30).await;
    assert!(led.iter().all(Led::goes_on));
    assert_eq!(world.of("a", Verb::Watch), 1);
}
