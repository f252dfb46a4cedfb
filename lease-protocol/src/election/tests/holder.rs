//! H1 to H4: what a holder may believe.

use super::*;

fn deadlines(acts: &[Action]) -> Deadlines {
    match acts {
        [Action::Begin(grant)] => grant.deadlines,
        [Action::Extend(deadlines)] => *deadlines,
        other => panic!("not a beginning or an extension: {other:?}"),
    }
}

#[test]
fn h1_a_term_does_not_count_from_the_answer() {
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    let sent = bench.now;
    bench.pass(3 * SECOND).commit();
    let deadlines = deadlines(&bench.take_acts());
    assert_eq!(deadlines.cancel_at, sent + 10 * SECOND);
    assert_eq!(deadlines.hard_stop, sent + 12 * SECOND);
    assert!(deadlines.drop_at < deadlines.hard_stop);
}

#[test]
fn h1_a_renewal_does_not_count_from_its_answer() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND);
    let sent = bench.now;
    bench.pass(3 * SECOND).commit();
    assert_eq!(deadlines(&bench.take_acts()).hard_stop, sent + 12 * SECOND);
}

#[test]
fn h1_an_answer_does_not_count_for_another_request() {
    let (mut bench, view) = Bench::leading();
    bench.run(5 * SECOND);
    let (first, _) = bench.open[0].clone();
    let stored = bench.stored();
    bench.pass(3 * SECOND).answer(Answer::Unknown);
    let get_sent = bench.now;
    bench.pass(SECOND).show(Observation::Present(view));
    // The renewal is sent again, and then the first one is answered late. The answer counts for the first one, which
    // had not taken effect when the get was sent.
    assert!(matches!(bench.open[..], [(_, Request::Replace { .. })]));
    bench.step(Event::Answered { id: first, answer: Answer::Committed(stored) });
    assert_eq!(deadlines(&bench.take_acts()).hard_stop, get_sent + 12 * SECOND);
    bench.answer(Answer::Conflict);
    assert!(bench.is_quiet(), "the second write cannot take effect: {:?} {:?}", bench.acted, bench.open);
}

#[test]
fn h1_an_acquisition_answered_after_its_deadline_begins_no_term() {
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    bench.pass(10 * SECOND).commit();
    assert!(bench.take_acts().is_empty());
    // It is still the holder in the Lease, so it acquires the lease again.
    let (_, request) = bench.request();
    assert_eq!(renewal(&request).transitions, Some(1));
}

#[test]
fn h2_a_late_renewal_does_not_revive_a_term() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND);
    bench.pass(8 * SECOND).commit();
    let acts = bench.take_acts();
    assert_eq!(acts, [Action::Cancel(StopReason::Lost(LossReason::NotRenewed)), Action::Expire]);
    assert_eq!(bench.election.role(), Role::Draining);
    assert!(!bench.election.may_run(bench.now));
}

#[test]
fn h2_a_term_without_renewal_does_not_outlast_its_deadlines() {
    let (mut bench, _) = Bench::leading();
    let began = bench.now;
    bench.run(10 * SECOND);
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Lost(LossReason::NotRenewed))]);
    assert!(bench.election.may_run(began + Timing::default().drop_after() - Duration::from_nanos(1)));
    assert!(!bench.election.may_run(began + Timing::default().drop_after()));
    bench.run(2 * SECOND);
    assert_eq!(bench.take_acts(), [Action::Expire]);
}

#[test]
fn h2_a_process_that_was_stopped_reads_the_clock_before_it_runs_on() {
    let (mut bench, _) = Bench::leading();
    bench.pass(22 * SECOND);
    assert!(!bench.election.may_run(bench.now));
    bench.woken();
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Lost(LossReason::NotRenewed)), Action::Expire]);
}

#[test]
fn h3_another_holder_is_not_waited_out() {
    let (mut bench, _) = Bench::leading();
    let theirs = bench.theirs("thief");
    bench.step(Event::Seen(Observation::Present(theirs)));
    assert_eq!(
        bench.take_acts(),
        [Action::Cancel(StopReason::Lost(LossReason::TakenBy("thief".to_owned()))), Action::Expire]
    );
}

#[test]
fn h3_an_emptied_holder_is_not_ignored() {
    for holder in [None, Some(String::new())] {
        let (mut bench, mut view) = Bench::leading();
        view = bench.annotated(&view);
        view.record.holder = holder;
        bench.step(Event::Seen(Observation::Present(view)));
        assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Lost(LossReason::HolderCleared)), Action::Expire]);
    }
}

#[test]
fn h3_a_deleted_lease_is_not_ignored() {
    let (mut bench, _) = Bench::leading();
    bench.step(Event::Seen(Observation::Missing { revision: Some(200) }));
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Lost(LossReason::Deleted)), Action::Expire]);
}

#[test]
fn h3_our_record_in_another_object_is_not_taken_for_ours() {
    // The Lease is deleted and, unobserved, created again with the same content, as a restored backup would do. Another
    // process may have led in between.
    let (mut bench, view) = Bench::leading();
    let mut view = bench.annotated(&view);
    view.version.uid = "another".to_owned();
    bench.step(Event::Seen(Observation::Present(view)));
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Lost(LossReason::Deleted)), Action::Expire]);
    // A new term begins with a write to the new object, when the old bodies are gone and the time of a possible holder
    // in between has passed.
    bench.step(Event::Drained);
    assert!(bench.is_quiet());
    bench.pass(15 * SECOND).woken();
    let (_, request) = bench.request();
    assert!(matches!(&request, Request::Replace { base, .. } if base.uid == "another"), "{request:?}");
}

#[test]
fn h3_a_shortened_duration_is_not_ignored() {
    // Other processes would wait for one second while this holder relies on twelve.
    let (mut bench, view) = Bench::leading();
    let mut view = bench.annotated(&view);
    view.record.duration_seconds = Some(1);
    bench.step(Event::Seen(Observation::Present(view)));
    assert_eq!(bench.take_acts(), [Action::Cancel(StopReason::Lost(LossReason::Overwritten)), Action::Expire]);
}

#[test]
fn h3_an_error_does_not_end_a_term() {
    for answer in [Answer::Unknown, Answer::Conflict, Answer::Refused { retry_after: None, unreached: false }] {
        let (mut bench, _) = Bench::leading();
        bench.run(5 * SECOND).answer(answer);
        assert!(bench.take_acts().is_empty());
        assert_eq!(bench.election.role(), Role::Leading);
    }
}

#[test]
fn h3_an_old_event_does_not_end_a_term() {
    let mut bench = Bench::new();
    let theirs = bench.theirs("other");
    let mut free = bench.annotated(&theirs);
    free.record.holder = Some(String::new());
    bench.woken().show(Observation::Present(free)).commit();
    bench.take_acts();
    bench.step(Event::Seen(Observation::Present(theirs)));
    bench.step(Event::Seen(Observation::Missing { revision: Some(50) }));
    assert!(bench.take_acts().is_empty());
}

#[test]
fn h3_an_observation_of_our_own_write_does_not_end_a_term() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND);
    let stored = bench.stored();
    bench.step(Event::Seen(Observation::Present(stored.clone())));
    assert!(matches!(bench.take_acts()[..], [Action::Extend(_)]));
    bench.answer(Answer::Committed(stored));
    assert!(bench.is_quiet(), "the extension is reported once: {:?}", bench.acted);
}

#[test]
fn h4_reading_ones_own_name_does_not_extend_a_term() {
    let (mut bench, _) = Bench::leading();
    let first = bench.election.newest().cloned().unwrap();
    bench.run(5 * SECOND);
    let sent = bench.now;
    let stored = bench.stored();
    // A label changes the Lease, which still names us. It proves nothing about the renewal.
    let old = View { version: first, record: bench.election.view().unwrap().record.clone(), successor: None };
    bench.pass(3 * SECOND).answer(Answer::Unknown);
    bench.show(Observation::Present(old));
    assert!(bench.take_acts().is_empty());
    // The record of the renewal proves that it took effect. It counts from when it was sent, or from a get that showed
    // that it had not taken effect yet.
    bench.pass(SECOND);
    bench.step(Event::Seen(Observation::Present(stored)));
    assert_eq!(deadlines(&bench.take_acts()).hard_stop, sent + 3 * SECOND + 12 * SECOND);
}

#[test]
fn h4_finding_ones_own_name_does_not_begin_a_term() {
    let mut bench = Bench::new();
    let mine = bench.theirs(ME);
    bench.woken().show(Observation::Present(mine));
    assert!(bench.take_acts().is_empty());
    bench.commit();
    assert!(matches!(bench.take_acts()[..], [Action::Begin(_)]));
}

#[test]
fn h6_a_process_with_bodies_left_does_not_compete() {
    let (mut bench, view) = Bench::leading();
    let mut free = bench.annotated(&view);
    free.record.holder = Some(String::new());
    bench.step(Event::Seen(Observation::Present(free))).run(60 * SECOND);
    assert!(bench.open.is_empty());
    bench.step(Event::Drained);
    bench.commit();
    assert!(matches!(bench.take_acts()[..], [.., Action::Begin(_)]));
}

#[test]
fn w1_no_write_follows_an_unknown_outcome_without_a_get() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND).pass(3 * SECOND).answer(Answer::Unknown);
    assert_eq!(bench.request().1, Request::Get);
}

#[test]
fn w1_a_get_sent_before_the_outcome_does_not_count() {
    let mut bench = Bench::new();
    let theirs = bench.theirs("other");
    bench.woken().show(Observation::Present(theirs.clone()));
    // Without a watch: a get is in flight when the holder's time has passed, so the takeover is sent beside it.
    bench.run(15 * SECOND);
    let (poll, takeover) = match &bench.open[..] {
        [(poll, Request::Get), (takeover, Request::Replace { .. })] => (*poll, *takeover),
        other => panic!("a poll and a takeover in flight, not {other:?}"),
    };
    bench.open.clear();
    bench.step(Event::Answered { id: takeover, answer: Answer::Conflict });
    bench.step(Event::Answered { id: poll, answer: Answer::Shown(Observation::Present(theirs)) });
    assert_eq!(bench.request().1, Request::Get, "another get after the outcome");
}

#[test]
fn a_renewal_does_not_repeat_a_record_when_the_wall_clock_stands_still() {
    let (mut bench, first) = Bench::leading();
    let mut last = first.record.renewed.unwrap();
    bench.wall -= 3_600_000_000;
    for _ in 0..5 {
        bench.run(5 * SECOND);
        let renewed = bench.commit().record.renewed.unwrap();
        assert!(renewed >= last.plus(SECOND));
        last = renewed;
    }
}

#[test]
fn a_renewal_keeps_the_holder_the_acquire_time_and_the_transitions() {
    let (mut bench, first) = Bench::leading();
    bench.run(5 * SECOND);
    let second = bench.commit();
    assert_eq!(second.record.acquired, first.record.acquired);
    assert_eq!(second.record.transitions, first.record.transitions);
    assert_eq!(second.record.holder, first.record.holder);
}

#[test]
fn an_annotation_does_not_cost_a_term() {
    let (mut bench, view) = Bench::leading();
    let annotated = bench.annotated(&view);
    bench.step(Event::Seen(Observation::Present(annotated.clone())));
    bench.run(5 * SECOND);
    let (_, request) = bench.open[0].clone();
    assert!(matches!(request, Request::Replace { base, .. } if base == annotated.version));
    // Another write comes in between. So there is a conflict, then a get, and then the renewal succeeds.
    bench.answer(Answer::Conflict);
    let annotated = bench.annotated(&annotated);
    bench.show(Observation::Present(annotated));
    bench.commit();
    assert!(matches!(bench.take_acts()[..], [Action::Extend(_)]));
}

#[test]
fn w3_a_token_that_does_not_grow_begins_no_term() {
    let mut bench = Bench::new();
    let mut free = bench.theirs("");
    free.version.revision = 1_000;
    bench.woken().show(Observation::Present(free));
    bench.commit();
    assert_eq!(bench.take_acts(), [Action::Disqualified { highest: 1_000, shown: 102 }]);
    bench.run(60 * SECOND);
    assert!(bench.open.is_empty(), "never competes again");
    // What it saw before does not count after an absence. That is no reason to read, or to write anything either.
    bench.step(Event::WatchLost).step(Event::Withdraw(StopReason::Withdrawn)).pass(3600 * SECOND).step(Event::Contend);
    bench.run(60 * SECOND);
    assert!(bench.open.is_empty(), "also not after an absence: {:?}", bench.open);
}

#[test]
fn w3_a_watch_and_a_get_at_one_instant_disqualify_nobody() {
    let mut bench = Bench::new();
    let theirs = bench.theirs("other");
    let renewed = bench.theirs("other");
    bench.woken().show(Observation::Present(theirs.clone())).run(2 * SECOND);
    // The watch shows the renewal at the same instant at which a get is sent. The get was served before the renewal.
    bench.step(Event::Seen(Observation::Present(renewed)));
    bench.pass(SECOND / 100).show(Observation::Present(theirs));
    assert!(bench.take_acts().is_empty());
}

#[test]
fn w3_a_cluster_that_was_set_back_is_not_led() {
    let (mut bench, mut view) = Bench::leading();
    bench.run(5 * SECOND).pass(SECOND).answer(Answer::Unknown);
    bench.run(SECOND);
    view.version.revision = 5;
    bench.show(Observation::Present(view));
    let acts = bench.take_acts();
    assert!(
        matches!(
            acts[..],
            [Action::Cancel(StopReason::Lost(LossReason::WentBackwards)), Action::Expire, Action::Disqualified { .. }]
        ),
        "{acts:?}"
    );
}
