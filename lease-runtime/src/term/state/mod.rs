//! The state of a term, which the elector and the bodies share.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

mod enforce;

pub(crate) use enforce::Enforcement;

use super::drain::{Drain, DrainCount};
use super::gate::Inside;
use super::slots::{Slots, put_into};
use super::{DrainToken, Gate, GateUse, RunScope, StopSignal, TickChannel};
use crate::clock::{Clock, Moment};
use crate::lease::LeaseId;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, MutexGuard, OnceLock};
use lease_protocol::election::{Deadlines, FencingToken, Grant, LossReason, StopReason};

/// The state of a term. The elector writes the deadlines, and each body compares them with the clock by itself.
///
/// # Why a reader never sees a longer deadline than was granted
///
/// A guard compares the clock with one atomic word of this term, `drop_at`. Only deadlines that a committed write has granted
/// are stored in it, and zero at the end. All stores are made under one lock, so no store comes after the zero.
///
/// A reader that lags behind sees an older word. While the term lasts, an older deadline is an earlier one, so the reader stops
/// too early. Only the zero is preceded by a later deadline. The gates are shut right after the zero is stored, and keep the
/// lagging reader out.
///
/// Two more words take part in the decision: when the bodies were asked to end, and the grace. They only shorten the time. If
/// a reader misses them, the next poll or the gate stops the body.
#[derive(Debug)]
pub(crate) struct TermState {
    lease: LeaseId,
    identity: Arc<str>,
    token: FencingToken,
    clock: Arc<dyn Clock>,
    /// A copy of `deadlines.drop_at`; zero once the term has expired.
    drop_at: AtomicU64,
    stop_reason: OnceLock<StopReason>,
    taken_over_at: OnceLock<Moment>,
    cancelled: Arc<StopSignal>,
    extended: Notify,
    exit_on_loss: AtomicBool,
    drain_count: DrainCount,
    tick_channel: TickChannel,
    poll_margin: Duration,
    /// The watchdog takes this lock and must not wait for user code. So nothing is allocated, freed, dropped, logged or woken
    /// under it.
    ledger: Mutex<TermLedger>,
    /// The watchdog has left waiters to wake.
    notification_pending: AtomicBool,
    /// The watchdog of this term, and the number of the term there.
    watched: OnceLock<(Arc<dyn TermWatcher>, usize)>,
}

#[derive(Debug)]
struct TermLedger {
    deadlines: Deadlines,
    expired: bool,
    gates: Slots<Arc<Gate>>,
}

/// The watchdog as a term sees it: it enforces the deadlines of terms, each under a number.
pub(super) trait TermWatcher: fmt::Debug + Send + Sync {
    /// Forgets a term that is drained.
    fn forget(&self, number: usize);

    /// Looks at the terms now, because a deadline has come nearer.
    fn nudge(&self);
}

impl TermState {
    /// Begins a term, with its first token.
    pub(crate) fn begin(
        lease: LeaseId,
        identity: Arc<str>,
        grant: &Grant,
        clock: Arc<dyn Clock>,
    ) -> (Arc<TermState>, DrainToken) {
        let deadlines = grant.deadlines;
        let term_state = Arc::new(TermState {
            lease,
            identity,
            token: grant.token,
            clock,
            drop_at: AtomicU64::new(deadlines.drop_at.as_nanos()),
            stop_reason: OnceLock::new(),
            taken_over_at: OnceLock::new(),
            cancelled: Arc::new(StopSignal::new()),
            extended: Notify::new(),
            exit_on_loss: AtomicBool::new(false),
            drain_count: DrainCount::new(),
            tick_channel: TickChannel::new(),
            poll_margin: deadlines.hard_stop.since(deadlines.drop_at),
            ledger: Mutex::new(TermLedger { deadlines, expired: false, gates: Slots::new() }),
            notification_pending: AtomicBool::new(false),
            watched: OnceLock::new(),
        });
        let alive = DrainToken::first(term_state.clone());
        (term_state, alive)
    }

    /// The holder before had not released the lease, and the write that took it was sent at this moment.
    pub(crate) fn took_over(&self, sent: Moment) {
        let _ = self.taken_over_at.set(sent);
    }

    /// When the lease was taken from a holder that had not released it. `None` if it was free.
    pub(crate) fn taken_over_at(&self) -> Option<Moment> {
        self.taken_over_at.get().copied()
    }

    /// Moves the deadlines, unless the term has expired. A renewal that comes late must not revive it.
    pub(crate) fn extend(&self, deadlines: Deadlines) {
        {
            let mut ledger = self.ledger();
            if ledger.expired {
                return;
            }
            ledger.deadlines = deadlines;
            self.drop_at.store(deadlines.drop_at.as_nanos(), Ordering::Release);
        }
        self.extended.notify_waiters();
    }

    /// Asks the bodies to end. If the term was cancelled before, the first reason counts.
    pub(crate) fn cancel(&self, reason: StopReason) {
        self.mark_cancelled(reason, self.clock.now());
        self.cancelled.wake();
    }

    /// Ends the term. When this returns, no poll of a body begins any more, and idle bodies have been woken to be dropped.
    pub(crate) fn expire(&self) {
        let now = self.clock.now();
        self.mark_cancelled(StopReason::Lost(LossReason::NotRenewed), now);
        {
            let mut ledger = self.ledger();
            if !ledger.expired {
                self.mark_expired(&mut ledger, now);
            }
            for (_, gate) in ledger.gates.iter() {
                gate.shut();
            }
        }
        // The hard stop may have come nearer.
        self.watched.get().into_iter().for_each(|(watched, _)| watched.nudge());
        self.notify();
    }

    /// The deadlines. Once the term has expired, `drop_at` is zero, and user code that still runs at `hard_stop` is an overrun.
    pub(crate) fn deadlines(&self) -> Deadlines {
        self.ledger().deadlines
    }

    /// Resolves when nothing is left that could run code of this term. That is final. Cancel safe; works on any runtime.
    pub(crate) async fn drained(&self) {
        self.drain_count.emptied().await;
    }

    /// A token, unless the term is drained.
    pub(crate) fn alive(self: &Arc<Self>) -> Option<DrainToken> {
        DrainToken::join(Arc::clone(self) as Arc<dyn Drain>)
    }

    pub(crate) fn lease(&self) -> &LeaseId {
        &self.lease
    }

    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    pub(crate) fn token(&self) -> FencingToken {
        self.token
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason.get().cloned()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.is_requested()
    }

    /// Ends the process with this term, if the term is lost.
    pub(crate) fn exit_on_loss(&self) {
        self.exit_on_loss.store(true, Ordering::Relaxed);
    }

    pub(crate) fn exits_on_loss(&self) -> bool {
        self.exit_on_loss.load(Ordering::Relaxed)
    }

    /// Resolves at the next extension after this call.
    pub(crate) fn extended(&self) -> tokio::sync::futures::Notified<'_> {
        self.extended.notified()
    }

    /// The signal that asks the bodies of this term to end. In a group with an order, each member has a signal of its own.
    pub(crate) fn stop_signal(&self) -> &Arc<StopSignal> {
        &self.cancelled
    }

    /// From this moment on, no poll begins of a body that `stop_signal` asked to end and that has this grace.
    pub(super) fn ends_at(&self, stop_signal: &StopSignal, grace: Duration) -> Moment {
        let drop_at = Moment::from_nanos(self.drop_at.load(Ordering::Acquire));
        let requested_at = stop_signal.at();
        // This is the case at nearly every poll, and spares the arithmetic.
        if requested_at == Moment::FAR {
            return drop_at;
        }
        drop_at.min(requested_at + grace)
    }

    /// How long a poll that is running at `drop_at` may still last.
    pub(crate) fn poll_margin(&self) -> Duration {
        self.poll_margin
    }

    /// Opens a gate for a future or closure. It is shut if the term is over.
    pub(crate) fn open_gate(&self, scope: &Arc<RunScope>, kind: GateUse) -> Arc<Gate> {
        let gate = Arc::new(Gate::new(scope.clone(), kind));
        let number = put_into(Arc::clone(&gate), |step| {
            let mut ledger = self.ledger();
            step(&mut ledger.gates);
            if ledger.expired {
                gate.shut();
            }
        });
        gate.is_number(number);
        gate
    }

    /// Removes the gate of a future or closure that is gone.
    pub(crate) fn close_gate(&self, gate: &Gate) {
        let gate = self.ledger().gates.take(gate.number());
        // Dropped after the lock is released.
        drop(gate);
    }

    /// Wakes everything that was started in `scope`, so that it compares the clock again.
    pub(crate) fn wake(&self, scope: &Arc<RunScope>) {
        for gate in self.gates().into_iter().filter(|gate| Arc::ptr_eq(gate.scope(), scope)) {
            gate.wake();
        }
    }

    /// Lets no poll in `scope` begin any more, and wakes its futures to be dropped.
    pub(crate) fn end_now(&self, scope: &Arc<RunScope>) {
        scope.end_now();
        self.wake(scope);
    }

    /// Shuts all gates and returns what is still inside a poll, a closure or a drop. Call it after the end of the term.
    pub(crate) fn shut_gates(&self) -> Vec<(Arc<Gate>, Inside)> {
        self.gates().into_iter().filter_map(|gate| gate.shut().map(|inside| (gate, inside))).collect()
    }

    /// The channel between the scheduled tasks of this term and the elector.
    pub(crate) fn tick_channel(&self) -> &TickChannel {
        &self.tick_channel
    }

    /// The watchdog has taken this term, under this number.
    pub(super) fn is_watched_by(&self, watched: Arc<dyn TermWatcher>, number: usize) {
        let _ = self.watched.set((watched, number));
    }

    /// Whether the watchdog enforces the deadlines of this term. If it does, the elector need not.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.get().is_some()
    }

    /// The term is drained, so the watchdog can forget it.
    fn unwatch(&self) {
        if self.ends_the_process() {
            // The process must still end, at the hard stop at the latest. The watchdog does that if the elector does not.
            return;
        }
        self.watched.get().into_iter().for_each(|(watched, number)| watched.forget(*number));
    }

    fn gates(&self) -> Vec<Arc<Gate>> {
        let mut gates = Vec::new();
        loop {
            let count = {
                let ledger = self.ledger();
                let count = ledger.gates.iter().count();
                if count <= gates.capacity() {
                    gates.extend(ledger.gates.iter().map(|(_, gate)| Arc::clone(gate)));
                    return gates;
                }
                count
            };
            gates.reserve(count);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, TermLedger> {
        // Nothing under this lock panics. If something did, the state would still be consistent.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drain for TermState {
    fn lease(&self) -> &LeaseId {
        &self.lease
    }

    fn count(&self) -> &DrainCount {
        &self.drain_count
    }

    fn before_empty(&self) {
        self.unwatch();
    }
}
