//! Overlap, catch-up, deadlines, and what somebody asks for.

use super::*;

fn ended(story: &mut Story, run: &RunStart) {
    story.ticks.ended(run.id, RunEnd::Done);
    story.wants_write();
}

#[test]
fn skip_counts_what_falls_due_during_a_run() {
    let mut story = Story::of(minutely());
    let run = story.at(61).write().remove(0);
    assert_eq!(story.at(125).write(), []);
    assert_eq!(story.counts().overlapped, 1);
    ended(story.at(130), &run);
    assert_eq!(story.write(), []);
    assert_eq!(runs(&story.at(181).write()), [(180, 1)]);
}

#[test]
fn skip_does_not_run_late_what_fell_due_just_before_the_end_of_a_run() {
    let mut story = Story::of(minutely());
    let run = story.at(61).write().remove(0);
    // No renewal in between.
    ended(story.at(122), &run);
    assert_eq!(story.write(), []);
    assert_eq!((story.counts().done, story.counts().overlapped), (1, 1));
}

#[test]
fn skip_runs_what_falls_due_between_the_end_of_a_run_and_the_write_that_says_so() {
    let mut story = Story::of(minutely());
    let run = story.at(61).write().remove(0);
    ended(story.at(110), &run);
    assert_eq!(runs(&story.at(121).write()), [(120, 1)]);
    assert_eq!(story.counts().overlapped, 0);
}

#[test]
fn buffer_one_runs_the_latest_when_the_run_has_ended() {
    let mut story = Story::of(Timetable { overlap: Overlap::BufferOne, ..minutely() });
    let run = story.at(61).write().remove(0);
    assert_eq!(story.at(121).write(), []);
    assert_eq!(story.at(181).write(), []);
    ended(story.at(190), &run);
    assert_eq!(runs(&story.write()), [(180, 1)]);
    assert_eq!(story.counts().not_run(), 1);
}

#[test]
fn cancel_other_takes_the_place_of_the_run_that_goes_on() {
    let mut story = Story::of(Timetable { overlap: Overlap::CancelOther, ..minutely() });
    let first = story.at(61).write().remove(0);
    let second = story.at(121).write().remove(0);
    assert!(!first.replaces && second.replaces);
    story.ticks.ended(first.id, RunEnd::Replaced);
    assert_eq!(story.write(), []);
    assert_eq!((story.counts().cancelled, story.record().open.len()), (1, 1));
}

#[test]
fn allow_all_runs_as_many_as_it_says() {
    let mut story = Story::of(Timetable { overlap: Overlap::AllowAll(2), ..minutely() });
    assert_eq!(runs(&story.at(61).write()), [(60, 1)]);
    assert_eq!(runs(&story.at(121).write()), [(120, 1)]);
    assert_eq!(story.at(181).write(), []);
    assert_eq!(story.counts().overlapped, 1);
}

#[test]
fn no_more_runs_are_open_than_a_record_may_have() {
    let mut story = Story::of(Timetable { overlap: Overlap::CancelOther, ..minutely() });
    for tick in 1..10 {
        let starts = story.at(60 * tick + 1).write();
        assert_eq!(starts.len(), usize::from(tick <= 4), "none of them ends");
        assert!(TickRecord::decode(&story.annotations[&format!("{RECORD}report")]).is_ok());
    }
}

#[test]
fn catch_up_latest_runs_the_last_of_those_that_nobody_led_for() {
    let mut story = Story::of(minutely());
    story.at(200).lead();
    assert_eq!(runs(&story.write()), [(180, 1)]);
    assert_eq!(story.counts().not_run(), 2);
}

#[test]
fn catch_up_all_runs_them_one_after_the_other() {
    let all = Timetable {
        catch_up: CatchUp::All,
        overlap: Overlap::BufferOne,
        start_deadline: Some(StartDeadline::Unlimited),
        ..minutely()
    };
    let mut story = Story::of(all);
    story.at(200).lead();
    for tick in [60, 120, 180] {
        let starts = story.write();
        assert_eq!(runs(&starts), [(tick, 1)]);
        assert_eq!(story.write(), []);
        ended(&mut story, &starts[0]);
    }
    assert_eq!(story.write(), []);
    assert_eq!((story.counts().done, story.counts().not_run()), (3, 0));
}

#[test]
fn catch_up_all_leaves_the_oldest_that_are_too_many() {
    let all = Timetable {
        catch_up: CatchUp::All,
        max_catch_up: 2,
        overlap: Overlap::BufferOne,
        start_deadline: Some(StartDeadline::Unlimited),
        ..minutely()
    };
    let mut story = Story::of(all);
    story.at(320).lead();
    assert_eq!(runs(&story.write()), [(240, 1)]);
    assert_eq!(story.counts().over_limit, 3);
}

#[test]
fn catch_up_none_runs_what_falls_due_while_it_leads() {
    let mut story = Story::of(Timetable { catch_up: CatchUp::None, ..minutely() });
    story.at(200).lead();
    assert_eq!(story.write(), []);
    assert_eq!(story.counts().not_run(), 3);
    assert_eq!(runs(&story.at(241).write()), [(240, 1)]);
}

#[test]
fn a_start_deadline_lets_ticks_expire() {
    let deadline = Some(StartDeadline::After(Duration::from_secs(30)));
    let mut story = Story::of(Timetable { start_deadline: deadline, ..minutely() });
    story.at(155).lead();
    assert_eq!(story.write(), []);
    assert_eq!(story.counts().expired, 2);
}

#[test]
fn without_a_deadline_a_tick_waits_until_the_next_and_no_shorter_than_a_failover() {
    let every = Schedule::every(Duration::from_secs(10), Duration::ZERO).unwrap();
    let mut story = Story::of(timetable(every, TimetableKind::Calendar));
    story.at(25).lead();
    assert_eq!(runs(&story.write()), [(20, 1)]);
    assert_eq!((story.counts().expired, story.counts().superseded), (0, 1), "five and fifteen seconds late");
}

#[test]
fn an_interrupted_run_is_not_run_again_after_its_deadline() {
    let deadline = Some(StartDeadline::After(Duration::from_secs(30)));
    let mut story = Story::of(Timetable { start_deadline: deadline, delivery: Delivery::AtLeastOnce, ..minutely() });
    assert_eq!(runs(&story.at(61).write()), [(60, 1)]);
    story.at(100).lead();
    assert_eq!(story.write(), []);
    assert_eq!(story.counts().abandoned, 1);
}

#[test]
fn delay_counts_from_the_end_that_was_written() {
    let delay = Duration::from_secs(60);
    let mut story = Story::of(timetable(Schedule::delay(delay).unwrap(), TimetableKind::Delay(delay)));
    let run = story.at(61).write().remove(0);
    ended(story.at(100), &run);
    assert_eq!(story.write(), []);
    assert_eq!(story.at(159).write(), []);
    story.lead();
    assert_eq!(runs(&story.at(160).write()), [(160, 1)]);
}

#[test]
fn once_runs_once_for_all_replicas() {
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce] {
        let mut story = Story::of(minutely());
        story.annotations.clear();
        story.timetable = Timetable { delivery, ..timetable(Schedule::once(), TimetableKind::Once) };
        story.at(10).lead();
        let run = story.write().remove(0);
        ended(&mut story, &run);
        assert_eq!(story.write(), []);
        assert_eq!(story.ticks.done_once(), ["report".into()]);
        story.lead();
        assert_eq!(story.write(), []);
    }
}

#[test]
fn once_that_was_interrupted_is_run_again_only_if_it_has_to_be_done() {
    for (delivery, again) in [(Delivery::AtMostOnce, 0), (Delivery::AtLeastOnce, 1)] {
        let mut story = Story::of(minutely());
        story.annotations.clear();
        story.timetable = Timetable { delivery, ..timetable(Schedule::once(), TimetableKind::Once) };
        story.at(10).lead();
        assert_eq!(story.write().len(), 1);
        story.at(40).lead();
        assert_eq!(story.write().len(), again);
    }
}

#[test]
fn a_paused_task_counts_its_ticks_and_runs_none() {
    let mut story = Story::of(minutely());
    story.ask(PAUSE, Some("by hand"));
    assert_eq!(story.at(125).write(), []);
    assert_eq!(story.counts().paused, 2);
    story.ask(PAUSE, None);
    assert_eq!(runs(&story.at(181).write()), [(180, 1)]);
}

#[test]
fn a_trigger_runs_once_for_each_id() {
    let mut story = Story::of(minutely());
    story.ask(TRIGGER, Some("now"));
    let run = story.at(5).write().remove(0);
    assert_eq!((run.origin, run.trigger.as_deref()), (Origin::Trigger, Some("now")));
    assert!(!story.annotations.contains_key(&format!("{TRIGGER}report")));
    ended(&mut story, &run);
    assert_eq!(story.write(), []);
    // Whoever asked did not hear of it, and asks again.
    story.ask(TRIGGER, Some("now"));
    assert_eq!(story.write(), []);
    assert!(!story.annotations.contains_key(&format!("{TRIGGER}report")));
    story.ask(TRIGGER, Some("again"));
    assert_eq!(story.write().len(), 1);
}

#[test]
fn a_backfill_runs_the_ticks_of_its_stretch_and_is_gone_then() {
    let mut story = Story::of(minutely());
    let (from, to) = (time(-120), time(0));
    story.ask(BACKFILL, Some(&format!("{from}/{to}")));
    for tick in [-120, -60, 0] {
        let starts = story.write();
        assert_eq!(runs(&starts), [(tick, 1)]);
        assert_eq!(starts[0].origin, Origin::Backfill);
        ended(&mut story, &starts[0]);
    }
    assert_eq!(story.write(), []);
    assert!(!story.annotations.contains_key(&format!("{BACKFILL}report")));
}

#[test]
fn an_unrecorded_tick_that_waits_for_the_end_of_a_run_asks_for_no_wakeup() {
    let schedule = Schedule::every(Duration::from_secs(5), Duration::ZERO).unwrap();
    let unrecorded = Timetable {
        overlap: Overlap::BufferOne,
        catch_up: CatchUp::None,
        recorded: false,
        ..timetable(schedule, TimetableKind::Calendar)
    };
    let at = |seconds| TickTime { wall: time(seconds), server: None, dice: 1 };
    let mut ticks = Ticks::default();
    ticks.begin(0, at(1));
    ticks.join("poll".into(), unrecorded, time(1));
    assert_eq!(ticks.wake_at(), Some(time(5)));
    let run = ticks.poll(at(5)).remove(0);
    assert!(ticks.poll(at(11)).is_empty());
    assert_eq!(ticks.wake_at(), None);
    ticks.ended(run.id, RunEnd::Done);
    assert_eq!(ticks.poll(at(12)).len(), 1);
}
