//! Which body or warm-up is being polled on this thread. With it, a body that waits for a task of its own lease is found.
//!
//! It is known inside bodies, inside what they start by [`Term::spawn`] and [`Term::blocking`], and inside warm-ups. It is not
//! known inside a plain `tokio::spawn`, whose waits belong to no body.

use std::pin::Pin;
use std::sync::{Arc, Weak};

use tracing::Span;

use super::guard::drop_caught;
use super::run_span::{InSpan, run_span};
use super::{RunScope, Term};
use crate::lease::LeaseId;
use crate::sync::{CancellationToken, OnceLock};
use crate::tick::Tick;

tokio::task_local! {
    static PLACE: Arc<PolledBody>;
}

/// The body or warm-up that is being polled.
pub(crate) struct PolledBody {
    pub(crate) lease: LeaseId,
    pub(crate) identity: Arc<str>,
    pub(crate) task: Arc<str>,
    /// For a warm-up: the task that it waits for. Gone when the warm-up's own task is gone.
    pub(crate) warming: Option<Weak<WaitWithin>>,
    /// The run. A warm-up belongs to none.
    scope: Option<Arc<RunScope>>,
    span: Span,
}

/// The task of the same lease that a warm-up waits for, and whether that task is done.
#[derive(Default)]
pub(crate) struct WaitWithin(OnceLock<(Arc<str>, CancellationToken)>);

impl PolledBody {
    pub(crate) fn body(term: &Term, tick: Option<&Tick>) -> Arc<PolledBody> {
        let (lease, task, scope) = (term.lease().clone(), term.scope().task().clone(), Some(term.scope().clone()));
        let span = run_span(term, tick);
        Arc::new(PolledBody { lease, identity: term.identity().into(), task, warming: None, scope, span })
    }

    /// For what a body starts with its term. It is in the span of the body, if the body is being polled on this thread.
    pub(crate) fn child(term: &Term) -> Arc<PolledBody> {
        let same_run =
            |here: &Arc<PolledBody>| here.scope.as_ref().is_some_and(|scope| Arc::ptr_eq(scope, term.scope()));
        PolledBody::here().filter(same_run).unwrap_or_else(|| PolledBody::body(term, None))
    }

    pub(crate) fn warm_up(
        lease: LeaseId,
        identity: Arc<str>,
        task: Arc<str>,
        waits: Weak<WaitWithin>,
    ) -> Arc<PolledBody> {
        Arc::new(PolledBody { lease, identity, task, warming: Some(waits), scope: None, span: Span::none() })
    }

    /// What is being polled on this thread, if it is known.
    pub(crate) fn here() -> Option<Arc<PolledBody>> {
        PLACE.try_with(Arc::clone).ok()
    }

    /// Runs `f` as part of this body, outside of its span.
    pub(crate) fn enter<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> R {
        PLACE.sync_scope(Arc::clone(self), f)
    }

    /// Runs `f` as part of this body, in its span.
    pub(crate) fn run<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> R {
        self.enter(|| self.span.in_scope(f))
    }

    /// Puts the future of this body into its span. Poll it inside of [`enter`](Self::enter).
    pub(crate) fn in_span<F: Future + ?Sized>(&self, future: Pin<Box<F>>) -> InSpan<F> {
        InSpan::new(future, self.span.clone())
    }

    /// Polls `future` as part of this body.
    pub(crate) fn around<F: Future>(self: Arc<Self>, future: F) -> impl Future<Output = F::Output> + use<F> {
        PLACE.scope(self, future)
    }

    /// Notes that this warm-up waits for a task of its own lease. The election does not wait for such a warm-up: it would wait
    /// forever.
    pub(crate) fn wait_within(&self, waits: &WaitWithin, awaited: &Arc<str>, completed: &CancellationToken) {
        let WaitWithin(waits) = waits;
        let first = waits.set((awaited.clone(), completed.clone())).is_ok();
        if first {
            tracing::warn!(
                target: "lease_runtime",
                lease = %self.lease.name,
                namespace = %self.lease.namespace,
                task = %self.task,
                awaited = %awaited,
                "the warm-up of a task waits for another task of its own lease: the lease is contended for without waiting for \
                 that warm-up; to keep the order, put both into a `TaskGroup::sequence`, or give one a lease of its own"
            );
        }
    }
}

/// The subscriber may panic when the span is closed. Here that panic would meet others, as that of a body, and would end the process.
impl Drop for PolledBody {
    fn drop(&mut self) {
        let span = std::mem::replace(&mut self.span, Span::none());
        drop_caught(span);
    }
}

impl WaitWithin {
    /// The task that is waited for, and whether it is done.
    pub(crate) fn awaited(&self) -> Option<(&Arc<str>, bool)> {
        let WaitWithin(waits) = self;
        waits.get().map(|(awaited, completed)| (awaited, completed.is_cancelled()))
    }
}
