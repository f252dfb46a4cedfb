//! C2 and C3: how long a failover takes. `Timings::failover` promises it to scheduled tasks, whose ticks must still be able
//! to start after it.

use lease_grammar::timing::{RHO, Timings};

use super::*;

fn timings() -> [Timings; 3] {
    let of = |lease_duration, renew_deadline, retry_period| Timings {
        lease_duration: SECOND * lease_duration,
        renew_deadline: SECOND * renew_deadline,
        retry_period: Duration::from_millis(retry_period),
    };
    [of(15, 10, 2000), of(60, 40, 500), of(3, 2, 1600)]
}

/// A candidate that waits for another holder with the same timings, with a watch.
fn waiting(timings: &Timings) -> (Bench, View) {
    let Timings { lease_duration, renew_deadline, retry_period } = *timings;
    let mut bench = Bench::with(Timing { lease_duration, renew_deadline, retry_period });
    let mut theirs = bench.theirs("other");
    theirs.record.duration_seconds = Some(bench.election.timing.published_seconds());
    bench.woken().show(Observation::Present(theirs.clone())).step(Event::WatchOpened);
    (bench, theirs)
}

/// Lets time pass until the candidate writes, and shows `observation` to each of its gets. Returns how long it took.
#[track_caller]
fn wait_for_a_write(bench: &mut Bench, observation: &Observation) -> Duration {
    let began = bench.now;
    for _ in 0..1000 {
        if bench.open.iter().any(is_write) {
            return bench.now.since(began);
        } else if !bench.open.is_empty() {
            bench.show(observation.clone());
        } else {
            let at = bench.election.wake_at().expect("a candidate plans a request");
            bench.pass(at.since(bench.now)).woken();
        }
    }
    panic!("nothing is written: {:?}", bench.open)
}

fn is_write((_, request): &(RequestId, Request)) -> bool {
    *request != Request::Get
}

/// What `failover()` takes this wait to be: all but its time for two attempts.
fn wait_within_failover(timings: &Timings) -> Duration {
    timings.failover() - timings.retry_period * 11 / 5
}

#[test]
fn c2_the_wait_for_a_silent_holder_is_the_one_in_failover() {
    for timings in timings() {
        let (mut bench, theirs) = waiting(&timings);
        let waited = wait_for_a_write(&mut bench, &Observation::Present(theirs));
        assert_eq!(
            waited,
            wait_within_failover(&timings),
            "rule C2 and `Timings::failover` differ: failover must be this wait and 2.2 × retry_period, with {timings:?}"
        );
    }
}

#[test]
fn c3_the_wait_after_a_deletion_is_the_one_in_failover() {
    for timings in timings() {
        let (mut bench, _) = waiting(&timings);
        bench.step(Event::Seen(Observation::Missing { revision: Some(500) }));
        let waited = wait_for_a_write(&mut bench, &MISSING);
        assert_eq!(
            waited,
            wait_within_failover(&timings),
            "rule C3 and `Timings::failover` differ: failover must be this wait and 2.2 × retry_period, with {timings:?}"
        );
    }
}

/// By its own clock, which may be faster than that of the holder by [`RHO`].
#[test]
fn c2_the_wait_is_not_shorter_than_the_hard_stop_of_a_holder_with_a_slow_clock() {
    for timings in timings() {
        let (mut bench, theirs) = waiting(&timings);
        let waited = wait_for_a_write(&mut bench, &Observation::Present(theirs));
        assert!(waited * RHO.1 >= timings.hard_stop() * RHO.0, "{waited:?} with {timings:?}");
    }
}

#[test]
fn c2_a_late_poll_and_a_refused_write_are_within_failover() {
    for timings in timings() {
        let (mut bench, theirs) = waiting(&timings);
        bench.step(Event::WatchLost);
        // The holder renews for the last time, at once after a poll.
        let mut last = bench.theirs("other");
        last.record.duration_seconds = theirs.record.duration_seconds;
        let renewed = bench.now;
        bench.run(timings.retry_period);
        wait_for_a_write(&mut bench, &Observation::Present(last.clone()));
        let at = bench.open.iter().position(is_write).expect("a write in flight");
        let (id, _) = bench.open.remove(at);
        bench.step(Event::Answered { id, answer: Answer::Refused { retry_after: None, unreached: false } });
        wait_for_a_write(&mut bench, &Observation::Present(last));
        let took = bench.now.since(renewed);
        assert!(took <= timings.failover(), "{took:?} with {timings:?}");
    }
}

#[test]
fn a_vacancy_begins_when_the_lease_is_seen_to_be_free() {
    let mut bench = Bench::new();
    assert_eq!(bench.election.vacancy(), None);
    let seen = bench.now;
    bench.woken().show(Observation::Missing { revision: None });
    assert_eq!(bench.election.vacancy(), Some((Taken::Created, seen)));

    let (mut bench, theirs) = waiting(&timings()[0]);
    assert_eq!(bench.election.vacancy(), Some((Taken::RanOut, bench.now + SECOND * 15)));
    let mut released = theirs.clone();
    released.version.revision += 1;
    released.record = Record { holder: None, ..theirs.record };
    bench.pass(SECOND).step(Event::Seen(Observation::Present(released)));
    assert_eq!(bench.election.vacancy(), Some((Taken::Released, bench.now)));
}
