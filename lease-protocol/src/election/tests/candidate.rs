//! C1 to C4: when a candidate may take over.

use super::*;

#[test]
fn c1_the_wait_begins_when_the_record_is_first_received() {
    // The record says that it was renewed an hour ago, but by another clock.
    let an_hour_ago = Bench::new().wall - 3_600_000_000;
    let (mut bench, _) = Bench::waiting_for(|theirs| theirs.renewed = Some(WallTime(an_hour_ago)));
    bench.pass(14 * SECOND).woken();
    assert!(bench.open.iter().all(|(_, request)| *request == Request::Get));
}

#[test]
fn c1_each_new_record_begins_a_new_wait() {
    let (mut bench, _) = Bench::waiting();
    for _ in 0..5 {
        bench.pass(9 * SECOND);
        let next = bench.theirs("other");
        bench.step(Event::Seen(Observation::Present(next)));
        assert!(bench.is_quiet());
    }
}

#[test]
fn c1_only_the_renew_time_differs_and_the_wait_begins_again() {
    let (mut bench, view) = Bench::waiting();
    bench.pass(9 * SECOND);
    let mut next = bench.annotated(&view);
    next.record.renewed = Some(WallTime(bench.wall));
    bench.step(Event::Seen(Observation::Present(next))).pass(9 * SECOND).woken();
    assert!(bench.is_quiet());
}

#[test]
fn c1_labels_do_not_keep_the_lease_from_being_taken() {
    let (mut bench, mut view) = Bench::waiting();
    for _ in 0..149 {
        bench.pass(SECOND / 10);
        view = bench.annotated(&view);
        bench.step(Event::Seen(Observation::Present(view.clone())));
        assert!(bench.is_quiet());
    }
    bench.pass(SECOND / 10).woken();
    let (_, request) = bench.request();
    assert!(matches!(request, Request::Replace { base, .. } if base == view.version));
}

#[test]
fn c2_the_holders_duration_is_not_replaced_by_ones_own() {
    let (mut bench, _) = Bench::waiting_for(|theirs| theirs.duration_seconds = Some(60));
    bench.pass(39 * SECOND).woken();
    assert!(bench.is_quiet());
    bench.pass(20 * SECOND).woken();
    assert_eq!(bench.request().1, Request::Get, "probes, but does not take");
    bench.pass(SECOND).woken();
    assert!(matches!(bench.request().1, Request::Replace { .. }));
}

#[test]
fn c2_an_unusable_duration_does_not_mean_expired() {
    for duration in [None, Some(0), Some(-5), Some(i32::MIN)] {
        let (mut bench, _) = Bench::waiting_for(|theirs| theirs.duration_seconds = duration);
        bench.pass(9 * SECOND).woken();
        assert!(bench.is_quiet(), "{duration:?}");
    }
}

#[test]
fn c2_a_takeover_names_the_state_it_saw() {
    let (mut bench, view) = Bench::waiting();
    bench.pass(15 * SECOND).woken();
    let (_, request) = bench.open.pop().unwrap();
    let Request::Replace { base, record } = request else { panic!("not a takeover: {request:?}") };
    assert_eq!(base, view.version);
    assert_eq!(record.transitions, Some(4));
    assert_eq!(record.holder.as_deref(), Some(ME));
}

#[test]
fn c3_a_deleted_lease_is_not_created_by_a_process_that_knew_its_holder() {
    let (mut bench, _) = Bench::waiting();
    bench.step(Event::Seen(Observation::Missing { revision: Some(500) }));
    bench.pass(14 * SECOND).woken();
    if !bench.open.is_empty() {
        bench.show(MISSING);
    }
    assert!(bench.is_quiet());
    bench.pass(SECOND).woken();
    bench.show(MISSING);
    assert!(matches!(bench.request().1, Request::Create(_)), "creates after the wait and another get");
}

/// Another process' Lease, and then one that our own lost create made after the first was deleted.
fn overtaken() -> (View, View) {
    let theirs = Bench::new().theirs("other");
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    bench.revision += 10;
    let mut own = bench.stored();
    own.version.uid = "v".to_owned();
    (theirs, own)
}

#[test]
fn c3_a_create_that_lands_late_is_not_taken_for_a_free_lease() {
    let (theirs, own) = overtaken();
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    // The create is given up. Another replica creates the Lease first, that Lease is deleted, and then our create takes
    // effect.
    bench.answer(Answer::Unknown).run(SECOND * 3);
    bench.show(Observation::Present(theirs)).step(Event::WatchOpened);
    bench.step(Event::Seen(Observation::Present(own)));
    bench.pass(SECOND * 14).woken();
    assert!(bench.is_quiet(), "the other holder may not know yet that its Lease is gone: {:?}", bench.open);
    bench.pass(SECOND).woken();
    assert!(matches!(bench.request().1, Request::Replace { .. }));
}

#[test]
fn c3_a_create_that_was_overtaken_begins_no_term() {
    let (theirs, own) = overtaken();
    let mut bench = Bench::new();
    bench.woken().show(MISSING).step(Event::WatchOpened);
    bench
        .step(Event::Seen(Observation::Present(theirs)))
        .step(Event::Seen(Observation::Missing { revision: Some(105) }));
    bench.answer(Answer::Committed(own));
    assert!(bench.is_quiet(), "{:?} {:?}", bench.acted, bench.open);
    bench.pass(SECOND * 15).woken();
    assert!(matches!(bench.request().1, Request::Replace { .. }));
}

#[test]
fn c3_the_same_wait_is_not_repeated() {
    for the_watch_is_quicker in [false, true] {
        let (mut bench, _) = Bench::waiting();
        bench.step(Event::Seen(Observation::Missing { revision: Some(110) }));
        bench.revision = 110;
        bench.pass(SECOND * 15).woken().show(MISSING);
        let mut own = bench.stored();
        own.version.uid = "v".to_owned();
        if the_watch_is_quicker {
            bench.step(Event::Seen(Observation::Present(own.clone())));
        }
        bench.answer(Answer::Committed(own));
        assert!(matches!(bench.take_acts()[..], [Action::Begin(_)]));
    }
}

#[test]
fn c3_a_second_lease_that_is_gone_does_not_shorten_the_wait_for_the_first() {
    let (mut bench, _) = Bench::waiting_for(|theirs| theirs.duration_seconds = Some(60));
    let mut short = bench.theirs("third");
    short.version.uid = "v".to_owned();
    bench
        .step(Event::Seen(Observation::Present(short)))
        .step(Event::Seen(Observation::Missing { revision: Some(110) }));
    bench.acquires_nothing_for(59);
}

#[test]
fn c3_a_first_start_does_not_wait() {
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    assert!(matches!(bench.request().1, Request::Create(_)));
}

#[test]
fn c3_the_wait_is_the_longer_of_two_durations() {
    let (mut bench, _) = Bench::waiting_for(|theirs| theirs.duration_seconds = Some(60));
    bench.step(Event::Seen(Observation::Missing { revision: Some(500) }));
    bench.acquires_nothing_for(59);
}

#[test]
fn c4_a_released_lease_does_not_wait() {
    let (mut bench, view) = Bench::waiting();
    let mut free = bench.annotated(&view);
    free.record.holder = Some(String::new());
    bench.step(Event::Seen(Observation::Present(free)));
    bench.commit();
    assert!(matches!(bench.take_acts()[..], [Action::Begin(_)]));
}

#[test]
fn w1_a_lost_create_is_not_repeated_for_ever() {
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    let mine = bench.stored();
    bench.pass(3 * SECOND).answer(Answer::Unknown);
    let created = bench.now - 3 * SECOND;
    bench.show(Observation::Present(mine));
    let acts = bench.take_acts();
    assert!(
        matches!(&acts[..], [Action::Begin(grant)] if grant.deadlines.hard_stop == created + 12 * SECOND),
        "{acts:?}"
    );
}

#[test]
fn a_broken_watch_does_not_hide_a_renewal() {
    let (mut bench, _) = Bench::waiting();
    bench.pass(10 * SECOND).woken();
    let renewed = bench.theirs("other");
    bench.show(Observation::Present(renewed));
    assert_eq!(bench.take_acts(), [Action::Rewatch]);
    bench.pass(6 * SECOND).woken();
    assert!(bench.is_quiet(), "the wait has begun again");
}

#[test]
fn a_waiting_candidate_with_a_watch_sends_nothing() {
    let (mut bench, _) = Bench::waiting();
    for _ in 0..100 {
        bench.run(5 * SECOND);
        let next = bench.theirs("other");
        bench.step(Event::Seen(Observation::Present(next)));
        assert!(bench.is_quiet());
    }
}

#[test]
fn a_candidate_without_a_watch_gets_the_lease_again_and_again() {
    let mut bench = Bench::new();
    bench.woken();
    for _ in 0..10 {
        let theirs = bench.theirs("other");
        bench.show(Observation::Present(theirs)).run(2 * SECOND);
    }
    assert_eq!(bench.open.len(), 1);
}

#[test]
fn a_missing_lease_shown_late_does_not_end_a_term() {
    // A get is in flight while a watch shows the released Lease and the acquisition succeeds.
    let mut bench = Bench::new();
    let theirs = bench.theirs("other");
    bench.woken().show(Observation::Present(theirs.clone())).run(2 * SECOND);
    let (poll, _) = bench.request();
    bench.pass(SECOND);
    let mut free = bench.annotated(&theirs);
    free.record.holder = None;
    bench.step(Event::Seen(Observation::Present(free)));
    bench.commit();
    bench.take_acts();
    bench.step(Event::Answered { id: poll, answer: Answer::Shown(MISSING) });
    assert!(bench.take_acts().is_empty());
}
