//! Overlap, catch-up, deadlines, triggers and backfills.

use super::*;

pub(super) fn ended(bench: &mut Bench, run: &RunStart) {
    bench.ticks.ended(run.id, RunEnd::Done);
    bench.wants_write();
}

#[test]
fn skip_counts_ticks_that_fall_due_during_a_run() {
    let mut bench = Bench::of(minutely());
    let run = bench.at(61).write().remove(0);
    assert_eq!(bench.at(125).write(), []);
    assert_eq!(bench.counts().overlapped, 1);
    ended(bench.at(130), &run);
    assert_eq!(bench.write(), []);
    assert_eq!(runs(&bench.at(181).write()), [(180, 1)]);
}

#[test]
fn skip_does_not_run_a_tick_that_fell_due_just_before_the_end_of_a_run() {
    let mut bench = Bench::of(minutely());
    let run = bench.at(61).write().remove(0);
    // There is no renewal in between.
    ended(bench.at(122), &run);
    assert_eq!(bench.write(), []);
    assert_eq!((bench.counts().done, bench.counts().overlapped), (1, 1));
}

#[test]
fn skip_runs_a_tick_that_falls_due_between_the_end_of_a_run_and_its_write() {
    let mut bench = Bench::of(minutely());
    let run = bench.at(61).write().remove(0);
    ended(bench.at(110), &run);
    assert_eq!(runs(&bench.at(121).write()), [(120, 1)]);
    assert_eq!(bench.counts().overlapped, 0);
}

#[test]
fn buffer_one_runs_the_latest_when_the_run_has_ended() {
    let mut bench = Bench::of(Timetable { overlap: Overlap::BufferOne, ..minutely() });
    let run = bench.at(61).write().remove(0);
    assert_eq!(bench.at(121).write(), []);
    assert_eq!(bench.at(181).write(), []);
    ended(bench.at(190), &run);
    assert_eq!(runs(&bench.write()), [(180, 1)]);
    assert_eq!(bench.counts().not_run(), 1);
}

#[test]
fn cancel_other_replaces_the_current_run() {
    let mut bench = Bench::of(Timetable { overlap: Overlap::CancelOther, ..minutely() });
    let first = bench.at(61).write().remove(0);
    let second = bench.at(121).write().remove(0);
    assert!(!first.replaces && second.replaces);
    bench.ticks.ended(first.id, RunEnd::Replaced);
    assert_eq!(bench.write(), []);
    assert_eq!((bench.counts().cancelled, bench.record().open.len()), (1, 1));
}

#[test]
fn allow_all_runs_as_many_as_it_says() {
    let mut bench = Bench::of(Timetable { overlap: Overlap::AllowAll(2), ..minutely() });
    assert_eq!(runs(&bench.at(61).write()), [(60, 1)]);
    assert_eq!(runs(&bench.at(121).write()), [(120, 1)]);
    assert_eq!(bench.at(181).write(), []);
    assert_eq!(bench.counts().overlapped, 1);
}

#[test]
fn no_more_runs_are_open_than_a_record_may_have() {
    let mut bench = Bench::of(Timetable { overlap: Overlap::CancelOther, ..minutely() });
    for tick in 1..10 {
        let starts = bench.at(60 * tick + 1).write();
        assert_eq!(starts.len(), usize::from(tick <= 4), "no run ends");
        assert!(TickRecord::decode(&bench.annotations[&format!("{RECORD}report")]).is_ok());
    }
}

#[test]
fn catch_up_latest_runs_the_last_missed_tick() {
    let mut bench = Bench::of(minutely());
    bench.at(200).lead();
    assert_eq!(runs(&bench.write()), [(180, 1)]);
    assert_eq!(bench.counts().not_run(), 2);
}

#[test]
fn catch_up_all_runs_them_one_after_the_other() {
    let all = Timetable {
        catch_up: CatchUp::All,
        overlap: Overlap::BufferOne,
        start_deadline: Some(StartDeadline::Unlimited),
        ..minutely()
    };
    let mut bench = Bench::of(all);
    bench.at(200).lead();
    for tick in [60, 120, 180] {
        let starts = bench.write();
        assert_eq!(runs(&starts), [(tick, 1)]);
        assert_eq!(bench.write(), []);
        ended(&mut bench, &starts[0]);
    }
    assert_eq!(bench.write(), []);
    assert_eq!((bench.counts().done, bench.counts().not_run()), (3, 0));
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
    let mut bench = Bench::of(all);
    bench.at(320).lead();
    assert_eq!(runs(&bench.write()), [(240, 1)]);
    assert_eq!(bench.counts().over_limit, 3);
}

#[test]
fn catch_up_none_runs_what_falls_due_while_it_leads() {
    let mut bench = Bench::of(Timetable { catch_up: CatchUp::None, ..minutely() });
    bench.at(200).lead();
    assert_eq!(bench.write(), []);
    assert_eq!(bench.counts().not_run(), 3);
    assert_eq!(runs(&bench.at(241).write()), [(240, 1)]);
}

#[test]
fn a_start_deadline_lets_ticks_expire() {
    let deadline = Some(StartDeadline::After(Duration::from_secs(30)));
    let mut bench = Bench::of(Timetable { start_deadline: deadline, ..minutely() });
    bench.at(155).lead();
    assert_eq!(bench.write(), []);
    assert_eq!(bench.counts().expired, 2);
}

#[test]
fn without_a_deadline_a_tick_waits_until_the_next_and_no_shorter_than_a_failover() {
    let every = Schedule::every(Duration::from_secs(10), Duration::ZERO).unwrap();
    let mut bench = Bench::of(timetable(every, TimetableKind::Calendar));
    bench.at(25).lead();
    assert_eq!(runs(&bench.write()), [(20, 1)]);
    assert_eq!((bench.counts().expired, bench.counts().superseded), (0, 1), "five and fifteen seconds late");
}

#[test]
fn an_interrupted_run_is_not_run_again_after_its_deadline() {
    let deadline = Some(StartDeadline::After(Duration::from_secs(30)));
    let mut bench = Bench::of(Timetable { start_deadline: deadline, delivery: Delivery::AtLeastOnce, ..minutely() });
    assert_eq!(runs(&bench.at(61).write()), [(60, 1)]);
    bench.at(100).lead();
    assert_eq!(bench.write(), []);
    assert_eq!(bench.counts().abandoned, 1);
}

#[test]
fn delay_counts_from_the_end_that_was_written() {
    let delay = Duration::from_secs(60);
    let mut bench = Bench::of(timetable(Schedule::delay(delay).unwrap(), TimetableKind::Delay(delay)));
    let run = bench.at(61).write().remove(0);
    ended(bench.at(100), &run);
    assert_eq!(bench.write(), []);
    assert_eq!(bench.at(159).write(), []);
    bench.lead();
    assert_eq!(runs(&bench.at(160).write()), [(160, 1)]);
}

#[test]
fn once_runs_once_for_all_replicas() {
    for delivery in [Delivery::AtMostOnce, Delivery::AtLeastOnce] {
        let mut bench = Bench::of(minutely());
        bench.annotations.clear();
        bench.timetable = Timetable { delivery, ..timetable(Schedule::once(), TimetableKind::Once) };
        bench.at(10).lead();
        let run = bench.write().remove(0);
        ended(&mut bench, &run);
        assert_eq!(bench.write(), []);
        assert_eq!(bench.ticks.done_once(), ["report".into()]);
        bench.lead();
        assert_eq!(bench.write(), []);
    }
}

#[test]
fn once_is_run_again_after_an_interruption_only_with_at_least_once() {
    for (delivery, again) in [(Delivery::AtMostOnce, 0), (Delivery::AtLeastOnce, 1)] {
        let mut bench = Bench::of(minutely());
        bench.annotations.clear();
        bench.timetable = Timetable { delivery, ..timetable(Schedule::once(), TimetableKind::Once) };
        bench.at(10).lead();
        assert_eq!(bench.write().len(), 1);
        bench.at(40).lead();
        assert_eq!(bench.write().len(), again);
    }
}

#[test]
fn a_paused_task_counts_its_ticks_and_runs_none() {
    let mut bench = Bench::of(minutely());
    bench.ask(PAUSE, Some("by hand"));
    assert_eq!(bench.at(125).write(), []);
    assert_eq!(bench.counts().paused, 2);
    bench.ask(PAUSE, None);
    assert_eq!(runs(&bench.at(181).write()), [(180, 1)]);
}

#[test]
fn a_trigger_runs_once_for_each_id() {
    let mut bench = Bench::of(minutely());
    bench.ask(TRIGGER, Some("now"));
    let run = bench.at(5).write().remove(0);
    assert_eq!((run.origin, run.trigger.as_deref()), (Origin::Trigger, Some("now")));
    assert!(!bench.annotations.contains_key(&format!("{TRIGGER}report")));
    ended(&mut bench, &run);
    assert_eq!(bench.write(), []);
    // The person who triggered it saw no result, and triggers it again.
    bench.ask(TRIGGER, Some("now"));
    assert_eq!(bench.write(), []);
    assert!(!bench.annotations.contains_key(&format!("{TRIGGER}report")));
    bench.ask(TRIGGER, Some("again"));
    assert_eq!(bench.write().len(), 1);
}

#[test]
fn a_backfill_runs_the_ticks_of_its_stretch_and_is_gone_then() {
    let mut bench = Bench::of(minutely());
    let (from, to) = (time(-120), time(0));
    bench.ask(BACKFILL, Some(&format!("{from}/{to}")));
    for tick in [-120, -60, 0] {
        let starts = bench.write();
        assert_eq!(runs(&starts), [(tick, 1)]);
        assert_eq!(starts[0].origin, Origin::Backfill);
        ended(&mut bench, &starts[0]);
    }
    assert_eq!(bench.write(), []);
    assert!(!bench.annotations.contains_key(&format!("{BACKFILL}report")));
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
    let at = |seconds| TickTime { wall: time(seconds), server: None, random: 1 };
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
