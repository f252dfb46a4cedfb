//! C6 and D1: a lease whose holder is proven dead.

use super::*;

const OTHER: &str = "other";

impl Bench {
    fn proven_dead(&mut self, identity: &str) -> &mut Bench {
        self.step(Event::Dead(identity.to_owned()))
    }

    fn sees(&mut self, view: &View) -> &mut Bench {
        self.step(Event::Seen(Observation::Present(view.clone())))
    }

    fn writes(&self) -> bool {
        self.open.iter().any(|(_, request)| *request != Request::Get)
    }

    /// Takes the only open request, which must replace this state.
    #[track_caller]
    fn takes(&mut self, view: &View) -> RequestId {
        let (id, request) = self.request();
        assert!(matches!(&request, Request::Replace { base, .. } if *base == view.version), "{request:?}");
        id
    }

    /// Lets time pass, and shows `view` to each get. The candidate must not write before the end, and must then.
    #[track_caller]
    fn waits(&mut self, span: Duration, view: &View) {
        let end = self.now + span;
        while self.now < end {
            assert!(!self.writes(), "{:?} before the end: {:?}", end.since(self.now), self.open);
            if !self.open.is_empty() {
                self.show(Observation::Present(view.clone()));
            }
            self.pass(SECOND / 4).woken();
        }
        assert!(self.writes(), "it waits longer: {:?}", self.open);
    }
}

#[test]
fn c6_a_proof_ends_the_wait_at_once() {
    let (mut bench, _) = Bench::waiting();
    bench.pass(5 * SECOND);
    let renewed = bench.theirs(OTHER);
    bench.sees(&renewed).pass(SECOND).woken();
    assert!(bench.is_quiet(), "{:?}", bench.open);
    bench.proven_dead(OTHER);
    assert!(bench.writes(), "{:?}", bench.open);
    assert_eq!(bench.election.vacancy(), Some((Taken::ProvenDead, bench.now)));
    assert_eq!(bench.commit().record.transitions, Some(4));
    assert!(matches!(bench.take_acts()[..], [Action::Begin(_)]));
}

#[test]
fn c6_a_candidate_without_a_watch_does_not_wait_for_its_next_get() {
    let mut bench = Bench::new();
    let theirs = bench.theirs(OTHER);
    bench.woken().show(Observation::Present(theirs.clone()));
    bench.pass(SECOND).woken().proven_dead(OTHER);
    bench.takes(&theirs);
}

#[test]
fn c6_a_takeover_names_the_state_it_saw() {
    let (mut bench, view) = Bench::waiting();
    let labelled = bench.annotated(&view);
    bench.sees(&labelled).proven_dead(OTHER);
    bench.takes(&labelled);
}

/// What the process had sent may land after its death.
#[test]
fn c6_a_late_write_of_the_dead_costs_one_conflict() {
    let (mut bench, view) = Bench::waiting();
    bench.pass(SECOND).proven_dead(OTHER);
    let id = bench.takes(&view);
    let late = bench.theirs(OTHER);
    bench.step(Event::Answered { id, answer: Answer::Conflict });
    bench.show(Observation::Present(late.clone()));
    bench.takes(&late);
}

#[test]
fn c6_the_next_holder_is_not_taken_for_dead() {
    let (mut bench, view) = Bench::waiting();
    bench.pass(SECOND).proven_dead(OTHER);
    let id = bench.takes(&view);
    let theirs = bench.theirs("other-2");
    bench.step(Event::Answered { id, answer: Answer::Conflict });
    bench.show(Observation::Present(theirs.clone()));
    bench.waits(15 * SECOND, &theirs);
    assert_eq!(bench.election.vacancy(), Some((Taken::RanOut, bench.now)));
}

/// W1: after a conflict, what was seen before does not count.
#[test]
fn c6_a_proof_after_a_conflict_does_not_replace_the_get() {
    let (mut bench, view) = Bench::waiting();
    bench.waits(15 * SECOND, &view);
    bench.answer(Answer::Conflict).proven_dead(OTHER);
    assert_eq!(bench.request().1, Request::Get);
}

/// C3 comes first: others may have held the lease since.
#[test]
fn c6_a_proof_does_not_end_the_wait_for_a_lease_that_is_gone() {
    let (mut bench, _) = Bench::waiting();
    bench.pass(SECOND).step(Event::Seen(Observation::Missing { revision: Some(500) })).proven_dead(OTHER);
    bench.acquires_nothing_for(14);
    bench.pass(SECOND).woken().show(MISSING);
    assert!(matches!(bench.request().1, Request::Create(_)));
}

#[test]
fn c6_a_proof_does_not_end_the_wait_for_the_holder_of_the_lease_before() {
    let (mut bench, _) = Bench::waiting();
    bench.pass(SECOND);
    let mut created = bench.theirs("other-2");
    created.version.uid = "another".to_owned();
    bench.sees(&created).proven_dead("other-2");
    bench.waits(15 * SECOND, &created);
}

/// C5 is about a lease that nobody holds.
#[test]
fn c6_a_successor_that_the_dead_have_named_delays_nothing() {
    let (mut bench, view) = Bench::waiting();
    let named = View { successor: Some("other-2".to_owned()), ..bench.annotated(&view) };
    bench.sees(&named).proven_dead(OTHER);
    bench.takes(&named);
}

#[test]
fn c6_a_proof_is_no_reason_to_write_sooner_after_a_failure() {
    let mut bench = Bench::new();
    bench.woken().answer(Answer::Refused { retry_after: None, unreached: false });
    let theirs = bench.theirs(OTHER);
    bench.sees(&theirs).proven_dead(OTHER);
    assert!(bench.is_quiet(), "{:?}", bench.open);
    assert_eq!(bench.election.wake_at(), Some(bench.now + 2 * SECOND));
}

/// W2, whatever the dead have sent.
#[test]
fn c6_conflicts_with_the_dead_stay_within_the_cap() {
    let (mut bench, _) = Bench::waiting();
    bench.proven_dead(OTHER);
    let (end, mut requests) = (bench.now + 60 * SECOND, 0);
    while bench.now < end {
        while let Some((id, request)) = bench.open.pop() {
            requests += 1;
            let answer = match request {
                Request::Get => Answer::Shown(Observation::Present(bench.theirs(OTHER))),
                _ => Answer::Conflict,
            };
            bench.step(Event::Answered { id, answer });
        }
        bench.pass(SECOND / 10).woken();
    }
    assert!((100..=8 + 121).contains(&requests), "{requests}");
}

/// H6: a proof says nothing about the bodies of this process.
#[test]
fn c6_a_process_with_bodies_left_does_not_compete() {
    let (mut bench, _) = Bench::leading();
    let theirs = bench.theirs(OTHER);
    bench.sees(&theirs).proven_dead(OTHER);
    bench.pass(SECOND).woken();
    assert!(bench.open.is_empty(), "{:?}", bench.open);
    bench.step(Event::Drained);
    bench.takes(&theirs);
}

#[test]
fn c6_a_process_that_takes_no_part_takes_nothing() {
    let (mut bench, _) = Bench::waiting();
    bench.step(Event::Withdraw(StopReason::Withdrawn)).proven_dead(OTHER);
    assert!(bench.open.is_empty(), "{:?}", bench.open);
}

#[test]
fn c6_a_holder_does_not_mind() {
    let (mut bench, _) = Bench::leading();
    let before = bench.election.wake_at();
    bench.proven_dead(OTHER);
    assert!(bench.is_quiet());
    assert_eq!(bench.election.wake_at(), before);
}

#[test]
fn c6_a_lease_that_had_run_out_before_the_proof_has_run_out() {
    for (since_then, taken) in [(149, Taken::ProvenDead), (150, Taken::RanOut), (151, Taken::RanOut)] {
        let (mut bench, _) = Bench::waiting();
        let ran_out = bench.now + 15 * SECOND;
        bench.pass(SECOND / 10 * since_then).proven_dead(OTHER);
        assert_eq!(bench.election.vacancy(), Some((taken, bench.now.min(ran_out))), "{since_then}");
    }
}

#[test]
fn d1_a_proof_may_come_before_the_record_that_it_is_about() {
    let mut bench = Bench::new();
    bench.woken().proven_dead(OTHER).pass(SECOND);
    let theirs = bench.theirs(OTHER);
    bench.show(Observation::Present(theirs.clone()));
    assert_eq!(bench.election.vacancy(), Some((Taken::ProvenDead, bench.now)), "free since it was seen");
    bench.takes(&theirs);
}

/// Other processes may have led in between, so that the late write is an acquisition.
#[test]
fn d1_a_proof_is_valid_for_a_record_that_lands_later() {
    let (mut bench, _) = Bench::waiting();
    bench.pass(SECOND).proven_dead(OTHER);
    bench.open.clear();
    let theirs = bench.theirs("other-2");
    bench.sees(&theirs).pass(60 * SECOND);
    let late = bench.theirs(OTHER);
    bench.sees(&late);
    bench.takes(&late);
}

#[test]
fn d1_the_whole_identity_counts() {
    for identity in ["othe", "other-2", "Other", ""] {
        let (mut bench, view) = Bench::waiting();
        bench.proven_dead(identity);
        assert!(!bench.election.is_proven_dead(OTHER));
        bench.waits(15 * SECOND, &view);
    }
}

#[test]
fn d1_eight_dead_are_remembered() {
    let mut bench = Bench::new();
    for number in 0..9 {
        bench.proven_dead(&format!("other-{number}"));
    }
    let remembered = |bench: &Bench| (0..9).filter(|n| bench.election.is_proven_dead(&format!("other-{n}"))).count();
    assert!(!bench.election.is_proven_dead("other-0"));
    assert_eq!(remembered(&bench), 8);
    for _ in 0..20 {
        bench.proven_dead("other-5").proven_dead(ME);
    }
    assert_eq!(remembered(&bench), 8, "what is known already, or is wrong, displaces nothing");
    assert!(!bench.election.is_proven_dead(ME));
}

#[test]
fn d1_a_repeated_proof_does_not_say_that_the_lease_is_free_only_now() {
    let (mut bench, _) = Bench::waiting();
    let proven = bench.now;
    bench.proven_dead(OTHER).pass(SECOND).proven_dead(OTHER);
    assert_eq!(bench.election.vacancy(), Some((Taken::ProvenDead, proven)));
}

#[test]
fn d1_a_new_election_knows_what_was_proven() {
    let (mut bench, view) = Bench::waiting();
    bench.step(Event::Withdraw(StopReason::Withdrawn)).proven_dead(OTHER);
    let memory = bench.election.memory();
    let mut next = Bench { election: Election::recalling(ME.to_owned(), Timing::default(), memory), ..bench };
    next.acted.clear();
    next.pass(SECOND).woken().show(Observation::Present(view.clone()));
    next.takes(&view);
}
