//! A test for each rule, named after what the rule forbids.

mod absence;
mod altered;
mod boundaries;
mod candidate;
mod dead;
mod failover;
mod fuzz;
mod handover;
mod holder;
mod hurry;
mod leaving;
mod map;
mod pacing;
mod reasons;
mod slow;
mod values;

use std::time::Duration;

use super::*;
use crate::clock::{Moment, WallTime};

pub(super) const SECOND: Duration = Duration::from_secs(1);
const ME: &str = "me";

/// An election with a clock that the test moves and a server whose answers the test makes.
struct Bench {
    election: Election,
    now: Moment,
    wall: i64,
    /// The revision of the next write.
    revision: u64,
    /// Requests that have not been answered.
    open: Vec<(RequestId, Request)>,
    /// All actions except requests, in order.
    acted: Vec<Action>,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(Timing::default())
    }

    fn with(timing: Timing) -> Bench {
        Bench {
            election: Election::new(ME.to_owned(), timing),
            now: Moment::from_nanos(1_000_000_000_000),
            wall: 1_700_000_000_000_000,
            revision: 100,
            open: Vec::new(),
            acted: Vec::new(),
        }
    }

    fn step(&mut self, event: Event) -> &mut Bench {
        let now = Now { moment: self.now, wall: WallTime(self.wall), random: 0 };
        for action in self.election.step(event, now) {
            match action {
                Action::Send { id, request } => self.open.push((id, request)),
                other => self.acted.push(other),
            }
        }
        self
    }

    fn woken(&mut self) -> &mut Bench {
        self.step(Event::Woken)
    }

    /// Lets time pass without waking the election.
    fn pass(&mut self, by: Duration) -> &mut Bench {
        self.now = self.now + by;
        self.wall += i64::try_from(by.as_micros()).unwrap();
        self
    }

    /// Lets time pass, and wakes the election whenever it asked for it, but answers nothing.
    fn run(&mut self, by: Duration) -> &mut Bench {
        let end = self.now + by;
        while let Some(at) = self.election.wake_at().filter(|at| *at <= end) {
            assert!(at > self.now, "asked to be woken at {at:?}, which has passed at {:?}", self.now);
            self.pass(at.since(self.now)).woken();
        }
        self.pass(end.since(self.now)).woken()
    }

    /// Takes the only open request.
    #[track_caller]
    fn request(&mut self) -> (RequestId, Request) {
        assert_eq!(self.open.len(), 1, "one request in flight, not {:?}", self.open);
        self.open.remove(0)
    }

    #[track_caller]
    fn answer(&mut self, answer: Answer) -> &mut Bench {
        let (id, _) = self.request();
        self.step(Event::Answered { id, answer })
    }

    /// Answers the only open request, which must be a get.
    #[track_caller]
    fn show(&mut self, observation: Observation) -> &mut Bench {
        assert_eq!(self.open.last().map(|(_, request)| request), Some(&Request::Get));
        self.answer(Answer::Shown(observation))
    }

    /// What the server would store for the only open request, which must be a write.
    #[track_caller]
    fn stored(&mut self) -> View {
        let record = match &self.open.last().expect("a write in flight").1 {
            Request::Create(record) | Request::Replace { record, .. } => record.clone(),
            Request::Get => panic!("a get is in flight, not a write"),
        };
        self.revision += 1;
        View { version: Version { uid: "u".to_owned(), revision: self.revision }, record, successor: None }
    }

    #[track_caller]
    fn commit(&mut self) -> View {
        let view = self.stored();
        self.answer(Answer::Committed(view.clone()));
        view
    }

    /// A record of another holder, under the next revision.
    fn theirs(&mut self, holder: &str) -> View {
        self.revision += 1;
        View {
            version: Version { uid: "u".to_owned(), revision: self.revision },
            record: Record {
                holder: Some(holder.to_owned()),
                duration_seconds: Some(15),
                acquired: Some(WallTime(1)),
                renewed: Some(WallTime(self.wall)),
                transitions: Some(3),
            },
            successor: None,
        }
    }

    /// A Lease without a holder, under the next revision.
    fn free(&mut self) -> View {
        let mut view = self.theirs("");
        view.record.holder = None;
        view
    }

    /// The same record under a new version, as after `kubectl annotate`.
    fn annotated(&mut self, view: &View) -> View {
        self.revision += 1;
        View { version: Version { revision: self.revision, ..view.version.clone() }, ..view.clone() }
    }

    /// A leader of a Lease that did not exist.
    #[track_caller]
    fn leading() -> (Bench, View) {
        let mut bench = Bench::new();
        bench.woken().show(MISSING);
        let view = bench.commit();
        assert!(matches!(bench.take_acts()[..], [Action::Begin(_)]));
        (bench, view)
    }

    /// A candidate that waits for another holder, with a watch.
    fn waiting() -> (Bench, View) {
        Bench::waiting_for(|_| {})
    }

    /// The same, with this change to the other holder's record.
    fn waiting_for(change: impl FnOnce(&mut Record)) -> (Bench, View) {
        let mut bench = Bench::new();
        let mut view = bench.theirs("other");
        change(&mut view.record);
        bench.woken().show(Observation::Present(view.clone())).step(Event::WatchOpened);
        (bench, view)
    }

    /// Checks second by second that the candidate sends nothing except gets, and answers each get with a missing Lease.
    #[track_caller]
    fn acquires_nothing_for(&mut self, seconds: u32) {
        for _ in 0..seconds {
            self.pass(SECOND).woken();
            if !self.open.is_empty() {
                self.show(MISSING);
            }
            assert!(self.is_quiet(), "{:?} {:?}", self.open, self.acted);
        }
    }

    fn take_acts(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.acted)
    }

    fn is_quiet(&self) -> bool {
        self.open.is_empty() && self.acted.is_empty()
    }
}

const MISSING: Observation = Observation::Missing { revision: None };

fn renewal(request: &Request) -> &Record {
    match request {
        Request::Replace { record, .. } => record,
        other => panic!("not a renewal: {other:?}"),
    }
}
