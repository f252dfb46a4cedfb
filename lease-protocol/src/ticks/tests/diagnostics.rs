//! What the leader reports about the newest state of the Lease.

use super::*;

fn once(delivery: Delivery) -> Timetable {
    Timetable { delivery, ..timetable(Schedule::once(), TimetableKind::Once) }
}

/// A task whose first run has ended this way.
fn ended(timetable: Timetable, end: RunEnd) -> Bench {
    let mut bench = Bench::empty(timetable);
    bench.lead();
    let start = bench.write().into_iter().chain(bench.at(60).write()).next().expect("it runs");
    bench.ticks.ended(start.id, end);
    assert_eq!(bench.write(), []);
    bench
}

fn given_up(bench: &Bench) -> Vec<TickOutcome> {
    bench.ticks.given_up().into_iter().map(|(_, outcome)| outcome).collect()
}

#[test]
fn a_task_with_once_is_given_up_if_it_runs_at_most_once_and_its_run_was_not_done() {
    let (most, least) = (Delivery::AtMostOnce, Delivery::AtLeastOnce);
    let cases = [
        ("once", once(most), RunEnd::Failed, vec![TickOutcome::Failed]),
        ("once", once(most), RunEnd::Replaced, vec![TickOutcome::Cancelled]),
        ("done", once(most), RunEnd::Done, vec![]),
        ("the next term tries again", once(least), RunEnd::Failed, vec![]),
        ("its next tick runs", minutely(), RunEnd::Failed, vec![]),
    ];
    for (case, timetable, end, expected) in cases {
        assert_eq!(given_up(&ended(timetable, end)), expected, "{case}: {end:?}");
    }
}

#[test]
fn a_task_with_once_is_not_given_up_while_a_trigger_runs_it_again() {
    let mut bench = ended(once(Delivery::AtMostOnce), RunEnd::Failed);
    bench.ask(TRIGGER, Some("again"));
    assert_eq!(bench.write().len(), 1);
    assert_eq!(given_up(&bench), []);
}

#[test]
fn a_run_of_another_schedule_says_nothing_about_a_task_with_once() {
    let mut bench = ended(minutely(), RunEnd::Failed);
    bench.timetable = once(Delivery::AtMostOnce);
    bench.lead();
    assert_eq!(given_up(&bench), [], "it is about to run");
}

#[test]
fn the_status_of_a_task_with_once_says_whether_it_is_done() {
    for (end, done) in [(RunEnd::Done, true), (RunEnd::Failed, false)] {
        let bench = ended(once(Delivery::AtMostOnce), end);
        assert_eq!(TaskTicks::of(&bench.annotations, "report").map(|ticks| ticks.is_done()), Some(done), "{end:?}");
    }
}

#[test]
fn the_status_of_a_record_that_cannot_be_read_says_why() {
    let annotations = Annotations::from([(format!("{RECORD}report"), r#"{"v":2}"#.to_owned())]);
    let ticks = TaskTicks::of(&annotations, "report").unwrap();
    let why = Unreadable::Newer { found: 2 }.to_string();
    assert_eq!((ticks.state(), ticks.trouble()), (TickState::Unreadable, Some(why)));
}

#[test]
fn a_record_that_was_computed_with_other_zone_data_is_reported_with_their_version() {
    let schedule = Schedule::cron("2,3 0 * * *", "Europe/Prague").unwrap();
    let mut bench = Bench::of(timetable(schedule, TimetableKind::Calendar));
    let reported = |bench: &Bench| bench.ticks.other_zone_data();
    assert_eq!(reported(&bench), [], "no tick was computed yet");
    let mut record = bench.record();
    record.zone_data = Some(crate::schedule::zone_data_version().to_owned());
    bench.ask(RECORD, Some(&record.encode()));
    assert_eq!(reported(&bench), []);
    record.zone_data = Some("1999z".to_owned());
    bench.ask(RECORD, Some(&record.encode()));
    assert_eq!(reported(&bench), [("report".into(), "1999z".to_owned())]);
}
