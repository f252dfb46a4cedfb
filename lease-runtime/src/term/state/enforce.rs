//! What the watchdog does to a term whose deadlines have passed.

use std::sync::atomic::Ordering;

use super::{TermLedger, TermState};
use crate::clock::Moment;
use crate::policy::OnOverrun;
use lease_protocol::election::{Deadlines, LossReason, StopReason};

/// What is left to do about a term, and when to look again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Enforcement {
    /// When to look at it next.
    pub(crate) next: Moment,
    /// Somebody has to be woken or told, which is left to another thread: it may run code of the user's.
    pub(crate) notify: bool,
    /// A body that must not go on cannot be stopped in another way.
    pub(crate) abort: bool,
    /// The lease is lost, and the process is to end with it.
    pub(crate) exit: bool,
}

impl Enforcement {
    /// Nothing, ever.
    pub(crate) const NONE: Enforcement = Enforcement { next: Moment::FAR, notify: false, abort: false, exit: false };

    /// Both.
    pub(crate) fn and(self, other: Enforcement) -> Enforcement {
        Enforcement {
            next: self.next.min(other.next),
            notify: self.notify || other.notify,
            abort: self.abort || other.abort,
            exit: self.exit || other.exit,
        }
    }
}

impl TermState {
    /// Brings the state of the term up to the clock: asks the bodies to end from the renew deadline on, lets no poll begin
    /// from the drop deadline on, and finds who is inside one at the hard stop.
    ///
    /// For the watchdog: nothing is allocated, freed, logged or woken, and the only lock is one under which nobody does any
    /// of that either. What has to be told to others waits for [`tell`](Self::tell).
    pub(crate) fn enforce(&self, now: Moment) -> Enforcement {
        let mut ledger = self.ledger();
        let mut notify = false;
        if now >= ledger.deadlines.cancel_at {
            notify |= self.mark_cancelled(StopReason::Lost(LossReason::NotRenewed), now);
        }
        if now >= ledger.deadlines.drop_at && !ledger.expired {
            self.mark_expired(&mut ledger, now);
            notify = true;
        }
        let next = ledger.next_deadline(now, self.is_cancelled());
        let exit = now >= ledger.deadlines.hard_stop && self.ends_the_process();
        let mut enforcement = Enforcement { next, notify, exit, ..Enforcement::NONE };
        if ledger.expired {
            enforcement = enforcement.and(self.enforce_gates(&ledger, now));
        }
        if enforcement.notify {
            self.notification_pending.store(true, Ordering::Release);
        }
        enforcement
    }

    /// Shuts the gates, and past the hard stop finds who is inside.
    fn enforce_gates(&self, ledger: &TermLedger, now: Moment) -> Enforcement {
        let mut enforcement = Enforcement::NONE;
        for (_, gate) in ledger.gates.iter() {
            let Some(inside) = gate.shut() else { continue };
            if now < ledger.deadlines.hard_stop {
                continue;
            }
            // Whoever is inside now may come out, or go on to a drop.
            enforcement.next = enforcement.next.min(now + self.poll_margin);
            if inside.is_overrun(now, self.poll_margin) {
                match gate.scope().on_overrun() {
                    OnOverrun::Abort => enforcement.abort = true,
                    OnOverrun::Report => enforcement.notify |= !gate.is_reported(),
                }
            }
        }
        enforcement
    }

    /// The lease is lost, and the process is to end with it.
    pub(super) fn ends_the_process(&self) -> bool {
        self.exits_on_loss() && self.stop_reason.get().is_some_and(StopReason::is_involuntary)
    }

    /// Marks the term as cancelled and wakes nobody. Whether that was news.
    pub(super) fn mark_cancelled(&self, reason: StopReason, now: Moment) -> bool {
        // In this order: whoever sees the cancellation finds the reason.
        let _ = self.stop_reason.set(reason);
        self.cancelled.mark(now)
    }

    /// Lets no poll begin any more, except through gates that are still to be shut.
    pub(super) fn mark_expired(&self, ledger: &mut TermLedger, now: Moment) {
        ledger.expired = true;
        ledger.deadlines = Deadlines {
            cancel_at: ledger.deadlines.cancel_at.min(now),
            drop_at: Moment::ZERO,
            // A term that is taken away leaves a running poll as long as one that runs out would; one that is
            // expired late does not gain by it.
            hard_stop: ledger.deadlines.hard_stop.min(now + self.poll_margin),
        };
        self.drop_at.store(0, Ordering::Release);
    }

    /// Whether [`enforce`](Self::enforce) has left something to tell, which is then the caller's to do.
    pub(crate) fn take_pending_notification(&self) -> bool {
        self.notification_pending.swap(false, Ordering::AcqRel)
    }

    /// Wakes whoever waits for what [`enforce`](Self::enforce) has done. Runs code of others.
    pub(crate) fn notify(&self) {
        if self.is_cancelled() {
            self.cancelled.wake();
        }
        if self.ledger().expired {
            self.gates().iter().for_each(|gate| gate.wake());
        }
    }
}

impl TermLedger {
    /// The next deadline that is still to come.
    fn next_deadline(&self, now: Moment, cancelled: bool) -> Moment {
        let Deadlines { cancel_at, drop_at, hard_stop } = self.deadlines;
        if !cancelled {
            return cancel_at;
        }
        match self.expired {
            false => drop_at,
            true if now < hard_stop => hard_stop,
            // What there is still to do is the gates'.
            true => Moment::FAR,
        }
    }
}
