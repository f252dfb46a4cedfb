//! What this process remembers about the Leases that it has seen.
//!
//! A process that has seen a Lease must not create it at once when it is gone (rule C3), and must not lead with a token below one
//! that it has seen (rule W3). This concerns the process, not one election: a task may end and another may be added for the same
//! lease, or a candidate may be dropped and built anew.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::lease::LeaseId;
use lease_protocol::election::Memory;

/// What is known of the clusters that this process has talked to, by their addresses. The only global state of elections.
static CLUSTERS: Mutex<BTreeMap<String, ProcessMemory>> = Mutex::new(BTreeMap::new());

/// What is known of the Leases of one cluster. A cheap handle.
#[derive(Clone, Default)]
pub(super) struct ProcessMemory(Arc<Mutex<KnownLease>>);

#[derive(Default)]
struct KnownLease {
    /// Everything about Leases whose election ended recently, and until when it matters.
    recent: HashMap<LeaseId, (Memory, Moment)>,
    /// Of all others, only that they have been seen, in eight bytes each. If two share a hash, one waits without need.
    met: HashSet<u64>,
    hasher: RandomState,
    /// The longest lease duration and the highest revision that were ever seen here.
    longest: Duration,
    highest: u64,
}

impl ProcessMemory {
    /// The memory of the cluster at `url`. If `clock` is the system's, all candidates of the process share it. The instants of a
    /// virtual clock mean nothing to another, so with such a clock the memory is empty.
    pub(super) fn of(url: &str, clock: &dyn Clock) -> ProcessMemory {
        if !clock.is_system() {
            return ProcessMemory::default();
        }
        CLUSTERS.lock().unwrap_or_else(PoisonError::into_inner).entry(url.to_owned()).or_default().clone()
    }

    /// What is known of a Lease.
    pub(super) fn recall(&self, lease: &LeaseId) -> Memory {
        let known = self.known();
        if let Some((memory, _)) = known.recent.get(lease) {
            return memory.clone().above(known.highest);
        }
        let met = known.met.contains(&known.hasher.hash_one(lease));
        Memory::from_long_ago(met, known.longest).above(known.highest)
    }

    /// An election of a Lease has ended at `now`, and has learned this.
    pub(super) fn keep(&self, lease: &LeaseId, memory: Memory, now: Moment) {
        let mut known = self.known();
        let known = &mut *known;
        known.longest = known.longest.max(memory.last_duration());
        known.highest = known.highest.max(memory.highest());
        // After this time, no other process can still believe that it holds the lease. That the Lease was seen stays known.
        known.recent.retain(|lease, (memory, until)| {
            let stays = memory.is_disqualified() || *until > now;
            if !stays && memory.has_existed() {
                known.met.insert(known.hasher.hash_one(lease));
            }
            stays
        });
        if memory.has_existed() {
            let until = memory.clear_at().max(now) + memory.last_duration();
            known.recent.insert(lease.clone(), (memory, until));
        }
    }

    fn known(&self) -> MutexGuard<'_, KnownLease> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{SystemClock, TokioClock, WallTime};
    use lease_protocol::election::{Election, Event, Now, Observation, Record, Timing, Version, View};

    /// The memory of an election that has seen a Lease at `at`.
    fn seen(at: Moment) -> Memory {
        let mut election = Election::new("a".to_owned(), Timing::default());
        let version = Version { uid: "u".to_owned(), revision: 7 };
        let record = Record { holder: Some("b".to_owned()), duration_seconds: Some(60), ..Record::default() };
        let now = Now { moment: at, wall: WallTime(0), random: 0 };
        election.step(Event::Seen(Observation::Present(View { version, record, successor: None })), now);
        election.memory()
    }

    #[test]
    fn a_name_that_was_used_once_leaves_eight_bytes() {
        let process_memory = ProcessMemory::default();
        for number in 0..10_000_u64 {
            let at = Moment::from_nanos(number * 1_000_000_000);
            process_memory.keep(&LeaseId::new("jobs", format!("once-{number}")), seen(at), at);
        }
        let known = process_memory.known();
        assert!(known.recent.len() <= 61, "{}", known.recent.len());
        assert!(known.met.len() >= 9_900, "{}", known.met.len());
        drop(known);
        // It still counts as seen: its tokens do not begin anew, and its holder may still be there.
        let old = process_memory.recall(&LeaseId::new("jobs", "once-0"));
        assert!(old.has_existed() && old.last_duration() == Duration::from_secs(60));
        assert!(!process_memory.recall(&LeaseId::new("jobs", "never")).has_existed());
    }

    #[test]
    fn what_is_known_is_of_the_process_and_its_clock() {
        let lease = LeaseId::new("jobs", "ledger");
        let now = SystemClock.now();
        ProcessMemory::of("https://a.test", &SystemClock).keep(&lease, seen(now), now);
        assert!(ProcessMemory::of("https://a.test", &SystemClock).recall(&lease).has_existed());
        assert!(!ProcessMemory::of("https://b.test", &SystemClock).recall(&lease).has_existed());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let virtual_clock = runtime.block_on(async { TokioClock::starting_at(WallTime(0)) });
        assert!(!ProcessMemory::of("https://a.test", &virtual_clock).recall(&lease).has_existed());
    }
}
