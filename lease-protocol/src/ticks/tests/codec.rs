//! Properties of the record as text.

use proptest::option;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::super::counts::TickOutcome;
use super::super::names::RECORD_BYTES;
use super::*;
use crate::ticks::AttemptId;

fn moment() -> impl Strategy<Value = WallTime> {
    // Up to the year 2286, with microseconds.
    (0..9_999_999_999_999_999_i64).prop_map(WallTime)
}

fn attempt() -> impl Strategy<Value = (WallTime, AttemptId, u32)> {
    (moment(), (1..1_u64 << 48).prop_map(AttemptId), 1..100_000_u32)
}

fn open() -> impl Strategy<Value = OpenRun> {
    let origins = prop_oneof![Just(Origin::Schedule), Just(Origin::Trigger), Just(Origin::Backfill)];
    (attempt(), origins, any::<bool>()).prop_map(|((tick, id, attempt), origin, unstarted)| OpenRun {
        tick,
        id,
        attempt,
        origin,
        unstarted,
    })
}

fn ended() -> impl Strategy<Value = EndedRun> {
    (attempt(), 0..4_usize, moment()).prop_map(|((tick, id, attempt), outcome, at)| EndedRun {
        tick,
        id,
        attempt,
        outcome: TickOutcome::ALL[outcome],
        at,
    })
}

fn counts(most: u64) -> impl Strategy<Value = TickCounts> {
    // As many as there are counts. With a fixed number, a further count would stay zero in all of these records.
    let each = prop::collection::vec(0..=most, TickCounts::default().named().len());
    each.prop_map(|said| {
        let mut counts = TickCounts::default();
        counts.named().into_iter().zip(said).for_each(|((_, count), said)| *count = said);
        counts
    })
}

prop_compose! {
    fn record(most: u64)(
        fingerprint in "[0-9a-f]{8}",
        (upto, civil, term) in (moment(), option::of(0..30_000_000_i64), 0..=i32::MAX),
        zone_data in option::of("20[0-9]{2}[a-z]"),
        open in prop::collection::vec(open(), 0..=4),
        (last, next) in (option::of(ended()), option::of(moment())),
        trigger in option::of("[!#-\\[\\]-~]{1,36}"),
        (missed, counts) in (0..=most, counts(most)),
    ) -> TickRecord {
        let civil = civil.map(|minutes| jiff::civil::date(1990, 1, 1).at(0, 0, 0, 0) + jiff::SignedDuration::from_mins(minutes));
        TickRecord { fingerprint, accounted_until: upto, civil, zone_data, term, open, last, next, trigger, missed, counts }
    }
}

/// Times in whole seconds, as they are written.
fn whole(mut record: TickRecord) -> TickRecord {
    let whole = |at: WallTime| WallTime(at.0.div_euclid(1_000_000) * 1_000_000);
    record.accounted_until = whole(record.accounted_until);
    record.next = record.next.map(whole);
    record.open.iter_mut().for_each(|run| run.tick = whole(run.tick));
    if let Some(last) = &mut record.last {
        (last.tick, last.at) = (whole(last.tick), whole(last.at));
    }
    record
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_record_is_read_as_it_was_written_up_to_fractions_of_seconds(record in record(9999)) {
        let read = TickRecord::decode(&record.encode()).unwrap();
        let mut expected = whole(record);
        // Fields that only people read may be left out.
        if read.next.is_none() { expected.next = None; }
        if read.next.is_none() && read.zone_data.is_none() { expected.zone_data = None; }
        if read.zone_data.is_none() && read.missed == 0 { expected.missed = 0; }
        if read.missed == 0 && read.trigger.is_none() { expected.trigger = None; }
        if read.trigger.is_none() && read.last.is_none() { expected.last = None; }
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn every_record_fits(record in record(u64::MAX)) {
        let text = record.encode();
        prop_assert!(text.len() < RECORD_BYTES, "{} bytes: {}", text.len(), text);
        prop_assert!(TickRecord::decode(&text).is_ok());
    }

    #[test]
    fn text_of_any_kind_is_an_error_and_no_panic(text in ".*") {
        let _ = TickRecord::decode(&text);
    }

    #[test]
    fn a_record_that_somebody_has_changed_is_no_panic(
        record in record(9999),
        at in any::<prop::sample::Index>(),
        put in "[ -~]{0,4}",
        take in 0..6_usize,
    ) {
        let mut text = record.encode();
        let at = at.index(text.len());
        let end = (at + take).min(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(end) {
            text.replace_range(at..end, &put);
        }
        if let Ok(read) = TickRecord::decode(&text) {
            // A record that can be read can be written, and then means the same.
            let again = TickRecord::decode(&read.encode());
            prop_assert!(again.is_ok(), "{}", text);
        }
    }
}

#[test]
fn the_generated_records_have_every_count() {
    let mut runner = TestRunner::deterministic();
    let mut counts = counts(u64::MAX).new_tree(&mut runner).unwrap().current();
    let zero: Vec<&str> = counts.named().into_iter().filter(|(_, count)| **count == 0).map(|(name, _)| name).collect();
    assert!(zero.is_empty(), "`counts` leaves out {zero:?}");
}

#[test]
fn each_count_is_of_ticks_that_ran_or_of_ticks_that_did_not() {
    let mut counts = TickCounts::default();
    for at in 0..counts.named().len() {
        *counts.named()[at].1 = 1;
        let name = counts.named()[at].0;
        assert_eq!(counts.run() + counts.not_run(), 1, "`run()` and `not_run()` count `{name}` once");
        *counts.named()[at].1 = 0;
    }
}

/// Four runs are open, and every count is at its limit. Nothing more can be left out, because the counts and the open runs
/// are always written.
#[test]
fn the_longest_record_has_20_bytes_left() {
    let run = OpenRun {
        tick: WallTime(9_999_999_999_000_000),
        id: AttemptId::new((1 << 48) - 1),
        attempt: 99_999,
        origin: Origin::Backfill,
        unstarted: true,
    };
    let mut record = TickRecord::armed("01234567".to_owned(), run.tick);
    record.civil = Some(jiff::civil::date(1990, 1, 1).at(0, 0, 0, 0));
    record.term = i32::MAX;
    record.open = vec![run; 4];
    record.counts.named().into_iter().for_each(|(_, count)| *count = u64::MAX);
    let text = record.encode();
    let left = (RECORD_BYTES - 1).checked_sub(text.len());
    assert_eq!(left, Some(20), "CONTRIBUTING.md says how many bytes are left for a further count: {text}");
}

#[test]
fn the_longest_record_of_a_usual_task_keeps_the_id_of_its_trigger() {
    let run =
        OpenRun { tick: time(0), id: AttemptId::new(u64::MAX), attempt: 99, origin: Origin::Schedule, unstarted: true };
    let mut record = TickRecord::armed("01234567".to_owned(), time(0));
    record.open = vec![run];
    record.last =
        Some(EndedRun { tick: run.tick, id: run.id, attempt: 99, outcome: TickOutcome::Abandoned, at: time(0) });
    record.trigger = Some("x".repeat(36));
    record.counts.named().into_iter().for_each(|(_, count)| *count = 9999);
    let read = TickRecord::decode(&record.encode()).unwrap();
    assert_eq!(read.trigger, record.trigger);
}

#[test]
fn an_older_version_reads_runs_given_back_as_interrupted() {
    let run = OpenRun { tick: time(0), id: AttemptId::new(7), attempt: 1, origin: Origin::Schedule, unstarted: false };
    let mut record = TickRecord::armed("01234567".to_owned(), time(0));
    record.open = vec![run, OpenRun { id: AttemptId::new(8), unstarted: true, ..run }];
    let text = record.encode();
    assert_eq!(TickRecord::decode(&text).unwrap().open, record.open);
    assert!(text.contains(r#""unstarted":[1]"#), "{text}");
    for broken in ["[2]", "[-1]", "1", "[\"x\"]"] {
        let text = text.replace(r#""unstarted":[1]"#, &format!(r#""unstarted":{broken}"#));
        assert!(TickRecord::decode(&text).is_err(), "{text}");
    }
}

/// As for the leader, which then writes a new record.
#[test]
fn a_record_that_was_emptied_by_hand_is_not_shown() {
    for text in ["", " \n"] {
        let annotations = Annotations::from([(format!("{RECORD}report"), text.to_owned())]);
        assert_eq!(TaskTicks::of(&annotations, "report"), None, "{text:?}");
        assert!(TaskTicks::all(&annotations).is_empty(), "{text:?}");
    }
}
