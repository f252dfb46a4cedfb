//! Elections that begin and end while others go on.

use super::*;
use crate::embedded::Fault;

#[tokio::test(start_paused = true)]
async fn an_election_that_begins_later_joins_the_watch_that_is_open() {
    let world = World::new();
    let (mut a, mut b, led) = world.leader_and_follower(20, 10).await;
    secs(100).await;
    // Also while the watch is not open, and at the instant in which the lease changes hands.
    for n in 0..10 {
        if n % 2 == 0 {
            world.api.close_watches(is_shared("b"));
        }
        b.add(1);
        millis(n).await;
    }
    secs(2).await;
    assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (1, 1));
    assert_eq!(world.of("b", Verb::Get), 20, "polled");
    back_and_forth(&world, &mut a, &mut b, led).await;
}

/// The first read of an election that joins fails. It does not know what happened before, whatever the watch shows since.
#[tokio::test(start_paused = true)]
async fn an_election_relies_on_the_watch_only_after_its_first_read() {
    let world = World::new();
    let (a, mut b, led) = world.leader_and_follower(20, 20).await;
    secs(3).await;
    b.elections[7].withdraw(StopReason::Shutdown);
    b.elections[7].left().await;
    // For less than a lease duration. After that it would try to take over without a read.
    secs(1).await;
    let refusal = world.api.inject(from("b").and(|call| call.verb == Verb::Get), Fault::status(500));
    let mut led: Vec<_> = led.into_iter().map(Some).collect();
    a.elections[7].withdraw(StopReason::Shutdown);
    led[7] = None;
    a.elections[7].left().await;
    let before = world.clock.now();
    b.elections[7].contend();
    refusal.hit(1).await;
    millis(100).await;
    refusal.remove();
    let _led = b.term(7).await;
    let took = world.clock.now().since(before);
    assert!(took <= Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn elections_that_left_get_no_events_and_the_last_one_ends_the_watch() {
    let world = World::new();
    let mut a = world.crowd("a", 10);
    let mut led = a.terms().await;
    secs(10).await;
    while let Some(election) = a.elections.pop() {
        assert_eq!((world.watches_of("a"), world.shared_watches_of("a")), (1, 1));
        election.withdraw(StopReason::Shutdown);
        led.pop();
        election.left().await;
        millis(10).await;
    }
    assert_eq!(world.watches_of("a"), 0);
    assert_eq!(world.of("a", Verb::Watch), 1);
    assert_eq!(world.rate("a", 60).await, 0.0);
    // A new one begins with the elections that join then.
    a.add(10);
    let _led = a.terms().await;
    secs(5).await;
    assert_eq!((world.watches_of("a"), world.shared_watches_of("a")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn from_few_to_many_and_back_nothing_is_missed() {
    let world = World::new();
    let (a, mut b, led) = world.leader_and_follower(20, 3).await;
    let mut led: Vec<_> = led.into_iter().map(Some).collect();
    secs(20).await;
    assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (3, 0));

    b.add(17);
    // An election that was there before, while it has both watches.
    until("the shared watch", || world.shared_watches_of("b") == 1).await;
    millis(100).await;
    let one = passed_on(&world, &a, &mut b, &mut led, 0, 10).await;
    secs(3).await;
    assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (1, 1));
    let two = passed_on(&world, &a, &mut b, &mut led, 1, 10).await;
    let three = passed_on(&world, &a, &mut b, &mut led, 10, 10).await;
    assert_eq!(world.of("b", Verb::Get), 20, "polled");

    drop((one, two, three));
    // All but two of them leave. Those two keep the shared watch until the server ends it.
    for election in b.elections.split_off(4).iter().chain(&b.elections[..2]) {
        election.withdraw(StopReason::Shutdown);
        election.left().await;
    }
    secs(10).await;
    assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (1, 1));
    world.api.close_watches(is_shared("b"));
    let _four = passed_on(&world, &a, &mut b, &mut led, 2, 300).await;
    secs(2).await;
    assert_eq!((world.watches_of("b"), world.shared_watches_of("b")), (2, 0));
    let _five = passed_on(&world, &a, &mut b, &mut led, 3, 10).await;
    assert_eq!(world.of("b", Verb::Get), 20, "polled");
}

async fn passed_on(world: &World, a: &Crowd, b: &mut Crowd, led: &mut [Option<Led>], n: usize, within: u64) -> Led {
    let before = world.clock.now();
    a.elections[n].withdraw(StopReason::Shutdown);
    led[n] = None;
    let term = b.term(n).await;
    let took = world.clock.now().since(before);
    assert!(took <= Duration::from_millis(within), "{n}: {took:?}");
    term
}
