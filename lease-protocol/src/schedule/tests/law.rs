//! Properties of every schedule.

use croner::parser::{CronParser, Seconds, Year};
use lease_grammar::cron::{Cron, parse};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// One item of a field.
fn item(min: u8, max: u8) -> impl Strategy<Value = String> {
    let value = min..=max;
    prop_oneof![
        3 => value.clone().prop_map(|value| value.to_string()),
        1 => (value.clone(), value.clone()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (value.clone(), value, 1..6u8).prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
    ]
}

fn field(min: u8, max: u8) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (1..=max - min).prop_map(|step| format!("*/{step}")),
        4 => vec(item(min, max), 1..4).prop_map(|items| items.join(",")),
    ]
}

/// The last day of the month, alone or in a list.
fn days_of_month() -> impl Strategy<Value = String> {
    let others = vec(item(1, 31), 1..3).prop_map(|items| format!("{},L", items.join(",")));
    prop_oneof![1 => Just("L".to_owned()), 1 => others]
}

/// Days of the week that are counted within the month.
fn days_of_week() -> impl Strategy<Value = String> {
    let counted = prop_oneof![
        3 => (0..=7, 1..=5).prop_map(|(weekday, nth)| format!("{weekday}#{nth}")),
        2 => (0..=7).prop_map(|weekday| format!("{weekday}#L")),
        1 => item(0, 7),
    ];
    vec(counted, 1..4).prop_map(|items| items.join(","))
}

/// Patterns. Nearly all of them are valid.
fn pattern() -> impl Strategy<Value = String> {
    let days = prop_oneof![
        3 => Just(("*".to_owned(), "*".to_owned())),
        1 => field(1, 31).prop_map(|day| (day, "*".to_owned())),
        1 => field(0, 6).prop_map(|weekday| ("*".to_owned(), weekday)),
        1 => (item(1, 31), item(0, 7)).prop_map(|(day, weekday)| (day, format!("+{weekday}"))),
        1 => days_of_month().prop_map(|day| (day, "*".to_owned())),
        1 => days_of_week().prop_map(|weekday| ("*".to_owned(), weekday)),
        1 => (days_of_month(), days_of_week()).prop_map(|(day, weekday)| (day, format!("+{weekday}"))),
    ];
    let month = prop_oneof![2 => Just("*".to_owned()), 1 => field(1, 12)];
    (field(0, 59), field(0, 23), days, month)
        .prop_map(|(minute, hour, (day, weekday), month)| format!("{minute} {hour} {day} {month} {weekday}"))
}

fn zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["UTC", "Europe/Prague", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"])
}

fn schedule() -> impl Strategy<Value = Schedule> {
    let cron = (pattern(), zone())
        .prop_filter_map("a step that leaves its range", |(pattern, zone)| Schedule::cron(&pattern, zone).ok());
    let every = (1..100_000u64, 0..100_000u64).prop_map(|(period, offset)| {
        Schedule::every(Duration::from_secs(period), Duration::from_secs(offset % period)).unwrap()
    });
    prop_oneof![4 => cron, 1 => every]
}

/// An instant from 2010 to 2030, in microseconds.
fn instant() -> impl Strategy<Value = WallTime> {
    (1_262_304_000_000_000..1_893_456_000_000_000i64).prop_map(WallTime)
}

proptest! {
    #[test]
    fn going_back_is_going_forward(schedule in schedule(), from in instant(), most in 1..60usize) {
        let mut mark = Watermark::at(from);
        let mut walked: Vec<ScheduledTime> = Vec::new();
        while walked.len() < most && let Some(occasion) = schedule.next(&mark) {
            prop_assert!(occasion.at > mark.at && occasion.is_after(&mark));
            prop_assert_eq!(occasion.at.0 % MICROS, 0);
            // The result does not depend on where the walk began.
            prop_assert_eq!(schedule.next(&Watermark::at(mark.at)), Some(occasion));
            walked.push(occasion);
            mark = occasion.into();
        }
        prop_assume!(!walked.is_empty());
        let mark = Watermark::at(from);
        let last = walked.last().unwrap();
        for until in [last.at, WallTime(last.at.0 + 999_999)] {
            prop_assert_eq!(schedule.latest(&mark, until), Some(*last));
            prop_assert_eq!(schedule.count(&mark, until), walked.len() as u64);
            prop_assert_eq!(&schedule.newest(&mark, until, usize::MAX), &walked);
            for most in [0, 1, walked.len() / 2, walked.len() - 1, walked.len(), walked.len() + 1] {
                let over = walked.len().checked_sub(most + 1).map(|over| walked[over]);
                prop_assert_eq!(schedule.over(&mark, until, most as u64), over, "not the last {}", most);
            }
        }
        let before = WallTime(last.at.0 - 1);
        prop_assert_eq!(schedule.latest(&mark, before), walked.iter().nth_back(1).copied());
        prop_assert_eq!(schedule.newest(&mark, last.at, 2), &walked[walked.len().saturating_sub(2)..]);
    }

    #[test]
    fn counting_is_walking(schedule in schedule(), from in instant(), hours in 0..1500i64) {
        let until = WallTime(from.0 + hours * 3600 * MICROS);
        let mut mark = Watermark::at(from);
        let mut walked = 0_u64;
        while walked < 2000 && let Some(occasion) = schedule.next(&mark).filter(|occasion| occasion.at <= until) {
            walked += 1;
            mark = occasion.into();
        }
        let until = if walked < 2000 { until } else { mark.at };
        prop_assert_eq!(schedule.count(&Watermark::at(from), until), walked);
    }

    /// Our search is by arithmetic. croner walks through the days.
    #[test]
    fn the_search_finds_what_croner_finds(text in pattern(), from in instant()) {
        let Ok(schedule) = Schedule::cron(&text, "UTC") else { return Ok(()) };
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let croner = parser.parse(&parse(&text).unwrap().to_string()).unwrap();
        // croner uses jiff before 1.0.
        use jiff_0_2::{Timestamp, civil::DateTime, tz::Offset};
        let instant = |civil: DateTime| Offset::UTC.to_timestamp(civil).unwrap().as_microsecond();
        let civil = Offset::UTC.to_datetime(Timestamp::from_second(from.0.div_euclid(MICROS)).unwrap());
        let next = croner.find_next_occurrence(&civil, false).ok().map(instant);
        prop_assert_eq!(schedule.next(&Watermark::at(from)).map(|tick| tick.at.0), next);
        let last = croner.find_previous_occurrence(&civil, true).ok().map(instant);
        prop_assert_eq!(schedule.latest(&Watermark::at(WallTime(0)), from).map(|tick| tick.at.0), last.filter(|at| *at > 0));
    }

    #[test]
    fn a_pattern_is_searched_as_it_is_read(text in pattern(), from in instant()) {
        let Ok(pattern) = parse(&text) else { return Ok(()) };
        let canonical = pattern.to_string();
        prop_assert_eq!(parse(&canonical).unwrap().to_string(), canonical);
        let schedule = Schedule::cron(&text, "UTC").unwrap();
        let from = Watermark::at(from);
        if let Some(occasion) = schedule.next(&from) {
            let time = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_microsecond(occasion.at.0).unwrap());
            prop_assert!(matches(&pattern, time), "{} is due at {time}", text);
            // No tick is up to an hour before it.
            let minutes = (occasion.at.0 - from.at.0) / (60 * MICROS);
            for minute in 1..=minutes.min(60) {
                let earlier = time.checked_sub(jiff::SignedDuration::from_mins(minute)).unwrap();
                prop_assert!(!matches(&pattern, earlier), "{} is due at {earlier}", text);
            }
        }
    }

    #[test]
    fn nothing_panics(text in ".{0,40}", zone in ".{0,20}") {
        _ = Schedule::cron(&text, "UTC");
        _ = Schedule::cron("@daily", &zone);
    }

    /// Strings that resemble a pattern.
    #[test]
    fn nothing_near_a_pattern_panics(text in "(@[a-z]{0,7} ?)?([0-9*/,+?#LWH@a-cMONé-]{0,6}[ \t]{1,2}){0,6}") {
        if let Err(error) = parse(&text) {
            prop_assert!(text.get(error.at()).is_some(), "{error:?}");
        }
        _ = Schedule::cron(&text, "UTC");
    }
}

fn matches(pattern: &Cron, time: DateTime) -> bool {
    let [month, day, length] = [time.month(), time.day(), time.days_in_month()].map(i8::unsigned_abs);
    let first = time.first_of_month().weekday().to_sunday_zero_offset().unsigned_abs();
    let minute = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
    let is_day = pattern.days().in_month(month, first, length) & (1 << day) != 0;
    is_day && pattern.minutes_of_day().contains(&minute)
}
