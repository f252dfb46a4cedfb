//! The text of records and of requests at its limits: what is just accepted, and what is not.

use super::super::names::{TASKS, is_ours};
use super::*;

/// A record with these fields besides those that every record has.
fn decoded(fields: &str) -> Result<TickRecord, Unreadable> {
    TickRecord::decode(&format!(r#"{{"v":1,"schedule":"01234567","upto":"2026-11-25T00:01:00Z"{fields}}}"#))
}

#[test]
fn a_later_version_is_newer_and_any_other_version_is_broken() {
    let version = |version: &str| TickRecord::decode(&format!(r#"{{"v":{version}}}"#));
    assert_eq!(version("2"), Err(Unreadable::Newer { found: 2 }));
    for other in ["0", "-1", "1.5", "\"1\"", "null"] {
        assert_eq!(version(other), Err(Unreadable::Broken { what: "`v` is not its version".to_owned() }), "{other}");
    }
    assert!(decoded("").is_ok(), "its own version is read");
}

#[test]
fn a_record_has_at_most_four_open_runs() {
    let runs = |count: usize| format!(r#","running":[{}]"#, vec![r#"[1795564920,"7",1]"#; count].join(","));
    assert_eq!(decoded(&runs(4)).map(|record| record.open.len()), Ok(4));
    assert_eq!(decoded(&runs(5)), Err(Unreadable::Broken { what: "`running` is not what it should be".to_owned() }));
}

#[test]
fn counts_of_zero_are_not_written() {
    let written = |record: &TickRecord| serde_json::from_str::<serde_json::Value>(&record.encode()).unwrap();
    let mut record = TickRecord::armed("01234567".to_owned(), time(0));
    let least = r#"{"v":1,"schedule":"01234567","upto":"2026-11-25T00:01:00Z","term":0}"#;
    assert_eq!(written(&record).to_string(), serde_json::from_str::<serde_json::Value>(least).unwrap().to_string());
    (record.missed, record.counts.failed) = (1, 2);
    assert_eq!(written(&record)["missed"], 1);
    assert_eq!(written(&record)["counts"].to_string(), r#"{"failed":2}"#);
}

#[test]
fn each_count_has_its_name() {
    let mut counts = TickCounts::default();
    counts.named().into_iter().zip(1..).for_each(|((_, count), number)| *count = number);
    let named = [
        ("done", counts.done),
        ("failed", counts.failed),
        ("cancelled", counts.cancelled),
        ("abandoned", counts.abandoned),
        ("overlapped", counts.overlapped),
        ("superseded", counts.superseded),
        ("expired", counts.expired),
        ("paused", counts.paused),
        ("over_limit", counts.over_limit),
        ("not_leading", counts.not_leading),
    ];
    assert_eq!(counts.by_name(), named);
    assert_eq!(named.map(|(_, count)| count), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}

#[test]
fn counts_are_compared_one_by_one_and_a_smaller_one_counts_from_zero() {
    let counts = |done, failed, paused| TickCounts { done, failed, paused, ..TickCounts::default() };
    assert_eq!(counts(5, 2, 3).since(counts(4, 2, 9)), counts(1, 0, 3));
}

#[test]
fn the_annotations_of_this_library_are_those_of_its_subdomains() {
    for prefix in [RECORD, PAUSE, TRIGGER, BACKFILL] {
        assert!(is_ours(&format!("{prefix}report")), "{prefix}");
    }
    // The election writes TASKS, and no decision about ticks reads it.
    for other in [TASKS, "example.com/report", "lease-runtime.dev", "tick.lease-runtime.dev.example.com/report"] {
        assert!(!is_ours(other), "{other}");
    }
}

#[test]
fn the_id_of_a_trigger_has_from_1_to_36_characters() {
    for (length, fits) in [(0, false), (1, true), (35, true), (36, true), (37, false)] {
        assert_eq!(check_trigger(&"x".repeat(length)).is_ok(), fits, "{length} characters");
    }
    for id in ["two words", "a\"b", "a\\b", "\u{e9}", "a\n"] {
        assert!(check_trigger(id).is_err(), "{id:?}");
    }
}

#[test]
fn a_backfill_ends_no_earlier_than_it_begins() {
    let at = |seconds: i64| jiff::Timestamp::from(time(seconds));
    let hour = "2026-11-25T00:01:00Z/2026-11-25T01:01:00Z";
    assert_eq!(backfill_text(at(0), at(3_600)).as_deref(), Some(hour));
    assert_eq!(backfill_text(at(0), at(0)).as_deref(), Some("2026-11-25T00:01:00Z/2026-11-25T00:01:00Z"));
    assert_eq!(backfill_text(at(1), at(0)), None);
}

#[test]
fn a_backfill_of_one_instant_is_read_and_one_that_goes_backwards_is_refused() {
    let refused = |from: i64, to: i64| {
        let mut bench = Bench::of(minutely());
        bench.ask(BACKFILL, Some(&format!("{}/{}", time(from), time(to))));
        bench.ticks.refused().into_iter().map(|(_, why)| why).collect::<Vec<_>>()
    };
    assert!(refused(0, 60).is_empty() && refused(0, 0).is_empty());
    assert_eq!(refused(60, 0), ["a backfill goes from the earlier to the later time"]);
}
