//! The numbers that [`Election::map`] reaches. The model checker finds ever new states if it leaves one out.

use std::collections::BTreeMap;

use super::*;

/// Counts the calls of each method, and moves all moments by a minute.
#[derive(Default)]
struct Counting {
    calls: BTreeMap<&'static str, u32>,
    stamps: Vec<Stamp>,
}

impl Counting {
    fn count(&mut self, method: &'static str) {
        *self.calls.entry(method).or_default() += 1;
    }
}

impl Map for Counting {
    fn moment(&mut self, stamp: Stamp, moment: &mut Moment) {
        self.stamps.push(stamp);
        *moment = *moment + 60 * SECOND;
    }
    fn wall(&mut self, _: &mut WallTime) {
        self.count("wall");
    }
    fn revision(&mut self, _: &mut u64) {
        self.count("revision");
    }
    fn uid(&mut self, _: &mut String) {
        self.count("uid");
    }
    fn transitions(&mut self, _: &mut i32) {
        self.count("transitions");
    }
    fn request(&mut self, _: &mut RequestId) {
        self.count("request");
    }
}

/// Changes no number. It says that no effect of a write that was given up can be observed any more.
struct Forgetting;

impl Map for Forgetting {
    fn moment(&mut self, _: Stamp, _: &mut Moment) {}
    fn wall(&mut self, _: &mut WallTime) {}
    fn revision(&mut self, _: &mut u64) {}
    fn uid(&mut self, _: &mut String) {}
    fn transitions(&mut self, _: &mut i32) {}
    fn request(&mut self, _: &mut RequestId) {}
    fn matters(&self, _: &Record) -> bool {
        false
    }
}

fn mapped(bench: &Bench) -> Counting {
    let mut map = Counting::default();
    bench.election.clone().map(&mut map);
    map
}

fn calls(bench: &Bench) -> Vec<(&'static str, u32)> {
    mapped(bench).calls.into_iter().collect()
}

#[test]
fn every_number_of_a_new_election_is_mapped() {
    let bench = Bench::new();
    // The highest revision and two bounds; the next id.
    assert_eq!(calls(&bench), [("request", 1), ("revision", 3)]);
}

#[test]
fn every_number_of_a_holder_with_a_renewal_in_flight_is_mapped() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND);
    let map = mapped(&bench);
    let counted: Vec<_> = map.calls.into_iter().collect();
    // The state, the term, the last time that was written, and the write with its base. Each has its numbers.
    assert_eq!(counted, [("request", 2), ("revision", 7), ("transitions", 3), ("uid", 4), ("wall", 7)]);
    let sent = map.stamps.iter().filter(|stamp| **stamp == Stamp::Sent).count();
    assert_eq!((sent, map.stamps.len()), (2, 12), "{:?}", map.stamps);
}

#[test]
fn every_number_of_a_write_with_an_unknown_outcome_is_mapped() {
    let (mut bench, _) = Bench::leading();
    bench.run(5 * SECOND).answer(Answer::Unknown).run(3 * SECOND);
    assert_eq!(bench.open.last().map(|(_, request)| request), Some(&Request::Get));
    let map = mapped(&bench);
    let counted: Vec<_> = map.calls.into_iter().collect();
    assert_eq!(counted, [("request", 3), ("revision", 7), ("transitions", 3), ("uid", 4), ("wall", 7)]);
    // The evidence of the get, and the two instants of the write.
    assert_eq!(map.stamps.iter().filter(|stamp| **stamp == Stamp::Sent).count(), 3, "{:?}", map.stamps);
    // A write whose effect cannot be observed any more is left out, unless the Lease shows it.
    bench.election.map(&mut Forgetting);
    assert_eq!(calls(&bench), [("request", 2), ("revision", 5), ("transitions", 2), ("uid", 3), ("wall", 5)]);
    assert!(!mapped(&bench).stamps.contains(&Stamp::Sent), "evidence without a write is dropped");
}

#[test]
fn a_deletion_that_a_watch_reported_has_its_revision_mapped() {
    let (mut bench, _) = Bench::waiting();
    let before = calls(&bench);
    assert_eq!(before, [("request", 1), ("revision", 4), ("transitions", 1), ("uid", 2), ("wall", 2)]);
    bench.step(Event::Seen(Observation::Missing { revision: Some(500) }));
    assert_eq!(calls(&bench), [("request", 1), ("revision", 4)]);
}

#[test]
fn the_instant_of_each_proof_is_mapped() {
    let (mut bench, _) = Bench::leading();
    let before = mapped(&bench).stamps.len();
    bench.step(Event::Dead("other".to_owned())).step(Event::Dead("other-2".to_owned()));
    assert_eq!(mapped(&bench).stamps.len(), before + 2);
}

#[test]
fn the_bound_of_a_departure_is_mapped() {
    let (mut bench, _) = Bench::leading();
    let before = mapped(&bench).stamps.len();
    bench.step(Event::Withdraw(StopReason::Shutdown)).step(Event::Drained);
    // The bound, and the write; without the two moments of the term.
    assert_eq!(mapped(&bench).stamps.len(), before + 1 + 3 - 2);
}
