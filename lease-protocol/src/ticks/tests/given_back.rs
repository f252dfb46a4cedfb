//! Rule 9: a run whose body has not begun is given back.

use super::*;

const DELIVERIES: [Delivery; 2] = [Delivery::AtMostOnce, Delivery::AtLeastOnce];

/// The write of a term that is about to end: a release, or a renewal while its bodies end.
fn release(bench: &mut Bench) {
    let now = bench.now();
    let base = bench.annotations.clone();
    let (number, edits) = bench.ticks.compose(&base, now, false);
    let write = Write { number, base, edits };
    assert!(bench.land(&write));
    bench.ticks.committed(write.number);
}

#[test]
fn rule_9_a_run_taken_by_a_write_in_flight_while_draining_is_the_successors_first_attempt() {
    for delivery in DELIVERIES {
        for shown in [true, false] {
            let mut bench = Bench::of(Timetable { delivery, ..minutely() });
            bench.at(61);
            let write = bench.compose();
            bench.ticks.drain();
            assert!(bench.land(&write));
            bench.ticks.committed(write.number);
            // Once the bodies are gone, the election passes no more states.
            if shown {
                assert_eq!(bench.see(), [], "no run starts any more");
            }
            bench.ticks.end();
            release(&mut bench);
            assert_eq!(bench.record().open.iter().map(|run| run.unstarted).collect::<Vec<_>>(), [true]);
            bench.at(62).lead();
            assert!(bench.wants_write(), "the write does not wait for a renewal");
            assert_eq!(runs(&bench.write()), [(60, 1)], "{delivery:?}, shown={shown}");
            assert_eq!((bench.counts().run(), bench.counts().not_run()), (0, 0), "its write is in flight and not lost");
        }
    }
}

#[test]
fn rule_9_a_run_is_given_back_if_its_write_lands_after_a_get_that_did_not_show_it() {
    let mut bench = Bench::of(minutely());
    bench.at(61);
    let late = bench.compose();
    bench.ticks.drain();
    // The old state of the Lease is passed once more, and the release is composed for it.
    assert_eq!(bench.see(), []);
    let now = bench.now();
    let base = bench.annotations.clone();
    let (number, edits) = bench.ticks.compose(&base, now, false);
    let conflicting = Write { number, base, edits };
    assert!(bench.land(&late) && (!bench.land(&conflicting) || conflicting.edits.is_empty()));
    assert_eq!(bench.see(), []);
    bench.ticks.end();
    release(&mut bench);
    bench.at(62).lead();
    assert_eq!(runs(&bench.write()), [(60, 1)]);
}

#[test]
fn rule_9_a_run_that_may_have_begun_is_not_given_back() {
    for (delivery, again) in [(Delivery::AtMostOnce, vec![]), (Delivery::AtLeastOnce, vec![(60, 2)])] {
        let mut bench = Bench::of(Timetable { delivery, ..minutely() });
        let run = bench.at(61).write().remove(0);
        bench.ticks.drain();
        bench.ticks.ended(run.id, RunEnd::Interrupted);
        bench.ticks.end();
        release(&mut bench);
        bench.at(62).lead();
        assert_eq!(runs(&bench.write()), again);
    }
}

#[test]
fn rule_9_a_release_that_is_never_written_leaves_an_interrupted_run() {
    for (delivery, again) in [(Delivery::AtMostOnce, vec![]), (Delivery::AtLeastOnce, vec![(60, 2)])] {
        let mut bench = Bench::of(Timetable { delivery, ..minutely() });
        let run = bench.at(61).write().remove(0);
        bench.ticks.drain();
        bench.ticks.ended(run.id, RunEnd::NotStarted);
        bench.ticks.end();
        bench.at(62).lead();
        assert_eq!(runs(&bench.write()), again, "no other process can know that it has not begun");
    }
}

#[test]
fn rule_9_a_run_given_back_and_taken_by_another_process_is_not_given_back_again() {
    let mut bench = Bench::of(Timetable { delivery: Delivery::AtLeastOnce, ..minutely() });
    let run = bench.at(61).write().remove(0);
    let mut first = bench.ticks.clone();
    first.drain();
    first.ended(run.id, RunEnd::NotStarted);
    first.end();
    std::mem::swap(&mut bench.ticks, &mut first);
    release(&mut bench);
    // The answer is lost, so the release is composed again for the state that the Lease has now.
    let (said, now) = (bench.annotations.clone(), bench.now());
    assert_eq!(bench.ticks.compose(&said, now, false).1, Edits::new());
    let mut before = std::mem::take(&mut bench.ticks);
    bench.at(62).next_term();
    let again = bench.write().remove(0);
    assert_ne!(again.id, run.id);
    let now = bench.now();
    assert_eq!(before.compose(&bench.annotations.clone(), now, false).1, Edits::new());
    before.ended(run.id, RunEnd::Done);
    assert_eq!(before.compose(&bench.annotations.clone(), now, false).1, Edits::new());
    bench.ticks.ended(again.id, RunEnd::Done);
    assert_eq!(bench.write(), []);
    assert_eq!((bench.counts().done, bench.counts().run()), (1, 1));
}

#[test]
fn rule_9_an_end_reported_after_a_run_was_given_back_changes_nothing() {
    for end in [RunEnd::Interrupted, RunEnd::Replaced, RunEnd::Done, RunEnd::Failed] {
        let mut bench = Bench::of(minutely());
        let run = bench.at(61).write().remove(0);
        bench.ticks.drain();
        bench.ticks.ended(run.id, RunEnd::NotStarted);
        release(&mut bench);
        bench.ticks.ended(run.id, end);
        bench.ticks.end();
        release(&mut bench);
        bench.at(62).lead();
        assert_eq!(runs(&bench.write()), [(60, 1)], "{end:?}");
    }
}

#[test]
fn rule_9_a_run_whose_time_was_up_before_it_began_is_started_again_by_the_same_leader() {
    for delivery in DELIVERIES {
        let mut bench = Bench::of(Timetable { delivery, ..minutely() });
        let run = bench.at(61).write().remove(0);
        bench.ticks.ended(run.id, RunEnd::NotStarted);
        assert!(bench.wants_write());
        let again = bench.write();
        assert_eq!(runs(&again), [(60, 1)]);
        assert_ne!(again[0].id, run.id);
    }
}

#[test]
fn rule_9_the_next_term_of_the_process_itself_starts_what_it_has_not_begun() {
    let mut bench = Bench::of(minutely());
    bench.at(61);
    let write = bench.compose();
    assert!(bench.land(&write));
    bench.ticks.end();
    bench.next_term();
    assert_eq!(runs(&bench.write()), [(60, 1)]);
}

#[test]
fn a_run_given_back_keeps_its_deadline_its_trigger_and_its_missed_count() {
    // It is too late, so it is not run and is counted as expired.
    let mut bench = Bench::of(minutely());
    let run = bench.at(61).write().remove(0);
    bench.ticks.ended(run.id, RunEnd::NotStarted);
    release(&mut bench);
    bench.at(200).lead();
    assert_eq!(runs(&bench.write()), [(180, 1)]);
    assert_eq!((bench.counts().expired, bench.counts().superseded, bench.counts().run()), (2, 0, 0));
    // Missed.
    let deadline = Some(StartDeadline::Unlimited);
    let mut bench = Bench::of(Timetable { start_deadline: deadline, ..minutely() });
    let run = bench.at(200).write().remove(0);
    assert_eq!(run.missed, 2);
    bench.ticks.ended(run.id, RunEnd::NotStarted);
    release(&mut bench);
    bench.lead();
    assert_eq!(bench.write().remove(0).missed, 2);
    // Triggered.
    let mut bench = Bench::of(minutely());
    bench.ask(TRIGGER, Some("monday"));
    let run = bench.write().remove(0);
    bench.ticks.ended(run.id, RunEnd::NotStarted);
    release(&mut bench);
    bench.lead();
    let again = bench.write().remove(0);
    assert_eq!((again.origin, again.trigger.as_deref()), (Origin::Trigger, Some("monday")));
}

#[test]
fn a_run_given_back_waits_for_the_end_of_a_pause() {
    let mut bench = Bench::of(Timetable { start_deadline: Some(StartDeadline::Unlimited), ..minutely() });
    let run = bench.at(61).write().remove(0);
    bench.ticks.ended(run.id, RunEnd::NotStarted);
    release(&mut bench);
    bench.annotations.insert(format!("{PAUSE}report"), "by hand".to_owned());
    bench.at(70).lead();
    assert_eq!(bench.write(), []);
    bench.ask(PAUSE, None);
    assert_eq!(runs(&bench.write()), [(60, 1)]);
}

#[test]
fn the_status_separates_runs_given_back_from_running_ones() {
    let mut bench = Bench::of(minutely());
    let run = bench.at(61).write().remove(0);
    let of = |bench: &Bench| TaskTicks::all(&bench.annotations)["report"].clone();
    assert_eq!((of(&bench).state(), of(&bench).running().len()), (TickState::Taken, 1));
    bench.ticks.ended(run.id, RunEnd::NotStarted);
    release(&mut bench);
    assert_eq!((of(&bench).state(), of(&bench).running().len()), (TickState::Waiting, 0));
    assert_eq!(of(&bench).given_back().iter().map(|run| run.attempt).collect::<Vec<_>>(), [1]);
}
