//! Helpers that the tests of terms, tasks and candidates share.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;

use super::{DrainToken, TermState};
use crate::clock::{Clock, Moment, WallTime};
use crate::lease::LeaseId;
use lease_protocol::election::{Deadlines, FencingToken, Grant};

/// A clock that is set by hand, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct HandClock(AtomicU64);

impl HandClock {
    pub(crate) fn new() -> Arc<HandClock> {
        Arc::default()
    }

    pub(crate) fn set(&self, nanos: u64) {
        self.0.store(nanos, Ordering::SeqCst);
    }

    /// Drop at `drop_at`, hard stop 10 ns later.
    pub(crate) fn deadlines(drop_at: u64) -> Deadlines {
        Deadlines {
            cancel_at: Moment::from_nanos(drop_at / 2),
            drop_at: Moment::from_nanos(drop_at),
            hard_stop: Moment::from_nanos(drop_at + 10),
        }
    }
}

impl Clock for HandClock {
    fn now(&self) -> Moment {
        Moment::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn wall(&self) -> WallTime {
        WallTime(0)
    }
}

/// A term with the deadlines of [`HandClock::deadlines`].
pub(crate) fn granted(clock: Arc<HandClock>, drop_at: u64) -> (Arc<TermState>, DrainToken) {
    let grant = Grant { token: FencingToken::new(7), transitions: 0, deadlines: HandClock::deadlines(drop_at) };
    TermState::begin(LeaseId::new("default", "ledger"), "pod_1".into(), &grant, clock)
}

/// Waits for something that must happen, with a time limit.
pub(crate) async fn bounded<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it comes in time")
}

/// Whether the term is drained now.
pub(crate) fn is_drained(term_state: &TermState) -> bool {
    term_state.drained().now_or_never().is_some()
}

/// The lines that bodies have written, in order.
#[derive(Clone, Default)]
pub(crate) struct Story(Arc<Mutex<Vec<String>>>);

impl Story {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}
