//! Several runs that an earlier term has left open.

use super::policies::ended;
use super::*;

/// Two runs, of 60 and 120 seconds, are under way. The next leader runs one at a time.
fn two(delivery: Delivery) -> (Bench, [RunStart; 2]) {
    let deadline = Some(StartDeadline::Unlimited);
    let skip = Timetable { start_deadline: deadline, delivery, ..minutely() };
    let mut bench = Bench::of(Timetable { overlap: Overlap::AllowAll(2), ..skip.clone() });
    let both = [bench.at(61).write().remove(0), bench.at(121).write().remove(0)];
    bench.timetable = skip;
    (bench, both)
}

fn open(bench: &Bench) -> Vec<(i64, u32, bool)> {
    let open = bench.record().open;
    open.iter().map(|run| (run.tick.0 / 1_000_000 - START, run.attempt, run.unstarted)).collect()
}

#[test]
fn interrupted_runs_are_run_again_one_after_the_other() {
    let (mut bench, _) = two(Delivery::AtLeastOnce);
    bench.at(130).lead();
    let first = bench.write();
    assert_eq!(runs(&first), [(60, 2)]);
    assert_eq!(open(&bench), [(120, 1, false), (60, 2, false)]);
    ended(&mut bench, &first[0]);
    assert_eq!(runs(&bench.write()), [(120, 2)]);
    assert_eq!(open(&bench), [(120, 2, false)]);
}

#[test]
fn runs_given_back_are_taken_up_one_after_the_other() {
    let (mut bench, both) = two(Delivery::AtMostOnce);
    both.iter().for_each(|run| bench.ticks.ended(run.id, RunEnd::NotStarted));
    bench.ticks.drain();
    assert_eq!(bench.write(), []);
    bench.at(130).lead();
    let first = bench.write();
    assert_eq!(runs(&first), [(60, 1)]);
    assert_eq!(open(&bench), [(120, 1, true), (60, 1, false)]);
    ended(&mut bench, &first[0]);
    assert_eq!(runs(&bench.write()), [(120, 1)]);
    assert_eq!(open(&bench), [(120, 1, false)]);
}

#[test]
fn of_the_runs_given_back_those_that_have_expired_are_closed_and_no_others() {
    let (mut bench, both) = two(Delivery::AtMostOnce);
    both.iter().for_each(|run| bench.ticks.ended(run.id, RunEnd::NotStarted));
    bench.ticks.drain();
    assert_eq!(bench.write(), []);
    bench.timetable.start_deadline = Some(StartDeadline::After(Duration::from_secs(30)));
    bench.at(140).lead();
    assert_eq!(runs(&bench.write()), [(120, 1)]);
    assert_eq!((open(&bench), bench.counts().expired), (vec![(120, 1, false)], 1));
}

#[test]
fn only_a_run_of_another_process_is_reported_as_abandoned() {
    for own in [true, false] {
        let mut bench = Bench::of(minutely());
        assert_eq!(runs(&bench.at(61).write()), [(60, 1)]);
        if own {
            bench.ticks.end();
            bench.next_term();
        } else {
            bench.lead();
        }
        let write = bench.compose();
        assert!(bench.land(&write));
        let notes: Vec<_> = bench.ticks.committed(write.number).into_iter().map(|(_, note)| note).collect();
        assert_eq!(notes, if own { vec![] } else { vec![TickNote::Abandoned(time(60))] });
        assert_eq!((bench.counts().cancelled, bench.counts().abandoned), if own { (1, 0) } else { (0, 1) });
    }
}
