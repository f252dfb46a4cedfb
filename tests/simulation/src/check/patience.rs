//! C2: a candidate takes a lease over no earlier than a lease duration after the record of the holder has reached it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Broken, must};
use crate::engine::{Nanos, Who};
use crate::journal::{Event, Holder, LeaseName, Stamp, Stored, Verb};

/// How many records and writes are remembered of each process. A takeover is about the newest.
const REMEMBERED: usize = 64;

/// What the processes have waited for.
pub(super) struct Patience {
    lease_duration: Duration,
    rates: Vec<u64>,
    /// When a record has reached a process for the first time.
    reached: BTreeMap<(Who, LeaseName), VecDeque<(String, Nanos)>>,
    /// When a process has sent a write, by the number of its request.
    sent: BTreeMap<Who, VecDeque<(u64, Nanos)>>,
}

impl Patience {
    pub(super) fn new(lease_duration: Duration, rates: Vec<u64>) -> Patience {
        Patience { lease_duration, rates, reached: BTreeMap::new(), sent: BTreeMap::new() }
    }

    pub(super) fn see(&mut self, at: Nanos, event: &Event) -> Result<(), Broken> {
        match event {
            Event::Arrived { who, stamps, .. } => stamps.iter().for_each(|stamp| self.arrived(at, *who, stamp)),
            Event::Sent { who, number, verb: Verb::Write, .. } => {
                push(self.sent.entry(*who).or_default(), (*number, at));
            }
            Event::Stored(stored) => return self.stored(stored),
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

    fn stored(&self, stored: &Stored) -> Result<(), Broken> {
        let (Some((by, number)), Some(before), Some(after)) = (stored.by, &stored.before, &stored.after) else {
            return Ok(());
        };
        // A stranger may have written a shorter duration.
        let from_another = matches!(before.holder, Holder::Process(holder) if holder != by);
        let takes_over = from_another && after.holder == Holder::Process(by);
        let (true, Some(stamp)) = (takes_over, &before.stamp) else { return Ok(()) };
        let reached = self.reached.get(&(by, stored.lease)).into_iter().flatten();
        let reached = reached.filter(|(time, _)| time == stamp).map(|(_, at)| *at).next();
        let sent = self.sent.get(&by).into_iter().flatten();
        let sent = sent.filter(|(of, _)| *of == number).map(|(_, at)| *at).next();
        // A process that was killed may have a write on its way.
        let Some(sent) = sent else { return Ok(()) };
        must!(reached.is_some(), "C2: {by} takes {} over, and its record has never reached {by}", stored.lease);
        let rate = self.rates.get(usize::from(by.node)).copied().unwrap_or(1000);
        let least = self.lease_duration * 1000 / u32::try_from(rate).unwrap_or(1000);
        // Two nanoseconds for the rounding of two conversions.
        let waited = Duration::from_nanos(sent.saturating_sub(reached.unwrap_or_default()) + 2);
        must!(
            waited >= least,
            "C2: {by} takes {} over {waited:?} after it saw the record, and not {least:?}",
            stored.lease
        );
        Ok(())
    }
}

/// Remembers the newest.
fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == REMEMBERED {
        queue.pop_front();
    }
    queue.push_back(item);
}
