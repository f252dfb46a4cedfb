//! How much work one turn is on the thread that renews the lease, for any records and after any outage.

use super::*;
use crate::schedule::SEARCHES;

const YEAR: i64 = 365 * 24 * 3_600;

/// One turn of a leader with this many tasks that have this record. Returns how often it searched a calendar, per task.
fn searches(timetable: &Timetable, tasks: usize, record: &str) -> f64 {
    let now = TickTime { wall: time(0), server: Some(time(0)), random: 1 };
    let mut ticks = Ticks::default();
    ticks.begin(1, now);
    let mut annotations = Annotations::new();
    for task in 0..tasks {
        ticks.join(format!("t{task}").into(), timetable.clone(), time(0));
        annotations.insert(format!("{RECORD}t{task}"), record.replace("FP", &timetable.schedule.fingerprint()));
    }
    assert_eq!(ticks.see(&annotations), []);
    SEARCHES.set(0);
    ticks.wants_write(now);
    let (number, _) = ticks.compose(&annotations, now, true);
    ticks.committed(number);
    SEARCHES.get() as f64 / tasks as f64
}

fn catching_up(pattern: &str) -> Timetable {
    let schedule = Schedule::cron(pattern, "Europe/Prague").unwrap();
    Timetable {
        overlap: Overlap::BufferOne,
        catch_up: CatchUp::All,
        max_catch_up: 1000,
        start_deadline: Some(StartDeadline::Unlimited),
        ..timetable(schedule, TimetableKind::Calendar)
    }
}

fn record(upto: &str) -> String {
    format!(r#"{{"v":1,"schedule":"FP","upto":"{upto}"}}"#)
}

#[test]
fn a_year_of_absence_is_not_walked_through_for_any_of_256_tasks() {
    let year_ago = jiff::Timestamp::from_second(START - YEAR).unwrap().to_string();
    for pattern in ["* * * * *", "*/5 * * * *", "0 2 * * *", "0 0-23 * * *", "0,30 2 * * 1-5", "0 3 1 * *"] {
        // The work for 256 tasks is 256 times that for one, so it need not be measured for each pattern.
        let tasks = if pattern == "0 2 * * *" { 256 } else { 4 };
        let each = searches(&catching_up(pattern), tasks, &record(&year_ago));
        assert!(each <= 30.0, "{pattern}: {each} searches for each task");
    }
}

#[test]
fn no_record_makes_a_turn_long() {
    let records = [
        record("-009999-01-02T01:59:59Z"),
        record("0001-01-01T00:00:01Z"),
        record("1970-01-01T00:00:00Z"),
        record("9999-12-30T22:00:00Z"),
        record("0001-01-01T00:00:01Z").replace('}', r#","civil":"0001-01-01T00:00"}"#),
        record("0001-01-01T00:00:01Z").replace('}', r#","civil":"9999-12-31T00:00"}"#),
        record("2026-01-01T00:00:00Z").replace('}', r#","missed":18446744073709551615,"term":-1}"#),
    ];
    for pattern in ["* * * * *", "*/30 0 * * *", "0 2 * * *", "0 2 29 2 *", "* 0 29 2 *", "0 0 31 12 +0"] {
        for catch_up in [CatchUp::All, CatchUp::Latest, CatchUp::None] {
            for record in &records {
                let each = searches(&Timetable { catch_up, ..catching_up(pattern) }, 1, record);
                assert!(each <= 40.0, "{pattern} {catch_up:?} {record}: {each} searches");
            }
        }
    }
}

#[test]
fn ticks_over_the_limit_are_counted_exactly() {
    let year_ago = jiff::Timestamp::from_second(START - YEAR).unwrap().to_string();
    let mut bench = Bench::empty(Timetable { max_catch_up: 100, ..catching_up("*/5 * * * *") });
    let text = record(&year_ago).replace("FP", &bench.timetable.schedule.fingerprint());
    bench.annotations.insert(format!("{RECORD}report"), text);
    bench.lead();
    let first = bench.write().remove(0);
    assert_eq!(first.missed, 365 * 288 - 100);
    assert_eq!(bench.counts().over_limit, 365 * 288 - 100);
    // START is a minute past the hour. This is the hundredth tick from the end.
    assert_eq!(runs(&[first]), [(-60 - 99 * 300, 1)]);
}

#[test]
fn text_from_others_is_quoted_and_bounded_in_messages() {
    let mut bench = Bench::of(minutely());
    let forged = format!("x\nERROR all is lost {}", "y".repeat(200_000));
    for prefix in [TRIGGER, BACKFILL] {
        bench.annotations.insert(format!("{prefix}report"), forged.clone());
    }
    for task in 0..1_000 {
        bench.annotations.insert(format!("{RECORD}other{task}"), record("2026-01-01T00:00:00Z"));
    }
    assert_eq!(bench.see(), []);
    let refused = bench.ticks.refused();
    assert_eq!(refused.len(), 2);
    for (request, _) in refused {
        assert!(request.len() < 200 && !request.contains('\n'), "{request}");
    }
    let unknown = bench.ticks.unknown();
    assert_eq!((unknown.len(), names::some(&unknown).len()), (1_000, 11));
}
