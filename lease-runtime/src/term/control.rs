//! A term without an election.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use super::{DrainToken, RunScope, Term, TermState};
use crate::clock::{Clock, Moment, SystemClock};
use crate::lease::LeaseId;
use crate::policy::OnOverrun;
use crate::sync::Mutex;
use lease_protocol::election::{Deadlines, FencingToken, Grant, StopReason};

/// Ends a term that [`Term::for_test`] made. Dropping it leaves the term as it is.
///
/// ```
/// # use lease_runtime::{StopReason, Term};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let (term, control) = Term::for_test();
/// assert!(term.check().is_ok());
/// control.cancel(StopReason::Shutdown);
/// term.cancelled().await;
/// assert_eq!(term.stop_reason(), Some(StopReason::Shutdown));
/// control.expire();
/// assert!(term.check().is_err());
/// # }
/// ```
#[derive(Clone)]
pub struct TermControl {
    term: Term,
    hold: Arc<TermHold>,
}

/// Holds a token, so that a term without an election is not drained before somebody waits for that.
struct TermHold(Mutex<Option<DrainToken>>);

impl Term {
    /// A term without an election, for testing a body. It lasts until the control says otherwise.
    pub fn for_test() -> (Term, TermControl) {
        Term::for_test_on(Arc::new(SystemClock))
    }

    /// As [`for_test`](Self::for_test), on a clock that the test chooses.
    pub fn for_test_on(clock: Arc<dyn Clock>) -> (Term, TermControl) {
        let lease = LeaseId::new("test", "test");
        let deadlines = Deadlines { cancel_at: Moment::FAR, drop_at: Moment::FAR, hard_stop: Moment::FAR };
        let grant = Grant { token: FencingToken::new(1), transitions: 0, deadlines };
        let (term_state, alive) = TermState::begin(lease, "test".into(), &grant, clock);
        let (runtime, stop_signal) = (Handle::try_current().ok(), term_state.stop_signal().clone());
        let scope = RunScope::new("test".into(), Duration::MAX, OnOverrun::Report, runtime, stop_signal);
        let term = Term::new(term_state).scoped(Arc::new(scope));
        (term.clone(), TermControl { term, hold: Arc::new(TermHold(Mutex::new(Some(alive)))) })
    }
}

impl TermControl {
    /// Asks the body to end, for this reason.
    pub fn cancel(&self, reason: StopReason) {
        self.term.state().cancel(reason);
    }

    /// Ends the term: guarded futures are dropped, and checks fail.
    pub fn expire(&self) {
        self.term.state().expire();
    }

    /// Lets the term end by itself in `remaining`, as if the last renewal had so much time left.
    pub fn expire_in(&self, remaining: Duration) {
        let at = self.term.now() + remaining;
        self.term.state().extend(Deadlines { cancel_at: at, drop_at: at, hard_stop: at });
    }

    /// Resolves when nothing is left of what the body started on the term: children, blocking closures, guarded futures. Nothing
    /// can be started any more then.
    pub async fn drained(&self) {
        drop(self.hold.take());
        self.term.state().drained().await;
    }
}

impl TermHold {
    fn take(&self) -> Option<DrainToken> {
        let TermHold(token) = self;
        token.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Dropping the last control gives up the token. The deadlines of the term stay as they are.
impl Drop for TermHold {
    fn drop(&mut self) {
        self.take().into_iter().for_each(DrainToken::stay_counted);
    }
}

impl fmt::Debug for TermControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TermControl").field("term", &self.term).finish()
    }
}
