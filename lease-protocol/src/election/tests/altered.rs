//! A policy of the cluster changes writes before they are stored.

use super::*;

/// Acquires, with this change to the stored record.
fn acquired(change: impl Fn(&mut Record)) -> (Bench, View) {
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    let mut view = bench.stored();
    change(&mut view.record);
    bench.answer(Answer::Committed(view.clone()));
    (bench, view)
}

/// A change that promises no less: a longer duration.
fn longer(record: &mut Record) {
    record.duration_seconds = Some(60);
}

/// A change that promises no less: times in whole seconds.
fn coarser(record: &mut Record) {
    for time in [&mut record.acquired, &mut record.renewed].into_iter().flatten() {
        time.0 = time.0.div_euclid(1_000_000) * 1_000_000;
    }
}

/// A process that has just started, at 0.123456 s past a second, and finds no Lease.
fn past_a_second() -> Bench {
    let mut bench = Bench::new();
    bench.wall += 123_456;
    bench.woken().show(MISSING);
    bench
}

#[test]
fn a_stored_record_that_promises_no_less_begins_a_term_and_is_renewed() {
    for change in [longer, coarser] as [fn(&mut Record); 2] {
        let mut bench = past_a_second();
        for _ in 0..5 {
            let mut view = bench.stored();
            change(&mut view.record);
            bench.answer(Answer::Committed(view.clone()));
            // The watch shows the same.
            bench.step(Event::Seen(Observation::Present(view)));
            assert!(bench.election.may_take());
            bench.run(SECOND * 5);
        }
        let acts = bench.take_acts();
        assert!(matches!(acts[..], [Action::Begin(_), Action::Extend(_), Action::Extend(_), ..]), "{acts:?}");
    }
}

#[test]
fn a_stored_record_that_promises_less_begins_no_term() {
    let changes: [&dyn Fn(&mut Record); 6] = [
        &|record| record.duration_seconds = Some(14),
        &|record| record.duration_seconds = None,
        &|record| record.holder = Some("policy".to_owned()),
        &|record| record.transitions = Some(7),
        &|record| record.renewed = None,
        &|record| record.renewed = Some(WallTime(1_000_000)),
    ];
    for change in changes {
        let (mut bench, view) = acquired(change);
        let acts = bench.take_acts();
        assert!(matches!(&acts[..], [Action::Altered(fields)] if fields.len() == 1), "{view:?}: {acts:?}");
    }
}

#[test]
fn the_pauses_between_altered_writes_grow() {
    let (mut bench, _) = acquired(|record| record.duration_seconds = Some(10));
    let (end, mut writes) = (bench.now + SECOND * 600, 0);
    while bench.now < end {
        bench.run(SECOND);
        while let Some((_, request)) = bench.open.first() {
            if *request == Request::Get {
                bench.show(MISSING);
                continue;
            }
            writes += 1;
            let mut view = bench.stored();
            view.record.duration_seconds = Some(10);
            bench.answer(Answer::Committed(view));
        }
    }
    assert!((5..=25).contains(&writes), "{writes} writes in ten minutes");
}

#[test]
fn a_renewal_that_is_altered_ends_the_term() {
    let (mut bench, _) = Bench::leading();
    bench.run(SECOND * 5);
    let mut view = bench.stored();
    view.record.duration_seconds = Some(10);
    bench.answer(Answer::Committed(view));
    let acts = bench.take_acts();
    assert!(
        matches!(
            acts[..],
            [Action::Altered(_), Action::Cancel(StopReason::Lost(LossReason::Overwritten)), Action::Expire]
        ),
        "{acts:?}"
    );
}

/// Acquires and renews. `change` alters what is stored, and the watch shows it before the answer arrives.
fn watched_first(change: fn(&mut Record)) -> Vec<Action> {
    let mut bench = past_a_second();
    bench.step(Event::WatchOpened);
    for _ in 0..5 {
        let mut view = bench.stored();
        change(&mut view.record);
        bench.step(Event::Seen(Observation::Present(view.clone())));
        if !bench.open.is_empty() {
            bench.answer(Answer::Committed(view));
        }
        bench.run(SECOND * 5);
    }
    bench.take_acts()
}

#[test]
fn a_stored_record_that_promises_no_less_begins_a_term_if_the_watch_is_first() {
    for change in [longer, coarser] as [fn(&mut Record); 2] {
        let acts = watched_first(change);
        let extended = |acts: &[Action]| acts.iter().all(|act| matches!(act, Action::Extend(_)));
        assert!(matches!(&acts[..], [Action::Begin(_), rest @ ..] if rest.len() == 4 && extended(rest)), "{acts:?}");
    }
}

#[test]
fn a_write_that_is_reverted_as_a_whole_disqualifies_nobody() {
    // The server then stores nothing, and answers with the state that it had.
    let mut bench = Bench::new();
    let free = bench.free();
    bench.woken().show(Observation::Present(free.clone()));
    bench.answer(Answer::Committed(free.clone()));
    let acts = bench.take_acts();
    assert!(matches!(&acts[..], [Action::Altered(_)]), "{acts:?}");
    assert_eq!(bench.election.disqualified(), None);
    // Once the policy is gone, the lease is acquired.
    bench.run(SECOND * 5).commit();
    assert!(matches!(bench.take_acts()[..], [Action::Begin(_)]));
}

#[test]
fn a_policy_added_during_a_term_that_promises_no_less_does_not_end_it() {
    for change in [longer, coarser] as [fn(&mut Record); 2] {
        let mut bench = past_a_second();
        bench.commit();
        for _ in 0..2 {
            bench.run(SECOND * 5);
            let mut view = bench.stored();
            change(&mut view.record);
            bench.answer(Answer::Committed(view));
        }
        let acts = bench.take_acts();
        assert!(matches!(acts[..], [Action::Begin(_), Action::Extend(_), Action::Extend(_)]), "{acts:?}");
    }
}

#[test]
fn the_pause_after_an_altered_write_delays_no_release() {
    let (mut bench, _) = acquired(|record| record.transitions = Some(7));
    bench.take_acts();
    bench.pass(SECOND).step(Event::Withdraw(StopReason::Shutdown));
    let released = bench.commit();
    assert_eq!((bench.take_acts(), released.record.holder()), (vec![Action::Left { released: true }], None));
}
