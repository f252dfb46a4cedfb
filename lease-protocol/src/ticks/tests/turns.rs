//! The entry points of the protocol: which writes have taken effect, what is remembered, and what is forgotten.

use super::*;

/// The changes that a successful write reports.
fn notes(bench: &mut Bench, write: &Write) -> Vec<TickNote> {
    bench.ticks.committed(write.number).into_iter().map(|(_, note)| note).collect()
}

/// A leader of an unrecorded task that runs every minute.
fn unrecorded() -> Bench {
    let mut bench =
        Bench::empty(Timetable { recorded: false, catch_up: CatchUp::None, overlap: Overlap::Skip, ..minutely() });
    bench.lead();
    bench
}

fn poll(bench: &mut Bench) -> Vec<RunStart> {
    let now = bench.now();
    bench.ticks.poll(now)
}

#[test]
fn a_write_reports_what_it_changed_once_and_only_if_it_is_the_latest() {
    let mut bench = Bench::empty(minutely());
    bench.lead();
    let first = bench.compose();
    let second = bench.compose();
    assert_eq!(notes(&mut bench, &first), [], "what the first one changed is not remembered any more");
    assert_eq!(notes(&mut bench, &second), [TickNote::Armed]);
    assert_eq!(notes(&mut bench, &second), []);
}

#[test]
fn a_record_that_is_removed_in_the_term_that_wrote_it_is_written_again_without_haste() {
    let mut bench = Bench::of(minutely());
    for _ in 0..2 {
        bench.ask(RECORD, None);
        assert!(!bench.wants_write(), "two writers must not chase each other");
        let write = bench.compose();
        assert!(bench.land(&write));
        assert_eq!(notes(&mut bench, &write), [TickNote::Removed]);
        assert_eq!(bench.see(), []);
    }
}

#[test]
fn a_write_that_was_altered_reports_nothing_and_its_task_still_counts_as_new() {
    let mut bench = Bench::empty(minutely());
    bench.lead();
    let write = bench.compose();
    bench.ticks.altered(write.number);
    assert_eq!(notes(&mut bench, &write), []);
    assert_eq!(bench.see(), []);
    assert!(bench.wants_write());
    let write = bench.compose();
    assert_eq!(notes(&mut bench, &write), [TickNote::Armed]);
}

#[test]
fn a_write_that_succeeds_settles_that_earlier_ones_took_no_run() {
    let settle: [fn(&mut Ticks, u64); 2] =
        [|ticks, number| drop(ticks.committed(number)), |ticks, number| ticks.altered(number)];
    for settle in settle {
        let mut bench = Bench::of(minutely());
        bench.at(61);
        let takes = bench.compose();
        bench.ask(PAUSE, Some("by hand"));
        let other = bench.compose();
        assert!(bench.land(&other) && !bench.land(&takes));
        assert_eq!(bench.ticks.attempts.len(), 1, "the write that takes it may still be in flight");
        settle(&mut bench.ticks, other.number);
        assert!(bench.ticks.attempts.is_empty());
    }
}

#[test]
fn a_run_that_will_not_start_is_forgotten_once_its_write_is_stored_without_it() {
    let mut bench = Bench::of(minutely());
    bench.at(61);
    let takes = bench.compose();
    bench.ticks.drain();
    assert_eq!(bench.see(), []);
    assert_eq!(bench.ticks.attempts.len(), 1, "the write that takes it may still be in flight");
    bench.ticks.altered(takes.number);
    assert_eq!(bench.see(), []);
    assert!(bench.ticks.attempts.is_empty());
}

#[test]
fn a_task_that_leaves_is_forgotten_when_its_end_is_written() {
    let mut bench = Bench::of(minutely());
    let run = bench.at(61).write().remove(0);
    bench.ticks.leave("report");
    assert!(bench.ticks.unknown().is_empty(), "its run has an end to write");
    bench.ticks.ended(run.id, RunEnd::Done);
    assert!(bench.wants_write());
    assert_eq!(bench.at(121).write(), [], "no more ticks of it are taken");
    assert_eq!(bench.counts().done, 1);
    assert!(bench.ticks.attempts.is_empty());
    assert_eq!(bench.ticks.unknown(), ["report"]);
}

#[test]
fn a_task_that_leaves_without_a_run_is_forgotten_at_once() {
    let mut bench = Bench::of(minutely());
    bench.ticks.leave("report");
    assert_eq!(bench.ticks.unknown(), ["report"]);
    assert!(!bench.at(61).wants_write());
}

#[test]
fn an_end_is_kept_until_the_lease_shows_it_even_if_another_task_is_looked_at_first() {
    for other in ["audit", "zebra"] {
        let mut bench = Bench::of(minutely());
        bench.ticks.join(other.into(), minutely(), time(0));
        assert_eq!(bench.write(), []);
        let run = bench.at(61).write().into_iter().find(|run| &*run.task == "report").expect("it runs");
        bench.ticks.ended(run.id, RunEnd::Done);
        assert_eq!(bench.see(), []);
        assert_eq!(bench.write(), []);
        assert_eq!((bench.counts().done, bench.record().open.len()), (1, 0), "beside {other}");
    }
}

#[test]
fn a_run_that_is_shown_after_its_task_has_left_does_not_start_and_is_given_back() {
    let mut bench = Bench::of(minutely());
    bench.at(61);
    let write = bench.compose();
    bench.ticks.leave("report");
    assert!(bench.land(&write));
    bench.ticks.committed(write.number);
    assert_eq!(bench.see(), []);
    assert_eq!(bench.write(), []);
    assert_eq!(bench.record().open.iter().map(|run| run.unstarted).collect::<Vec<_>>(), [true]);
    bench.lead();
    assert_eq!(runs(&bench.write()), [(60, 1)]);
}

#[test]
fn a_task_with_once_that_failed_is_not_tried_again_in_the_same_term() {
    let once = timetable(Schedule::once(), TimetableKind::Once);
    let mut bench = Bench::empty(Timetable { delivery: Delivery::AtLeastOnce, ..once });
    bench.lead();
    let first = bench.write().remove(0);
    bench.ticks.ended(first.id, RunEnd::Failed);
    assert_eq!(bench.write(), []);
    assert_eq!(bench.at(1).write(), []);
    bench.lead();
    assert_eq!(bench.write().remove(0).attempt, 2);
}

#[test]
fn a_write_is_wanted_from_the_time_of_a_tick_on() {
    for (at, wanted) in [(59, false), (60, true), (61, true)] {
        let mut bench = Bench::of(minutely());
        assert!(!bench.wants_write());
        assert_eq!(bench.at(at).wants_write(), wanted, "at {at}");
    }
}

#[test]
fn after_a_clock_is_set_back_the_delay_of_a_term_ends_by_the_new_time() {
    let mut bench = Bench::of(Timetable { initial_delay: Duration::from_secs(30), ..minutely() });
    bench.ask(TRIGGER, Some("now"));
    for (at, wanted) in [(10, false), (-600, false), (-571, false), (-570, true)] {
        assert_eq!(bench.at(at).wants_write(), wanted, "at {at}");
    }
}

#[test]
fn annotations_are_written_as_long_as_all_of_them_together_have_256_kib() {
    let tasks = ["audit", "report"];
    let sizes = {
        let bench = Bench::of(minutely());
        let record = bench.annotations[&format!("{RECORD}report")].len();
        tasks.map(|task| RECORD.len() + task.len() + record)
    };
    let both = sizes[0] + sizes[1];
    for (left, without) in [
        (both, vec![]),
        (both - 1, vec!["report"]),
        (sizes[0], vec!["report"]),
        (sizes[1] - 2, vec!["audit", "report"]),
    ] {
        let mut bench = Bench::empty(minutely());
        bench.annotations.insert("full".to_owned(), "x".repeat(262_144 - 4 - left));
        bench.lead();
        bench.ticks.join("audit".into(), minutely(), time(0));
        assert_eq!(bench.write(), []);
        let reported = bench.ticks.without_room();
        assert_eq!(reported.iter().map(|task| &**task).collect::<Vec<_>>(), without, "{left} bytes are left");
        let written = tasks.into_iter().filter(|task| bench.annotations.contains_key(&format!("{RECORD}{task}")));
        assert_eq!(written.count(), 2 - without.len(), "{left} bytes are left");
    }
}

#[test]
fn a_poll_starts_only_what_records_nothing() {
    assert_eq!(poll(Bench::of(minutely()).at(61)), [], "a write has to take it");
    let mut bench = unrecorded();
    assert_eq!(runs(&poll(bench.at(61))), [(60, 1)]);
    assert_eq!(poll(bench.at(62)), [], "once");
}

#[test]
fn a_poll_starts_nothing_in_a_pause_or_in_the_delay_of_a_term() {
    let mut bench = unrecorded();
    bench.ask(PAUSE, Some("by hand"));
    assert_eq!(poll(bench.at(61)), []);
    bench.ask(PAUSE, None);
    assert_eq!(runs(&poll(bench.at(121))), [(120, 1)], "the tick of the pause is not run late");
    let mut bench = unrecorded();
    bench.timetable.initial_delay = Duration::from_secs(90);
    bench.lead();
    assert_eq!(poll(bench.at(151 - 62)), []);
    assert_eq!(runs(&poll(bench.at(151))), [(120, 1)]);
}

#[test]
fn a_run_that_is_not_recorded_is_forgotten_with_its_end() {
    let mut bench = unrecorded();
    let run = poll(bench.at(61)).remove(0);
    bench.ticks.ended(run.id, RunEnd::Done);
    assert!(bench.ticks.attempts.is_empty());
    assert_eq!(runs(&poll(bench.at(121))), [(120, 1)]);
}

#[test]
fn a_run_that_is_not_recorded_is_forgotten_with_its_term_and_so_is_its_task() {
    let mut bench = unrecorded();
    assert_eq!(poll(bench.at(61)).len(), 1);
    bench.ticks.end();
    assert!(bench.ticks.attempts.is_empty() && bench.ticks.tasks.is_empty());
}
