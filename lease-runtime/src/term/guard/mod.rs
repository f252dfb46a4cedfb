//! The guard that refuses to poll a body past its deadline.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{DrainToken, Gate, GateUse, Term};
use lease_protocol::election::shown;

/// Why a guarded future ended without a value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ended {
    /// It was dropped, because its time was up.
    #[error("the term ended before the work did: leave the rest to the next leader")]
    Dropped,
    /// It panicked with this message.
    #[error("the work panicked, {0:?}: see the backtrace on stderr")]
    Panicked(String),
    /// It was never started.
    #[error("there is no tokio runtime to start the work on: call this from within one")]
    NoRuntime,
}

/// A future that ends with a term, made by [`Term::guard`]. At every poll it compares the clock with the deadline. After the
/// deadline it drops the inner future instead of polling it.
///
/// A panic of the inner future, also while it is dropped, ends only this future.
#[must_use = "futures do nothing unless polled"]
pub struct Guarded<F: Future + ?Sized> {
    future: Option<Pin<Box<F>>>,
    gate: Arc<Gate>,
    term: Term,
    alive: Option<DrainToken>,
    child: Option<TaskTrackerToken>,
}

impl Term {
    /// Wraps a future so that it ends with the term, wherever it is awaited: in a `JoinSet`, a `LocalSet`, a `select!`.
    ///
    /// Poll it or drop it. While it exists, the lease is not released.
    pub fn guard<F: Future>(&self, future: F) -> Guarded<F> {
        Guarded::child(self, Box::pin(future))
    }
}

impl<F: Future + ?Sized> Guarded<F> {
    /// Wraps the body of `term`'s scope. `alive` is dropped when the future is gone.
    pub(crate) fn body(term: Term, future: Pin<Box<F>>, alive: DrainToken) -> Guarded<F> {
        Guarded::new(term, future, Some(alive), None)
    }

    /// Wraps something that the body has started.
    pub(crate) fn child(term: &Term, future: Pin<Box<F>>) -> Guarded<F> {
        let alive = term.state().alive();
        let over = alive.is_none();
        let child = Guarded::new(term.clone(), future, alive, Some(term.scope().children().token()));
        if over {
            // The handle has outlived the term. A drained term does not wait for this future, so it must never be polled.
            child.gate.shut();
        }
        child
    }

    fn new(term: Term, future: Pin<Box<F>>, alive: Option<DrainToken>, child: Option<TaskTrackerToken>) -> Guarded<F> {
        let gate = term.state().open_gate(term.scope(), GateUse::Future);
        Guarded { future: Some(future), gate, term, alive, child }
    }

    /// Drops the future if there is one, and says that it is gone only afterwards.
    fn discard(&mut self) {
        let Some(future) = self.future.take() else { return };
        self.gate.enter_drop(self.term.now());
        let panicked = drop_caught(future);
        self.gate.leave_for_good();
        self.term.state().close_gate(&self.gate);
        // After the gate was closed: a log may block, and must not make the drop an overrun. Before the token is dropped: the
        // lease is not released before the panic was logged.
        say_dropped(panicked, &self.term);
        self.child = None;
        self.alive = None;
    }
}

impl<F: Future + ?Sized> Future for Guarded<F> {
    type Output = Result<F::Output, Ended>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(future) = &mut this.future else { return Poll::Ready(Err(Ended::Dropped)) };
        // Before the comparison, so that an end that comes in between wakes this task.
        this.gate.register(cx.waker());
        let now = this.term.now();
        if now >= this.term.ends_at() || !this.gate.enter(now) {
            this.discard();
            return Poll::Ready(Err(Ended::Dropped));
        }
        // After a panic the future is only dropped, never polled again.
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => {
                this.gate.leave();
                Poll::Pending
            }
            Ok(Poll::Ready(output)) => {
                this.discard();
                Poll::Ready(Ok(output))
            }
            Err(panic) => {
                this.discard();
                Poll::Ready(Err(Ended::Panicked(panic_message(panic))))
            }
        }
    }
}

impl<F: Future + ?Sized> Drop for Guarded<F> {
    fn drop(&mut self) {
        self.discard();
    }
}

impl<F: Future + ?Sized> fmt::Debug for Guarded<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("term", &self.term).field("ended", &self.future.is_none()).finish()
    }
}

/// Drops a value of the user's, and returns the message if that panicked. The panic must not keep the lease from being released.
/// Pass the message to [`say_dropped`] once nothing depends on it.
pub(crate) fn drop_caught<T>(value: T) -> Option<String> {
    catch_unwind(AssertUnwindSafe(|| drop(value))).err().map(panic_message)
}

/// Logs that a value of the user's panicked while it was dropped, if it did.
pub(crate) fn say_dropped(panicked: Option<String>, term: &Term) {
    if let Some(error) = panicked {
        tracing::error!(
            target: "lease_runtime",
            lease = %term.lease().name,
            namespace = %term.lease().namespace,
            identity = %shown(term.identity()),
            term = term.fencing_token().get(),
            task = %term.scope().task(),
            error,
            "panicked while being dropped"
        );
    }
}

/// The message of a panic.
pub(crate) fn panic_message(panic: Box<dyn Any + Send>) -> String {
    let message = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(message), _) => (*message).to_owned(),
        (_, Some(message)) => message.clone(),
        _ => "a value that is not text".to_owned(),
    };
    // The payload is a value of the user's, and dropping it may panic again with another payload. That one is leaked.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(panic);
    }
    message
}

#[cfg(test)]
mod tests;
