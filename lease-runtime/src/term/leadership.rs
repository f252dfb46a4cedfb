//! One term as a body sees it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::{RunScope, TermState};
use crate::clock::Moment;
use crate::lease::LeaseId;
use lease_protocol::election::{FencingToken, LossReason, StopReason};

/// One period in which this process holds a lease, as a body sees it.
///
/// A body that needs more than to run takes a `Term`. It is a handle and cheap to clone. A clone that outlives the term still
/// answers: it says that the term is over.
///
/// # How a term ends
///
/// 1. The term is *cancelled*: the lease could not be renewed, another process took it, or this process is shutting down.
///    [`cancelled`](Self::cancelled) resolves. The body should finish its work and return. The lease is renewed meanwhile if
///    that is still possible.
/// 2. A body that has not returned is *dropped* at its current `.await` and never polled again. This happens when the grace of
///    its task is used up, or at the deadline of the lease, whichever comes first.
///
/// The second step does not depend on a signal: each poll of the body, and of everything that [`spawn`](Self::spawn) started,
/// is compared with the deadline. It cannot reach code that does not yield: use [`blocking`](Self::blocking) for such code, and
/// [`check`](Self::check) right before an effect.
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
    state: Arc<TermState>,
    /// The run that this handle was given to. Children that it starts end with that run, and have its grace.
    scope: Arc<RunScope>,
}

impl Term {
    /// A handle that belongs to no body yet.
    pub(crate) fn new(state: Arc<TermState>) -> Term {
        let scope = Arc::new(RunScope::unbounded(state.stop_signal().clone()));
        Term { state, scope }
    }

    /// A handle on the same term, for one run of one body.
    pub(crate) fn scoped(&self, scope: Arc<RunScope>) -> Term {
        Term { state: self.state.clone(), scope }
    }

    pub(crate) fn state(&self) -> &Arc<TermState> {
        &self.state
    }

    pub(crate) fn scope(&self) -> &Arc<RunScope> {
        &self.scope
    }

    /// The fencing token of the term. It grows with every term of the lease. Send it with every effect of the body.
    pub fn fencing_token(&self) -> FencingToken {
        self.state.token()
    }

    /// The lease of this term.
    pub fn lease(&self) -> &LeaseId {
        self.state.lease()
    }

    /// The identity under which this process holds the lease.
    pub fn identity(&self) -> &str {
        self.state.identity()
    }

    /// Resolves when the body is asked to end, or at once if that has happened.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropping the future loses nothing, and it may be awaited again and by several.
    pub async fn cancelled(&self) {
        self.scope.stop_signal().requested().await;
    }

    /// As [`cancelled`](Self::cancelled), as a future that borrows nothing: for `Controller::graceful_shutdown_on` of kube-runtime,
    /// `with_graceful_shutdown` of axum, and others that keep the future.
    ///
    /// # Cancel safety
    ///
    /// As [`cancelled`](Self::cancelled).
    pub fn cancelled_owned(&self) -> impl Future<Output = ()> + Send + Sync + use<> {
        let scope = Arc::clone(&self.scope);
        async move { scope.stop_signal().requested().await }
    }

    /// Whether the body should end: it was asked to, or its deadline has passed.
    pub fn is_cancelled(&self) -> bool {
        self.scope.stop_signal().is_requested() || self.now() >= self.ends_at()
    }

    /// Why the body was asked to end. `None` if it was not asked.
    pub fn stop_reason(&self) -> Option<StopReason> {
        // A body may be asked later than the others of its term, so its own signal decides. The clock may have passed the
        // deadline before the elector has noticed.
        let stop_signal = self.scope.stop_signal();
        let because = || stop_signal.why().or_else(|| self.state.stop_reason()).unwrap_or(StopReason::GroupFailed);
        let known = stop_signal.is_requested().then(because);
        known.or_else(|| (self.now() >= self.ends_at()).then_some(StopReason::Lost(LossReason::NotRenewed)))
    }

    /// How long the body may still run before it is dropped, if the lease is not renewed again. Zero when that time has come.
    ///
    /// While this process leads, it is the time to the deadline of the last renewal, and each renewal extends it. After
    /// [`cancelled`](Self::cancelled), it is at most what is left of the grace.
    pub fn remaining(&self) -> Duration {
        self.ends_at().after(self.now())
    }

    /// Checks by the clock whether the body may still act. Call it right before an effect that must not happen twice.
    ///
    /// A cancelled term passes the check until the time of the body is up: the lease is still held, and the grace is there to
    /// finish. To stop earlier, use [`is_cancelled`](Self::is_cancelled).
    ///
    /// The answer holds for this moment. A process can be stopped between the check and the effect, and a request can arrive late.
    /// Where that matters, send the [`fencing_token`](Self::fencing_token) with the effect.
    ///
    /// # Errors
    ///
    /// [`Lost`], with the reason, if the time of the body is up.
    pub fn check(&self) -> Result<(), Lost> {
        if self.now() < self.ends_at() {
            return Ok(());
        }
        Err(Lost {
            lease: self.lease().clone(),
            token: self.fencing_token(),
            reason: self.state.stop_reason().unwrap_or(StopReason::Lost(LossReason::NotRenewed)),
        })
    }

    /// Says that the body is ready, so that the next task of a [stack](crate::TaskGroup::stack) can start. It has an effect only
    /// for a task that [signals its readiness](crate::LeaderTask::signals_readiness).
    pub fn ready(&self) {
        self.scope.mark_ready();
    }

    /// Gives the lease up, for a body that cannot do its work on this replica. All bodies of the term are asked to end, this one
    /// included. When they are gone, the lease is released. This replica then stays out of the election until another one has taken
    /// the lease, or for one lease duration if none does. Afterwards it takes part again.
    ///
    /// Nothing happens if the term was [`cancelled`](Self::cancelled) before: the first reason counts.
    pub fn step_down(&self) {
        self.state.cancel(StopReason::SteppedDown);
    }

    pub(crate) fn now(&self) -> Moment {
        self.state.clock().now()
    }

    /// The grace of this body, if it was asked to end that long ago.
    pub(crate) fn used_up_grace(&self) -> Option<Duration> {
        let (asked_at, grace) = (self.scope.stop_signal().at(), self.scope.grace());
        (asked_at != Moment::FAR && self.now() >= asked_at + grace).then_some(grace)
    }

    /// No poll of this body begins from this moment on.
    pub(crate) fn ends_at(&self) -> Moment {
        self.state.ends_at(self.scope.stop_signal(), self.scope.grace()).min(self.scope.cut())
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term")
            .field("lease", self.lease())
            .field("fencing_token", &self.fencing_token())
            .field("remaining", &self.remaining())
            .field("stop_reason", &self.stop_reason())
            .finish()
    }
}

/// The error of [`Term::check`]: the body may not act any more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the term of lease `{lease}` with fencing token {token} is over, {reason}: leave the work to the next leader")]
#[non_exhaustive]
pub struct Lost {
    /// The lease.
    pub lease: LeaseId,
    /// The term that is over.
    pub token: FencingToken,
    /// Why it is over.
    pub reason: StopReason,
}
