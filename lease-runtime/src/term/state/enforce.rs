//! What the watchdog does to a term whose deadlines have passed.

use super::{TermLedger, TermState};
use crate::clock::Moment;
use crate::policy::OnOverrun;
use crate::sync::atomic::Ordering;
use lease_protocol::election::{Deadlines, LossReason, StopReason};

/// What is left to do about a term, and when to look again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Enforcement {
    /// When to look at it next.
    pub(crate) next: Moment,
    /// Something has to be woken or reported. Another thread does that, because it may run user code.
    pub(crate) notify: bool,
    /// A body must not continue, and nothing but aborting the process stops it.
    pub(crate) abort: bool,
    /// The lease is lost, and a task wants the process to end.
    pub(crate) exit: bool,
}

impl Enforcement {
    /// Nothing to do, and no time to look again.
    pub(crate) const NONE: Enforcement = Enforcement { next: Moment::FAR, notify: false, abort: false, exit: false };

    /// Combines two of them: everything that either demands, and the earlier time.
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
    /// Brings the state of the term up to date with the clock. From the renew deadline on it asks the bodies to end, from the
    /// drop deadline on it lets no poll begin, and at the hard stop it finds what is still inside a poll.
    ///
    /// The watchdog calls this, so it must not block. It allocates, frees, logs and wakes nothing, and takes only one lock,
    /// under which no other thread does any of that either. [`notify`](Self::notify) wakes the waiters later.
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

    /// Shuts the gates. After the hard stop, it also finds what is still inside.
    fn enforce_gates(&self, ledger: &TermLedger, now: Moment) -> Enforcement {
        let mut enforcement = Enforcement::NONE;
        for (_, gate) in ledger.gates.iter() {
            let Some(inside) = gate.shut() else { continue };
            if now < ledger.deadlines.hard_stop {
                continue;
            }
            // What is inside now may leave, or go on to drop its future.
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

    /// The lease is lost, and a task wants the process to end.
    pub(super) fn ends_the_process(&self) -> bool {
        self.exits_on_loss() && self.stop_reason.get().is_some_and(StopReason::is_involuntary)
    }

    /// Marks the term as cancelled and wakes nothing. Returns whether it was not cancelled before.
    pub(super) fn mark_cancelled(&self, reason: StopReason, now: Moment) -> bool {
        // The reason first, so that a thread that sees the cancellation finds the reason.
        let _ = self.stop_reason.set(reason);
        self.cancelled.mark(now)
    }

    /// Lets no poll begin any more, except through gates that the caller has still to shut.
    pub(super) fn mark_expired(&self, ledger: &mut TermLedger, now: Moment) {
        ledger.expired = true;
        ledger.deadlines = Deadlines {
            cancel_at: ledger.deadlines.cancel_at.min(now),
            drop_at: Moment::ZERO,
            // If a term is taken away, a running poll gets as much time as if the term had run out. If a term expires late,
            // the poll gets no more time.
            hard_stop: ledger.deadlines.hard_stop.min(now + self.poll_margin),
        };
        self.drop_at.store(0, Ordering::Release);
    }

    /// Whether [`enforce`](Self::enforce) has left waiters to wake. The caller must then call [`notify`](Self::notify).
    pub(crate) fn take_pending_notification(&self) -> bool {
        self.notification_pending.swap(false, Ordering::AcqRel)
    }

    /// Wakes what waits for the changes that [`enforce`](Self::enforce) made. Wakers are user code.
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
    /// The next deadline that has not passed.
    fn next_deadline(&self, now: Moment, cancelled: bool) -> Moment {
        let Deadlines { cancel_at, drop_at, hard_stop } = self.deadlines;
        if !cancelled {
            return cancel_at;
        }
        match self.expired {
            false => drop_at,
            true if now < hard_stop => hard_stop,
            // The deadlines have passed. Only the gates may need another look, and `enforce_gates` decides when.
            true => Moment::FAR,
        }
    }
}
