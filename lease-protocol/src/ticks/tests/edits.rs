//! A schedule that becomes another one under the same name, of the same kind or not; and from when on its ticks count.

use super::*;

/// Each kind, and when its first run is due after an edit at 200 s: the story begins a minute past the hour.
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

/// Leads until something starts, second by second.
fn first_start(story: &mut Story, until: i64) -> Option<RunStart> {
    loop {
        if let Some(start) = story.write().pop() {
            return Some(start);
        }
        if story.wall >= until {
            return None;
        }
        story.at(story.wall + 1);
    }
}

/// A task with this schedule, one run of which was taken, and is done if it is to be.
fn ran(before: &Timetable, delivery: Delivery, done: bool) -> Story {
    let mut story = Story::empty(Timetable { delivery, ..before.clone() });
    story.lead();
    let run = first_start(&mut story, 190).expect("it runs");
    if done {
        story.ticks.ended(run.id, RunEnd::Done);
        assert_eq!(story.write(), []);
    }
    story
}

#[test]
fn each_kind_of_schedule_that_becomes_another_counts_from_the_edit() {
    for (before, old, _) in kinds() {
        for (after, new, due) in kinds() {
            for delivery in DELIVERIES {
                let mut story = ran(&old, delivery, true);
                let done = story.counts().done;
                story.timetable = Timetable { delivery, ..new.clone() };
                story.at(200).lead();
                assert_eq!(story.ticks.done_once().len(), usize::from(before == after && after == "once"));
                let start = first_start(&mut story, 1_000);
                let case = format!("{before} becomes {after}, {delivery:?}");
                if before == after {
                    assert_eq!(start.is_none(), after == "once", "{case}: it goes on");
                    continue;
                }
                assert_eq!((story.wall, start.map(|start| start.attempt)), (due, Some(1)), "{case}");
                assert_eq!((story.counts().done, story.counts().not_run()), (done, 0), "{case}");
            }
        }
    }
}

#[test]
fn a_run_that_was_interrupted_is_run_again_across_an_edit_but_not_as_that_of_once_or_by_it() {
    for (before, old, _) in kinds() {
        for (after, new, due) in kinds().into_iter().filter(|(after, ..)| *after != before) {
            for delivery in DELIVERIES {
                let mut story = ran(&old, delivery, false);
                let tick = story.record().open[0].tick;
                story.timetable = Timetable { delivery, ..new.clone() };
                story.at(200).lead();
                let start = first_start(&mut story, 1_000).expect("something runs");
                let once = before == "once" || after == "once";
                let again = delivery == Delivery::AtLeastOnce && !once;
                let case = format!("{before} becomes {after}, {delivery:?}");
                assert_eq!((start.attempt, start.tick == tick), if again { (2, true) } else { (1, false) }, "{case}");
                assert_eq!(story.counts().abandoned, u64::from(!again), "{case}");
                assert!(again || story.wall == due || (after == "delay" && story.wall >= due), "{case}");
            }
        }
    }
}

#[test]
fn a_task_that_was_done_once_and_had_a_schedule_since_runs_once_more() {
    let (_, once, _) = kinds().pop().unwrap();
    let mut story = ran(&once, Delivery::AtMostOnce, true);
    story.timetable = minutely();
    story.at(200).lead();
    assert_eq!(story.write(), []);
    assert!(!story.record().is_done(), "a record of a schedule is never one of once");
    story.timetable = once;
    story.at(210).lead();
    assert_eq!(story.write().len(), 1);
}

/// How many runs there are in ten minutes of a nightly task that is to catch up with everything, if the API server tells
/// these dates, in seconds from the start, in turn and then the last for ever.
fn nightly(record: Option<&str>, dates: &[i64]) -> (usize, WallTime) {
    let schedule = Schedule::cron("0 2 * * *", "UTC").unwrap();
    let nightly = Timetable { catch_up: CatchUp::All, ..timetable(schedule, TimetableKind::Calendar) };
    let deadline = Some(StartDeadline::Unlimited);
    let mut story = Story::empty(Timetable { start_deadline: deadline, ..nightly });
    story.server = dates[0];
    if let Some(record) = record {
        story.annotations.insert(format!("{RECORD}report"), record.to_owned());
    }
    story.lead();
    let mut runs = 0;
    for step in 0..120 {
        story.wall = step * 5;
        let date = dates[usize::try_from(step).unwrap().min(dates.len() - 1)];
        story.server = date + story.wall;
        for start in story.write() {
            runs += 1;
            story.ticks.ended(start.id, RunEnd::Done);
        }
    }
    (runs, story.record().accounted_until)
}

const YEAR: i64 = 365 * 24 * 3_600;

#[test]
fn no_date_of_an_api_server_in_the_past_has_the_past_caught_up() {
    // Another schedule; it was last accounted for at the start of the story.
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
fn a_task_is_not_armed_before_what_the_lease_says_has_come() {
    let other = r#"{"v":1,"schedule":"0badc0de","upto":"2026-11-25T00:00:30Z"}"#;
    let mut story = Story::of(minutely());
    story.timetable =
        timetable(Schedule::every(Duration::from_secs(30), Duration::ZERO).unwrap(), TimetableKind::Calendar);
    story.annotations.insert(format!("{RECORD}report"), other.to_owned());
    (story.wall, story.server) = (3_600, -YEAR / 4);
    story.lead();
    assert_eq!(story.write(), []);
    assert!(story.record().accounted_until >= time(-30), "{}", story.record().accounted_until);
}
