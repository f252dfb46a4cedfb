//! The term of this process, until its bodies are gone.

use super::step::{Action, Deadlines, StopReason};
use super::timing::Timing;
use super::token::FencingToken;
use crate::clock::{Moment, WallTime};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct HeldTerm {
    pub(super) token: FencingToken,
    /// The `uid` of the Lease object that the term holds.
    pub(super) uid: String,
    pub(super) transitions: i32,
    pub(super) acquired: WallTime,
    /// When the last acknowledged write was sent, or a later instant at which that write had certainly not taken effect
    /// yet (rule R2).
    pub(super) from: Moment,
    /// When to renew. It is counted from when the last acknowledged write was sent, so that the next write follows a
    /// slow one at once.
    pub(super) renew_at: Moment,
    /// `leaseDurationSeconds` as it is stored.
    pub(super) duration_seconds: Option<i32>,
    /// `renewTime` of the last acknowledged write.
    pub(super) renewed: WallTime,
    pub(super) phase: Phase,
    /// Renew now and not when the renewal is due, because there is something else to write.
    pub(super) hurry: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Phase {
    /// Bodies run.
    Running,
    /// Bodies were asked to end. The lease is still held and renewed, so that they may use their grace period.
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
    pub(super) fn cancel(&mut self, reason: StopReason, out: &mut Vec<Action>) {
        if self.phase == Phase::Running {
            self.phase = Phase::Cancelled;
            out.push(Action::Cancel(reason));
        }
    }

    /// Ends the term now.
    pub(super) fn expire(&mut self, reason: StopReason, out: &mut Vec<Action>) {
        self.cancel(reason, out);
        if self.phase == Phase::Cancelled {
            self.phase = Phase::Expired;
            out.push(Action::Expire);
        }
    }
}
