//! C2: a candidate takes a lease over no earlier than a lease duration after the record of the holder has reached it, unless the holder
//! is proven dead.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::deaths::Deaths;
use super::{Broken, must};
use crate::engine::{Nanos, Who};
use crate::journal::{Event, Holder, LeaseName, Stamp, Stored, Verb};
use crate::tally::Tally;

/// How many records and writes are remembered of each process. A takeover is about the newest.
const REMEMBERED: usize = 64;

/// Of two conversions.
const ROUNDING: Nanos = 2;

/// What the processes have waited for.
pub(super) struct Patience {
    lease_duration: Duration,
    rates: Vec<u64>,
    /// When a record has reached a process for the first time.
    reached: BTreeMap<(Who, LeaseName), VecDeque<(String, Nanos)>>,
    /// When a process has sent a write, by the number of its request.
    sent: BTreeMap<Who, VecDeque<(u64, Nanos)>>,
    deaths: Deaths,
}

impl Patience {
    pub(super) fn new(lease_duration: Duration, rates: Vec<u64>, machines: Vec<Option<u8>>) -> Patience {
        let deaths = Deaths::new(machines);
        Patience { lease_duration, rates, reached: BTreeMap::new(), sent: BTreeMap::new(), deaths }
    }

    pub(super) fn see(&mut self, at: Nanos, event: &Event, tally: &mut Tally) -> Result<(), Broken> {
        self.deaths.see(at, event, tally);
        match event {
            Event::Arrived { who, stamps, .. } => stamps.iter().for_each(|stamp| self.arrived(at, *who, stamp)),
            Event::Sent { who, number, verb: Verb::Write, .. } => {
                push(self.sent.entry(*who).or_default(), (*number, at));
            }
            Event::Stored(stored) => return self.stored(stored, tally),
            Event::Gone { who } => {
                self.reached.retain(|(of, _), _| of != who);
                self.sent.remove(who);
            }
            _ => {}
        }
        Ok(())
    }

    fn arrived(&mut self, at: Nanos, who: Who, stamp: &Stamp) {
        let reached = self.reached.entry((who, stamp.lease)).or_default();
        if reached.iter().all(|(time, _)| *time != stamp.time) {
            push(reached, (stamp.time.clone(), at));
        }
    }

    fn stored(&mut self, stored: &Stored, tally: &mut Tally) -> Result<(), Broken> {
        let (Some((by, number)), Some(before), Some(after)) = (stored.by, &stored.before, &stored.after) else {
            return Ok(());
        };
        // A stranger may have written a shorter duration.
        let Holder::Process(holder) = before.holder else { return Ok(()) };
        let takes_over = holder != by && after.holder == Holder::Process(by);
        let (true, Some(stamp)) = (takes_over, &before.stamp) else { return Ok(()) };
        let reached = self.reached.get(&(by, stored.lease)).into_iter().flatten();
        let reached = reached.filter(|(time, _)| time == stamp).map(|(_, at)| *at).next();
        let sent = self.sent.get(&by).into_iter().flatten();
        let sent = sent.filter(|(of, _)| *of == number).map(|(_, at)| *at).next();
        // A process that was killed may have a write on its way.
        let Some(sent) = sent else { return Ok(()) };
        must!(reached.is_some(), "C2: {by} takes {} over, and its record has never reached {by}", stored.lease);
        if sent.saturating_sub(reached.unwrap_or_default()) + ROUNDING < self.least(by) {
            tally.add("leases taken by proof of death");
            return self.deaths.takes_at_once(stored.lease, by, holder, sent);
        }
        if self.deaths.waits_although_dead(by, holder) {
            tally.add("leases of a dead process waited for, after three in a row");
        }
        Ok(())
    }

    /// How long a process has to wait, in global time.
    fn least(&self, by: Who) -> Nanos {
        let rate = self.rates.get(usize::from(by.node)).copied().unwrap_or(1000);
        let least = self.lease_duration * 1000 / u32::try_from(rate).unwrap_or(1000);
        Nanos::try_from(least.as_nanos()).unwrap_or(Nanos::MAX)
    }
}

/// Remembers the newest.
fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == REMEMBERED {
        queue.pop_front();
    }
    queue.push_back(item);
}
