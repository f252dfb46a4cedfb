//! The term that this process has, or had and whose bodies are not gone.

use super::core::Election;
use super::record::{FencingToken, Record, View};
use super::step::{Action, Deadlines, Loss, Now};
use super::timing::Timing;
use crate::clock::{Moment, WallTime};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct HeldTerm {
    pub(super) token: FencingToken,
    /// The object that it holds.
    pub(super) uid: String,
    pub(super) transitions: i32,
    pub(super) acquired: WallTime,
    /// When the last acknowledged write was sent.
    pub(super) sent: Moment,
    /// `renewTime` of the last acknowledged write.
    pub(super) renewed: WallTime,
    /// The highest `renewTime` that was sent, acknowledged or not.
    pub(super) attempted: WallTime,
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
            cancel_at: self.sent + timing.cancel_after(),
            drop_at: self.sent + timing.drop_after(),
            hard_stop: self.sent + timing.hard_stop(),
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
    pub(super) fn cancel(&mut self, loss: Loss, out: &mut Vec<Action>) {
        if self.phase == Phase::Running {
            self.phase = Phase::Cancelled;
            out.push(Action::Cancel(loss));
        }
    }

    /// Ends the term now.
    pub(super) fn expire(&mut self, loss: Loss, out: &mut Vec<Action>) {
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
            term.expire(Loss::NotRenewed, out);
        } else if now >= deadlines.cancel_at {
            term.cancel(Loss::NotRenewed, out);
        }
    }

    /// The record of an acquiring write. `from` is what it replaces, if the Lease exists.
    pub(super) fn acquiring(&self, from: Option<&Record>, now: Now) -> Record {
        Record {
            holder: Some(self.identity.clone()),
            duration_seconds: Some(self.timing.published_seconds()),
            acquired: Some(now.wall),
            renewed: Some(now.wall),
            // Each acquisition is a new term, also one from our own earlier write whose answer was lost.
            transitions: Some(from.map_or(0, |record| record.transitions.unwrap_or(0).max(0).saturating_add(1))),
        }
    }

    /// The record of a renewal. Its time advances by a whole second even if the wall clock does not: others compare it
    /// at that resolution, and no two records may be the same (rule C1 rests on it).
    pub(super) fn renewing(&mut self, now: Now) -> Record {
        let Some(term) = &mut self.term else { return self.acquiring(None, now) };
        term.hurry = false;
        term.attempted = now.wall.max(term.attempted.plus(std::time::Duration::from_secs(1)));
        Record {
            holder: Some(self.identity.clone()),
            duration_seconds: Some(self.timing.published_seconds()),
            acquired: Some(term.acquired),
            renewed: Some(term.attempted),
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
            && record.duration_seconds == Some(self.timing.published_seconds())
            && record.acquired == Some(term.acquired)
            && record.transitions == Some(term.transitions)
            && record.renewed.is_some_and(|at| term.renewed <= at && at <= term.attempted)
    }
}
