//! What is on its way on a connection.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;

/// How long requests wait for any answer before the connection is asked for a sign of life, how long that may take before
/// another connection is tried, and how long it has still from when that succeeds. Together they are how long a dead connection
/// is believed in.
pub(super) const QUIET: Duration = Duration::from_secs(1);

/// What is on its way on a connection.
#[derive(Default)]
pub(super) struct Load {
    /// Requests whose answer has not been read to its end. Watches are among them.
    pub(super) open: AtomicUsize,
    /// Requests whose answer has not begun.
    pub(super) waiting: AtomicUsize,
    /// Answers that have begun.
    pub(super) answers: AtomicU64,
    /// There is a request that waits.
    request_waits: Notify,
    pub(super) dead: OnceLock<()>,
}

impl Load {
    /// Requests wait, and for a while none of them has been answered.
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
