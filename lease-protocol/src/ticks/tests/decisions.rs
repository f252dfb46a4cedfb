//! The parts of a write about one task: its record, its triggers and backfills, and when to ask again.

use super::policies::ended;
use super::*;

/// The attempt ids that a write stores as open.
fn open(write: &Write) -> Vec<AttemptId> {
    let text = write.edits.get(&format!("{RECORD}report")).and_then(Option::as_ref).expect("it changes the record");
    TickRecord::decode(text).unwrap().open.iter().map(|run| run.id).collect()
}

/// What a write changes that is not a renewal.
fn without_renewal(bench: &mut Bench) -> Edits {
    let now = bench.now();
    bench.ticks.compose(&bench.annotations.clone(), now, false).1
}

fn unrecorded() -> Bench {
    let mut bench = Bench::empty(Timetable { catch_up: CatchUp::None, recorded: false, ..minutely() });
    bench.lead();
    bench
}

#[test]
fn a_first_record_is_urgent_and_one_that_was_removed_is_not() {
    let mut bench = Bench::empty(minutely());
    bench.lead();
    assert!(bench.wants_write());
    assert_eq!(bench.write(), []);
    bench.ask(RECORD, None);
    assert!(!bench.wants_write());
    bench.ask(TRIGGER, Some("now"));
    assert_eq!(bench.write(), [], "another party that removes the record could do so again");
    assert_eq!(bench.write().len(), 1);
}

#[test]
fn the_write_of_a_first_record_takes_no_run_if_it_does_not_renew() {
    let mut bench = Bench::empty(minutely());
    bench.annotations.insert(format!("{TRIGGER}report"), "now".to_owned());
    bench.lead();
    assert!(without_renewal(&mut bench).contains_key(&format!("{RECORD}report")));
    assert!(!without_renewal(&mut bench).contains_key(&format!("{TRIGGER}report")));
    assert_eq!(bench.write().len(), 1);
}

#[test]
fn a_task_that_records_nothing_has_a_record_only_of_runs_that_were_requested() {
    let mut bench = unrecorded();
    assert_eq!(bench.at(61).compose().edits, Edits::new());
    bench.ask(BACKFILL, Some(&format!("{}/{}", time(-60), time(-60))));
    let run = bench.write().remove(0);
    assert_eq!((run.origin, bench.record().open.len(), bench.record().next), (Origin::Backfill, 1, None));
    ended(&mut bench, &run);
    assert_eq!(bench.write(), []);
    assert_eq!((bench.record().open.len(), bench.counts().done), (0, 1));
    assert_eq!(bench.at(125).compose().edits, Edits::new(), "its ticks are not taken, although it has a record now");
    let mut bench = unrecorded();
    bench.ask(TRIGGER, Some("now"));
    assert_eq!(bench.write().len(), 1);
    assert_eq!((bench.record().open.len(), bench.record().next), (1, None));
}

#[test]
fn a_jump_of_the_servers_clock_is_wrong_only_if_it_is_more_than_an_hour() {
    for (server, started, upto) in [(3_600, vec![(3_600, 1)], 3_600), (3_601, vec![], 3_601)] {
        let mut bench = Bench::empty(minutely());
        (bench.wall, bench.server) = (7_200, 0);
        bench.lead();
        assert_eq!(bench.write(), []);
        bench.server = server;
        assert_eq!(runs(&bench.write()), started);
        assert_eq!(bench.record().accounted_until, time(upto));
    }
}

#[test]
fn a_jump_of_the_servers_clock_after_a_tick_has_run_is_caught_up() {
    let mut bench = Bench::empty(minutely());
    (bench.wall, bench.server) = (7_200, 0);
    bench.lead();
    assert_eq!(bench.write(), []);
    (bench.wall, bench.server) = (7_261, 61);
    let run = bench.write().remove(0);
    ended(&mut bench, &run);
    assert_eq!(bench.write(), []);
    assert_eq!(runs(&bench.at(7_300).write()), [(7_260, 1)]);
    assert_eq!(bench.counts().not_run(), 119);
}

#[test]
fn an_edit_forgets_what_belongs_to_the_old_schedule() {
    let mut bench = Bench::of(minutely());
    let old = TickRecord {
        fingerprint: "0badc0de".to_owned(),
        civil: Some("2026-11-25T00:01:00".parse().unwrap()),
        zone_data: Some("2026a".to_owned()),
        missed: 3,
        ..bench.record()
    };
    bench.annotations.insert(format!("{RECORD}report"), old.encode());
    bench.lead();
    assert_eq!(bench.write(), []);
    let new = bench.record();
    assert_eq!((new.civil, new.zone_data, new.missed), (None, None, 0));
}

#[test]
fn an_edit_from_once_records_the_end_that_this_process_knows() {
    for (end, done, cancelled) in [(RunEnd::Done, 1, 0), (RunEnd::Interrupted, 0, 1)] {
        let mut bench = Bench::empty(timetable(Schedule::once(), TimetableKind::Once));
        bench.lead();
        let run = bench.write().remove(0);
        bench.ticks.ended(run.id, end);
        bench.ticks.end();
        bench.timetable = minutely();
        bench.at(10).next_term();
        assert_eq!(bench.write(), []);
        assert_eq!((bench.counts().done, bench.counts().cancelled, bench.counts().abandoned), (done, cancelled, 0));
    }
}

#[test]
fn once_is_not_completed_by_the_end_of_a_run_of_the_schedule_before_it() {
    let mut bench = Bench::of(minutely());
    let run = bench.at(61).write().remove(0);
    bench.ticks.ended(run.id, RunEnd::Done);
    bench.ticks.end();
    bench.timetable = timetable(Schedule::once(), TimetableKind::Once);
    bench.at(70).next_term();
    assert_eq!(runs(&bench.write()), [(70, 1)]);
    assert_eq!((bench.counts().done, bench.counts().abandoned), (1, 0));
    assert_eq!(bench.ticks.done_once(), []);
}

#[test]
fn a_trigger_that_was_used_is_removed_at_once_but_not_while_draining() {
    let mut bench = Bench::of(minutely());
    bench.ask(TRIGGER, Some("now"));
    let run = bench.write().remove(0);
    ended(&mut bench, &run);
    assert_eq!(bench.write(), []);
    bench.ask(TRIGGER, Some("now"));
    assert!(bench.wants_write());
    bench.ticks.drain();
    assert!(!bench.wants_write());
}

#[test]
fn a_trigger_during_a_run_waits_unless_it_replaces_the_run() {
    for (overlap, during) in [(Overlap::Skip, None), (Overlap::BufferOne, None), (Overlap::CancelOther, Some(true))] {
        let mut bench = Bench::of(Timetable { overlap, ..minutely() });
        bench.ask(TRIGGER, Some("first"));
        let first = bench.write().remove(0);
        assert!(!first.replaces, "{overlap:?}: there is nothing to replace");
        bench.ask(TRIGGER, Some("second"));
        let second = bench.write();
        assert_eq!(second.first().map(|start| start.replaces), during, "{overlap:?}");
        ended(&mut bench, &first);
        let later = bench.write();
        assert_eq!([second, later].concat().len(), 1, "{overlap:?}");
    }
}

#[test]
fn a_backfill_waits_for_a_renewal_for_a_run_and_for_the_end_of_a_pause() {
    let mut bench = Bench::of(minutely());
    let range = format!("{}/{}", time(-60), time(-60));
    bench.ask(BACKFILL, Some(&range));
    assert_eq!(without_renewal(&mut bench), Edits::new());
    bench.ask(PAUSE, Some("by hand"));
    assert_eq!(bench.compose().edits, Edits::new());
    bench.ask(PAUSE, None);
    bench.ask(BACKFILL, None);
    let run = bench.at(61).write().remove(0);
    bench.ask(BACKFILL, Some(&range));
    assert_eq!(bench.compose().edits, Edits::new());
    ended(&mut bench, &run);
    assert_eq!(runs(&bench.write()), [(-60, 1)]);
}

#[test]
fn a_backfill_ends_at_its_end_and_before_the_future() {
    for (to, expected) in [(-60, vec![-120, -60]), (120, vec![-120, -60, 0])] {
        let mut bench = Bench::of(minutely());
        bench.ask(BACKFILL, Some(&format!("{}/{}", time(-120), time(to))));
        let mut ran = Vec::new();
        while let Some(start) = bench.write().pop() {
            ran.push(start.tick.0 / 1_000_000 - START);
            ended(&mut bench, &start);
        }
        assert_eq!(ran, expected);
        assert!(!bench.annotations.contains_key(&format!("{BACKFILL}report")));
    }
}

#[test]
fn rule_3_the_same_trigger_is_taken_again_as_the_same_attempt_and_another_is_not() {
    let mut bench = Bench::of(minutely());
    bench.ask(TRIGGER, Some("first"));
    let [lost, again] = [open(&bench.compose()), open(&bench.compose())];
    assert_eq!(lost, again);
    bench.ask(TRIGGER, Some("second"));
    assert_ne!(open(&bench.compose()), lost);
}

#[test]
fn rule_3_a_tick_is_taken_again_as_the_same_attempt_also_after_a_trigger() {
    let mut bench = Bench::of(minutely());
    bench.ask(TRIGGER, Some("first"));
    let run = bench.write().remove(0);
    ended(&mut bench, &run);
    assert_eq!(bench.write(), []);
    bench.at(61);
    assert_eq!(open(&bench.compose()), open(&bench.compose()));
}

#[test]
fn a_run_that_is_shown_as_taken_counts_before_it_starts() {
    for overlap in [Overlap::Skip, Overlap::BufferOne] {
        let mut bench = Bench::of(Timetable { overlap, ..minutely() });
        let taken = bench.at(61).compose();
        assert!(bench.land(&taken));
        // The answer is lost. The next write is composed for the new state, before that is passed to `see`.
        let next = bench.at(121).compose();
        assert!(bench.land(&next));
        assert_eq!(bench.record().open.len(), 1, "{overlap:?}");
    }
}

#[test]
fn runs_that_are_taken_again_after_an_unknown_outcome_count_once() {
    let all = Timetable { catch_up: CatchUp::All, overlap: Overlap::AllowAll(2), ..minutely() };
    let mut bench = Bench::of(Timetable { start_deadline: Some(StartDeadline::Unlimited), ..all });
    bench.at(125);
    let [lost, again] = [open(&bench.compose()), open(&bench.compose())];
    assert_eq!((lost.len(), lost), (2, again));
}

#[test]
fn the_next_tick_after_a_delay_is_known_when_no_run_is_under_way() {
    let delay = Duration::from_secs(60);
    let mut bench = Bench::of(timetable(Schedule::delay(delay).unwrap(), TimetableKind::Delay(delay)));
    assert_eq!(bench.record().next, Some(time(60)));
    assert_eq!(bench.at(60).write().len(), 1);
    assert_eq!(bench.record().next, None);
}

#[test]
fn a_tick_that_is_due_and_waits_for_the_end_of_a_run_asks_for_no_wakeup() {
    let mut bench = Bench::of(Timetable { overlap: Overlap::BufferOne, ..minutely() });
    assert_eq!(bench.at(61).write().len(), 1);
    for (now, wake_at) in [(119, Some(time(120))), (120, None), (125, None)] {
        bench.at(now).wants_write();
        assert_eq!(bench.ticks.wake_at(), wake_at, "at {now}");
    }
}

#[test]
fn a_term_with_an_initial_delay_asks_for_a_wakeup_at_its_end() {
    let mut bench = Bench::of(Timetable { initial_delay: Duration::from_secs(30), ..minutely() });
    for (now, wake_at) in [(0, 30), (29, 30), (30, 60), (31, 60)] {
        assert_eq!(bench.at(now).see(), []);
        bench.wants_write();
        assert_eq!(bench.ticks.wake_at(), Some(time(wake_at)), "at {now}");
    }
}
