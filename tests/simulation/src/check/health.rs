//! L1: within a bound after the last fault, one process leads each Lease, and it continues to lead.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Broken, must};
use crate::engine::{Nanos, Who};
use crate::journal::{Event, LeaseName};

/// The continuous work on each Lease after the faults.
pub(super) struct Health {
    leases: Vec<LeaseName>,
    beat: Duration,
    from: Option<Nanos>,
    polls: BTreeMap<(LeaseName, Who, u64), u64>,
}

impl Health {
    pub(super) fn new(leases: Vec<LeaseName>, beat: Duration) -> Health {
        Health { leases, beat, from: None, polls: BTreeMap::new() }
    }

    pub(super) fn begins(&mut self, from: Nanos) {
        self.from = Some(from);
    }

    pub(super) fn see(&mut self, at: Nanos, event: &Event) {
        let Event::Polled { who, lease, task: "work", token, .. } = event else { return };
        if self.from.is_some_and(|from| at >= from) {
            *self.polls.entry((lease, *who, *token)).or_default() += 1;
        }
    }

    /// The leader of each Lease after the faults, and its fencing token.
    pub(super) fn leaders(&self) -> impl Iterator<Item = (LeaseName, Who, u64)> {
        self.polls.keys().copied()
    }

    pub(super) fn conclude(&self, at: Nanos) -> Result<(), Broken> {
        let Some(from) = self.from else { return Ok(()) };
        // A clock may be slow by a tenth.
        let expected = Duration::from_nanos(at - from).mul_f64(0.9).div_duration_f64(self.beat) as u64;
        for lease in &self.leases {
            let leaders: Vec<_> = self.polls.iter().filter(|((of, ..), _)| of == lease).collect();
            must!(!leaders.is_empty(), "L1: nobody leads {lease} after the faults");
            must!(leaders.len() == 1, "L1: {lease} changes hands without a fault: {leaders:?}");
            let polls: u64 = leaders.iter().map(|(_, count)| **count).sum();
            must!(polls + 4 >= expected, "L1: {lease} was worked on {polls} times, and not {expected} times");
        }
        Ok(())
    }
}
