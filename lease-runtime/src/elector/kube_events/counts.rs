//! How many Events a candidate has had.

use std::sync::atomic::AtomicU64;

use tokio::sync::watch;

#[derive(Default)]
pub(super) struct EventCounts {
    /// How many were put into the queue.
    pub(super) queued: AtomicU64,
    /// How many of these were written or given up.
    pub(super) done: watch::Sender<u64>,
    pub(super) dropped: AtomicU64,
}
