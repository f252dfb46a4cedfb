//! What happens at the very instant at which a span ends, and how long a pause lasts.

use super::*;

const INSTANT: Duration = Duration::from_nanos(1);

#[test]
fn r1_a_write_as_old_as_the_renew_deadline_extends_nothing() {
    let (mut bench, _) = Bench::leading();
    bench.pass(SECOND).step(Event::Hurry);
    let stored = bench.stored();
    bench.answer(Answer::Unknown).pass(10 * SECOND).step(Event::Seen(Observation::Present(stored)));
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Lost(LossReason::NotRenewed))]);
}

#[test]
fn no_get_checks_on_a_write_in_the_last_twentieth_of_its_time() {
    let (bench, end) = (Bench::new(), Moment::from_nanos(1_000_000_000_000));
    let sent = end - 10 * SECOND;
    assert_eq!(bench.election.next_get(sent, end - SECOND / 2), None);
    assert!(bench.election.next_get(sent, end - SECOND / 2 - INSTANT).is_some());
}

#[test]
fn a_server_that_was_not_reached_is_tried_again_four_times_as_soon() {
    for (unreached, wait) in [(true, SECOND / 2), (false, 2 * SECOND)] {
        let mut bench = Bench::new();
        bench.woken().answer(Answer::Refused { retry_after: None, unreached });
        assert_eq!(bench.election.wake_at(), Some(bench.now + wait));
    }
}

#[test]
fn a_process_whose_term_is_over_waits_as_long_as_the_server_asks() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND);
    let sent = bench.now;
    let (id, _) = bench.request();
    bench.pass(7 * SECOND);
    bench.step(Event::Answered { id, answer: Answer::Refused { retry_after: Some(10 * SECOND), unreached: false } });
    bench.step(Event::Drained);
    assert!(bench.open.is_empty(), "{:?}", bench.open);
    assert_eq!(bench.election.wake_at(), Some(sent + 10 * SECOND));
}

#[test]
fn a_renewal_that_proves_nothing_new_extends_nothing() {
    let (mut bench, _) = Bench::leading();
    bench.step(Event::Hurry).commit();
    assert!(bench.is_quiet(), "it was sent at the same instant as the acquisition: {:?}", bench.acted);
}

#[test]
fn a_candidate_without_a_watch_gets_the_lease_after_a_retry_period() {
    let (mut bench, _) = Bench::waiting();
    bench.step(Event::WatchLost);
    assert!(bench.is_quiet());
    assert_eq!(bench.election.wake_at(), Some(bench.now + 2 * SECOND));
}

#[test]
fn the_pause_that_a_server_asks_for_delays_a_release() {
    let (mut bench, _) = Bench::leading();
    let sent = bench.now;
    bench.step(Event::Hurry).answer(Answer::Refused { retry_after: Some(4 * SECOND), unreached: false });
    bench.pass(SECOND).step(Event::Withdraw(StopReason::Shutdown)).step(Event::Drained);
    assert!(bench.open.is_empty(), "{:?}", bench.open);
    assert_eq!(bench.election.wake_at(), Some(sent + 4 * SECOND));
}

#[test]
fn a_watch_that_shows_the_same_state_again_confirms_it() {
    let (mut bench, view) = Bench::waiting();
    bench.pass(11 * SECOND).step(Event::Seen(Observation::Present(view)));
    assert!(bench.is_quiet(), "no get is needed to see whether the watch delivers: {:?}", bench.open);
}

#[test]
fn c3_a_deletion_that_is_reported_again_begins_the_wait_again() {
    let (mut bench, _) = Bench::waiting();
    let deleted = Observation::Missing { revision: Some(500) };
    bench.step(Event::Seen(deleted.clone())).pass(5 * SECOND).step(Event::Seen(deleted));
    assert_eq!(bench.election.memory().clear_at(), bench.now + 15 * SECOND);
}

#[test]
fn h3_an_earlier_record_of_the_term_that_somebody_restores_ends_it() {
    let (mut bench, view) = Bench::leading();
    bench.run(5 * SECOND).commit();
    bench.take_acts();
    let restored = bench.annotated(&view);
    bench.step(Event::Seen(Observation::Present(restored)));
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Lost(LossReason::Overwritten)), Action::Expire]);
}

#[test]
fn w3_our_record_under_a_revision_that_does_not_grow_begins_no_term() {
    let mut bench = Bench::new();
    let free = bench.free();
    bench.woken().show(Observation::Present(free.clone()));
    let mut stored = bench.stored();
    stored.version.revision = free.version.revision;
    bench.answer(Answer::Unknown).run(5 * SECOND);
    bench.show(Observation::Present(stored));
    assert_eq!(bench.take_acts(), [], "its fencing token would not be higher than the revision before it");
}

#[test]
fn a_holder_that_waits_for_answers_is_woken_at_the_renew_deadline() {
    let (mut bench, _) = Bench::leading();
    let began = bench.now;
    bench.run(8 * SECOND);
    assert_eq!(bench.open.len(), 2, "a renewal, and the get that checks on it");
    assert_eq!(bench.election.wake_at(), Some(began + 10 * SECOND));
}
