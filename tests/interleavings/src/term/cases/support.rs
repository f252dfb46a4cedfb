//! What the cases share.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lease_protocol::election::{Deadlines, FencingToken, Grant};

use crate::clock::{Clock, Moment, WallTime};
use crate::lease::LeaseId;
use crate::policy::OnOverrun;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::term::{DrainToken, Ended, Guarded, RunScope, Term, TermState};

/// When the terms of [`granted`] let no poll begin any more.
pub(super) const DROP_AT: u64 = 1000;

pub(super) type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(super) fn at(nanos: u64) -> Moment {
    Moment::from_nanos(nanos)
}

/// A clock that is set by hand, in nanoseconds. Like real time, it shows the same to all threads, and orders nothing else.
#[derive(Debug)]
pub(super) struct HandClock(AtomicU64);

impl HandClock {
    pub(super) fn new() -> Arc<HandClock> {
        Arc::new(HandClock(AtomicU64::new(100)))
    }

    pub(super) fn set(&self, nanos: u64) {
        self.0.swap(nanos, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Moment {
        // A load may return an old value. A read-modify-write returns the last one.
        at(self.0.fetch_add(0, Ordering::Relaxed))
    }

    fn wall(&self) -> WallTime {
        WallTime(0)
    }
}

/// Counts what user code has done. Both accesses are relaxed, so a thread certainly sees an effect only if something else puts the
/// effect before it.
#[derive(Debug)]
pub(super) struct Effects(AtomicUsize);

impl Effects {
    pub(super) fn new() -> Arc<Effects> {
        Arc::new(Effects(AtomicUsize::new(0)))
    }

    pub(super) fn act(&self) {
        // Not one step: effects that overlap lose a count.
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before + 1, Ordering::Relaxed);
    }

    pub(super) fn seen(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Has an effect when it is dropped.
pub(super) struct ActsInDrop(pub(super) Arc<Effects>);

impl Drop for ActsInDrop {
    fn drop(&mut self) {
        self.0.act();
    }
}

/// A body that has an effect in each poll and never ends.
pub(super) fn working(effects: &Arc<Effects>) -> Body {
    let effects = Arc::clone(effects);
    Box::pin(std::future::poll_fn(move |_| {
        effects.act();
        Poll::Pending
    }))
}

/// Cancelled at half of `drop_at`, hard stop 10 ns after it.
pub(super) fn deadlines(drop_at: u64) -> Deadlines {
    Deadlines { cancel_at: at(drop_at / 2), drop_at: at(drop_at), hard_stop: at(drop_at + 10) }
}

/// A term that lasts until [`DROP_AT`].
pub(super) fn granted(clock: &Arc<HandClock>) -> (Arc<TermState>, DrainToken) {
    let grant = Grant { token: FencingToken::new(7), transitions: 0, deadlines: deadlines(DROP_AT) };
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    TermState::begin(LeaseId::new("default", "ledger"), "pod_1".into(), &grant, clock)
}

/// The handle of a body of this term.
pub(super) fn scoped(term_state: &Arc<TermState>) -> Term {
    let stop_signal = Arc::clone(term_state.stop_signal());
    let scope = RunScope::new("sync".into(), Duration::MAX, OnOverrun::Report, None, stop_signal);
    Term::new(Arc::clone(term_state)).scoped(Arc::new(scope))
}

/// One poll, as by a runtime. Nothing is woken.
pub(super) fn poll_once(guarded: &mut Guarded<dyn Future<Output = ()> + Send>) -> Poll<Result<(), Ended>> {
    Pin::new(guarded).poll(&mut Context::from_waker(Waker::noop()))
}
