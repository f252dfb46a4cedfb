//! C5: a lease that was released for a certain candidate.

use super::*;

impl Bench {
    /// A Lease without a holder, released for this candidate.
    fn released_for(&mut self, successor: &str) -> View {
        View { successor: Some(successor.to_owned()), ..self.free() }
    }
}

fn acquires(bench: &Bench) -> bool {
    bench.open.iter().any(|(_, request)| matches!(request, Request::Replace { .. }))
}

/// A candidate with a watch that has just seen the release for this successor.
fn sees_a_release_for(successor: &str) -> Bench {
    let (mut bench, _) = Bench::waiting();
    bench.pass(SECOND);
    let released = bench.released_for(successor);
    bench.step(Event::Seen(Observation::Present(released)));
    bench
}

#[test]
fn c5_the_successor_acquires_at_once() {
    let mut bench = sees_a_release_for(ME);
    assert!(acquires(&bench), "{:?}", bench.open);
    assert!(matches!(bench.election.vacancy(), Some((Taken::Transferred, at)) if at == bench.now));
    bench.commit();
    assert!(matches!(bench.take_acts()[..], [Action::Begin(_)]));
}

#[test]
fn c5_others_leave_the_lease_to_the_successor_for_two_retry_periods() {
    let mut bench = sees_a_release_for("other-2");
    for _ in 0..399 {
        bench.pass(SECOND / 100).woken();
        if !bench.open.is_empty() && !acquires(&bench) {
            // The get before the end of the wait.
            let released = bench.election.view().cloned().expect("a Lease");
            bench.show(Observation::Present(released));
        }
        assert!(!acquires(&bench), "{:?}", bench.now);
    }
    assert_eq!(bench.election.wake_at(), Some(bench.now + SECOND / 100));
    bench.pass(SECOND / 100).woken();
    assert!(acquires(&bench), "the successor is gone: {:?}", bench.open);
    assert_eq!(bench.election.vacancy().map(|(taken, _)| taken), Some(Taken::Released));
}

#[test]
fn c5_a_candidate_without_a_watch_waits_as_long() {
    let mut bench = Bench::new();
    let released = bench.released_for("other-2");
    bench.woken().show(Observation::Present(released.clone()));
    let seen = bench.now;
    while !acquires(&bench) {
        let at = bench.election.wake_at().expect("something to do");
        bench.pass(at.since(bench.now)).woken();
        if !bench.open.is_empty() && !acquires(&bench) {
            bench.show(Observation::Present(released.clone()));
        }
    }
    assert_eq!(bench.now.since(seen), 4 * SECOND);
}

#[test]
fn c5_another_name_does_not_extend_the_wait() {
    let mut bench = sees_a_release_for("other-2");
    let seen = bench.now;
    for number in 3..20 {
        bench.pass(SECOND / 4);
        let mut again = bench.released_for(&format!("other-{number}"));
        let Some(Observation::Present(view)) = bench.election.seen.as_ref().map(|seen| seen.observation.clone()) else {
            panic!("the Lease is there")
        };
        again.record = view.record;
        bench.step(Event::Seen(Observation::Present(again)));
        if acquires(&bench) {
            break;
        }
        bench.open.clear();
    }
    assert_eq!(bench.now.since(seen), 4 * SECOND);
}

#[test]
fn c5_a_name_on_a_lease_that_is_held_delays_nothing() {
    let (mut bench, view) = Bench::waiting();
    let named = View { successor: Some("other-2".to_owned()), ..bench.annotated(&view) };
    let seen = bench.now;
    bench.step(Event::Seen(Observation::Present(named.clone())));
    while !acquires(&bench) {
        let at = bench.election.wake_at().expect("something to do");
        bench.pass(at.since(bench.now)).woken();
        if !bench.open.is_empty() && !acquires(&bench) {
            bench.show(Observation::Present(named.clone()));
        }
    }
    assert_eq!(bench.now.since(seen), 15 * SECOND);
}

/// C3 comes first: the holder of a Lease that was deleted may still believe that it leads.
#[test]
fn c5_the_successor_waits_for_the_holder_of_a_deleted_lease() {
    let (mut bench, _) = Bench::waiting();
    bench.pass(SECOND);
    let mut released = bench.released_for(ME);
    released.version.uid = "another".to_owned();
    bench.step(Event::Seen(Observation::Present(released)));
    assert!(!acquires(&bench));
    bench.pass(14 * SECOND).woken();
    assert!(!acquires(&bench));
    bench.pass(SECOND).woken();
    assert!(acquires(&bench));
}

/// A term whose bodies are gone, or a write that was never answered.
#[test]
fn c5_a_lease_that_still_names_this_process_is_acquired_at_once() {
    let mut bench = Bench::new();
    let mine = View { successor: Some("other-2".to_owned()), ..bench.theirs(ME) };
    bench.woken().show(Observation::Present(mine));
    assert!(acquires(&bench));
}
