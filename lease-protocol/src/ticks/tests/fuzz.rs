//! Arbitrary annotations: records of ticks, triggers, pauses, backfills.

use lease_fuzz::Target;

use super::names::{RECORD_BYTES, is_ours};
use super::*;

/// A record that is read is written so that it can be read again, and then stays the same.
fn check_record(input: &[u8]) -> &'static str {
    let Ok(text) = std::str::from_utf8(input) else { return "no text" };
    let annotations = Annotations::from([(format!("{RECORD}task"), text.to_owned())]);
    for ticks in TaskTicks::all(&annotations).values() {
        let trouble = ticks.trouble().unwrap_or_default();
        assert!(trouble.len() < 1_000, "{} bytes about {} bytes", trouble.len(), text.len());
        let _ = (ticks.state(), ticks.last(), ticks.running(), ticks.next(), ticks.counts());
    }
    let record = match TickRecord::decode(text) {
        Ok(record) => record,
        Err(Unreadable::Newer { .. }) => return "a later version",
        Err(Unreadable::Broken { .. }) => return "no record",
    };
    let written = record.encode();
    assert!(written.len() < RECORD_BYTES, "{written}");
    let again =
        TickRecord::decode(&written).unwrap_or_else(|error| panic!("{written} is written and not read: {error}"));
    assert_eq!(again.encode(), written);
    // What decides about ticks is never left out.
    let decides = |record: &TickRecord| {
        (record.fingerprint.clone(), record.accounted_until.0.div_euclid(1_000_000), record.term, record.open.len())
    };
    assert_eq!(decides(&again), decides(&record), "{text} became {written}");
    "a record"
}

/// A leader with these annotations never starts a run before the write that takes it, and changes only what is its own.
fn check_annotations(input: &[u8]) -> &'static str {
    let Ok(annotations) = serde_json::from_slice::<Annotations>(input) else { return "no annotations" };
    let own = format!("{RECORD}report");
    let before = annotations.get(&own).cloned();
    // An annotation that was emptied by hand counts as removed.
    let written = before.as_deref().filter(|text| !text.trim().is_empty());
    let unreadable = written.is_some_and(|text| TickRecord::decode(text).is_err());
    let status = TaskTicks::of(&annotations, "report");
    assert_eq!(status.is_some(), written.is_some(), "{before:?}");
    assert_eq!(status.is_some_and(|ticks| ticks.state() == TickState::Unreadable), unreadable, "{before:?}");
    let mut bench = Bench::empty(minutely());
    bench.annotations = annotations;
    bench.lead();
    let mut result = "nothing";
    for seconds in [0, 30, 61, 125, 3_700] {
        bench.at(seconds);
        let _ = (bench.wants_write(), bench.ticks.wake_at());
        let write = bench.compose();
        for (name, value) in &write.edits {
            assert!(is_ours(name) && name.ends_with("/report"), "{name} is not an annotation of this task");
            assert!(
                !name.starts_with(RECORD) || value.as_ref().is_some_and(|text| text.len() < RECORD_BYTES),
                "{value:?}"
            );
        }
        // The write has not landed yet.
        assert_eq!(bench.see(), []);
        assert!(bench.land(&write));
        bench.ticks.committed(write.number);
        for start in bench.see() {
            result = "runs";
            let record = bench.record();
            assert!(record.open.iter().any(|run| run.id == start.id), "{start:?} is not in {record:?}");
            bench.ticks.ended(start.id, RunEnd::Done);
        }
    }
    if unreadable {
        assert_eq!(bench.annotations.get(&own), before.as_ref(), "a record that cannot be read was overwritten");
        assert_eq!(result, "nothing", "a task runs whose record cannot be read");
        return "an unreadable record";
    }
    result
}

const WORDS: &[&str] = &[
    "tick.lease-runtime.dev/report",
    "pause.lease-runtime.dev/report",
    "trigger.lease-runtime.dev/report",
    "backfill.lease-runtime.dev/report",
    "2026-11-25T02:00:00Z",
    "2026-11-25T02:00:00Z/2026-11-26T02:00:00Z",
    "-009999-01-02T01:59:59Z",
    "9999-12-30T22:00:00Z",
    "{\"v\":1}",
    "{\"v\":2}",
    "running",
    "unstarted",
    "counts",
    "done",
    "failed",
    "t",
    "b",
];

const TICK_RECORD: Target = Target {
    name: "tick_record",
    words: WORDS,
    check: check_record,
    reaches: &["a record", "a later version", "no record"],
};

#[test]
fn tick_record() {
    lease_fuzz::run(&TICK_RECORD);
}

const ANNOTATIONS: Target = Target {
    name: "annotations",
    words: WORDS,
    check: check_annotations,
    reaches: &["nothing", "runs", "an unreadable record", "no annotations"],
};

#[test]
fn annotations() {
    lease_fuzz::run(&ANNOTATIONS);
}
