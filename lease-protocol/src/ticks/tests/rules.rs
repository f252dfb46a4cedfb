//! The eight rules.

use super::*;

#[test]
fn rule_1_a_run_starts_when_the_lease_shows_that_it_is_taken_and_not_before() {
    let mut story = Story::of(minutely());
    story.at(61);
    assert!(story.wants_write());
    let write = story.compose();
    assert_eq!(story.see(), [], "composed is not taken");
    assert!(story.land(&write));
    assert_eq!(runs(&story.see()), [(60, 1)]);
    assert_eq!(story.see(), [], "once");
}

#[test]
fn rule_1_a_tick_is_taken_by_a_renewal_and_by_no_other_write() {
    let mut story = Story::of(minutely());
    story.at(61);
    let now = story.now();
    let (_, edits) = story.ticks.compose(&story.annotations.clone(), now, false);
    assert_eq!(edits, Edits::new());
}

#[test]
fn rule_2_a_run_that_is_shown_after_its_term_is_not_started() {
    let mut story = Story::of(minutely());
    story.at(61);
    let write = story.compose();
    assert!(story.land(&write));
    story.ticks.end();
    assert_eq!(story.see(), []);
    // Nor in the next one, which takes it anew.
    let before = story.record().open[0].id;
    story.next_term();
    let again = story.write();
    assert_eq!(runs(&again), [(60, 1)]);
    assert_ne!(again[0].id, before);
}

#[test]
fn rule_3_after_an_unknown_outcome_the_same_attempt_is_taken_again() {
    for lands in [true, false] {
        let mut story = Story::of(minutely());
        story.at(61);
        let lost = story.compose();
        if lands {
            assert!(story.land(&lost));
        }
        let first = story.see();
        let again = story.compose();
        assert_eq!(story.land(&lost), !lands, "a write lands once");
        assert_eq!(story.land(&again), lands, "and only one of the two");
        let second = story.see();
        assert_eq!(runs(&[first, second].concat()), [(60, 1)], "lands={lands}");
        assert_eq!(story.record().open.len(), 1);
    }
}

#[test]
fn rule_3_the_write_that_lands_late_starts_the_run_once() {
    let mut story = Story::of(minutely());
    story.at(61);
    let (first, second) = (story.compose(), story.compose());
    assert!(story.land(&first) && !story.land(&second));
    assert_eq!(runs(&story.see()), [(60, 1)]);
    assert_eq!(story.write(), []);
}

#[test]
fn rule_4_what_was_composed_for_a_state_that_is_gone_is_composed_again() {
    let mut story = Story::of(minutely());
    story.at(61);
    let conflicting = story.compose();
    story.ask(PAUSE, Some("by hand"));
    assert!(!story.land(&conflicting));
    assert_eq!(story.write(), [], "the newer state says that it is paused");
    assert_eq!(story.counts().paused, 1);
}

#[test]
fn rule_5_an_end_is_written_for_the_attempt_that_ended() {
    let mut story = Story::of(Timetable { delivery: Delivery::AtLeastOnce, ..minutely() });
    let first = story.at(61).write().remove(0);
    story.ticks.ended(first.id, RunEnd::Done);
    // The end is written, and its answer lost; so is that of the write that takes the next tick.
    let lost = story.compose();
    assert!(story.land(&lost));
    story.at(121);
    assert_eq!(story.see(), []);
    let lost = story.compose();
    assert!(story.land(&lost));
    story.lead();
    assert_eq!(runs(&story.write()), [(120, 2)], "it is not done because the one before it is");
    assert_eq!(story.counts().done, 1);
}

#[test]
fn rule_6_nothing_is_taken_once_the_bodies_are_asked_to_end() {
    let mut story = Story::of(minutely());
    story.at(61).ticks.drain();
    assert!(!story.wants_write());
    assert_eq!(story.write(), []);
    assert_eq!(story.record().open, []);
}

#[test]
fn rule_7_a_run_of_an_earlier_leader_is_abandoned_or_run_again_before_anything_else() {
    for (delivery, started) in [(Delivery::AtMostOnce, vec![]), (Delivery::AtLeastOnce, vec![(60, 2)])] {
        let mut story = Story::of(Timetable { delivery, ..minutely() });
        assert_eq!(runs(&story.at(61).write()), [(60, 1)]);
        story.lead();
        assert!(story.wants_write());
        assert_eq!(runs(&story.write()), started);
        assert_eq!(story.counts().abandoned, u64::from(started.is_empty()));
    }
}

#[test]
fn rule_7_an_end_that_was_not_written_is_written_in_the_next_term_of_the_process() {
    let mut story = Story::of(Timetable { delivery: Delivery::AtLeastOnce, ..minutely() });
    let run = story.at(61).write().remove(0);
    story.ticks.ended(run.id, RunEnd::Done);
    story.ticks.end();
    story.next_term();
    assert_eq!(story.write(), []);
    assert_eq!(story.counts().done, 1);
}

#[test]
fn rule_8_a_leader_whose_clock_is_ahead_takes_no_tick_before_its_time() {
    let mut story = Story::of(minutely());
    (story.wall, story.server) = (3_600, 40);
    assert!(!story.wants_write(), "it is not taken, and no write is wanted for it");
    assert_eq!(story.write(), []);
    (story.wall, story.server) = (3_619, 59);
    assert!(!story.wants_write(), "nor is it taken early");
    (story.wall, story.server) = (3_620, 60);
    assert!(story.wants_write());
    assert_eq!(runs(&story.write()), [(60, 1)], "when the server's clock has come to it");
}

#[test]
fn rule_8_a_leader_that_is_years_ahead_silences_nobody() {
    const YEAR: i64 = 365 * 24 * 3_600;
    let every = Schedule::every(Duration::from_secs(60), Duration::ZERO).unwrap();
    let delay = Schedule::delay(Duration::from_secs(60)).unwrap();
    for (schedule, kind) in [(every, TimetableKind::Calendar), (delay, TimetableKind::Delay(Duration::from_secs(60)))] {
        for catch_up in [CatchUp::Latest, CatchUp::None] {
            let mut story = Story::of(Timetable { catch_up, ..timetable(schedule.clone(), kind) });
            story.annotations.clear();
            (story.wall, story.server) = (YEAR, 5);
            story.lead();
            assert_eq!(story.write(), [], "it arms the task");
            (story.wall, story.server) = (YEAR + 80, 85);
            let run = story.write().remove(0);
            story.ticks.ended(run.id, RunEnd::Done);
            assert_eq!(story.write(), []);
            story.at(190).lead();
            let starts = [story.write(), story.at(245).write()].concat();
            assert!(!starts.is_empty(), "a successor with a sane clock goes on: {kind:?} {catch_up:?}");
        }
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_what_no_clock_decides() {
    let mut story = Story::of(minutely());
    story.at(-600);
    story.ask(TRIGGER, Some("now"));
    assert!(story.wants_write());
    assert_eq!(story.write().len(), 1);
}

#[test]
fn annotations_that_are_full_do_not_ask_for_a_write_again_and_again() {
    let mut story = Story::of(minutely());
    let bytes: usize = story.annotations.iter().map(|(name, value)| name.len() + value.len()).sum();
    let full = "example.com/full".to_owned();
    story.annotations.insert(full.clone(), "x".repeat(256 * 1024 - bytes - full.len()));
    assert_eq!(story.see(), []);
    story.at(61);
    assert!(story.wants_write());
    assert_eq!(story.write(), []);
    assert!(!story.wants_write(), "the next renewal tries again");
}

#[test]
fn rule_3_a_write_that_is_tried_again_takes_the_attempt_by_the_same_name() {
    let mut story = Story::of(minutely());
    story.at(61);
    let record = |write: &Write| write.edits.values().flatten().next().map(|text| TickRecord::decode(text).unwrap());
    let (first, second) = (story.compose(), story.compose());
    let [first, second] = [first, second].map(|write| record(&write).unwrap().open);
    assert_eq!(first, second);
}

#[test]
fn rule_5_the_end_of_one_run_is_not_that_of_another_beside_it() {
    let mut story = Story::of(Timetable { overlap: Overlap::AllowAll(2), ..minutely() });
    let first = story.at(61).write().remove(0);
    let second = story.at(121).write().remove(0);
    story.ticks.ended(second.id, RunEnd::Done);
    assert_eq!(story.write(), []);
    let open: Vec<_> = story.record().open.iter().map(|run| run.id).collect();
    assert_eq!(open, [first.id]);
    assert_eq!(story.record().last.map(|last| (last.id, last.outcome)), Some((second.id, TickOutcome::Done)));
}

#[test]
fn an_edited_schedule_counts_from_now_and_catches_nothing_up() {
    let mut story = Story::of(minutely());
    assert_eq!(runs(&story.at(61).write()), [(60, 1)]);
    story.timetable =
        timetable(Schedule::every(Duration::from_secs(30), Duration::ZERO).unwrap(), TimetableKind::Calendar);
    story.at(200).lead();
    assert_eq!(story.write(), []);
    assert_eq!(story.record().accounted_until, time(200));
    assert_eq!(story.counts().not_run(), 0, "what the new schedule would have meant for the past is nobody's loss");
    assert_eq!(runs(&story.at(211).write()), [(210, 1)]);
}

#[test]
fn a_record_that_cannot_be_read_is_left_as_it_is_and_runs_nothing() {
    for text in ["{\"v\":2}", "{\"v\":1}", "by hand"] {
        let mut story = Story::of(minutely());
        story.ask(RECORD, Some(text));
        story.at(61);
        assert!(!story.wants_write());
        assert_eq!(story.write(), []);
        assert_eq!(story.annotations[&format!("{RECORD}report")], text);
        assert_eq!(story.ticks.unreadable().len(), 1);
    }
}
