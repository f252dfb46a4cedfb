//! A term as the elector and the bodies share it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
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
use lease_protocol::election::{Deadlines, FencingToken, Grant, LossReason, StopReason};

/// A term as the elector and the bodies share it: the elector writes the deadlines, each body compares them by itself.
///
/// # Why a reader never sees a longer deadline than was granted
///
/// What a guard compares with is one atomic word, `drop_at`, of this term alone. Only deadlines that a committed write has
/// granted are ever stored in it, and zero at the end. All stores are made under one lock, so that none comes after the
/// zero. A reader that lags behind sees an older word, and while the term lasts every older one is shorter. Only of the
/// zero is the older one longer: there the gates, which are shut right after it, keep the lagging reader out. The words
/// that a decision needs together (when the bodies were asked to end, and the grace) only ever shorten the time, so that missing one of them is
/// missing a stop that the next poll or the gate makes good.
#[derive(Debug)]
pub(crate) struct TermState {
    lease: LeaseId,
    identity: Arc<str>,
    token: FencingToken,
    clock: Arc<dyn Clock>,
    /// Mirrors `deadlines.drop_at`; zero once expired.
    drop_at: AtomicU64,
    stop_reason: OnceLock<StopReason>,
    cancelled: Arc<StopSignal>,
    extended: Notify,
    exit_on_loss: AtomicBool,
    roll: DrainCount,
    tick_channel: TickChannel,
    poll_margin: Duration,
    /// What waits on this lock must not wait for anybody's code: nothing is allocated, freed, dropped, logged or woken under
    /// it.
    ledger: Mutex<TermLedger>,
    /// The watchdog has left something to tell.
    notification_pending: AtomicBool,
    /// The watchdog that looks after it, and its number there.
    watched: OnceLock<(Arc<dyn TermWatcher>, usize)>,
}

#[derive(Debug)]
struct TermLedger {
    deadlines: Deadlines,
    expired: bool,
    gates: Slots<Arc<Gate>>,
}

/// What looks after terms, each under a number: the watchdog.
pub(super) trait TermWatcher: fmt::Debug + Send + Sync {
    /// Forgets a term that is drained.
    fn forget(&self, number: usize);

    /// Looks now: a deadline came nearer.
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
            cancelled: Arc::new(StopSignal::new()),
            extended: Notify::new(),
            exit_on_loss: AtomicBool::new(false),
            roll: DrainCount::new(),
            tick_channel: TickChannel::new(),
            poll_margin: deadlines.hard_stop.since(deadlines.drop_at),
            ledger: Mutex::new(TermLedger { deadlines, expired: false, gates: Slots::new() }),
            notification_pending: AtomicBool::new(false),
            watched: OnceLock::new(),
        });
        let alive = DrainToken::first(term_state.clone());
        (term_state, alive)
    }

    /// Moves the deadlines, unless the term has expired.
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

    /// Asks the bodies to end. The first reason stays.
    pub(crate) fn cancel(&self, reason: StopReason) {
        self.mark_cancelled(reason, self.clock.now());
        self.cancelled.wake();
    }

    /// Ends the term: when this returns, no poll of a body begins any more, and idle ones are on their way to be dropped.
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

    /// The deadlines. Once expired, `drop_at` is zero and `hard_stop` the moment at which what still runs is an overrun.
    pub(crate) fn deadlines(&self) -> Deadlines {
        self.ledger().deadlines
    }

    /// Resolves when nothing is left that could run code of this term, and stays so. Cancel safe; from any runtime.
    pub(crate) async fn drained(&self) {
        self.roll.emptied().await;
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
        self.cancelled.is_asked()
    }

    /// The process is to end with this term, should it be lost.
    pub(crate) fn exit_on_loss(&self) {
        self.exit_on_loss.store(true, Ordering::Relaxed);
    }

    pub(crate) fn exits_on_loss(&self) -> bool {
        self.exit_on_loss.load(Ordering::Relaxed)
    }

    /// Resolves at the next extension, counted from the call.
    pub(crate) fn extended(&self) -> tokio::sync::futures::Notified<'_> {
        self.extended.notified()
    }

    /// What asks the bodies of this term to end, unless somebody keeps an order among them.
    pub(crate) fn asks(&self) -> &Arc<StopSignal> {
        &self.cancelled
    }

    /// No poll of a body begins from this moment on that was asked to end by `asked` and has this grace.
    pub(super) fn ends_at(&self, asked: &StopSignal, grace: Duration) -> Moment {
        let drop_at = Moment::from_nanos(self.drop_at.load(Ordering::Acquire));
        let asked_at = asked.at();
        // Nearly every poll: spares the arithmetic.
        if asked_at == Moment::FAR {
            return drop_at;
        }
        drop_at.min(asked_at + grace)
    }

    /// How long a poll that is still going on when the bodies are dropped may last.
    pub(crate) fn poll_margin(&self) -> Duration {
        self.poll_margin
    }

    /// Opens a gate for a future or closure, shut if the term is over.
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

    /// Forgets a gate whose future or closure is gone.
    pub(crate) fn close_gate(&self, gate: &Gate) {
        let gate = self.ledger().gates.take(gate.number());
        // Not under the lock.
        drop(gate);
    }

    /// Wakes what was started in `scope`, so that it compares the clock again.
    pub(crate) fn wake(&self, scope: &Arc<RunScope>) {
        for gate in self.gates().into_iter().filter(|gate| Arc::ptr_eq(gate.scope(), scope)) {
            gate.wake();
        }
    }

    /// Lets nothing of `scope` begin a poll any more, and wakes it to be dropped.
    pub(crate) fn end_now(&self, scope: &Arc<RunScope>) {
        scope.end_now();
        self.wake(scope);
    }

    /// Who is inside a poll, a closure or a drop, once nobody else gets in any more. For after the end of the term.
    pub(crate) fn shut_gates(&self) -> Vec<(Arc<Gate>, Inside)> {
        self.gates().into_iter().filter_map(|gate| gate.shut().map(|inside| (gate, inside))).collect()
    }

    /// Where its scheduled tasks and the elector tell each other.
    pub(crate) fn tick_channel(&self) -> &TickChannel {
        &self.tick_channel
    }

    /// The watchdog looks after this term, under this number.
    pub(super) fn is_watched_by(&self, watched: Arc<dyn TermWatcher>, number: usize) {
        let _ = self.watched.set((watched, number));
    }

    /// Whether the watchdog looks after this term, so that nobody else needs to.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.get().is_some()
    }

    /// The term is drained.
    fn unwatch(&self) {
        if self.ends_the_process() {
            // It has yet to end: at the hard stop at the latest, if nobody does it before.
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
        // Nothing under this lock panics, and if it did, what it keeps is still true.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drain for TermState {
    fn lease(&self) -> &LeaseId {
        &self.lease
    }

    fn count(&self) -> &DrainCount {
        &self.roll
    }

    fn before_empty(&self) {
        self.unwatch();
    }
}
