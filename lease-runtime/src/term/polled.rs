//! What is being polled here: a body, or a warm-up. So that one which waits for a task of its own lease is found.
//!
//! It is known inside of bodies, of what they start by [`Term::spawn`] and [`Term::blocking`], and of warm-ups. What a body
//! hands to `tokio::spawn` goes on without it, and so is nobody's wait.

use std::sync::{Arc, OnceLock, Weak};

use tokio_util::sync::CancellationToken;

use super::Term;
use crate::lease::LeaseId;

tokio::task_local! {
    static PLACE: Arc<PolledBody>;
}

/// What is being polled.
pub(crate) struct PolledBody {
    pub(crate) lease: LeaseId,
    pub(crate) identity: Arc<str>,
    pub(crate) task: Arc<str>,
    /// Of a warm-up: what it waits for. Gone with its task.
    pub(crate) warming: Option<Weak<WaitWithin>>,
}

/// The task of its own lease that a warm-up waits for, and whether that is done.
#[derive(Default)]
pub(crate) struct WaitWithin(OnceLock<(Arc<str>, CancellationToken)>);

impl PolledBody {
    pub(crate) fn body(term: &Term) -> Arc<PolledBody> {
        let (lease, task) = (term.lease().clone(), term.scope().task().clone());
        Arc::new(PolledBody { lease, identity: term.identity().into(), task, warming: None })
    }

    /// What is polled on this thread, if it is known.
    pub(crate) fn here() -> Option<Arc<PolledBody>> {
        PLACE.try_with(Arc::clone).ok()
    }

    /// Runs `f` there.
    pub(crate) fn enter<R>(self: &Arc<Self>, f: impl FnOnce() -> R) -> R {
        PLACE.sync_scope(Arc::clone(self), f)
    }

    /// Polls `future` there.
    pub(crate) fn around<F: Future>(self: Arc<Self>, future: F) -> impl Future<Output = F::Output> + use<F> {
        PLACE.scope(self, future)
    }

    /// This warm-up waits for a task of its own lease: the lease is contended for without waiting for the warm-up.
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

impl WaitWithin {
    /// What is waited for, and whether it is done.
    pub(crate) fn awaited(&self) -> Option<(&Arc<str>, bool)> {
        let WaitWithin(waits) = self;
        waits.get().map(|(awaited, completed)| (awaited, completed.is_cancelled()))
    }
}
