//! The rules of ticks, except rule 9.

use super::*;

#[test]
fn rule_1_a_run_starts_when_the_lease_shows_that_it_is_taken_and_not_before() {
    let mut bench = Bench::of(minutely());
    bench.at(61);
    assert!(bench.wants_write());
    let write = bench.compose();
    assert_eq!(bench.see(), [], "a composed write has not taken the run");
    assert!(bench.land(&write));
    assert_eq!(runs(&bench.see()), [(60, 1)]);
    assert_eq!(bench.see(), [], "once");
}

#[test]
fn rule_1_a_tick_is_taken_by_a_renewal_and_by_no_other_write() {
    let mut bench = Bench::of(minutely());
    bench.at(61);
    let now = bench.now();
    let (_, edits) = bench.ticks.compose(&bench.annotations.clone(), now, false);
    assert_eq!(edits, Edits::new());
}

#[test]
fn rule_2_a_run_that_is_shown_after_its_term_is_not_started() {
    let mut bench = Bench::of(minutely());
    bench.at(61);
    let write = bench.compose();
    assert!(bench.land(&write));
    bench.ticks.end();
    assert_eq!(bench.see(), []);
    // The next term does not start it either. It takes the tick again, as another attempt.
    let before = bench.record().open[0].id;
    bench.next_term();
    let again = bench.write();
    assert_eq!(runs(&again), [(60, 1)]);
    assert_ne!(again[0].id, before);
}

#[test]
fn rule_3_after_an_unknown_outcome_the_same_attempt_is_taken_again() {
    for lands in [true, false] {
        let mut bench = Bench::of(minutely());
        bench.at(61);
        let lost = bench.compose();
        if lands {
            assert!(bench.land(&lost));
        }
        let first = bench.see();
        let again = bench.compose();
        assert_eq!(bench.land(&lost), !lands, "a write lands once");
        assert_eq!(bench.land(&again), lands, "and only one of the two");
        let second = bench.see();
        assert_eq!(runs(&[first, second].concat()), [(60, 1)], "lands={lands}");
        assert_eq!(bench.record().open.len(), 1);
    }
}

#[test]
fn rule_3_the_write_that_lands_late_starts_the_run_once() {
    let mut bench = Bench::of(minutely());
    bench.at(61);
    let (first, second) = (bench.compose(), bench.compose());
    assert!(bench.land(&first) && !bench.land(&second));
    assert_eq!(runs(&bench.see()), [(60, 1)]);
    assert_eq!(bench.write(), []);
}

#[test]
fn rule_4_after_a_conflict_the_write_is_composed_again() {
    let mut bench = Bench::of(minutely());
    bench.at(61);
    let conflicting = bench.compose();
    bench.ask(PAUSE, Some("by hand"));
    assert!(!bench.land(&conflicting));
    assert_eq!(bench.write(), [], "the newer state says that it is paused");
    assert_eq!(bench.counts().paused, 1);
}

#[test]
fn rule_5_an_end_is_written_for_the_attempt_that_ended() {
    let mut bench = Bench::of(Timetable { delivery: Delivery::AtLeastOnce, ..minutely() });
    let first = bench.at(61).write().remove(0);
    bench.ticks.ended(first.id, RunEnd::Done);
    // The end is written, but the answer is lost. So is the answer to the write that takes the next tick.
    let lost = bench.compose();
    assert!(bench.land(&lost));
    bench.at(121);
    assert_eq!(bench.see(), []);
    let lost = bench.compose();
    assert!(bench.land(&lost));
    bench.lead();
    assert_eq!(runs(&bench.write()), [(120, 2)], "the end of the tick before does not count for it");
    assert_eq!(bench.counts().done, 1);
}

#[test]
fn rule_6_nothing_is_taken_once_the_bodies_are_asked_to_end() {
    let mut bench = Bench::of(minutely());
    bench.at(61).ticks.drain();
    assert!(!bench.wants_write());
    assert_eq!(bench.write(), []);
    assert_eq!(bench.record().open, []);
}

#[test]
fn rule_7_a_run_of_an_earlier_leader_is_abandoned_or_run_again_before_anything_else() {
    for (delivery, started) in [(Delivery::AtMostOnce, vec![]), (Delivery::AtLeastOnce, vec![(60, 2)])] {
        let mut bench = Bench::of(Timetable { delivery, ..minutely() });
        assert_eq!(runs(&bench.at(61).write()), [(60, 1)]);
        bench.lead();
        assert!(bench.wants_write());
        assert_eq!(runs(&bench.write()), started);
        assert_eq!(bench.counts().abandoned, u64::from(started.is_empty()));
    }
}

#[test]
fn rule_7_an_end_that_was_not_written_is_written_in_the_next_term_of_the_process() {
    let mut bench = Bench::of(Timetable { delivery: Delivery::AtLeastOnce, ..minutely() });
    let run = bench.at(61).write().remove(0);
    bench.ticks.ended(run.id, RunEnd::Done);
    bench.ticks.end();
    bench.next_term();
    assert_eq!(bench.write(), []);
    assert_eq!(bench.counts().done, 1);
}

#[test]
fn rule_8_a_leader_whose_clock_is_ahead_takes_no_tick_before_its_time() {
    let mut bench = Bench::of(minutely());
    (bench.wall, bench.server) = (3_600, 40);
    assert!(!bench.wants_write(), "the run is not taken, and no write is wanted for it");
    assert_eq!(bench.write(), []);
    (bench.wall, bench.server) = (3_619, 59);
    assert!(!bench.wants_write(), "it is not taken early either");
    (bench.wall, bench.server) = (3_620, 60);
    assert!(bench.wants_write());
    assert_eq!(runs(&bench.write()), [(60, 1)], "it is taken when the server's clock has reached it");
}

#[test]
fn rule_8_a_leader_whose_clock_is_years_ahead_does_not_stop_its_successors() {
    const YEAR: i64 = 365 * 24 * 3_600;
    let every = Schedule::every(Duration::from_secs(60), Duration::ZERO).unwrap();
    let delay = Schedule::delay(Duration::from_secs(60)).unwrap();
    for (schedule, kind) in [(every, TimetableKind::Calendar), (delay, TimetableKind::Delay(Duration::from_secs(60)))] {
        for catch_up in [CatchUp::Latest, CatchUp::None] {
            let mut bench = Bench::of(Timetable { catch_up, ..timetable(schedule.clone(), kind) });
            bench.annotations.clear();
            (bench.wall, bench.server) = (YEAR, 5);
            bench.lead();
            assert_eq!(bench.write(), [], "it arms the task");
            (bench.wall, bench.server) = (YEAR + 80, 85);
            let run = bench.write().remove(0);
            bench.ticks.ended(run.id, RunEnd::Done);
            assert_eq!(bench.write(), []);
            bench.at(190).lead();
            let starts = [bench.write(), bench.at(245).write()].concat();
            assert!(!starts.is_empty(), "a successor with a correct clock continues: {kind:?} {catch_up:?}");
        }
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_delay_a_trigger() {
    let mut bench = Bench::of(minutely());
    bench.at(-600);
    bench.ask(TRIGGER, Some("now"));
    assert!(bench.wants_write());
    assert_eq!(bench.write().len(), 1);
}

#[test]
fn annotations_that_are_full_do_not_ask_for_a_write_again_and_again() {
    let mut bench = Bench::of(minutely());
    let bytes: usize = bench.annotations.iter().map(|(name, value)| name.len() + value.len()).sum();
    let full = "example.com/full".to_owned();
    bench.annotations.insert(full.clone(), "x".repeat(256 * 1024 - bytes - full.len()));
    assert_eq!(bench.see(), []);
    bench.at(61);
    assert!(bench.wants_write());
    assert_eq!(bench.write(), []);
    assert!(!bench.wants_write(), "the next renewal tries again");
}

#[test]
fn rule_3_a_write_that_is_tried_again_takes_the_attempt_with_the_same_id() {
    let mut bench = Bench::of(minutely());
    bench.at(61);
    let record = |write: &Write| write.edits.values().flatten().next().map(|text| TickRecord::decode(text).unwrap());
    let (first, second) = (bench.compose(), bench.compose());
    let [first, second] = [first, second].map(|write| record(&write).unwrap().open);
    assert_eq!(first, second);
}

#[test]
fn rule_5_the_end_of_one_run_is_not_that_of_another_beside_it() {
    let mut bench = Bench::of(Timetable { overlap: Overlap::AllowAll(2), ..minutely() });
    let first = bench.at(61).write().remove(0);
    let second = bench.at(121).write().remove(0);
    bench.ticks.ended(second.id, RunEnd::Done);
    assert_eq!(bench.write(), []);
    let open: Vec<_> = bench.record().open.iter().map(|run| run.id).collect();
    assert_eq!(open, [first.id]);
    assert_eq!(bench.record().last.map(|last| (last.id, last.outcome)), Some((second.id, TickOutcome::Done)));
}

#[test]
fn an_edited_schedule_counts_from_now_and_catches_nothing_up() {
    let mut bench = Bench::of(minutely());
    assert_eq!(runs(&bench.at(61).write()), [(60, 1)]);
    bench.timetable =
        timetable(Schedule::every(Duration::from_secs(30), Duration::ZERO).unwrap(), TimetableKind::Calendar);
    bench.at(200).lead();
    assert_eq!(bench.write(), []);
    assert_eq!(bench.record().accounted_until, time(200));
    assert_eq!(bench.counts().not_run(), 0, "the new schedule has missed nothing in the past");
    assert_eq!(runs(&bench.at(211).write()), [(210, 1)]);
}

#[test]
fn a_record_that_cannot_be_read_is_left_as_it_is_and_runs_nothing() {
    for text in ["{\"v\":2}", "{\"v\":1}", "by hand"] {
        let mut bench = Bench::of(minutely());
        bench.ask(RECORD, Some(text));
        bench.at(61);
        assert!(!bench.wants_write());
        assert_eq!(bench.write(), []);
        assert_eq!(bench.annotations[&format!("{RECORD}report")], text);
        assert_eq!(bench.ticks.unreadable().len(), 1);
    }
}
