//! A schedule is edited under the same task name, to the same kind or another one, and from when its ticks then count.

use super::*;

/// Each kind, and when its first run is due after an edit at 200 s. The test begins a minute past the hour.
fn kinds() -> Vec<(&'static str, Timetable, i64)> {
    let cron = |pattern| timetable(Schedule::cron(pattern, "UTC").unwrap(), TimetableKind::Calendar);
    let every = Schedule::every(Duration::from_secs(120), Duration::ZERO).unwrap();
    let delay = Duration::from_secs(90);
    let patient = |timetable| Timetable { start_deadline: Some(StartDeadline::Unlimited), ..timetable };
    vec![
        ("cron of fixed times", cron("3,5,6,7,8,9,10 0 * * *"), 240),
        ("cron with a wildcard", cron("*/4 * * * *"), 420),
        ("every", timetable(every, TimetableKind::Calendar), 300),
        ("delay", patient(timetable(Schedule::delay(delay).unwrap(), TimetableKind::Delay(delay))), 290),
        ("once", patient(timetable(Schedule::once(), TimetableKind::Once)), 200),
    ]
}

const DELIVERIES: [Delivery; 2] = [Delivery::AtMostOnce, Delivery::AtLeastOnce];

/// Leads second by second until a run starts.
fn first_start(bench: &mut Bench, until: i64) -> Option<RunStart> {
    loop {
        if let Some(start) = bench.write().pop() {
            return Some(start);
        }
        if bench.wall >= until {
            return None;
        }
        bench.at(bench.wall + 1);
    }
}

/// A task with this schedule. One run of it was taken, and has ended if `done`.
fn ran(before: &Timetable, delivery: Delivery, done: bool) -> Bench {
    let mut bench = Bench::empty(Timetable { delivery, ..before.clone() });
    bench.lead();
    let run = first_start(&mut bench, 190).expect("it runs");
    if done {
        bench.ticks.ended(run.id, RunEnd::Done);
        assert_eq!(bench.write(), []);
    }
    bench
}

#[test]
fn each_kind_of_schedule_that_becomes_another_counts_from_the_edit() {
    for (before, old, _) in kinds() {
        for (after, new, due) in kinds() {
            for delivery in DELIVERIES {
                let mut bench = ran(&old, delivery, true);
                let done = bench.counts().done;
                bench.timetable = Timetable { delivery, ..new.clone() };
                bench.at(200).lead();
                assert_eq!(bench.ticks.done_once().len(), usize::from(before == after && after == "once"));
                let start = first_start(&mut bench, 1_000);
                let case = format!("{before} becomes {after}, {delivery:?}");
                if before == after {
                    assert_eq!(start.is_none(), after == "once", "{case}: it continues as before");
                    continue;
                }
                assert_eq!((bench.wall, start.map(|start| start.attempt)), (due, Some(1)), "{case}");
                assert_eq!((bench.counts().done, bench.counts().not_run()), (done, 0), "{case}");
            }
        }
    }
}

#[test]
fn an_interrupted_run_is_run_again_after_an_edit_but_not_to_or_from_once() {
    for (before, old, _) in kinds() {
        for (after, new, due) in kinds().into_iter().filter(|(after, ..)| *after != before) {
            for delivery in DELIVERIES {
                let mut bench = ran(&old, delivery, false);
                let tick = bench.record().open[0].tick;
                bench.timetable = Timetable { delivery, ..new.clone() };
                bench.at(200).lead();
                let start = first_start(&mut bench, 1_000).expect("something runs");
                let once = before == "once" || after == "once";
                let again = delivery == Delivery::AtLeastOnce && !once;
                let case = format!("{before} becomes {after}, {delivery:?}");
                assert_eq!((start.attempt, start.tick == tick), if again { (2, true) } else { (1, false) }, "{case}");
                assert_eq!(bench.counts().abandoned, u64::from(!again), "{case}");
                assert!(again || bench.wall == due || (after == "delay" && bench.wall >= due), "{case}");
            }
        }
    }
}

#[test]
fn a_task_that_was_done_once_and_had_a_schedule_since_runs_once_more() {
    let (_, once, _) = kinds().pop().unwrap();
    let mut bench = ran(&once, Delivery::AtMostOnce, true);
    bench.timetable = minutely();
    bench.at(200).lead();
    assert_eq!(bench.write(), []);
    assert!(!bench.record().is_done(), "a record of a schedule is never one of once");
    bench.timetable = once;
    bench.at(210).lead();
    assert_eq!(bench.write().len(), 1);
}

/// How many runs there are in ten minutes of a nightly task with `CatchUp::All`. The API server reports these dates one
/// after the other, in seconds from the start, and repeats the last one.
fn nightly(record: Option<&str>, dates: &[i64]) -> (usize, WallTime) {
    let schedule = Schedule::cron("0 2 * * *", "UTC").unwrap();
    let nightly = Timetable { catch_up: CatchUp::All, ..timetable(schedule, TimetableKind::Calendar) };
    let deadline = Some(StartDeadline::Unlimited);
    let mut bench = Bench::empty(Timetable { start_deadline: deadline, ..nightly });
    bench.server = dates[0];
    if let Some(record) = record {
        bench.annotations.insert(format!("{RECORD}report"), record.to_owned());
    }
    bench.lead();
    let mut runs = 0;
    for step in 0..120 {
        bench.wall = step * 5;
        let date = dates[usize::try_from(step).unwrap().min(dates.len() - 1)];
        bench.server = date + bench.wall;
        for start in bench.write() {
            runs += 1;
            bench.ticks.ended(start.id, RunEnd::Done);
        }
    }
    (runs, bench.record().accounted_until)
}

const YEAR: i64 = 365 * 24 * 3_600;

#[test]
fn a_past_date_of_the_api_server_causes_no_catch_up() {
    // Another schedule, which was last accounted for at the start.
    let edited = r#"{"v":1,"schedule":"0badc0de","upto":"2026-11-25T00:01:00Z"}"#;
    for record in [None, Some(edited)] {
        for wrong in [-25 * YEAR, -YEAR / 4, -60] {
            for dates in [vec![wrong, 0], vec![wrong, wrong, wrong, 0], vec![0, wrong, 0], vec![wrong]] {
                let (runs, upto) = nightly(record, &dates);
                assert_eq!(runs, 0, "{record:?} {dates:?}: {upto}");
            }
        }
    }
}

#[test]
fn a_task_is_not_armed_before_a_time_that_the_lease_shows_as_passed() {
    let other = r#"{"v":1,"schedule":"0badc0de","upto":"2026-11-25T00:00:30Z"}"#;
    let mut bench = Bench::of(minutely());
    bench.timetable =
        timetable(Schedule::every(Duration::from_secs(30), Duration::ZERO).unwrap(), TimetableKind::Calendar);
    bench.annotations.insert(format!("{RECORD}report"), other.to_owned());
    (bench.wall, bench.server) = (3_600, -YEAR / 4);
    bench.lead();
    assert_eq!(bench.write(), []);
    assert!(bench.record().accounted_until >= time(-30), "{}", bench.record().accounted_until);
}

#[test]
fn a_leader_whose_clock_is_behind_arms_an_edited_schedule_no_earlier_than_its_record() {
    let mut bench = Bench::of(minutely());
    let first = bench.at(3_601).write().remove(0);
    bench.ticks.ended(first.id, RunEnd::Done);
    assert_eq!(bench.write(), []);
    bench.timetable =
        timetable(Schedule::every(Duration::from_secs(30), Duration::ZERO).unwrap(), TimetableKind::Calendar);
    (bench.wall, bench.server) = (1_000, 3_610);
    bench.lead();
    assert_eq!(bench.write(), [], "it arms the task");
    assert_eq!(bench.record().accounted_until, time(3_600));
    (bench.wall, bench.server) = (1_021, 3_631);
    assert_eq!(bench.write(), [], "no time is taken a second time under the new schedule");
    bench.at(3_632).lead();
    assert_eq!(runs(&bench.write()), [(3_630, 1)], "a leader with a correct clock continues");
}

#[test]
fn an_edit_mends_a_record_of_the_far_future() {
    let other = format!(r#"{{"v":1,"schedule":"0badc0de","upto":"{}"}}"#, time(YEAR));
    for server in [0, -YEAR] {
        let mut bench = Bench::empty(minutely());
        bench.annotations.insert(format!("{RECORD}report"), other.clone());
        bench.server = server;
        bench.lead();
        assert_eq!(bench.write(), []);
        let upto = bench.record().accounted_until;
        assert!(upto <= time(10), "the next tick waits for {upto}");
    }
}

#[test]
fn a_new_task_is_not_armed_before_a_date_that_this_process_has_seen() {
    let mut bench = Bench::of(minutely());
    (bench.wall, bench.server) = (30, -YEAR / 4);
    bench.ticks.join("other".into(), minutely(), time(30));
    assert_eq!(bench.see(), []);
    assert_eq!(bench.write(), []);
    let record = TickRecord::decode(&bench.annotations[&format!("{RECORD}other")]).unwrap();
    assert!(record.accounted_until >= time(0), "{}", record.accounted_until);
}
