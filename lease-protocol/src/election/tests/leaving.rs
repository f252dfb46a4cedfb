//! H5: how a process leaves the election.

use super::*;

#[test]
fn h5_no_release_before_the_bodies_are_gone() {
    let (mut bench, _) = Bench::leading();
    bench.step(Event::Withdraw(StopReason::Shutdown));
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Shutdown)]);
    for _ in 0..10 {
        bench.run(5 * SECOND);
        assert!(!bench.election.is_releasing(), "this write renews");
        let renewed = bench.commit();
        assert_eq!(renewed.record.holder.as_deref(), Some(ME), "renews while the bodies use their grace");
    }
    bench.take_acts();
    assert!(!bench.election.is_releasing());
    bench.step(Event::Drained);
    assert!(bench.election.is_releasing());
    let released = bench.commit();
    assert!(!bench.election.is_releasing(), "the release has been answered");
    assert_eq!(released.record.holder.as_deref(), Some(""));
    assert_eq!(released.record.duration_seconds, Some(1));
    assert_eq!(bench.take_acts(), [Action::Left { released: true }]);
    assert_eq!(bench.election.role(), Role::Out);
}

#[test]
fn a_release_does_not_count_as_a_transition() {
    let (mut bench, view) = Bench::leading();
    bench.step(Event::Withdraw(StopReason::Shutdown)).step(Event::Drained);
    assert_eq!(bench.commit().record.transitions, view.record.transitions);
}

#[test]
fn the_lease_of_another_holder_is_not_released() {
    let (mut bench, _) = Bench::leading();
    bench.step(Event::Withdraw(StopReason::Shutdown));
    let theirs = bench.theirs("thief");
    bench.step(Event::Seen(Observation::Present(theirs))).step(Event::Drained);
    assert!(bench.open.is_empty());
    assert!(matches!(bench.take_acts()[..], [.., Action::Left { .. }]));
}

#[test]
fn a_release_that_conflicts_gets_before_it_tries_again() {
    let (mut bench, view) = Bench::leading();
    bench.step(Event::Withdraw(StopReason::Shutdown)).step(Event::Drained);
    bench.answer(Answer::Conflict);
    let annotated = bench.annotated(&view);
    bench.show(Observation::Present(annotated));
    bench.commit();
    assert!(matches!(bench.take_acts()[..], [.., Action::Left { released: true }]));
}

#[test]
fn leaving_does_not_take_for_ever_without_a_server() {
    let (mut bench, _) = Bench::leading();
    bench.step(Event::Withdraw(StopReason::Shutdown)).step(Event::Drained);
    for _ in 0..40 {
        if !bench.open.is_empty() {
            bench.answer(Answer::Unknown);
        }
        bench.run(SECOND);
    }
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Shutdown), Action::Left { released: false }]);
    assert!(bench.election.wake_at().is_none());
}

#[test]
fn an_acquisition_in_flight_does_not_hold_the_lease_after_leaving() {
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    bench.step(Event::Withdraw(StopReason::Shutdown));
    assert!(bench.acted.is_empty(), "it has not left while a write may still take effect");
    bench.commit();
    assert!(bench.acted.is_empty(), "no term begins");
    assert_eq!(bench.commit().record.holder.as_deref(), Some(""), "given back");
    assert_eq!(bench.take_acts(), [Action::Left { released: true }]);
}

#[test]
fn a_candidate_that_never_held_leaves_at_once() {
    let (mut bench, _) = Bench::waiting();
    bench.step(Event::Withdraw(StopReason::Shutdown));
    assert_eq!(bench.take_acts(), [Action::Left { released: true }]);
    assert!(bench.open.is_empty());
}

#[test]
fn bodies_that_vanish_unasked_do_not_leave_the_lease_held() {
    let (mut bench, _) = Bench::leading();
    bench.step(Event::Drained);
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::RuntimeGone)]);
    assert_eq!(bench.commit().record.holder.as_deref(), Some(""));
    assert_eq!(bench.take_acts(), [Action::Left { released: true }]);
}

#[test]
fn a_process_that_left_may_take_part_again() {
    let (mut bench, _) = Bench::leading();
    bench.step(Event::Withdraw(StopReason::Shutdown)).step(Event::Drained);
    let released = bench.commit();
    bench.take_acts();
    bench.step(Event::Contend).show(Observation::Present(released));
    bench.commit();
    assert!(matches!(bench.take_acts()[..], [Action::Begin(_)]));
}

#[test]
fn an_acquisition_without_an_answer_may_hold_the_lease_so_it_is_not_reported_as_released() {
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    bench.step(Event::Withdraw(StopReason::Shutdown));
    bench.open.clear();
    for _ in 0..15 {
        bench.run(SECOND);
        bench.open.clear();
    }
    assert_eq!(bench.take_acts(), [Action::Left { released: false }]);
}
