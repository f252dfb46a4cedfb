//! Writes into the journal what happens to the future of a body.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use lease_runtime::Term;

use crate::engine::Here;
use crate::journal::{Event, LeaseName};

/// The future of a body.
pub(crate) struct Observed<T> {
    here: Arc<Here>,
    lease: LeaseName,
    task: &'static str,
    token: u64,
    /// It was polled.
    started: bool,
    body: BoxFuture<'static, T>,
}

/// Watches over a body of the term.
pub(crate) fn body<F>(
    here: Arc<Here>,
    lease: LeaseName,
    task: &'static str,
    term: &Term,
    body: F,
) -> Observed<F::Output>
where
    F: Future + Send + 'static,
{
    let token = term.fencing_token().get();
    Observed { here, lease, task, token, started: false, body: Box::pin(body) }
}

impl<T> Future for Observed<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let (who, lease, task, token) = (this.here.who, this.lease, this.task, this.token);
        let begun = this.here.now();
        if !std::mem::replace(&mut this.started, true) {
            this.here.write_at(begun, Event::Started { who, lease, task, token });
        }
        let polled = this.body.as_mut().poll(context);
        let until = this.here.now();
        this.here.write_at(begun, Event::Polled { who, lease, task, token, until });
        polled
    }
}

impl<T> Drop for Observed<T> {
    fn drop(&mut self) {
        if self.started {
            let (who, lease, task, token) = (self.here.who, self.lease, self.task, self.token);
            self.here.write(Event::Dropped { who, lease, task, token });
        }
    }
}
