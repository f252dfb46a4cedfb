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
        ("Asia/Kalkutta", "Asia/Calcutta"),
    ] {
        let says = format!("there is no time zone `{zone}`: write `time_zone = {name:?}`");
        assert_refused(zone, &format!("time_zone = {zone:?}: {says}"));
    }
}

#[test]
fn an_offset_is_no_zone() {
    for (zone, instead) in [
        ("+01:00", ", or \"Etc/GMT-1\", whose sign is reversed"),
        ("-0500", ", or \"Etc/GMT+5\", whose sign is reversed"),
        ("UTC+1", ", or \"Etc/GMT-1\", whose sign is reversed"),
        ("GMT-3", ", or \"Etc/GMT+3\", whose sign is reversed"),
        ("+05:30", ""),
        ("UTC+00:00", ", or \"UTC\""),
    ] {
        let what = "is a fixed offset, which has no summer time: write a place, as in `time_zone = \"Europe/Prague\"`";
        assert_refused(zone, &format!("time_zone = {zone:?}: `{zone}` {what}{instead}"));
    }
}

#[test]
fn words_that_are_not_zones_are_refused() {
    let write_a_place = "write the IANA name of a place, as in `time_zone = \"Europe/Prague\"`, or \"UTC\"";
    let long = "x".repeat(10_000);
    for zone in ["Somewhere/Else", "Etc/Unknown", "\u{1F552}", &long] {
        assert_refused(zone, &format!("time_zone = {zone:?}: there is no time zone `{zone}`: {write_a_place}"));
    }
    for zone in ["", " "] {
        let remedy = "leave `time_zone` out, or write `time_zone = \"Europe/Prague\"`";
        assert_refused(zone, &format!("time_zone = {zone:?}: the name of a time zone must not be empty: {remedy}"));
    }
    assert_refused("Local", &format!("time_zone = \"Local\": `Local` may differ between replicas: {write_a_place}"));
    // The similar `CET` is not suggested.
    let what = "is an abbreviation, not the name of a time zone: write a place, as in `time_zone = \"Europe/Berlin\"`";
    assert_refused("CEST", &format!("time_zone = \"CEST\": `CEST` {what}"));
}

#[test]
fn every_name_of_the_table_is_a_zone() {
    assert!(zone_names().count() > 500);
    for name in zone_names() {
        assert_eq!(cron("@daily", name).time_zone(), Some(name));
    }
}

/// Replicas compare it, and people look it up.
#[test]
fn the_version_of_the_zone_data_is_a_year_and_a_letter() {
    let (year, release) = zone_data_version().split_at(4);
    assert!(year.parse::<u16>().unwrap() >= 2026, "{year}");
    assert!(release.len() == 1 && release.starts_with(|letter: char| letter.is_ascii_lowercase()), "{release:?}");
}
