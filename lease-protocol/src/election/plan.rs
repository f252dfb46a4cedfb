//! Decides what to send next, and when.

use super::record::{Observation, View};
use super::state::{Election, SeenState};
use super::term::Phase;
use crate::clock::Moment;

/// For how many retry periods a candidate leaves a released lease to the successor of its holder (rule C5).
const YIELDED_PERIODS: u32 = 2;

/// A request that the election wants to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Intent {
    Get { probe: bool },
    Create,
    Acquire,
    Renew,
    Release,
}

impl Election {
    /// The next request and the earliest moment for it, in the current state. `None` if nothing is to be sent until
    /// something happens.
    pub(super) fn plan(&self) -> Option<(Moment, Intent)> {
        if self.left {
            return None;
        }
        let (at, intent) = match &self.term {
            Some(term) if term.phase == Phase::Expired => {
                // H6: bodies of the old term still exist. If one of them blocks, a new term of the same process would
                // run beside it, and no observation of the Lease could reveal this.
                return None; // H6
            }
            Some(term) if term.hurry => self.plan_holding(Moment::ZERO)?,
            Some(term) => self.plan_holding(term.renew_at)?,
            None if self.contending && !self.disqualified => self.plan_standby()?,
            None if self.contending => return None,
            None => self.plan_leaving()?,
        };
        Some((at.max(self.pace.gate()), intent))
    }

    /// A get, unless one is in flight.
    fn get(&self, at: Moment, probe: bool) -> Option<(Moment, Intent)> {
        self.getting.is_none().then_some((at, Intent::Get { probe }))
    }

    /// A write. If one is already in flight, a get that checks on it when its answer takes long. If W1 asks for it, a
    /// get before the write.
    fn write(&self, at: Moment, intent: Intent) -> Option<(Moment, Intent)> {
        if let Some(write) = &self.writing {
            self.get(write.get_at?, false)
        } else if self.stale || self.seen.is_none() {
            self.get(at, false)
        } else {
            Some((at, intent))
        }
    }

    fn plan_holding(&self, due: Moment) -> Option<(Moment, Intent)> {
        // After a conflict or an unknown outcome the term may be lost already. A get at once finds out.
        let at = if self.stale { Moment::ZERO } else { due };
        self.write(at, Intent::Renew)
    }

    fn plan_standby(&self) -> Option<(Moment, Intent)> {
        if self.stale {
            return self.write(Moment::ZERO, Intent::Acquire);
        }
        match &self.seen {
            None => self.get(Moment::ZERO, false),
            Some(seen @ SeenState { observation: Observation::Missing { .. }, .. }) => self.plan_missing(seen),
            Some(seen @ SeenState { observation: Observation::Present(view), .. }) => self.plan_present(seen, view),
        }
    }

    /// C3: the Lease does not exist. A process that never saw it creates it at once, so that a first start is quick. A
    /// process that saw it cannot know how long the last holder, if it is cut off, still believes that it leads. It
    /// waits as long as for a silent holder, and gets the Lease again.
    fn plan_missing(&self, seen: &SeenState) -> Option<(Moment, Intent)> {
        if seen.confirmed >= self.clear_at {
            return self.write(Moment::ZERO, Intent::Create);
        }
        self.wait_until(self.get(self.clear_at, false), seen, self.clear_at)
    }

    fn plan_present(&self, seen: &SeenState, view: &View) -> Option<(Moment, Intent)> {
        // C4: the lease has no holder. Or it is our own record, of a term whose bodies are gone or of a write that was
        // never answered.
        if view.record.holder().is_none() || self.is_mine() {
            if self.given_up.iter().any(|write| write.wrote(view)) {
                // R1: the watch has shown our write, and only a get may begin a term with it. Another write would
                // replace the record and so prevent this term.
                return self.get(self.clear_at, false);
            }
            let acquire = |at: Moment| self.write(at.max(self.clear_at), Intent::Acquire);
            return match self.yields_until(seen, view) {
                None => acquire(self.clear_at),
                Some(at) => self.wait_until(acquire(at), seen, at.max(self.clear_at)),
            };
        }
        if self.holder_dead_since(view).is_some() {
            // C6: the bodies of the holder have ended, so there is nothing to wait for. The write names the version that was
            // seen: the process may be dead, but what it has sent is not, and another process may have taken the lease. The
            // proof says nothing about the holder of another Lease, so it does not shorten C3.
            return self.write(self.clear_at, Intent::Acquire);
        }
        // C2: the holder's own duration counts and not ours, because the holder may use longer timings. The write names
        // the version that was seen, so it fails if the holder has renewed without this process seeing it.
        let wait = view.record.duration_or(self.timing.lease_duration);
        let free_at = (seen.since + wait).max(self.clear_at);
        self.wait_until(self.write(free_at, Intent::Acquire), seen, free_at)
    }

    /// C5: the last holder has released the lease for another candidate. That one may have no watch, so it sees the
    /// release with its next poll, after at most 1.2 retry periods, and the rest is for its write. If it is gone, the
    /// wait is lost time. The wait counts from when *this* process saw the release, by its own clock, and another name
    /// does not extend it.
    ///
    /// This delays an acquisition and changes nothing else, so safety does not rest on it: without it, a candidate may
    /// acquire at once (C4). It does not matter who wrote the name.
    fn yields_until(&self, seen: &SeenState, view: &View) -> Option<Moment> {
        let to_another = view.record.holder().is_none() && view.successor.is_some() && !self.is_successor(view);
        to_another.then(|| seen.since + self.timing.retry_period * YIELDED_PERIODS)
    }

    /// While waiting for `then`: without a watch, get the Lease from time to time. With a watch, get it once before the
    /// end of the wait, in case the watch delivers nothing.
    fn wait_until(
        &self,
        then: Option<(Moment, Intent)>,
        seen: &SeenState,
        free_at: Moment,
    ) -> Option<(Moment, Intent)> {
        let get = if self.watching {
            let probe_at = seen.since + free_at.since(seen.since) * 2 / 3;
            if seen.confirmed < probe_at { self.get(probe_at, true) } else { None }
        } else {
            self.get(self.poll_at, false)
        };
        [get, then].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// H5: this is called only when no body is left. An earlier release would let the successor start beside our
    /// bodies.
    fn plan_leaving(&self) -> Option<(Moment, Intent)> {
        if self.stale || (self.is_mine() && !self.disqualified) {
            self.write(Moment::ZERO, Intent::Release)
        } else {
            None
        }
    }
}
