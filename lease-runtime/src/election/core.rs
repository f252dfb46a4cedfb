//! The state machine.

use super::step::{Action, Event, Now};
use super::timing::Timing;
use crate::clock::Moment;

/// One process in the election of one lease.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Election {
    identity: String,
    timing: Timing,
}

/// Where a process stands in an election.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Not taking part.
    Out,
    /// Waiting for the lease.
    Standby,
    /// Holding it.
    Leading,
    /// A term has ended, its bodies have not.
    Draining,
    /// Writing the release.
    Releasing,
}

impl Election {
    /// A process that takes part in an election under `identity`, which must be unique to this start of this process.
    pub fn new(identity: String, timing: Timing) -> Election {
        Election { identity, timing }
    }

    /// Takes in one event and tells what to do. Call it with [`Event::Woken`] to begin, and whenever
    /// [`wake_at`](Self::wake_at) has come.
    pub fn step(&mut self, _event: Event, _now: Now) -> Vec<Action> {
        let _ = (&self.identity, self.timing);
        Vec::new()
    }

    /// When to call [`step`](Self::step) next if nothing else happens.
    pub fn wake_at(&self) -> Option<Moment> {
        None
    }

    /// Where this process stands.
    pub fn role(&self) -> Role {
        Role::Standby
    }

    /// Who holds the lease, as last seen.
    pub fn holder(&self) -> Option<&str> {
        None
    }
}
