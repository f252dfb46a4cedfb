//! Arbitrary text as a cron expression and as a duration.

use lease_fuzz::Target;

use crate::{cron, duration};

/// No message about a text gets longer than this and a few times the text.
fn bound(text: &str) -> usize {
    2_000 + 8 * text.len()
}

fn check_cron(input: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(input);
    match cron::parse(&text) {
        Ok(cron) => {
            let canonical = cron.to_string();
            let again =
                cron::parse(&canonical).unwrap_or_else(|error| panic!("{text:?} became {canonical:?}: {error}"));
            // 7 is written as 0: both are Sunday. So the two are compared by what they mean.
            assert_eq!(again.minutes_of_day(), cron.minutes_of_day(), "{text:?} became {canonical:?}");
            assert_eq!(again.shortest_minutes(), cron.shortest_minutes(), "{text:?} became {canonical:?}");
            assert_eq!(again.to_string(), canonical, "{text:?} has two canonical texts");
            assert!((1..=24 * 60).contains(&cron.shortest_minutes()), "{text:?}");
            let minutes = cron.minutes_of_day();
            assert!(
                !minutes.is_empty() && minutes.is_sorted() && minutes.iter().all(|minute| *minute < 1_440),
                "{text:?}"
            );
            "an expression"
        }
        Err(error) => {
            let (at, message) = (error.at(), error.to_string());
            assert!(text.get(at.clone()).is_some(), "{at:?} is no part of {text:?}");
            assert!(!message.is_empty() && message.len() <= bound(&text), "{text:?}: {message}");
            "no expression"
        }
    }
}

fn check_duration(input: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(input);
    let meant = duration::guess(&text).map(duration::Duration::millis);
    match duration::parse(&text) {
        Ok(read) => {
            // If zero could be read, a candidate would not wait.
            assert!(read.millis() > 0, "{text:?} is zero");
            let shown = read.to_string();
            assert_eq!(std::time::Duration::from(read).as_millis(), read.millis(), "{text:?}");
            if let Ok(again) = duration::parse(&shown) {
                assert_eq!(again.millis(), read.millis(), "{text:?} became {shown:?}");
            } else {
                assert!(read.millis() > u128::from(u64::MAX), "{text:?} became {shown:?}, which is not a duration");
            }
            assert_eq!(meant, Some(read.millis()), "{text:?}");
            "a duration"
        }
        Err(_) if meant.is_some() => "a guess",
        Err(_) => "no duration",
    }
}

const CRON: Target = Target {
    name: "cron",
    words: &[
        "MON", "L", "#", "#L", "+", "*/5", "@daily", "@reboot", "JAN-DEC", "?", "W", "59", "7", ",", "-", " ", "\u{e9}",
    ],
    check: check_cron,
    reaches: &["an expression", "no expression"],
};

#[test]
fn cron() {
    lease_fuzz::run(&CRON);
}

const DURATION: Target = Target {
    name: "duration",
    words: &[
        "ms",
        "s",
        "m",
        "h",
        "d",
        "w",
        "us",
        "\u{b5}s",
        "minutes",
        " ",
        ".",
        "18446744073709551615",
        "5124095576030431",
    ],
    check: check_duration,
    reaches: &["a duration", "a guess", "no duration"],
};

#[test]
fn duration() {
    lease_fuzz::run(&DURATION);
}
