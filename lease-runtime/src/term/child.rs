//! The work that a body starts beside itself.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::guard::{Ended, Guarded, drop_caught, panic_message, say_dropped};
use super::polled::PolledBody;
use super::{Gate, GateUse, Term, TermCheck};

/// Waits for work that [`Term::spawn`] or [`Term::blocking`] started. If it is dropped, the work continues.
pub struct TermHandle<T> {
    task: Option<JoinHandle<Result<T, Ended>>>,
}

impl<T> TermHandle<T> {
    /// Whether the work has ended.
    pub fn is_finished(&self) -> bool {
        self.task.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Drops a spawned future at its current `.await`. A closure that runs already is not stopped.
    pub fn abort(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl<T> Future for TermHandle<T> {
    type Output = Result<T, Ended>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(task) = &mut self.task else { return Poll::Ready(Err(Ended::NoRuntime)) };
        Pin::new(task).poll(cx).map(|joined| match joined {
            Ok(result) => result,
            // The guard catches a panic of the work. So this error means that the runtime is going away, or an abort.
            Err(error) if error.is_cancelled() => Err(Ended::Dropped),
            Err(error) => Err(Ended::Panicked(error.to_string())),
        })
    }
}

impl<T> fmt::Debug for TermHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TermHandle").field("is_finished", &self.is_finished()).finish()
    }
}

impl Term {
    /// Runs `future` as a task of its own that ends with the term. It is guarded like the body, and dropped when the body would be
    /// dropped. The lease is not released, and the body does not run again, before it is gone.
    ///
    /// Use it instead of `tokio::spawn`, whose tasks continue after the term. It runs on the current tokio runtime, or on the
    /// runtime of the body if the caller is on no runtime. If the body fails, its children are dropped. If the body returns, its
    /// task is finished when the children have ended too.
    pub fn spawn<F>(&self, future: F) -> TermHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let place = PolledBody::child(self);
        let in_span = place.in_span(Box::pin(future));
        let guarded = Guarded::child(self, Box::pin(place.around(in_span)));
        TermHandle { task: runtime(self).map(|runtime| runtime.spawn(guarded)) }
    }

    /// Runs a closure that blocks on tokio's pool of blocking threads.
    ///
    /// A running closure cannot be stopped. It gets a [`TermCheck`], to check between two steps whether it may continue. The lease is
    /// not released before the closure has returned. A closure that still runs at the hard stop is an overrun, like a body that
    /// blocks: see [`OnOverrun`](crate::OnOverrun).
    ///
    /// If the term is over before a thread is free, the closure is dropped and never called.
    pub fn blocking<F, R>(&self, closure: F) -> TermHandle<R>
    where
        F: FnOnce(&TermCheck) -> R + Send + 'static,
        R: Send + 'static,
    {
        let Some(runtime) = runtime(self) else { return TermHandle { task: None } };
        let place = PolledBody::child(self);
        let (gate, alive) = (self.state().open_gate(self.scope(), GateUse::Blocking), self.state().alive());
        if alive.is_none() {
            // The handle has outlived the term. A drained term does not wait for this closure, so it must never be called.
            gate.shut();
        }
        let work = ChildWork {
            closure: Some(closure),
            place,
            gate,
            term: self.clone(),
            _alive: alive,
            _child: self.scope().children().token(),
        };
        TermHandle { task: Some(runtime.spawn_blocking(move || work.run())) }
    }
}

fn runtime(term: &Term) -> Option<Handle> {
    Handle::try_current().ok().or_else(|| term.scope().runtime().cloned())
}

/// A closure with its token and gate. If it never runs, all are dropped together.
struct ChildWork<F> {
    closure: Option<F>,
    place: Arc<PolledBody>,
    gate: Arc<Gate>,
    term: Term,
    // Last in the struct, so that they are dropped after the closure and its captures. The lease must not be released earlier.
    _alive: Option<super::DrainToken>,
    _child: tokio_util::task::task_tracker::TaskTrackerToken,
}

impl<F> ChildWork<F> {
    fn run<R>(mut self) -> Result<R, Ended>
    where
        F: FnOnce(&TermCheck) -> R,
    {
        let now = self.term.now();
        if now >= self.term.ends_at() || !self.gate.enter(now) {
            return Err(Ended::Dropped);
        }
        let Some(closure) = self.closure.take() else { return Err(Ended::Dropped) };
        let check = TermCheck::new(self.term.clone());
        catch_unwind(AssertUnwindSafe(|| self.place.run(|| closure(&check))))
            .map_err(|panic| Ended::Panicked(panic_message(panic)))
    }
}

impl<F> Drop for ChildWork<F> {
    fn drop(&mut self) {
        let panicked = self.closure.take().and_then(|closure| {
            self.gate.enter_drop(self.term.now());
            drop_caught(closure)
        });
        self.gate.leave_for_good();
        self.term.state().close_gate(&self.gate);
        say_dropped(panicked, &self.term);
    }
}
