//! The limit on requests at once, and which requests wait for it.

use super::*;
use crate::elector::inflight::MOST;
use crate::embedded::Fault;

fn contend(elector: &Elector, names: impl Iterator<Item = String>) -> Vec<ElectionHandle> {
    names.map(|name| elector.contend(LeaseId::new(NAMESPACE, name), Timing::default())).collect()
}

fn elector(world: &World, name: &str) -> Elector {
    let client = world.api.client_as(name, NAMESPACE);
    Elector::start(Connection::Client(client), name.into(), Arc::clone(&world.clock), Vec::new()).unwrap()
}

/// The most requests, without watches, that had no answer yet at one instant.
fn most_at_once(world: &World) -> usize {
    let mut edges = Vec::new();
    for entry in world.api.requests().entries().iter().filter(|entry| entry.call.verb != Verb::Watch) {
        edges.push((entry.at, 1));
        edges.extend(entry.ended.map(|ended| (ended, -1)));
    }
    // At the same instant, ends come before beginnings.
    edges.sort();
    let mut open = 0;
    edges.iter().map(|(_, by)| (open += by, open).1).max().unwrap_or(0) as usize
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_elections_that_begin_at_once_take_turns() {
    let world = World::new();
    world.api.inject(RequestMatcher::any(), Fault::none().delayed(Duration::from_millis(5)));
    let elector = elector(&world, "a");
    let before = world.clock.now();
    let mut elections = contend(&elector, (0..500).map(|n| format!("shard-{n}")));
    let mut terms = Vec::new();
    for election in &mut elections {
        terms.push(election.terms.recv().await.unwrap());
    }
    let took = world.clock.now().since(before);
    assert!(took < Duration::from_secs(1), "{took:?}");
    secs(12).await;
    let most = most_at_once(&world);
    assert!(most <= MOST, "{most} at once");
    assert!(terms.iter().all(|(term, _)| term.stop_reason().is_none()));
}

/// All other requests of the process wait for answers that do not come.
#[tokio::test(start_paused = true)]
async fn a_renewal_does_not_wait_for_requests_of_followers() {
    let world = World::new();
    let mut a = world.replica("a");
    let led = a.term().await;
    world.api.inject(RequestMatcher::matching(|call| call.name.as_deref() != Some(LEASE)), Fault::hang());
    let others = contend(&a.elector, (0..300).map(|n| format!("shard-{n}")));
    secs(8).await;
    let in_trouble = |election: &ElectionHandle| {
        let problem = election.status.borrow().problem.clone();
        matches!(problem.as_deref(), Some(ElectorError::Slow { .. } | ElectorError::Unreachable { .. }))
    };
    assert!(others.iter().all(in_trouble), "they do not report it");
    let renewal = |entry: &Entry| entry.call.name.as_deref() == Some(LEASE) && entry.call.verb.is_write();
    let before = world.count("a", renewal);
    secs(60).await;
    let renewals = world.count("a", renewal) - before;
    assert!(led.goes_on());
    assert!((11..=13).contains(&renewals), "{renewals} renewals in a minute");
}

/// Other renewals hang. A holder waits for a turn only for a moment.
#[tokio::test(start_paused = true)]
async fn a_renewal_goes_without_a_turn_rather_than_lose_the_term() {
    let world = World::new();
    let elector = elector(&world, "a");
    let mut elections = contend(&elector, (0..200).map(|n| format!("shard-{n}")));
    let mut terms = Vec::new();
    for election in &mut elections {
        terms.push(election.terms.recv().await.unwrap());
    }
    // Each renewal is answered just in time, so not all of them can have had a turn.
    world.api.inject(RequestMatcher::writes(), Fault::none().slow_answer(Duration::from_millis(3_200)));
    secs(60).await;
    assert!(terms.iter().all(|(term, _)| term.stop_reason().is_none()), "a term is lost");
}

/// A request that gets no turn has not been sent, and is tried again.
#[tokio::test(start_paused = true)]
async fn a_request_without_a_turn_is_tried_again() {
    let world = World::new();
    let stuck = world.api.inject(RequestMatcher::any(), Fault::hang());
    let elector = elector(&world, "a");
    let mut elections = contend(&elector, (0..200).map(|n| format!("shard-{n}")));
    // For an eighth of an attempt, those that have begun keep their turns.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let most = most_at_once(&world);
    assert_eq!(most, MOST, "{most} at once");
    secs(30).await;
    stuck.remove();
    let before = world.clock.now();
    for election in &mut elections {
        election.terms.recv().await.unwrap();
    }
    let took = world.clock.now().since(before);
    assert!(took <= Duration::from_secs(8), "{took:?}");
}

/// Many requests hang, and one lease must still be taken over in time.
#[tokio::test(start_paused = true)]
async fn requests_that_hang_do_not_delay_a_takeover() {
    for more in 0..4 {
        let world = World::new();
        let mut a = world.replica("a");
        let _led = a.term().await;
        let mut b = world.replica("b");
        secs(5).await;
        world.api.inject(RequestMatcher::matching(|call| call.name.as_deref() != Some(LEASE)), Fault::hang());
        let mut others = Vec::new();
        // One after the other, so that there is always one that waits for its turn.
        for number in 0..300 {
            others.extend(contend(&b.elector, std::iter::once(format!("shard-{number}"))));
            tokio::time::sleep(Duration::from_millis(37)).await;
        }
        secs(20 + more).await;
        let before = world.clock.now();
        world.api.inject(RequestMatcher::matching(|call| call.caller == "a"), Fault::hang());
        let _next = b.term().await;
        let took = world.clock.now().since(before);
        // The lease expires in at most 15 s. The read and the write then each wait for a turn. There are 32 turns, and a request
        // that hangs gives its turn back after an eighth of its time.
        assert!(took < Duration::from_secs(25), "{took:?}");
    }
}
