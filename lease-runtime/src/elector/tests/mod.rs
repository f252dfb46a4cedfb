//! Elections against the embedded API, in virtual time.

mod altered;
mod bodies;
#[cfg(feature = "http2")]
mod certificates;
#[cfg(unix)]
mod credentials;
mod faults;
mod inflight;
pub(crate) mod log;
mod refusals;
mod running;
mod server_time;
mod shared;
mod shown;
mod storms;
mod traffic;
mod watched;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::clock::{Moment, TokioClock, WallTime};
use crate::embedded::{EmbeddedApi, Entry, RecordedRequest, RequestMatcher, Settings, Verb};
use crate::term::{DrainToken, Term};
use lease_protocol::election::StopReason;

const LEASE: &str = "ledger";
const NAMESPACE: &str = "default";
/// Generous, because time is virtual. What has not happened by then does not happen.
const BOUND: Duration = Duration::from_secs(3600);

/// One API server and a virtual clock that all replicas share.
struct World {
    api: EmbeddedApi,
    clock: Arc<dyn Clock>,
}

impl World {
    /// Call it on a paused runtime.
    fn new() -> World {
        let clock = TokioClock::starting_at(WallTime(1_700_000_000_000_000));
        let api = EmbeddedApi::with(Settings::default().clock(clock).seed(7));
        World { api, clock: Arc::new(clock) }
    }

    /// A replica that takes part, with its name as caller and identity.
    fn replica(&self, name: &str) -> Replica {
        self.replica_with(name, Timing::default())
    }

    fn replica_with(&self, name: &str, timing: Timing) -> Replica {
        let client = self.api.client_as(name, NAMESPACE);
        let elector =
            Elector::start(Connection::Client(client), name.into(), Arc::clone(&self.clock), Vec::new()).unwrap();
        let election = elector.contend(LeaseId::new(NAMESPACE, LEASE), timing);
        Replica { elector, election, clock: Arc::clone(&self.clock) }
    }

    fn holder(&self) -> Option<String> {
        self.api.lease(NAMESPACE, LEASE)?.spec?.holder_identity
    }

    /// How many requests of a caller match `which`.
    fn count(&self, caller: &str, which: impl Fn(&Entry) -> bool) -> usize {
        self.api.requests().count(|entry| entry.call.caller == caller && which(entry))
    }

    fn of(&self, caller: &str, verb: Verb) -> usize {
        self.count(caller, |entry| entry.call.verb == verb)
    }

    /// Requests of a caller per minute from now on, over `minutes`.
    async fn rate(&self, caller: &str, minutes: u64) -> f64 {
        let before = self.count(caller, |_| true);
        secs(60 * minutes).await;
        (self.count(caller, |_| true) - before) as f64 / minutes as f64
    }
}

/// One process and its election.
struct Replica {
    elector: Elector,
    election: ElectionHandle,
    clock: Arc<dyn Clock>,
}

/// A term and the token of its one body.
struct Led {
    term: Term,
    /// When it is dropped, the term is drained.
    _alive: DrainToken,
}

impl Replica {
    async fn term(&mut self) -> Led {
        let term = tokio::time::timeout(BOUND, self.election.terms.recv()).await;
        let (term, alive) = term.expect("no term within an hour").expect("the election has ended");
        Led { term, _alive: alive }
    }

    /// The next term, and how long it took to begin.
    async fn term_after(&mut self) -> (Led, Duration) {
        let before = self.clock.now();
        let led = self.term().await;
        (led, self.clock.now().since(before))
    }

    fn status(&self) -> LeaseStatus {
        self.election.status.borrow().clone()
    }

    async fn status_until(&mut self, want: impl Fn(&LeaseStatus) -> bool) -> LeaseStatus {
        let status = tokio::time::timeout(BOUND, self.election.status.wait_for(|status| want(status))).await;
        status.expect("not within an hour").expect("the election has ended").clone()
    }
}

impl Led {
    fn goes_on(&self) -> bool {
        self.term.stop_reason().is_none() && self.term.check().is_ok()
    }
}

fn from(caller: &'static str) -> RequestMatcher {
    RequestMatcher::any().caller(caller)
}

fn is_watch_of(caller: &'static str) -> impl Fn(&RecordedRequest) -> bool {
    move |call| call.caller == caller
}

async fn secs(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

async fn millis(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Waits until `done` holds, with a generous time limit.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..60_000 {
        if done() {
            return;
        }
        millis(10).await;
    }
    panic!("{what} did not happen within ten minutes");
}
