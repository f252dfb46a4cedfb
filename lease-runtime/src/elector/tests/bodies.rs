//! Bodies, runtimes and panics: what happens to a term when one side is gone.

use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::embedded::Fault;

#[tokio::test(start_paused = true)]
async fn terms_that_nobody_receives_are_given_back() {
    let world = World::new();
    let (mut a, mut b) = (world.replica("a"), world.replica("b"));
    let led = a.term().await;
    secs(1).await;
    // The bodies are gone without notice.
    drop(led);
    a.status_until(|status| status.standing == Standing::Out).await;
    assert_eq!(a.status().last_stop, Some(StopReason::RuntimeGone));
    let (_led, took) = b.term_after().await;
    assert!(took <= Duration::from_millis(10), "{took:?}");
    secs(60).await;
    assert!(a.election.terms.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn leaving_is_bounded_when_the_release_cannot_be_written() {
    for fault in [Fault::hang(), Fault::status(500), Fault::status(403), Fault::status(429).retry_after(60)] {
        let world = World::new();
        let mut a = world.replica("a");
        let led = a.term().await;
        secs(7).await;
        world.api.inject(RequestMatcher::any(), fault.clone());
        a.election.withdraw(StopReason::Shutdown);
        drop(led);
        let left = tokio::time::timeout(Duration::from_secs(16), a.election.left()).await;
        assert!(left.is_ok(), "still there with {fault:?}");
        assert_eq!(a.status().standing, Standing::Out);
    }
}

#[tokio::test(start_paused = true)]
async fn leaving_does_not_wait_forever_for_a_body_that_blocks() {
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    secs(7).await;
    world.api.inject(RequestMatcher::any(), Fault::hang());
    a.election.withdraw(StopReason::Shutdown);
    let left = tokio::time::timeout(Duration::from_secs(12 + 15 + 1), a.election.left()).await;
    assert!(left.is_ok(), "still there");
    assert!(!led.goes_on());
    assert_eq!(a.status().standing, Standing::Draining, "no other replica may take it for gone");
}

#[tokio::test(start_paused = true)]
async fn a_withdrawal_is_complete_more_than_once() {
    let world = World::new();
    let a = world.replica("a");
    // There was no withdrawal.
    a.election.left().await;
    for _ in 0..3 {
        a.election.withdraw(StopReason::Shutdown);
        a.election.left().await;
    }
    a.election.withdraw(StopReason::Shutdown);
    a.election.contend();
    a.election.left().await;
}

/// A clock that panics once, deep inside an election.
#[derive(Debug)]
struct Failing {
    clock: Arc<dyn Clock>,
    /// The number of calls until the panic; zero for none.
    fuse: Arc<AtomicU32>,
}

impl Clock for Failing {
    fn now(&self) -> Moment {
        let left = self.fuse.load(Ordering::Relaxed);
        if left > 0 {
            self.fuse.store(left - 1, Ordering::Relaxed);
            assert!(left > 1, "the clock fell off the wall");
        }
        self.clock.now()
    }

    fn wall(&self) -> WallTime {
        self.clock.wall()
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_election_ends_its_term_and_no_other() {
    let world = World::new();
    let fuse = Arc::new(AtomicU32::new(0));
    let client = world.api.client_as("a", NAMESPACE);
    let elector = Elector::start(Connection::Client(client), "a".into(), Arc::clone(&world.clock), Vec::new()).unwrap();
    let mut sound = elector.contend(LeaseId::new(NAMESPACE, "sound"), Timing::default());
    let faulty =
        Elector { clock: Arc::new(Failing { clock: Arc::clone(&world.clock), fuse: fuse.clone() }), ..elector.clone() };
    let mut broken = faulty.contend(LeaseId::new(NAMESPACE, "broken"), Timing::default());
    let (sound_term, _alive) = sound.terms.recv().await.unwrap();
    let (broken_term, broken_alive) = broken.terms.recv().await.unwrap();
    secs(7).await;

    fuse.store(1, Ordering::Relaxed);
    let status = broken.status.wait_for(|status| status.fatal).await.unwrap().clone();
    assert_eq!(status.standing, Standing::Draining);
    assert!(status.problem.unwrap().to_string().contains("the clock fell off the wall"));
    assert!(broken_term.check().is_err(), "a term without an election");
    drop(broken_alive);
    broken.status.wait_for(|status| status.standing == Standing::Out).await.unwrap();
    broken.withdraw(StopReason::Shutdown);
    broken.left().await;

    secs(60).await;
    assert!(sound_term.check().is_ok() && elector.health().is_alive());
}

/// Readers must not depend on an elector that is gone.
#[test]
fn a_term_ends_with_the_runtime_of_its_election() {
    let paused = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let runtime = paused();
    let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock);
    let api = EmbeddedApi::new();
    let (elector, election, term, _alive) = runtime.block_on(async {
        let client = api.client_as("a", NAMESPACE);
        let elector = Elector::start(Connection::Client(client), "a".into(), Arc::clone(&clock), Vec::new()).unwrap();
        let mut election = elector.contend(LeaseId::new(NAMESPACE, LEASE), Timing::default());
        let (term, alive) = election.terms.recv().await.unwrap();
        (elector, election, term, alive)
    });
    assert!(term.check().is_ok() && elector.health().running);
    drop(runtime);
    assert!(term.check().is_err());
    assert!(!elector.health().is_alive());
    let status = election.status.borrow().clone();
    assert!(status.fatal && status.standing != Standing::Follower, "{status:?}");
    // The election is gone, and so nothing waits for an answer.
    election.withdraw(StopReason::Shutdown);
    paused().block_on(election.left());
    let late = elector.contend(LeaseId::new(NAMESPACE, "other"), Timing::default());
    assert!(late.status.borrow().fatal);
}

#[test]
fn a_client_needs_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = runtime.block_on(async { EmbeddedApi::new().client(NAMESPACE) });
    let clock: Arc<dyn Clock> = Arc::new(crate::clock::SystemClock);
    let refused = Elector::start(Connection::Client(client), "a".into(), clock, Vec::new());
    assert!(matches!(refused, Err(ElectorError::NoRuntime)));
}

/// Both have the same identity, so the second one would take the lease for its own.
#[tokio::test(start_paused = true)]
async fn an_election_waits_for_the_bodies_of_the_one_before_it() {
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    // The runtime of the candidate is gone, while a body on another runtime is not.
    a.election = a.elector.contend(LeaseId::new(NAMESPACE, LEASE), Timing::default());
    secs(60).await;
    assert!(a.election.terms.try_recv().is_err(), "a body beside one that is not gone");
    // Leaving does not wait for that body, because this election holds nothing.
    a.election.withdraw(StopReason::Shutdown);
    let left = tokio::time::timeout(Duration::from_secs(1), a.election.left()).await;
    assert!(left.is_ok(), "still there");
    assert_eq!(a.status().standing, Standing::Out);
    drop(led);
    secs(60).await;
    assert!(a.election.terms.try_recv().is_err(), "a term although the election was left");
    a.election.contend();
    let (_led, took) = a.term_after().await;
    assert!(took <= Duration::from_millis(10), "{took:?}");
}
