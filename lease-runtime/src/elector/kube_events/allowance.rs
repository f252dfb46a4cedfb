//! How many Events each lease may have.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Moment;
use crate::lease::LeaseId;

/// How many Events a lease may have at once.
const BURST: u32 = 5;
/// How long it takes until it may have one more.
const INTERVAL: Duration = Duration::from_secs(5);
/// So many leases are remembered before those that have all of their allowance again are forgotten.
const REMEMBERED: usize = 256;

/// The allowances of all leases of a candidate: a burst, and then one Event in each interval. They outlive the elections, because
/// a program may add and end tasks of one lease again and again.
#[derive(Default)]
pub(super) struct Allowances {
    /// When each lease has all of its allowance again.
    full_at: BTreeMap<LeaseId, Moment>,
    /// The length at which leases are forgotten next.
    limit: usize,
}

impl Allowances {
    /// Whether the lease may have an Event now. If so, it counts.
    pub(super) fn take(&mut self, lease: &LeaseId, now: Moment) -> bool {
        if let Some(full_at) = self.full_at.get_mut(lease) {
            let from = (*full_at).max(now);
            if from.after(now) > INTERVAL * (BURST - 1) {
                return false;
            }
            *full_at = from + INTERVAL;
            return true;
        }
        if self.full_at.len() >= self.limit.max(REMEMBERED) {
            self.full_at.retain(|_, full_at| *full_at > now);
            // With very many busy leases, not for each new one.
            self.limit = self.full_at.len() * 2;
        }
        self.full_at.insert(lease.clone(), now + INTERVAL);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(name: usize) -> LeaseId {
        LeaseId::new("jobs", format!("ledger-{name}"))
    }

    #[test]
    fn a_lease_has_a_burst_and_then_one_event_in_each_interval() {
        let mut allowances = Allowances::default();
        let mut now = Moment::ZERO + Duration::from_secs(1_000);
        let mut taken = |name: usize, now: Moment| allowances.take(&lease(name), now);
        assert_eq!((0..20).filter(|_| taken(0, now)).count(), 5);
        assert!(taken(1, now), "another lease has an allowance of its own");
        now = now + Duration::from_millis(4_999);
        assert!(!taken(0, now));
        now = now + Duration::from_millis(1);
        assert!(taken(0, now) && !taken(0, now));
        now = now + Duration::from_secs(10);
        assert_eq!((0..20).filter(|_| taken(0, now)).count(), 2);
        now = now + Duration::from_secs(3_600);
        assert_eq!((0..20).filter(|_| taken(0, now)).count(), 5, "it never has more than a burst");
    }

    #[test]
    fn leases_that_are_quiet_are_forgotten() {
        let mut allowances = Allowances::default();
        let mut now = Moment::ZERO;
        for name in 0..100_000 {
            assert!(allowances.take(&lease(name), now));
            now = now + Duration::from_millis(100);
        }
        assert!(allowances.full_at.len() <= REMEMBERED, "{}", allowances.full_at.len());
        for name in 0..1_000 {
            assert!(allowances.take(&lease(name), now));
        }
        assert!(allowances.full_at.len() >= 1_000, "a busy lease must keep its allowance");
    }
}
