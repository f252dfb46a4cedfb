//! A term without an election.

use std::sync::Arc;
use std::time::Duration;

use super::{RunScope, Term, TermState};
use crate::clock::{Clock, Moment};
use crate::lease::LeaseId;
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
/// assert_eq!(term.loss(), Some(StopReason::Shutdown));
/// control.expire();
/// assert!(term.check().is_err());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TermControl {
    term: Term,
}

impl TermControl {
    pub(super) fn start(clock: Arc<dyn Clock>) -> (Term, TermControl) {
        let lease = LeaseId::new("test", "test");
        let deadlines = Deadlines { cancel_at: Moment::FAR, drop_at: Moment::FAR, hard_stop: Moment::FAR };
        let grant = Grant { token: FencingToken::new(1), transitions: 0, deadlines };
        let (tenure, alive) = TermState::begin(lease, "test".into(), &grant, clock);
        let scope = Arc::new(RunScope::for_test(alive, tenure.asks().clone()));
        let term = Term { tenure, scope };
        (term.clone(), TermControl { term })
    }

    /// Asks the body to end, as the loss of the lease would.
    pub fn cancel(&self, loss: StopReason) {
        self.term.tenure.cancel(loss);
    }

    /// Ends the term: guarded futures are dropped, checks fail.
    pub fn expire(&self) {
        self.term.tenure.expire();
    }

    /// Lets the term end by itself in `remaining`, as if that was left of the last renewal.
    pub fn expire_in(&self, remaining: Duration) {
        let at = self.term.now() + remaining;
        self.term.tenure.extend(Deadlines { cancel_at: at, drop_at: at, hard_stop: at });
    }

    /// Resolves when nothing is left of what the body has started on the term: children, blocking closures, guarded
    /// futures. Nothing can be started any more then.
    pub async fn drained(&self) {
        self.term.scope.let_go();
        self.term.tenure.drained().await;
    }
}
