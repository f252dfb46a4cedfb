//! A process that was absent: an observation from before the absence proves little about the present.

use super::*;

/// A process that has seen a Lease and its deletion, and would create one now.
fn clear_to_create() -> Bench {
    let (mut bench, _) = Bench::waiting();
    bench.step(Event::Seen(Observation::Missing { revision: Some(500) }));
    bench.pass(SECOND * 15).woken().show(MISSING);
    assert!(matches!(bench.open[0].1, Request::Create(_)));
    // A quota or a webhook refuses the write, so it does not lead.
    bench.answer(Answer::Refused { retry_after: None, unreached: false });
    bench
}

/// The process gets the Lease, finds it missing, and waits as for a Lease that was just deleted.
#[track_caller]
fn gets_the_lease_and_waits_again(bench: &mut Bench) {
    assert!(bench.open.iter().all(|(_, request)| *request == Request::Get), "creates without a get");
    bench.show(MISSING).step(Event::WatchOpened);
    let end = bench.now + SECOND * 15;
    while bench.now < end {
        bench.pass(SECOND).woken();
        if bench.now < end && !bench.open.is_empty() {
            bench.show(MISSING);
        }
        assert!(bench.now >= end || bench.open.is_empty(), "takes {:?} before its time", bench.open);
    }
    bench.show(MISSING);
    assert!(matches!(bench.request().1, Request::Create(_)), "it waits no longer than that");
}

#[test]
fn c3_a_process_that_was_out_of_the_election_gets_the_lease_and_waits_again() {
    let mut bench = clear_to_create();
    bench.step(Event::Withdraw(StopReason::Withdrawn)).step(Event::WatchLost);
    bench.pass(SECOND * 3600).step(Event::Contend);
    gets_the_lease_and_waits_again(&mut bench);
}

#[test]
fn c3_a_short_absence_from_the_election_counts_too() {
    let mut bench = clear_to_create();
    bench.step(Event::Withdraw(StopReason::Withdrawn)).step(Event::WatchLost);
    bench.pass(SECOND * 5).step(Event::Contend);
    gets_the_lease_and_waits_again(&mut bench);
}

#[test]
fn c3_a_process_that_slept_does_not_create_by_an_old_observation() {
    let mut bench = clear_to_create();
    bench.pass(SECOND * 3600).woken();
    gets_the_lease_and_waits_again(&mut bench);
}

#[test]
fn c3_a_short_refusal_does_not_restart_the_wait() {
    let mut bench = clear_to_create();
    bench.pass(SECOND * 3).woken();
    assert!(matches!(bench.request().1, Request::Create(_)));
}

#[test]
fn c3_a_deletion_reported_by_a_watch_before_the_first_get_counts() {
    let mut bench = Bench::new();
    bench.woken().step(Event::Seen(Observation::Missing { revision: Some(500) }));
    gets_the_lease_and_waits_again(&mut bench);
}

#[test]
fn c3_a_new_election_knows_what_the_process_has_seen() {
    let (bench, _) = Bench::waiting();
    let memory = bench.election.memory();
    let mut next = Bench { election: Election::recalling(ME.to_owned(), Timing::default(), memory), ..bench };
    next.pass(SECOND).woken();
    gets_the_lease_and_waits_again(&mut next);
}

#[test]
fn c3_long_after_an_observation_it_suffices_that_there_was_a_lease() {
    let memory = Memory::from_long_ago(true, SECOND * 15);
    let mut bench = Bench { election: Election::recalling(ME.to_owned(), Timing::default(), memory), ..Bench::new() };
    bench.woken();
    gets_the_lease_and_waits_again(&mut bench);
}

#[test]
fn a_lease_that_was_never_seen_is_created_at_once() {
    let memory = Memory::from_long_ago(false, SECOND * 60);
    let mut bench = Bench { election: Election::recalling(ME.to_owned(), Timing::default(), memory), ..Bench::new() };
    bench.woken().show(MISSING);
    assert!(matches!(bench.request().1, Request::Create(_)));
}

#[test]
fn w3_a_token_is_above_what_the_process_has_seen_in_the_cluster() {
    let memory = Memory::from_long_ago(false, SECOND * 15).above(5_000);
    let mut bench = Bench { election: Election::recalling(ME.to_owned(), Timing::default(), memory), ..Bench::new() };
    bench.woken().show(MISSING);
    bench.commit();
    assert!(matches!(bench.take_acts()[..], [Action::Disqualified { .. }]));
}

#[test]
fn a_returning_process_takes_a_released_lease_at_once() {
    let (mut bench, view) = Bench::waiting();
    bench.step(Event::Withdraw(StopReason::Withdrawn)).step(Event::WatchLost);
    bench.pass(SECOND * 3600).step(Event::Contend);
    let mut released = bench.annotated(&view);
    released.record.holder = Some(String::new());
    bench.show(Observation::Present(released));
    assert!(matches!(bench.request().1, Request::Replace { .. }));
}
