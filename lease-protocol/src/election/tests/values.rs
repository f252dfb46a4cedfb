//! The values that callers read: timings, the words of reports, what a process remembers.

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

#[test]
fn the_spans_of_the_default_timings_are_those_of_the_table() {
    let timing = Timing::default();
    let spans = [
        (timing.renew_period(), 5_000),
        (timing.cancel_after(), 10_000),
        (timing.drop_after(), 11_750),
        (timing.hard_stop(), 12_000),
        (timing.poll_margin(), 250),
    ];
    for (span, milliseconds) in spans {
        assert_eq!(span, MILLISECOND * milliseconds);
    }
    assert_eq!(timing.attempt_timeout(), SECOND * 10 / 3);
    assert_eq!(timing.published_seconds(), 15);
}

#[test]
fn a_published_duration_is_rounded_up_to_whole_seconds() {
    let published = |lease_duration| Timing { lease_duration, ..Timing::default() }.published_seconds();
    assert_eq!(published(SECOND * 2), 2);
    assert_eq!(published(SECOND * 2 + Duration::from_nanos(1)), 3);
    assert_eq!(published(MILLISECOND), 1);
    assert_eq!(published(Duration::ZERO), 1);
    assert_eq!(published(Duration::MAX), i32::MAX);
}

#[test]
fn jitter_adds_up_to_a_fifth() {
    let timing = Timing::default();
    let added = |random| timing.jittered(SECOND * 1280, random) - SECOND * 1280;
    assert_eq!((added(0), added(1), added(255)), (Duration::ZERO, SECOND, SECOND * 255));
}

#[test]
fn a_burst_has_eight_requests() {
    let mut pace = pace::Pace::new(&Timing::default());
    let now = Moment::from_nanos(1_000_000_000_000);
    for _ in 0..8 {
        assert!(pace.gate() <= now);
        pace.spend(now);
    }
    // Then one in each quarter of the retry period.
    assert_eq!(pace.gate(), now + SECOND / 2);
    pace.spend(now + SECOND / 2);
    assert_eq!(pace.gate(), now + SECOND);
    pace.failed(now, SECOND * 3);
    assert_eq!(pace.gate(), now + SECOND * 3);
}

#[test]
fn every_reason_has_its_words() {
    let reasons = [
        (StopReason::Shutdown, "the candidate is shutting down"),
        (StopReason::Replaced, "a later tick of the task takes its place"),
        (LossReason::NotRenewed.into(), "the lease could not be renewed in time"),
        (LossReason::Deleted.into(), "the lease was deleted"),
    ];
    for (reason, words) in reasons {
        assert_eq!(reason.to_string(), words);
        assert_eq!(reason.is_involuntary(), matches!(reason, StopReason::Lost(_)));
    }
}

#[test]
fn an_altered_write_says_what_was_sent_and_what_is_stored() {
    let mut bench = Bench::new();
    bench.woken().show(MISSING);
    let mut view = bench.stored();
    view.record = Record { holder: Some("policy".to_owned()), renewed: None, transitions: Some(7), ..view.record };
    view.record.duration_seconds = None;
    bench.answer(Answer::Committed(view));
    let acts = bench.take_acts();
    let [Action::Altered(fields)] = &acts[..] else { panic!("{acts:?}") };
    let said: Vec<_> = fields.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "holderIdentity is \"policy\" instead of \"me\"",
            "leaseDurationSeconds is absent instead of 15",
            "leaseTransitions is 7 instead of 0",
            "renewTime is absent instead of 2023-11-14T22:13:20Z",
        ]
    );
}

#[test]
fn a_memory_tells_what_the_process_has_seen() {
    let (mut bench, view) = Bench::waiting_for(|record| record.duration_seconds = Some(40));
    let memory = bench.election.memory();
    assert!(memory.has_existed() && !memory.is_disqualified());
    assert_eq!((memory.last_duration(), memory.highest()), (SECOND * 40, view.version.revision));
    assert_eq!(memory.clear_at(), Moment::ZERO);
    bench.step(Event::Seen(Observation::Missing { revision: Some(500) }));
    assert_eq!(bench.election.memory().clear_at(), bench.now + SECOND * 40);
    let nothing = Bench::new().election.memory();
    assert!(!nothing.has_existed());
    assert_eq!(nothing.above(7).above(3), Memory::from_long_ago(false, SECOND * 15).above(7));
}

#[test]
fn a_memory_survives_the_election_that_recalls_it() {
    let (mut bench, _) = Bench::leading();
    bench.pass(SECOND);
    // A get that was sent after the revision was confirmed shows a lower one.
    bench.step(Event::WatchLost).run(SECOND * 5);
    bench.answer(Answer::Unknown).run(SECOND * 5);
    let mut lower = bench.theirs("other");
    lower.version.revision = 50;
    bench.show(Observation::Present(lower));
    assert_eq!(bench.election.disqualified(), Some((101, 50)));
    let memory = bench.election.memory().above(70);
    assert!(memory.is_disqualified());
    let next = Election::recalling(ME.to_owned(), Timing::default(), memory.clone());
    assert_eq!((next.memory(), next.disqualified()), (memory, Some((101, 50))));
}

#[test]
fn a_deletion_that_is_remembered_delays_the_next_election_of_the_process() {
    let (mut bench, _) = Bench::waiting();
    bench.step(Event::Seen(Observation::Missing { revision: Some(500) }));
    let memory = bench.election.memory();
    assert_eq!(Election::recalling(ME.to_owned(), Timing::default(), memory.clone()).memory(), memory);
}

#[test]
fn a_holder_tells_its_role_its_state_and_whether_a_hurry_helps() {
    let (mut bench, view) = Bench::leading();
    let election = &bench.election;
    assert_eq!((election.role(), election.holder()), (Role::Leading, Some(ME)));
    assert_eq!((election.rests_on(), election.newest()), (Some(&view.version), Some(&view.version)));
    assert!(election.can_hurry() && election.may_take() && !election.is_acquiring());
    let ends_at = bench.now + Timing::default().drop_after();
    assert!(election.may_run(ends_at - Duration::from_nanos(1)) && !election.may_run(ends_at));
    bench.step(Event::Hurry);
    assert!(!bench.election.can_hurry(), "a write is in flight");
    assert!(!bench.election.is_acquiring(), "it renews");
    bench.commit();
    assert!(bench.election.can_hurry());
    bench.step(Event::Withdraw(StopReason::Shutdown));
    assert_eq!(bench.election.role(), Role::Draining);
    assert!(!bench.election.can_hurry() && !bench.election.may_take() && bench.election.rests_on().is_some());
    let theirs = bench.theirs("thief");
    bench.step(Event::Seen(Observation::Present(theirs.clone())));
    assert_eq!((bench.election.rests_on(), bench.election.newest()), (None, Some(&theirs.version)));
    assert!(!bench.election.may_run(bench.now));
}

#[test]
fn a_candidate_tells_its_role() {
    let mut bench = Bench::new();
    assert_eq!((bench.election.role(), bench.election.newest()), (Role::Standby, None));
    assert!(!bench.election.can_hurry() && !bench.election.is_acquiring());
    bench.woken().show(MISSING);
    assert!(bench.election.is_acquiring());
    bench.step(Event::Withdraw(StopReason::Shutdown));
    assert_eq!(bench.election.role(), Role::Releasing);
    bench.commit();
    assert!(!bench.election.is_acquiring(), "it releases");
    bench.commit();
    assert_eq!(bench.election.role(), Role::Out);
}

#[test]
fn a_hurry_that_waits_for_its_turn_is_not_asked_for_again() {
    let (mut bench, _) = Bench::leading();
    // The get and the create of the first term were part of the burst.
    for _ in 0..6 {
        bench.step(Event::Hurry).commit();
    }
    assert!(bench.election.can_hurry());
    bench.step(Event::Hurry);
    assert!(bench.open.is_empty(), "the burst is spent");
    assert!(!bench.election.can_hurry());
}

#[test]
fn c3_a_recalled_duration_counts_and_is_no_shorter_than_the_own_one() {
    let recalled = |seconds| {
        let memory = Memory::from_long_ago(true, SECOND * seconds);
        Election::recalling(ME.to_owned(), Timing::default(), memory).memory().last_duration()
    };
    assert_eq!((recalled(40), recalled(3)), (SECOND * 40, SECOND * 15));
}

#[test]
fn a_token_tells_its_number() {
    assert_eq!((FencingToken::new(7).get(), FencingToken::new(8).get()), (7, 8));
    assert_eq!(format!("{:?}", FencingToken::new(7)), "FencingToken(7)");
}

#[test]
fn the_state_in_which_a_lease_was_taken_has_its_name() {
    let names = [
        (Taken::Created, "created"),
        (Taken::Released, "released"),
        (Taken::RanOut, "ran_out"),
        (Taken::ProvenDead, "proven_dead"),
    ];
    for (taken, name) in names {
        assert_eq!((taken.as_str(), taken.to_string().as_str()), (name, name));
    }
}

#[test]
fn a_renewal_comes_after_half_the_deadline_and_a_third_of_the_duration_at_most() {
    let period = |lease: u32, renew: u32| {
        Timing { lease_duration: SECOND * lease, renew_deadline: SECOND * renew, ..Timing::default() }.renew_period()
    };
    assert_eq!((period(15, 6), period(12, 10)), (SECOND * 3, SECOND * 4));
}
