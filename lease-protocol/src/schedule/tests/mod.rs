//! Particular days, and properties of all days. The oracle tests every change of the clocks.

mod days;
mod fingerprints;
mod fuzz;
mod law;
mod oracle;
mod zone;

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use jiff::civil::{DateTime, date};

use super::*;

/// An instant, as in `2026-10-25T00:30:00Z`.
fn at(text: &str) -> WallTime {
    WallTime(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn mark(text: &str) -> Watermark {
    Watermark::at(at(text))
}

fn cron(pattern: &str, zone: &str) -> Schedule {
    Schedule::cron(pattern, zone).unwrap()
}

/// The first ticks after an instant, up to `until`, in UTC.
fn ticks(schedule: &Schedule, after: &str, until: &str) -> Vec<String> {
    let newest = schedule.newest(&mark(after), at(until), 100);
    let mut walked = Vec::new();
    let mut mark = mark(after);
    while let Some(occasion) = schedule.next(&mark).filter(|occasion| occasion.at <= at(until)) {
        walked.push(occasion);
        mark = occasion.into();
    }
    assert_eq!(newest, walked);
    assert_eq!(schedule.count(&Watermark::at(at(after)), at(until)), walked.len() as u64);
    for most in 0..=walked.len() {
        let over = walked.len().checked_sub(most + 1).map(|over| walked[over]);
        assert_eq!(
            schedule.over(&Watermark::at(at(after)), at(until), most as u64),
            over,
            "{schedule}: not the last {most}"
        );
    }
    walked.iter().map(|occasion| jiff::Timestamp::from_microsecond(occasion.at.0).unwrap().to_string()).collect()
}

/// The examples of the documentation.
#[test]
fn fixed_times_run_once_when_the_clocks_change() {
    let nightly = cron("30 2 * * *", "Europe/Prague");
    // Forward at 01:00Z, from 02:00 to 03:00: 02:30 is due at once.
    let spring = ticks(&nightly, "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(spring, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    // Back at 01:00Z, from 03:00 to 02:00: the first 02:30 counts.
    let autumn = ticks(&nightly, "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    // All times that are skipped, together with the time that is due at the same instant anyway, make one run.
    let several = cron("0,15,45 2,3 * * *", "Europe/Prague");
    let spring = ticks(&several, "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z");
    assert_eq!(spring, ["2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z"]);
    let merged = several.next(&mark("2026-03-29T00:00:00Z")).unwrap();
    assert_eq!(merged.civil, Some(date(2026, 3, 29).at(3, 0, 0, 0)));
}

#[test]
fn wildcards_run_at_every_real_instant() {
    let half_hourly = cron("*/30 * * * *", "Europe/Prague");
    let spring = ticks(&half_hourly, "2026-03-29T00:15:00Z", "2026-03-29T01:45:00Z");
    assert_eq!(spring, ["2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"]);
    let at_two = cron("*/30 2 * * *", "Europe/Prague");
    assert_eq!(ticks(&at_two, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"), [""; 0]);
    let autumn = ticks(&at_two, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
    assert_eq!(
        autumn,
        ["2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"]
    );
}

#[test]
fn gaps_of_hours_and_days_are_crossed() {
    // Samoa had no 30 December 2011.
    let noon = cron("0 12 * * *", "Pacific/Apia");
    let days = ticks(&noon, "2011-12-29T00:00:00Z", "2011-12-31T12:00:00Z");
    assert_eq!(days, ["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"]);
    let friday = cron("0 12 30 12 *", "Pacific/Apia").next(&mark("2011-12-29T00:00:00Z")).unwrap();
    assert_eq!((friday.at, friday.civil), (at("2011-12-30T10:00:00Z"), Some(date(2011, 12, 30).at(12, 0, 0, 0))));
    assert_eq!(ticks(&cron("0 */6 30 12 *", "Pacific/Apia"), "2011-12-29T00:00:00Z", "2012-01-02T00:00:00Z"), [""; 0]);
    // The clocks go forward by three hours at Casey.
    let morning = cron("0 0,1,2 * * *", "Antarctica/Casey");
    assert_eq!(
        ticks(&morning, "2016-10-21T12:00:00Z", "2016-10-22T15:00:00Z"),
        ["2016-10-21T16:00:00Z", "2016-10-22T13:00:00Z", "2016-10-22T14:00:00Z", "2016-10-22T15:00:00Z"]
    );
}

#[test]
fn half_an_hour_is_repeated_at_lord_howe() {
    // Back at 15:00Z, from 02:00 to 01:30.
    let [after, until] = ["2026-04-04T14:00:00Z", "2026-04-04T15:45:00Z"];
    let fixed = ticks(&cron("15,45 1 * * *", "Australia/Lord_Howe"), after, until);
    assert_eq!(fixed, ["2026-04-04T14:15:00Z", "2026-04-04T14:45:00Z"]);
    let wildcard = ticks(&cron("*/15 1 * * *", "Australia/Lord_Howe"), "2026-04-04T14:20:00Z", until);
    assert_eq!(wildcard, ["14:30", "14:45", "15:00", "15:15"].map(|time| format!("2026-04-04T{time}:00Z")));
}

#[test]
fn a_task_that_is_armed_in_the_second_pass_has_missed_the_first() {
    let nightly = cron("30 2 * * *", "Europe/Prague");
    let second_pass = mark("2026-10-25T01:10:00Z");
    assert_eq!(nightly.next(&second_pass).unwrap().at, at("2026-10-26T01:30:00Z"));
    assert_eq!(nightly.latest(&second_pass, at("2026-10-25T01:59:00Z")), None);
    // The civil time of the tick is later than now, but its instant is earlier.
    let latest = nightly.latest(&mark("2026-10-24T12:00:00Z"), at("2026-10-25T01:10:00Z")).unwrap();
    assert_eq!((latest.at, latest.civil), (at("2026-10-25T00:30:00Z"), Some(date(2026, 10, 25).at(2, 30, 0, 0))));
}

/// The tick was taken with zone data in which the clocks were an hour ahead of this release.
#[test]
fn other_zone_data_does_not_run_a_civil_time_again() {
    let nightly = cron("30 2 * * *", "Europe/Prague");
    let taken = date(2026, 7, 1).at(2, 30, 0, 0);
    let mark = Watermark { at: at("2026-06-30T23:30:00Z"), civil: Some(taken) };
    assert_eq!(nightly.next(&Watermark::at(mark.at)).unwrap().at, at("2026-07-01T00:30:00Z"), "the same civil time");
    let tomorrow = nightly.next(&mark).unwrap();
    assert_eq!((tomorrow.at, tomorrow.civil), (at("2026-07-02T00:30:00Z"), Some(date(2026, 7, 2).at(2, 30, 0, 0))));
    assert_eq!(nightly.latest(&mark, at("2026-07-01T12:00:00Z")), None);
    assert_eq!(nightly.newest(&mark, at("2026-07-01T12:00:00Z"), 10), []);
    assert_eq!(nightly.count(&mark, at("2026-07-01T12:00:00Z")), 0);
    // With an hour behind, the instant has passed, and nothing runs twice at it.
    let mark = Watermark { at: at("2026-07-01T01:30:00Z"), civil: Some(taken) };
    assert_eq!(nightly.next(&mark), Some(tomorrow));
}

#[test]
fn a_period_is_anchored_to_the_epoch() {
    let every = |period, offset| Schedule::every(Duration::from_secs(period), Duration::from_secs(offset)).unwrap();
    let hourly = every(3600, 600);
    assert_eq!(hourly.next(&mark("2026-01-01T00:10:00Z")).unwrap().at, at("2026-01-01T01:10:00Z"));
    assert_eq!(hourly.next(&mark("2026-01-01T00:09:59.999999Z")).unwrap().at, at("2026-01-01T00:10:00Z"));
    assert_eq!(ticks(&every(7, 3), "1969-12-31T23:59:50Z", "1970-01-01T00:00:03Z").len(), 2);
    let (long_ago, now) = (mark("1971-01-01T00:00:00Z"), at("2026-01-01T00:00:00.5Z"));
    assert_eq!(every(1, 0).count(&long_ago, now), 1_735_689_600);
    assert_eq!(every(1, 0).latest(&long_ago, now).unwrap().at, at("2026-01-01T00:00:00Z"));
    assert_eq!(every(1, 0).count(&Watermark::at(now), long_ago.at), 0);
}

#[test]
fn a_delay_has_one_tick_and_once_has_none() {
    let delay = Schedule::delay(Duration::from_secs(90)).unwrap();
    // A run may end at any instant. The next tick is at a whole second that is not too early.
    let end = mark("2026-01-01T00:00:00.25Z");
    let tick = delay.next(&end).unwrap();
    assert_eq!((tick.at, tick.civil), (at("2026-01-01T00:01:31Z"), None));
    let late = at("2026-01-01T01:00:00Z");
    assert_eq!((delay.latest(&end, late), delay.count(&end, late)), (Some(tick), 1));
    assert_eq!(delay.newest(&end, late, 10), [tick]);
    let early = at("2026-01-01T00:01:30.999999Z");
    assert_eq!((delay.latest(&end, early), delay.count(&end, early)), (None, 0));
    let once = Schedule::once();
    assert_eq!((once.next(&end), once.latest(&end, late), once.count(&end, late)), (None, None, 0));
}

#[test]
fn ten_years_of_absence_are_searched_once() {
    let minutely = cron("* * * * *", "America/New_York");
    let (then, now) = (mark("2016-01-01T00:00:00Z"), at("2026-01-01T00:00:30Z"));
    // Walking through five million ticks would take seconds. A thousand searches from the end take milliseconds.
    for _ in 0..1000 {
        assert_eq!(minutely.latest(&then, now).unwrap().at, at("2026-01-01T00:00:00Z"));
    }
    assert_eq!(minutely.newest(&then, now, 3)[0].at, at("2025-12-31T23:58:00Z"));
    // Counting must not walk either, because the leader does not renew while it counts. There are 3653 days.
    for _ in 0..100 {
        assert_eq!(minutely.count(&then, now), 3653 * 1440);
    }
    let fixed = cron("0-59 0-23 * * *", "America/New_York");
    for _ in 0..100 {
        // In each hour that the clocks skip, all minutes together with the one at its end make one run.
        assert_eq!(fixed.count(&then, now), 3653 * 1440 - 10 * 60);
        let over = fixed.over(&then, now, 5_000_000).unwrap();
        assert_eq!(fixed.count(&over.into(), now), 5_000_000);
    }
}

/// `over` corrects a wrong estimate tick by tick, which takes long if it is far off.
#[test]
fn a_tick_is_found_from_the_end_without_walking_unless_the_clocks_change() {
    let written = "0 6,12,18 * * *";
    let (calendar, schedule) = (Calendar::new(written, "UTC").unwrap(), cron(written, "UTC"));
    for until in ["2026-07-10T05:59:59Z", "2026-07-10T06:00:00Z", "2026-07-10T13:00:00Z", "2026-07-10T23:00:00Z"] {
        let newest = schedule.newest(&mark("2026-07-01T00:00:00Z"), at(until), 20);
        for (most, tick) in (0..).zip(newest.iter().rev()) {
            let due = calendar.back(at(until).0 / MICROS, most).and_then(ScheduledTime::new);
            assert_eq!(due, Some(*tick), "{most} before {until}");
        }
    }
}

#[test]
fn the_first_tick_of_the_calendar_has_none_before() {
    let noon = ticks(&cron("0 12 * * *", "UTC"), "0001-01-01T00:00:00Z", "0001-01-03T12:00:00Z");
    assert_eq!(noon, ["0001-01-01T12:00:00Z", "0001-01-02T12:00:00Z", "0001-01-03T12:00:00Z"]);
}

#[test]
fn nothing_is_counted_up_to_a_civil_time_that_is_accounted_for() {
    let nightly = cron("30 2 * * *", "Europe/Prague");
    let until = at("2026-04-01T00:30:00Z");
    let count = |civil| nightly.count(&Watermark { civil, ..mark("2026-03-27T12:00:00Z") }, until);
    let on = |month, day| Some(date(2026, month, day).at(2, 30, 0, 0));
    assert_eq!((count(None), count(on(3, 27)), count(on(3, 28))), (5, 5, 4));
    assert_eq!((count(on(3, 29)), count(on(3, 31)), count(on(4, 1))), (3, 1, 0));
    assert_eq!((count(on(4, 2)), count(on(12, 1)), count(Some(DateTime::MAX))), (0, 0, 0));
}

#[test]
fn no_clock_is_too_wrong() {
    let schedules = [
        cron("* * * * *", "Europe/Prague"),
        cron("0 2 29 2 *", "Europe/Prague"),
        cron("*/5 * * * *", "UTC"),
        Schedule::every(Duration::from_secs(7), Duration::ZERO).unwrap(),
        Schedule::delay(Duration::from_secs(CENTURY.unsigned_abs())).unwrap(),
        Schedule::once(),
    ];
    for schedule in schedules {
        for at in [i64::MIN, i64::MIN + 1, -377_705_023_201_000_000, -1, 0, 253_402_207_200_999_999, i64::MAX] {
            for until in [i64::MIN, at, at.saturating_add(90_000_000), i64::MAX] {
                let mark = Watermark { at: WallTime(at), civil: Some(DateTime::MAX) };
                for mark in [mark, Watermark { civil: Some(DateTime::MIN), ..mark }, Watermark::at(mark.at)] {
                    _ = schedule.next(&mark);
                    _ = schedule.latest(&mark, WallTime(until));
                    _ = schedule.newest(&mark, WallTime(until), 3);
                }
            }
        }
    }
}

#[test]
fn durations_are_checked() {
    let second = Duration::from_secs(1);
    let half = Duration::from_millis(500);
    let message = |result: Result<Schedule, ScheduleError>| result.unwrap_err().to_string();
    assert_eq!(
        message(Schedule::every(half, Duration::ZERO)),
        "every must be at least one second, not 500ms: a tick costs a write to the API server"
    );
    assert_eq!(message(Schedule::delay(second + half)), "delay must be in whole seconds, not 1.5s: round it");
    assert_eq!(
        message(Schedule::every(second * 60, second * 60)),
        "offset must be less than every, which is 60s, not 60s: leave out whole periods"
    );
    assert_eq!(message(Schedule::every(second * 60, half)), "offset must be in whole seconds, not 500ms: round it");
    assert!(message(Schedule::delay(Duration::MAX)).starts_with("delay must be in whole seconds"));
    assert!(message(Schedule::every(second * u32::MAX, second)).starts_with("every must be at most 100 years"));
}

/// The values are literal: a record that another version of this library wrote must still mean the same schedule.
#[test]
fn fingerprints_never_change() {
    let every = |period, offset| Schedule::every(Duration::from_secs(period), Duration::from_secs(offset)).unwrap();
    for (schedule, fingerprint) in [
        (cron("0 2 * * *", "Europe/Prague"), "29f3d492"),
        (cron("0 2 * * *", "UTC"), "753e462b"),
        (cron("*/15 8-18 * JAN,7 MON-FRI", "America/New_York"), "addfaf1a"),
        (cron("0 0 1-7 * +7", "UTC"), "d690074d"),
        (cron("@weekly", "UTC"), "f14e2383"),
        (every(300, 0), "aa941e4d"),
        (every(300, 30), "72245d2c"),
        (Schedule::delay(Duration::from_secs(10)).unwrap(), "2e5d38b1"),
        (Schedule::once(), "9188b0c4"),
    ] {
        assert_eq!(schedule.fingerprint(), fingerprint, "{schedule}");
    }
}

#[test]
fn schedules_that_mean_the_same_are_equal() {
    let hash = |schedule: &Schedule| BuildHasherDefault::<DefaultHasher>::default().hash_one(schedule);
    let weekly = cron("@weekly", "UTC");
    for same in ["0 0 * * 0", "0 0 * * 7", " 00\t0  * * sun ", "0 0 * * Sun"] {
        let same = cron(same, "UTC");
        assert_eq!((&same, same.fingerprint(), hash(&same)), (&weekly, weekly.fingerprint(), hash(&weekly)));
    }
    for other in [cron("@weekly", "Etc/UTC"), cron("@daily", "UTC"), cron("0 0 * * 0-0", "Europe/Prague")] {
        assert_ne!(other, weekly);
        assert_ne!(other.fingerprint(), weekly.fingerprint());
        assert_ne!(hash(&other), hash(&weekly));
    }
}

#[test]
fn schedules_are_written_as_arguments_are() {
    let every = |period, offset| Schedule::every(Duration::from_secs(period), Duration::from_secs(offset)).unwrap();
    assert_eq!(cron(" @daily ", "Europe/Prague").to_string(), r#"cron = "@daily", time_zone = "Europe/Prague""#);
    assert_eq!(every(7200, 0).to_string(), r#"every = "2h""#);
    assert_eq!(every(300, 30).to_string(), r#"every = "5m", offset = "30s""#);
    assert_eq!(Schedule::delay(Duration::from_secs(90)).unwrap().to_string(), r#"delay = "90s""#);
    assert_eq!(Schedule::once().to_string(), "once");
    assert_eq!(cron("@daily", "Europe/Prague").time_zone(), Some("Europe/Prague"));
    assert_eq!((every(5, 0).time_zone(), every(5, 0).shortest_period()), (None, Some(Duration::from_secs(5))));
    assert_eq!(Schedule::once().shortest_period(), None);
}

#[test]
fn the_shortest_period_is_that_of_the_two_ticks_that_are_closest() {
    for (pattern, minutes) in [
        ("@daily", 24 * 60),
        ("* * * * *", 1),
        ("59,0 * * * *", 1),
        ("*/20 * * * *", 20),
        ("5 * * * *", 60),
        ("0 2,22 * * *", 4 * 60),
        ("30 9-17/4 * * 1-5", 4 * 60),
    ] {
        assert_eq!(cron(pattern, "UTC").shortest_period(), Some(Duration::from_secs(60 * minutes)), "{pattern}");
    }
}
