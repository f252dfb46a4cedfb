//! S2: a poll starts before the last instant that an acknowledged write allows.

use std::collections::BTreeMap;

use super::{Broken, must};
use crate::engine::{Nanos, Who};
use crate::journal::{Event, Holder, LeaseName, Stamp, Stored, Verb};
use lease_protocol::election::Timing;

/// The writes of all processes, and what they allow.
pub(super) struct Guard {
    timing: Timing,
    rates: Vec<u64>,
    /// The renew time in each write, by the number of its request.
    writes: BTreeMap<(Who, u64), String>,
    /// When a write was sent for the first time. It may be sent again beside the first.
    sent: BTreeMap<(Who, LeaseName, String), Nanos>,
    /// When a process last read a Lease.
    reads: BTreeMap<(Who, LeaseName), Vec<Nanos>>,
    /// From when a state that a process has written counts for it.
    granted: BTreeMap<(Who, Stamp), Nanos>,
    /// From when the last acknowledged write counts.
    counts_from: BTreeMap<(Who, LeaseName), Nanos>,
}

/// How many reads are remembered: more than a process sends while a write is unanswered.
/// How many writes of a process are remembered.
const WRITES: usize = 256;
/// How many reads of a process are remembered.
const READS: usize = 64;

impl Guard {
    pub(super) fn new(timing: Timing, rates: Vec<u64>) -> Guard {
        Guard {
            timing,
            rates,
            writes: BTreeMap::new(),
            sent: BTreeMap::new(),
            reads: BTreeMap::new(),
            granted: BTreeMap::new(),
            counts_from: BTreeMap::new(),
        }
    }

    pub(super) fn see(&mut self, at: Nanos, event: &Event) -> Result<(), Broken> {
        match event {
            Event::Sent { who, number, verb: Verb::Write, lease: Some(lease), stamp: Some(stamp), .. } => {
                self.forget_old(at, *who);
                self.writes.insert((*who, *number), stamp.clone());
                self.sent.entry((*who, lease, stamp.clone())).or_insert(at);
            }
            Event::Sent { who, verb: Verb::Get, lease: Some(lease), .. } => {
                let reads = self.reads.entry((*who, lease)).or_default();
                reads.push(at);
                if reads.len() > READS {
                    reads.remove(0);
                }
            }
            Event::Stored(stored) => self.stored(at, stored),
            Event::Arrived { who, stamps, .. } => stamps.iter().for_each(|stamp| self.acknowledged(*who, stamp)),
            Event::Polled { who, lease, token, .. } => return self.polled(at, *who, lease, *token),
            Event::Gone { who } => self.forget(*who),
            _ => {}
        }
        Ok(())
    }

    /// A write took effect. It counts from when it was sent, or from a read that was sent later and before it took effect.
    fn stored(&mut self, at: Nanos, stored: &Stored) {
        let (Some((who, number)), Some(after)) = (stored.by, &stored.after) else { return };
        let (Some(stamp), Holder::Process(holder)) = (&after.stamp, after.holder) else { return };
        let Some(written) = self.writes.get(&(who, number)).filter(|_| holder == who) else { return };
        let Some(sent) = self.sent.get(&(who, stored.lease, written.clone())) else { return };
        let reads = self.reads.get(&(who, stored.lease)).into_iter().flatten();
        let read = reads.filter(|read| **read <= at).max().copied().unwrap_or_default();
        self.granted.insert((who, Stamp { lease: stored.lease, time: stamp.clone() }), read.max(*sent));
    }

    fn acknowledged(&mut self, who: Who, stamp: &Stamp) {
        let Some(from) = self.granted.get(&(who, stamp.clone())) else { return };
        let counts_from = self.counts_from.entry((who, stamp.lease)).or_default();
        *counts_from = (*counts_from).max(*from);
    }

    fn polled(&self, at: Nanos, who: Who, lease: LeaseName, token: u64) -> Result<(), Broken> {
        let from = self.counts_from.get(&(who, lease));
        let rate = self.rates.get(usize::from(who.node)).copied().unwrap_or(1000);
        let allowed = self.timing.drop_after() * 1000 / u32::try_from(rate).unwrap_or(1000);
        let allowed = u64::try_from(allowed.as_nanos()).unwrap_or(u64::MAX);
        // Two nanoseconds for the rounding of two conversions.
        let late = from.map(|from| at.saturating_sub(from + allowed + 2));
        must!(late.is_some(), "S2: term {token} of {who} is polled, and no write of {lease} was acknowledged");
        must!(
            late == Some(0),
            "S2: term {token} of {who} is polled {} ms after the last instant that an acknowledged write of {lease} allows",
            late.unwrap_or_default() / 1_000_000
        );
        Ok(())
    }

    /// What was sent long ago extends no term any more. A process may live for a year.
    fn forget_old(&mut self, at: Nanos, of: Who) {
        let long_ago = at.saturating_sub(u64::try_from(8 * self.timing.lease_duration.as_nanos()).unwrap_or(u64::MAX));
        self.sent.retain(|_, sent| *sent >= long_ago);
        self.granted.retain(|_, from| *from >= long_ago);
        let writes = self.writes.range((of, 0)..=(of, u64::MAX)).count();
        if writes > WRITES
            && let Some((first, _)) = self.writes.range((of, 0)..).next()
        {
            let first = *first;
            self.writes.remove(&first);
        }
    }

    fn forget(&mut self, gone: Who) {
        self.writes.retain(|(who, _), _| *who != gone);
        self.sent.retain(|(who, _, _), _| *who != gone);
        self.granted.retain(|(who, _), _| *who != gone);
    }
}
