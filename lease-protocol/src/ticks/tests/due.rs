//! Which ticks are due, at the boundaries of the policies.

use super::policies::ended;
use super::*;

const UNLIMITED: Option<StartDeadline> = Some(StartDeadline::Unlimited);

fn delayed(start_deadline: Option<StartDeadline>) -> Timetable {
    let delay = Duration::from_secs(60);
    Timetable { start_deadline, ..timetable(Schedule::delay(delay).unwrap(), TimetableKind::Delay(delay)) }
}

fn once(delivery: Delivery) -> Bench {
    let mut bench = Bench::empty(Timetable { delivery, ..timetable(Schedule::once(), TimetableKind::Once) });
    bench.lead();
    bench
}

/// What a write changes that is not a renewal.
fn without_renewal(bench: &mut Bench) -> Edits {
    let now = bench.now();
    bench.ticks.compose(&bench.annotations.clone(), now, false).1
}

#[test]
fn a_tick_beyond_allow_all_waits_if_all_are_caught_up() {
    let all = Timetable { catch_up: CatchUp::All, start_deadline: UNLIMITED, ..minutely() };
    let mut bench = Bench::of(Timetable { overlap: Overlap::AllowAll(2), ..all });
    let first = bench.at(61).write().remove(0);
    assert_eq!(runs(&bench.at(121).write()), [(120, 1)]);
    assert_eq!(bench.at(181).write(), []);
    assert_eq!(bench.counts().not_run(), 0);
    ended(&mut bench, &first);
    assert_eq!(runs(&bench.write()), [(180, 1)]);
}

#[test]
fn skip_leaves_ticks_that_were_due_before_a_triggered_run_until_its_end() {
    let mut bench = Bench::of(minutely());
    bench.annotations.insert(format!("{TRIGGER}report"), "now".to_owned());
    bench.at(200).lead();
    let run = bench.write().remove(0);
    assert_eq!(run.origin, Origin::Trigger);
    assert_eq!((bench.counts().not_run(), bench.record().accounted_until), (0, time(0)));
    assert_eq!(bench.write(), []);
    assert_eq!((bench.counts().not_run(), bench.record().accounted_until), (0, time(0)));
    ended(bench.at(210), &run);
    assert_eq!(runs(&bench.write()), [(180, 1)]);
}

#[test]
fn skip_counts_a_tick_that_fell_due_during_a_run_whose_end_is_written_with_a_trigger() {
    let mut bench = Bench::of(minutely());
    let run = bench.at(61).write().remove(0);
    ended(bench.at(122), &run);
    bench.ask(TRIGGER, Some("now"));
    let triggered = bench.at(125).write().remove(0);
    assert_eq!(triggered.origin, Origin::Trigger);
    ended(bench.at(140), &triggered);
    assert_eq!(bench.write(), []);
    assert_eq!((bench.counts().overlapped, bench.record().accounted_until), (1, time(120)));
}

#[test]
fn skip_runs_a_tick_that_was_due_when_the_run_began() {
    let mut bench = Bench::of(minutely());
    bench.ask(TRIGGER, Some("now"));
    let run = bench.at(60).write().remove(0);
    assert_eq!(run.origin, Origin::Trigger);
    assert_eq!(bench.at(65).write(), []);
    assert_eq!(bench.counts().overlapped, 0);
    ended(&mut bench, &run);
    assert_eq!(runs(&bench.write()), [(60, 1)]);
}

#[test]
fn delay_takes_no_run_beside_another() {
    let mut bench = Bench::of(delayed(UNLIMITED));
    assert_eq!(runs(&bench.at(60).write()), [(60, 1)]);
    assert_eq!(bench.at(180).write(), []);
    assert_eq!(bench.record().open.len(), 1);
}

#[test]
fn delay_takes_a_run_only_with_a_renewal() {
    let mut bench = Bench::of(delayed(UNLIMITED));
    assert_eq!(without_renewal(bench.at(60)), Edits::new());
    assert_eq!(runs(&bench.write()), [(60, 1)]);
}

#[test]
fn a_delay_that_expires_or_is_paused_counts_from_then() {
    let deadline = Some(StartDeadline::After(Duration::from_secs(30)));
    let mut bench = Bench::of(delayed(deadline));
    assert_eq!(runs(&bench.at(90).write()), [(60, 1)], "it is just in time");
    let mut bench = Bench::of(delayed(deadline));
    assert_eq!(bench.at(100).write(), []);
    assert_eq!((bench.counts().expired, bench.record().accounted_until), (1, time(100)));
    let run = bench.at(160).write().remove(0);
    assert_eq!((run.tick, run.missed), (time(160), 1));
    let mut bench = Bench::of(delayed(None));
    bench.ask(PAUSE, Some("by hand"));
    assert_eq!(bench.at(70).write(), []);
    assert_eq!((bench.counts().paused, bench.record().accounted_until), (1, time(70)));
    bench.ask(PAUSE, None);
    assert_eq!(bench.at(129).write(), []);
    assert_eq!(runs(&bench.at(130).write()), [(130, 1)]);
}

#[test]
fn once_waits_for_a_renewal_and_for_the_end_of_a_pause() {
    let mut bench = once(Delivery::AtMostOnce);
    let edits = without_renewal(&mut bench);
    let texts: Vec<_> = edits.values().flatten().map(|text| TickRecord::decode(text).unwrap().open).collect();
    assert_eq!(texts, [vec![]], "it is armed, and nothing is taken");
    bench.ask(PAUSE, Some("by hand"));
    assert_eq!(bench.write(), []);
    bench.ask(PAUSE, None);
    assert_eq!(bench.write().len(), 1);
    assert_eq!(bench.write(), []);
    assert_eq!(bench.record().open.len(), 1, "it is not taken beside itself");
}

#[test]
fn once_that_failed_is_tried_again_in_the_next_term_only_with_at_least_once() {
    for (delivery, again) in [(Delivery::AtMostOnce, vec![]), (Delivery::AtLeastOnce, vec![2])] {
        let mut bench = once(delivery);
        let run = bench.write().remove(0);
        bench.ticks.ended(run.id, RunEnd::Failed);
        assert_eq!(bench.write(), []);
        assert_eq!(bench.write(), [], "not in this term");
        bench.lead();
        assert_eq!(bench.write().iter().map(|start| start.attempt).collect::<Vec<_>>(), again, "{delivery:?}");
    }
}
