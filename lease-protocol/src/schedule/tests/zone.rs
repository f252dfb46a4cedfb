//! Names of zones.

use super::*;

#[track_caller]
fn assert_refused(zone: &str, message: &str) {
    match Schedule::cron("@daily", zone) {
        Err(error @ ScheduleError::TimeZone { .. }) => assert_eq!(error.to_string(), message),
        other => panic!("{zone:?}: {other:?}"),
    }
}

#[test]
fn a_misspelt_zone_gets_a_suggestion() {
    for (zone, name) in [
        ("Europe/Prag", "Europe/Prague"),
        ("europe/prague", "Europe/Prague"),
        ("Europe/ Prague", "Europe/Prague"),
        ("Prague", "Europe/Prague"),
        ("America/New York", "America/New_York"),
        ("New York", "America/New_York"),
        ("utc", "UTC"),
        ("CEST", "CET"),
        ("Asia/Kalkutta", "Asia/Calcutta"),
    ] {
        assert_refused(zone, &format!("time_zone = {zone:?} is no zone: did you mean {name:?}?"));
    }
}

#[test]
fn an_offset_is_no_zone() {
    for zone in ["+01:00", "-0500", "UTC+1", "GMT-3", "+1", "01:00", "UTC+01:00"] {
        assert_refused(
            zone,
            &format!(
                "time_zone = {zone:?} is an offset, and a zone has the name of a place, whose clocks may change: write \
                 it as in \"Europe/Prague\", or \"UTC\""
            ),
        );
    }
}

#[test]
fn words_that_are_not_zones_are_refused() {
    let long = "x".repeat(10_000);
    for zone in ["", " ", "PST", "Local", "Somewhere/Else", "Etc/Unknown", "\u{1F552}", &long] {
        let rest = "is no zone: write the IANA name of a place, as in \"Europe/Prague\", or \"UTC\"";
        assert_refused(zone, &format!("time_zone = {zone:?} {rest}"));
    }
}

#[test]
fn every_name_of_the_table_is_a_zone() {
    assert!(zone_names().count() > 500);
    for name in zone_names() {
        assert_eq!(cron("@daily", name).time_zone(), Some(name));
    }
    assert!(zone_data_version() >= "2026", "{}", zone_data_version());
}
