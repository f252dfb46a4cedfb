//! The state of one process in one election, and what can be read off it.

use std::time::Duration;

use super::outstanding::{OutstandingGet, OutstandingWrite};
use super::pace::Pace;
use super::record::{Observation, Version, View};
use super::step::RequestId;
use super::term::{HeldTerm, Phase};
use super::timing::Timing;
use crate::clock::{Moment, WallTime};

/// One process in the election of one lease.
///
/// Call [`step`](Self::step) with every event and whenever [`wake_at`](Self::wake_at) has come, and carry out the actions in
/// their order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Election {
    pub(super) identity: String,
    pub(super) timing: Timing,
    /// Takes part; `false` after a withdrawal.
    pub(super) contending: bool,
    /// The withdrawal was reported as complete.
    pub(super) left: bool,
    /// When a withdrawal that cannot release gives up.
    pub(super) leave_by: Option<Moment>,
    /// The newest state of the Lease that was seen.
    pub(super) seen: Option<SeenState>,
    /// A write needs a fresh look first (rule W1).
    pub(super) stale: bool,
    /// There has been such a Lease, as far back as this process remembers (rule C3).
    pub(super) existed: bool,
    /// The uid of the Lease that is known to exist (rule C3).
    pub(super) known: Option<String>,
    /// How long the last holder that was seen may go on believing: its record's duration, and not less than ours (C3).
    pub(super) last_duration: Duration,
    /// Until then the holder of a Lease that is gone may go on believing (rule C3).
    pub(super) clear_at: Moment,
    /// From then on, what was last seen of a missing Lease is too old to go by (rule C3).
    pub(super) blind_at: Moment,
    /// The highest revision seen (rule W3).
    pub(super) highest: u64,
    /// The highest revision that this process has seen in the cluster before this election began (rule W3).
    pub(super) floor: u64,
    /// Revisions went backwards: this process leads no more.
    pub(super) disqualified: bool,
    /// The revision that showed it.
    pub(super) disqualified_by: u64,
    /// The term whose bodies are not known to be gone.
    pub(super) term: Option<HeldTerm>,
    /// The look in flight.
    pub(super) getting: Option<OutstandingGet>,
    /// The write in flight. Never two, so that writes of one process cannot overtake each other.
    pub(super) writing: Option<OutstandingWrite>,
    /// Writes that were given up and may yet take effect, or have taken it (rule R1).
    pub(super) given_up: Vec<OutstandingWrite>,
    /// The latest calendar time in a record of ours, acknowledged or not: the next one is later, so that no two are the same.
    pub(super) written: Option<WallTime>,
    /// How many writes in a row were stored otherwise than they were sent.
    pub(super) altered: u32,
    pub(super) next_id: RequestId,
    pub(super) pace: Pace,
    /// A watch is open.
    pub(super) watching: bool,
    /// When to look next if there is no watch.
    pub(super) poll_at: Moment,
}

/// The newest state of the Lease that was seen.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct SeenState {
    pub(super) observation: Observation,
    /// When this record was first seen (rule C1).
    pub(super) since: Moment,
    /// When it was last confirmed.
    pub(super) confirmed: Moment,
}

/// Where a process stands in an election.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Not taking part, and holding nothing.
    Out,
    /// Waiting for the lease.
    Standby,
    /// Holding it, with bodies that may run.
    Leading,
    /// The term is over or ending, and its bodies are not gone yet.
    Draining,
    /// Leaving: the bodies are gone, the release is being written.
    Releasing,
}

impl Election {
    /// A process that takes part in an election under `identity`, which must be unique to this start of this process:
    /// two processes of one name would each take the other's record for their own.
    pub fn new(identity: String, timing: Timing) -> Election {
        Election {
            identity,
            timing,
            contending: true,
            left: false,
            leave_by: None,
            seen: None,
            stale: false,
            existed: false,
            known: None,
            last_duration: timing.lease_duration,
            clear_at: Moment::ZERO,
            blind_at: Moment::ZERO,
            highest: 0,
            floor: 0,
            disqualified: false,
            disqualified_by: 0,
            term: None,
            getting: None,
            writing: None,
            given_up: Vec::new(),
            written: None,
            altered: 0,
            next_id: RequestId::default(),
            pace: Pace::new(&timing),
            watching: false,
            poll_at: Moment::ZERO,
        }
    }

    /// Where this process stands.
    pub fn role(&self) -> Role {
        match &self.term {
            Some(term) if term.phase == Phase::Running => Role::Leading,
            Some(_) => Role::Draining,
            None if self.contending => Role::Standby,
            None if self.left => Role::Out,
            None => Role::Releasing,
        }
    }

    /// Revisions went backwards, from the first to the second, and this process does not lead again.
    pub fn disqualified(&self) -> Option<(u64, u64)> {
        self.disqualified.then_some((self.highest, self.disqualified_by))
    }

    /// Who holds the lease, as last seen.
    pub fn holder(&self) -> Option<&str> {
        self.view().and_then(|view| view.record.holder())
    }

    /// Whether it makes sense to [hurry](super::Event::Hurry): a term is held, and no write is on its way that may say it already.
    pub fn can_hurry(&self) -> bool {
        self.may_take() && self.writing.is_none() && self.term.as_ref().is_some_and(|term| !term.hurry)
    }

    /// A term is held, and nobody has asked its bodies to end.
    pub fn may_take(&self) -> bool {
        self.role() == Role::Leading
    }

    /// Whether a body may be polled at `now`: what the guard of the term says, as a pure function for a model checker.
    pub fn may_run(&self, now: Moment) -> bool {
        self.term.as_ref().is_some_and(|term| term.may_run(&self.timing, now))
    }

    /// The state of the Lease that this process' term rests on: the newest that was seen, if it is this term's.
    pub fn rests_on(&self) -> Option<&Version> {
        self.term.as_ref().filter(|term| term.phase != Phase::Expired).and(self.view()).map(|view| &view.version)
    }

    /// The newest state of the Lease that was seen, whoever has written it.
    pub fn newest(&self) -> Option<&Version> {
        self.view().map(|view| &view.version)
    }

    /// The version to write from, if the Lease exists.
    pub(super) fn view(&self) -> Option<&View> {
        match &self.seen {
            Some(SeenState { observation: Observation::Present(view), .. }) => Some(view),
            _ => None,
        }
    }

    /// The Lease names this process.
    pub(super) fn is_mine(&self) -> bool {
        self.holder() == Some(self.identity.as_str())
    }
}
