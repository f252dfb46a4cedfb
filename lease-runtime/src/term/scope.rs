//! One run of one body, and what it has started.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::StopSignal;
use crate::clock::Moment;
use crate::policy::OnOverrun;
use crate::sync::CancellationToken;
use crate::sync::atomic::{AtomicU64, Ordering};

/// One run of one body: what the body and its children share.
#[derive(Debug)]
pub(crate) struct RunScope {
    task: Arc<str>,
    grace: Duration,
    on_overrun: OnOverrun,
    runtime: Option<Handle>,
    /// No poll begins from this moment on, even if the lease is still held. It is only ever lowered.
    cut: AtomicU64,
    children: TaskTracker,
    stop_signal: Arc<StopSignal>,
    /// Cancelled when the body says that it is ready.
    ready: CancellationToken,
}

impl RunScope {
    /// `stop_signal` is what asks this body to end.
    pub(crate) fn new(
        task: Arc<str>,
        grace: Duration,
        on_overrun: OnOverrun,
        runtime: Option<Handle>,
        stop_signal: Arc<StopSignal>,
    ) -> RunScope {
        RunScope {
            task,
            grace,
            on_overrun,
            runtime,
            cut: AtomicU64::new(Moment::FAR.as_nanos()),
            children: TaskTracker::new(),
            stop_signal,
            ready: CancellationToken::new(),
        }
    }

    /// For a term that belongs to no body yet: only the lease limits it.
    pub(crate) fn unbounded(stop_signal: Arc<StopSignal>) -> RunScope {
        RunScope::new("".into(), Duration::MAX, OnOverrun::default(), None, stop_signal)
    }

    pub(crate) fn task(&self) -> &Arc<str> {
        &self.task
    }

    pub(crate) fn grace(&self) -> Duration {
        self.grace
    }

    pub(crate) fn on_overrun(&self) -> OnOverrun {
        self.on_overrun
    }

    /// Cancels `ready` when the body says that it is ready.
    pub(crate) fn tell_ready(mut self, ready: CancellationToken) -> RunScope {
        self.ready = ready;
        self
    }

    pub(super) fn mark_ready(&self) {
        self.ready.cancel();
    }

    pub(super) fn stop_signal(&self) -> &StopSignal {
        &self.stop_signal
    }

    pub(super) fn runtime(&self) -> Option<&Handle> {
        self.runtime.as_ref()
    }

    pub(crate) fn children(&self) -> &TaskTracker {
        &self.children
    }

    /// Resolves when no child is left. Call it after the body has ended, since a body can start more children.
    pub(crate) async fn children_ended(&self) {
        self.children.close();
        self.children.wait().await;
    }

    pub(super) fn cut(&self) -> Moment {
        Moment::from_nanos(self.cut.load(Ordering::Acquire))
    }

    /// Lets no poll begin any more. Call [`TermState::wake`](super::TermState::wake) afterwards, so that idle futures are
    /// dropped.
    pub(super) fn end_now(&self) {
        self.cut.store(0, Ordering::Release);
    }
}
