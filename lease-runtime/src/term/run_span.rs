//! The span of a run, so that the log lines of a body say which term and tick they belong to.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tracing::Span;

use super::Term;
use crate::tick::Tick;
use lease_protocol::election::shown;

/// A span for one run of a body: `leader_task`, and `tick` below it if the run is for a tick. It has no parent.
pub(crate) fn run_span(term: &Term, tick: Option<&Tick>) -> Span {
    let run = tracing::info_span!(
        target: "lease_runtime",
        parent: None,
        "leader_task",
        lease = %term.lease().name,
        namespace = %term.lease().namespace,
        task = %term.scope().task(),
        term = term.fencing_token().get(),
        identity = %shown(term.identity()),
    );
    let Some(tick) = tick else { return run };
    tracing::info_span!(
        target: "lease_runtime",
        parent: &run,
        "tick",
        tick = %tick.nominal(),
        attempt = tick.attempt(),
        attempt_id = %tick.attempt_id(),
        cause = tick.cause().word(),
    )
}

/// A future that is polled and dropped inside of a span.
///
/// The subscriber's code runs at each poll, and it may block or panic. So this belongs inside of a guard, which takes both as the
/// body's own. It is not `tracing::Instrument`, which never drops the future if the subscriber panics while that is dropped.
pub(crate) struct InSpan<F: Future + ?Sized> {
    future: Option<Pin<Box<F>>>,
    span: Span,
}

impl<F: Future + ?Sized> InSpan<F> {
    pub(crate) fn new(future: Pin<Box<F>>, span: Span) -> InSpan<F> {
        InSpan { future: Some(future), span }
    }
}

impl<F: Future + ?Sized> Future for InSpan<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let InSpan { future, span } = &mut *self;
        match future {
            Some(future) => span.in_scope(|| future.as_mut().poll(cx)),
            // Only while it is being dropped.
            None => Poll::Pending,
        }
    }
}

impl<F: Future + ?Sized> Drop for InSpan<F> {
    fn drop(&mut self) {
        let InSpan { future, span } = self;
        let entered = catch_unwind(AssertUnwindSafe(|| span.in_scope(|| drop(future.take()))));
        // If the subscriber panicked when the span was entered, the future is still here. It holds what the body holds.
        let outside = catch_unwind(AssertUnwindSafe(|| drop(future.take())));
        // Here, and not with the other fields: a panic of the subscriber while another one unwinds would abort the process.
        let closed = catch_unwind(AssertUnwindSafe(|| drop(std::mem::replace(span, Span::none()))));
        if let Some(panic) = [entered, outside, closed].into_iter().find_map(Result::err)
            && !std::thread::panicking()
        {
            resume_unwind(panic);
        }
    }
}
