//! The term that this process has, or had and whose bodies are not gone.

use super::core::Election;
use super::record::{FencingToken, Record, View};
use super::step::{Action, Deadlines, Now, StopReason};
use super::timing::Timing;
use crate::clock::{Moment, WallTime};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct HeldTerm {
    pub(super) token: FencingToken,
    /// The object that it holds.
    pub(super) uid: String,
    pub(super) transitions: i32,
    pub(super) acquired: WallTime,
    /// When the last acknowledged write was sent, or a later instant at which it had certainly not taken effect yet (rule R2).
    pub(super) from: Moment,
    /// When to renew: counted from when the last acknowledged write was sent, so that a slow one is followed at once.
    pub(super) renew_at: Moment,
    /// `leaseDurationSeconds` as it is stored.
    pub(super) duration_seconds: Option<i32>,
    /// `renewTime` of the last acknowledged write.
    pub(super) renewed: WallTime,
    pub(super) phase: Phase,
    /// The next renewal is wanted now rather than when it is due: it has something else to say.
    pub(super) hurry: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Phase {
    /// Bodies run.
    Running,
    /// Bodies were asked to end; the lease is still held and renewed, so that they may use their grace.
    Cancelled,
    /// No body is polled any more, but some may not be gone yet. The lease is not held.
    Expired,
}

impl HeldTerm {
    pub(super) fn deadlines(&self, timing: &Timing) -> Deadlines {
        Deadlines {
            cancel_at: self.from + timing.cancel_after(),
            drop_at: self.from + timing.drop_after(),
            hard_stop: self.from + timing.hard_stop(),
        }
    }

    pub(super) fn next_deadline(&self, timing: &Timing) -> Option<Moment> {
        match self.phase {
            Phase::Running => Some(self.deadlines(timing).cancel_at),
            Phase::Cancelled => Some(self.deadlines(timing).drop_at),
            Phase::Expired => None,
        }
    }

    pub(super) fn may_run(&self, timing: &Timing, now: Moment) -> bool {
        self.phase != Phase::Expired && now < self.deadlines(timing).drop_at
    }

    /// Asks the bodies to end, once.
    pub(super) fn cancel(&mut self, loss: StopReason, out: &mut Vec<Action>) {
        if self.phase == Phase::Running {
            self.phase = Phase::Cancelled;
            out.push(Action::Cancel(loss));
        }
    }

    /// Ends the term now.
    pub(super) fn expire(&mut self, loss: StopReason, out: &mut Vec<Action>) {
        self.cancel(loss, out);
        if self.phase == Phase::Cancelled {
            self.phase = Phase::Expired;
            out.push(Action::Expire);
        }
    }
}

impl Election {
    /// H2: each step begins by comparing the deadlines with the clock, and a phase never goes back. Otherwise the late
    /// answer to a renewal would revive a term that others already count as over.
    pub(super) fn pass_deadlines(&mut self, now: Moment, out: &mut Vec<Action>) {
        let Some(term) = &mut self.term else { return };
        let deadlines = term.deadlines(&self.timing);
        if now >= deadlines.drop_at {
            term.expire(StopReason::NotRenewed, out);
        } else if now >= deadlines.cancel_at {
            term.cancel(StopReason::NotRenewed, out);
        }
    }

    /// The record of an acquiring write.
    pub(super) fn acquiring(&mut self, now: Now) -> Record {
        let at = self.next_time(now);
        let before = self.view().map(|view| view.record.transitions.unwrap_or(0).max(0));
        Record {
            holder: Some(self.identity.clone()),
            duration_seconds: Some(self.timing.published_seconds()),
            acquired: Some(at),
            renewed: Some(at),
            // Each acquisition is a new term, also one from our own earlier write whose answer was lost.
            transitions: Some(before.map_or(0, |before| before.saturating_add(1))),
        }
    }

    /// The time of the next record: a whole second after the last even if the wall clock stands still or was set back.
    /// Others compare times at that resolution, and no two records may be the same: C1 and R1 rest on it. The count of
    /// transitions does not tell them apart, since it begins anew when the Lease is deleted, and has an end.
    fn next_time(&mut self, now: Now) -> WallTime {
        let at = self.written.map_or(now.wall, |last| now.wall.max(last.plus(std::time::Duration::from_secs(1))));
        self.written = Some(at);
        at
    }

    /// The record of a renewal.
    pub(super) fn renewing(&mut self, now: Now) -> Record {
        let at = self.next_time(now);
        let Some(term) = &mut self.term else { return self.acquiring(now) };
        term.hurry = false;
        Record {
            holder: Some(self.identity.clone()),
            duration_seconds: Some(self.timing.published_seconds()),
            acquired: Some(term.acquired),
            renewed: Some(at),
            transitions: Some(term.transitions),
        }
    }

    /// The record of a release, in the form that every known contender takes for free: null instead of an empty holder
    /// makes some wait for ever.
    pub(super) fn releasing(&self, now: Now) -> Record {
        Record {
            holder: Some(String::new()),
            duration_seconds: Some(1),
            acquired: Some(now.wall),
            renewed: Some(now.wall),
            transitions: self.view().and_then(|view| view.record.transitions).map(|count| count.max(0)).or(Some(0)),
        }
    }

    /// Whether `view` shows what this term has written. The same record in another object is not: the Lease was deleted in
    /// between, and somebody else may have held it.
    pub(super) fn wrote(&self, term: &HeldTerm, View { version, record }: &View) -> bool {
        version.uid == term.uid
            && record.holder() == Some(self.identity.as_str())
            && record.duration_seconds == term.duration_seconds
            && record.acquired == Some(term.acquired)
            && record.transitions == Some(term.transitions)
            && record.renewed.is_some_and(|at| term.renewed <= at && Some(at) <= self.written)
    }
}
