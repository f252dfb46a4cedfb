//! Counts the requests on a connection.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;

/// How long requests wait for any answer before a PING is sent, how long the PING may take before another connection is tried, and
/// how long the first connection still has when that one is made. Together, this is how long a dead connection is used.
pub(super) const QUIET: Duration = Duration::from_secs(1);

/// The requests on a connection.
#[derive(Default)]
pub(super) struct Load {
    /// Requests whose answer has not been read to its end. Watches are among them.
    pub(super) open: AtomicUsize,
    /// Requests whose answer has not begun.
    pub(super) waiting: AtomicUsize,
    /// Answers that have begun.
    pub(super) answers: AtomicU64,
    /// Notified when a request begins to wait.
    request_waits: Notify,
    pub(super) dead: OnceLock<()>,
}

impl Load {
    /// Resolves when requests have waited for a while and none was answered.
    pub(super) async fn goes_unanswered(&self) {
        loop {
            let request_waits = pin!(self.request_waits.notified());
            if self.waiting.load(Ordering::Relaxed) == 0 {
                request_waits.await;
            }
            let answers = self.answers.load(Ordering::Relaxed);
            tokio::time::sleep(QUIET).await;
            if self.waiting.load(Ordering::Relaxed) > 0 && self.answers.load(Ordering::Relaxed) == answers {
                return;
            }
        }
    }
}

/// A request whose answer has not begun.
pub(super) struct AwaitedHead(Arc<Load>);

impl AwaitedHead {
    pub(super) fn new(load: &Arc<Load>) -> AwaitedHead {
        load.waiting.fetch_add(1, Ordering::Relaxed);
        load.request_waits.notify_one();
        AwaitedHead(Arc::clone(load))
    }
}

impl Drop for AwaitedHead {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request whose answer has not been read to its end.
pub(super) struct OpenBody(Arc<Load>);

impl OpenBody {
    pub(super) fn new(load: &Arc<Load>) -> OpenBody {
        load.open.fetch_add(1, Ordering::Relaxed);
        OpenBody(Arc::clone(load))
    }
}

impl Drop for OpenBody {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
