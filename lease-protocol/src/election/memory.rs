//! What a process knows of a Lease independently of any election. Rules C3, D1 and W3 use it.

use std::time::Duration;

use super::dead::Dead;
use super::record::Observation;
use super::state::{Election, SeenState};
use super::timing::Timing;
use crate::clock::{Moment, WallTime};

/// What a process knows of a Lease. It outlives the election that learned it: the next election of the same process
/// begins with it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Memory {
    /// There has been a Lease of this name.
    pub(super) existed: bool,
    pub(super) known: Option<String>,
    pub(super) last_duration: Duration,
    pub(super) clear_at: Moment,
    pub(super) highest: u64,
    /// The highest revision that was seen in the cluster. Tokens must be higher.
    pub(super) floor: u64,
    pub(super) disqualified: bool,
    pub(super) disqualified_by: u64,
    pub(super) written: Option<WallTime>,
    /// Proofs never become false (rule D1).
    pub(super) dead: Dead,
}

impl Memory {
    /// The part that is still needed long after the last observation: whether the Lease existed, and for how long its
    /// holder may believe that it leads.
    pub fn from_long_ago(existed: bool, last_duration: Duration) -> Memory {
        Memory {
            existed,
            known: None,
            last_duration,
            clear_at: Moment::ZERO,
            highest: 0,
            floor: 0,
            disqualified: false,
            disqualified_by: 0,
            written: None,
            dead: Dead::default(),
        }
    }

    /// The same, with the knowledge that the cluster has reached this revision.
    pub fn above(self, revision: u64) -> Memory {
        Memory { floor: self.floor.max(revision), ..self }
    }

    /// There has been a Lease of this name.
    pub fn has_existed(&self) -> bool {
        self.existed
    }

    /// For how long the last holder that was seen may still believe that it leads.
    pub fn last_duration(&self) -> Duration {
        self.last_duration
    }

    /// Until this moment the holder of a deleted Lease may still believe that it leads.
    pub fn clear_at(&self) -> Moment {
        self.clear_at
    }

    /// The highest revision that was seen.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// This process does not lead again under this lease.
    pub fn is_disqualified(&self) -> bool {
        self.disqualified
    }
}

impl Election {
    /// Like [`new`](Self::new), for a process that already knows the Lease.
    pub fn recalling(identity: String, timing: Timing, memory: Memory) -> Election {
        let Memory {
            existed,
            known,
            last_duration,
            clear_at,
            highest,
            floor,
            disqualified,
            disqualified_by,
            written,
            dead,
        } = memory;
        let last_duration = last_duration.max(timing.lease_duration);
        let new = Election::new(identity, timing);
        Election {
            existed,
            known,
            last_duration,
            clear_at,
            highest,
            floor,
            disqualified,
            disqualified_by,
            written,
            dead,
            ..new
        }
    }

    /// What this process knows of the Lease now.
    pub fn memory(&self) -> Memory {
        Memory {
            existed: self.existed,
            known: self.known.clone(),
            last_duration: self.last_duration,
            clear_at: self.clear_at,
            highest: self.highest,
            floor: self.floor,
            disqualified: self.disqualified,
            disqualified_by: self.disqualified_by,
            written: self.written,
            dead: self.dead.clone(),
        }
    }

    /// C3: a missing Lease was not observed for so long that another Lease may have been created and deleted in
    /// between, and the holder of that one may not have noticed the deletion yet.
    pub(super) fn has_gap(&self, now: Moment) -> bool {
        let unseen = match &self.seen {
            None => true,
            Some(SeenState { observation: Observation::Missing { .. }, .. }) => now >= self.blind_at,
            Some(_) => false,
        };
        self.existed && self.known.is_none() && unseen
    }
}
