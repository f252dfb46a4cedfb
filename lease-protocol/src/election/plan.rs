//! What to send next, and when: the one place that decides it.

use super::record::{Observation, View};
use super::state::{Election, SeenState};
use super::term::Phase;
use crate::clock::Moment;

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
    /// The next request and the earliest moment for it, as things stand. `None`: nothing until something happens.
    pub(super) fn plan(&self) -> Option<(Moment, Intent)> {
        if self.left {
            return None;
        }
        let (at, intent) = match &self.term {
            Some(term) if term.phase == Phase::Expired => {
                // Bodies of the old term are still there. While one blocks, a new term of this very process would run
                // beside it, and the Lease could not tell.
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

    /// A look, unless one is on its way.
    fn get(&self, at: Moment, probe: bool) -> Option<(Moment, Intent)> {
        self.getting.is_none().then_some((at, Intent::Get { probe }))
    }

    /// A write, unless one is on its way, and is looked after if its answer takes long, or a look has to come first.
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
        // After a conflict or an unknown outcome the term may be lost already: find out at once.
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

    /// C3: the Lease does not exist. A process that never saw it creates it at once, so that a first start is quick. One
    /// that did cannot tell how long the last holder, cut off from the news, still believes in it: it waits as long as for
    /// a silent holder, and looks again.
    fn plan_missing(&self, seen: &SeenState) -> Option<(Moment, Intent)> {
        if seen.confirmed >= self.clear_at {
            return self.write(Moment::ZERO, Intent::Create);
        }
        self.wait_until(self.get(self.clear_at, false), seen, self.clear_at)
    }

    fn plan_present(&self, seen: &SeenState, view: &View) -> Option<(Moment, Intent)> {
        // C4: nobody holds it. Or it is our own, of a term whose bodies are gone, or of a write whose answer never came.
        if view.record.holder().is_none() || self.is_mine() {
            if self.given_up.iter().any(|write| write.wrote(view)) {
                // The watch has shown what a look may begin a term by (R1). Another write would end that term.
                return self.get(self.clear_at, false);
            }
            return self.write(self.clear_at, Intent::Acquire);
        }
        // C2: the holder's own duration counts, not ours: it may run with longer timings. The write names the version
        // that was seen, so a renewal which we have not heard of makes it fail.
        let wait = view.record.duration_or(self.timing.lease_duration);
        let free_at = (seen.since + wait).max(self.clear_at);
        self.wait_until(self.write(free_at, Intent::Acquire), seen, free_at)
    }

    /// While waiting for `then`: look from time to time where there is no watch, and once before the end of the wait where
    /// there is one, in case it is deaf.
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

    /// H5: we come here only when no body is left. A release that comes before lets the successor start beside us.
    fn plan_leaving(&self) -> Option<(Moment, Intent)> {
        if self.stale || (self.is_mine() && !self.disqualified) {
            self.write(Moment::ZERO, Intent::Release)
        } else {
            None
        }
    }
}
