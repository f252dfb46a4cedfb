//! One term as a body sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{RunScope, TermState};
use crate::clock::Moment;
use crate::lease::LeaseId;
use lease_protocol::election::{FencingToken, LossReason, StopReason};

/// One period of leadership of this process, as a body sees it.
///
/// A body that wants to know more than "I run" takes a `Term`. It is a handle: cheap to clone, and it stays valid, if only
/// to say that it is over, for as long as anybody keeps it.
///
/// # How a term ends
///
/// 1. It is *cancelled*: the lease could not be renewed, was taken away, or the process is shutting down.
///    [`cancelled`](Self::cancelled) resolves. Bodies should finish what they are at and return. Where it is still possible
///    the lease goes on being renewed meanwhile.
/// 2. What has not returned when the task's grace is used up, or when the lease's deadline comes, whichever is first, is
///    *dropped* at its current `.await` and never polled again.
///
/// The second is not a signal that somebody has to deliver: the body, and everything started by [`spawn`](Self::spawn), is
/// compared with the deadline at every poll. What it cannot reach is code that does not yield; see
/// [`blocking`](Self::blocking) for that, and [`check`](Self::check) for the last look before an effect.
///
/// ```
/// # use lease_runtime::Term;
/// # async fn next_order() -> u64 { 7 }
/// # async fn pay(order: u64, token: lease_runtime::FencingToken) {}
/// async fn pay_orders(term: Term) {
///     while !term.is_cancelled() {
///         let order = next_order().await;
///         if term.check().is_err() {
///             return; // The next leader pays it.
///         }
///         pay(order, term.fencing_token()).await;
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Term {
    tenure: Arc<TermState>,
    /// The body that this handle was given to: its children end with it, and its grace is theirs.
    scope: Arc<RunScope>,
}

impl Term {
    /// The handle on a tenure that no body has yet.
    pub(crate) fn new(tenure: Arc<TermState>) -> Term {
        let scope = Arc::new(RunScope::unbounded(tenure.asks().clone()));
        Term { tenure, scope }
    }

    /// The same term for one run of one body.
    pub(crate) fn scoped(&self, scope: Arc<RunScope>) -> Term {
        Term { tenure: self.tenure.clone(), scope }
    }

    pub(crate) fn tenure(&self) -> &Arc<TermState> {
        &self.tenure
    }

    pub(crate) fn scope(&self) -> &Arc<RunScope> {
        &self.scope
    }

    /// The term's fencing token, which grows with every term of the lease. Hand it to whatever the body writes to.
    pub fn fencing_token(&self) -> FencingToken {
        self.tenure.token()
    }

    /// The lease that this is a term of.
    pub fn lease(&self) -> &LeaseId {
        self.tenure.lease()
    }

    /// The identity under which this process holds the lease.
    pub fn identity(&self) -> &str {
        self.tenure.identity()
    }

    /// Resolves when the body is asked to end; at once if it has been already.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropping the future loses nothing, and it may be awaited again and by several.
    pub async fn cancelled(&self) {
        self.scope.stop_signal().requested().await;
    }

    /// Whether the body should end: it was asked to, or the deadline has come.
    pub fn is_cancelled(&self) -> bool {
        self.scope.stop_signal().is_asked() || self.now() >= self.ends_at()
    }

    /// Why the body is asked to end; `None` as long as it is not.
    pub fn loss(&self) -> Option<StopReason> {
        // One that has to go on for others does not know yet. The clock may be ahead of the elector, which has not said so.
        let asked = self.scope.stop_signal();
        let because = || asked.why().or_else(|| self.tenure.loss()).unwrap_or(StopReason::GroupFailed);
        let known = asked.is_asked().then(because);
        known.or_else(|| (self.now() >= self.ends_at()).then_some(StopReason::Lost(LossReason::NotRenewed)))
    }

    /// How long the body may go on: until it is dropped, unless the lease is renewed. Zero once that has come.
    ///
    /// While leading, this is the time to the deadline of the last renewal, and grows again with the next; after
    /// [`cancelled`](Self::cancelled) it is also bounded by what is left of the grace.
    pub fn remaining(&self) -> Duration {
        self.ends_at().after(self.now())
    }

    /// Asks the clock whether the body may still act, right before an effect that must not happen twice.
    ///
    /// A term that was cancelled passes until the body's time is up: the lease is still held, and finishing is what the
    /// grace is for. To stop earlier, look at [`is_cancelled`](Self::is_cancelled).
    ///
    /// The answer is about now. A process can be stopped between the check and its effect, and a request that was sent can
    /// arrive late; where that matters, send the [`fencing_token`](Self::fencing_token) along.
    ///
    /// # Errors
    ///
    /// [`Lost`], with the reason, once the body's time is up.
    pub fn check(&self) -> Result<(), Lost> {
        if self.now() < self.ends_at() {
            return Ok(());
        }
        Err(Lost {
            lease: self.lease().clone(),
            token: self.fencing_token(),
            reason: self.tenure.loss().unwrap_or(StopReason::Lost(LossReason::NotRenewed)),
        })
    }

    /// Says that what the body provides is there, for those above it in a [stack](crate::TaskGroup::stack). It counts for a
    /// task that [says when it is ready](crate::LeaderTask::signals_readiness); for others, nothing happens.
    pub fn ready(&self) {
        self.scope.mark_ready();
    }

    /// Gives the lease up: all bodies of the term are asked to end, this one included, and when they are gone the lease is
    /// released. This replica then sits out one lease duration, so that another may take over; if none does, it takes part
    /// again. For a body that finds out that it cannot do its work here.
    ///
    /// The first reason for which a term ends counts: once it has been [`cancelled`](Self::cancelled), nothing more happens.
    pub fn step_down(&self) {
        self.tenure.cancel(StopReason::SteppedDown);
    }

    pub(crate) fn now(&self) -> Moment {
        self.tenure.clock().now()
    }

    /// No poll of this body begins from this moment on.
    pub(crate) fn ends_at(&self) -> Moment {
        self.tenure.ends_at(self.scope.stop_signal(), self.scope.grace()).min(self.scope.cut())
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term")
            .field("lease", self.lease())
            .field("fencing_token", &self.fencing_token())
            .field("remaining", &self.remaining())
            .field("loss", &self.loss())
            .finish()
    }
}

/// The answer of [`Term::check`] when the body may not act any more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the term of lease `{lease}` with fencing token {token} is over, {reason}: leave the work to the next leader")]
#[non_exhaustive]
pub struct Lost {
    /// The lease.
    pub lease: LeaseId,
    /// The term that is over.
    pub token: FencingToken,
    /// Why.
    pub reason: StopReason,
}
