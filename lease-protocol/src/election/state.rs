//! The state of one process in one election, and the questions that callers may ask about it.

use std::time::Duration;

use super::dead::Dead;
use super::outstanding::{OutstandingGet, OutstandingWrite};
use super::pace::Pace;
use super::record::{Observation, Version, View};
use super::step::RequestId;
use super::term::{HeldTerm, Phase};
use super::timing::Timing;
use crate::clock::{Moment, WallTime};

/// One process in the election of one lease.
///
/// Call [`step`](Self::step) with every event and whenever [`wake_at`](Self::wake_at) has passed, and carry out the
/// actions in their order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Election {
    pub(super) identity: String,
    pub(super) timing: Timing,
    /// This process takes part. `false` after a withdrawal.
    pub(super) contending: bool,
    /// The withdrawal was reported as complete.
    pub(super) left: bool,
    /// When a withdrawal gives up if it cannot release.
    pub(super) leave_by: Option<Moment>,
    /// The newest state of the Lease that was seen.
    pub(super) seen: Option<SeenState>,
    /// The next write needs a new get first (rule W1).
    pub(super) stale: bool,
    /// There has been a Lease of this name since this process can remember (rule C3).
    pub(super) existed: bool,
    /// The uid of the Lease that is known to exist (rule C3).
    pub(super) known: Option<String>,
    /// For how long the last holder that was seen may still believe that it leads: the duration in its record, but not
    /// less than our own (C3).
    pub(super) last_duration: Duration,
    /// Until this moment the holder of a deleted Lease may still believe that it leads (rule C3).
    pub(super) clear_at: Moment,
    /// From this moment on, the last observation of a missing Lease is too old to be used (rule C3).
    pub(super) blind_at: Moment,
    /// The highest revision seen (rule W3).
    pub(super) highest: u64,
    /// The highest revision that this process saw in the cluster before this election began (rule W3).
    pub(super) floor: u64,
    /// Revisions went backwards, so this process does not lead any more.
    pub(super) disqualified: bool,
    /// The lower revision that proved it.
    pub(super) disqualified_by: u64,
    /// The processes that are proven dead (rule D1).
    pub(super) dead: Dead,
    /// The term whose bodies may not be gone yet.
    pub(super) term: Option<HeldTerm>,
    /// The get in flight.
    pub(super) getting: Option<OutstandingGet>,
    /// The write in flight. There are never two, so that writes of one process cannot overtake each other.
    pub(super) writing: Option<OutstandingWrite>,
    /// Writes that were given up, but may have taken effect or may still do so (rule R1).
    pub(super) given_up: Vec<OutstandingWrite>,
    /// The latest calendar time in one of our records, acknowledged or not. The next record has a later time, so that
    /// no two are the same.
    pub(super) written: Option<WallTime>,
    /// How many writes in a row were stored differently than they were sent.
    pub(super) altered: u32,
    pub(super) next_id: RequestId,
    pub(super) pace: Pace,
    /// A watch is open.
    pub(super) watching: bool,
    /// When to get the Lease next if there is no watch.
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

/// The role of a process in an election.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// It does not take part, and holds nothing.
    Out,
    /// It waits for the lease.
    Standby,
    /// It holds the lease, and its bodies may run.
    Leading,
    /// Its term has ended or is ending, and its bodies are not gone yet.
    Draining,
    /// It is leaving: its bodies are gone, and the release is being written.
    Releasing,
}

impl Election {
    /// A process that takes part in an election under `identity`. The identity must be unique to this start of this
    /// process: of two processes with one identity, each would take the other's record for its own.
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
            dead: Dead::default(),
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

    /// The role of this process.
    pub fn role(&self) -> Role {
        match &self.term {
            Some(term) if term.phase == Phase::Running => Role::Leading,
            Some(_) => Role::Draining,
            None if self.contending => Role::Standby,
            None if self.left => Role::Out,
            None => Role::Releasing,
        }
    }

    /// The highest revision and the lower one that followed, if revisions went backwards. This process then does not
    /// lead again.
    pub fn disqualified(&self) -> Option<(u64, u64)> {
        self.disqualified.then_some((self.highest, self.disqualified_by))
    }

    /// The holder in the newest state that was seen.
    pub fn holder(&self) -> Option<&str> {
        self.view().and_then(|view| view.record.holder())
    }

    /// When the newest state was first seen: since then, no holder has renewed. `None` if nothing was seen yet.
    pub fn seen_since(&self) -> Option<Moment> {
        self.seen.as_ref().map(|seen| seen.since)
    }

    /// Whether a [hurry](super::Event::Hurry) has an effect: a term is held, and no write is in flight that may already
    /// carry the change.
    pub fn can_hurry(&self) -> bool {
        self.may_take() && self.writing.is_none() && self.term.as_ref().is_some_and(|term| !term.hurry)
    }

    /// A term is held, and its bodies have not been asked to end.
    pub fn may_take(&self) -> bool {
        self.role() == Role::Leading
    }

    /// Whether a body may be polled at `now`. This is what the guard of the term answers, as a pure function for the
    /// model checker.
    pub fn may_run(&self, now: Moment) -> bool {
        self.term.as_ref().is_some_and(|term| term.may_run(&self.timing, now))
    }

    /// The state of the Lease that the term of this process rests on: the newest state that was seen, unless the term
    /// has expired.
    pub fn rests_on(&self) -> Option<&Version> {
        self.term.as_ref().filter(|term| term.phase != Phase::Expired).and(self.view()).map(|view| &view.version)
    }

    /// The newest state of the Lease that was seen, no matter which process wrote it.
    pub fn newest(&self) -> Option<&Version> {
        self.view().map(|view| &view.version)
    }

    /// Whether this identity was [proven dead](super::Event::Dead), as far as this election remembers.
    pub fn is_proven_dead(&self, identity: &str) -> bool {
        self.dead.since(identity).is_some()
    }

    /// C6: when the holder of this record was proven dead. `None` if it was not, or if there is no holder.
    pub(super) fn holder_dead_since(&self, view: &View) -> Option<Moment> {
        self.dead.since(view.record.holder()?)
    }

    /// The newest state that was seen, if the Lease exists in it.
    pub(super) fn view(&self) -> Option<&View> {
        match &self.seen {
            Some(SeenState { observation: Observation::Present(view), .. }) => Some(view),
            _ => None,
        }
    }

    /// The lease is free, and its last holder has named this process as its successor.
    pub(super) fn is_successor(&self, view: &View) -> bool {
        view.record.holder().is_none() && view.successor.as_ref() == Some(&self.identity)
    }

    /// The Lease names this process.
    pub(super) fn is_mine(&self) -> bool {
        self.holder() == Some(self.identity.as_str())
    }
}
