//! What has happened, counted.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What happened on the way, and how often: a check of what cannot happen proves nothing.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    pub(crate) takeovers: Count,
    pub(crate) handovers: Count,
    pub(crate) recreations: Count,
    /// Acquisitions over the own record: of a write whose outcome was unknown, or of a term that ran out.
    pub(crate) reacquired: Count,
    /// Writes that took effect after their sender had given up.
    pub(crate) landed: Count,
    /// Writes that took effect without their sender's knowing.
    pub(crate) unknown: Count,
}

#[derive(Default, Debug)]
pub(crate) struct Count {
    times: AtomicU64,
    reported: AtomicBool,
}

impl Count {
    pub(super) fn add(&self) {
        self.times.fetch_add(1, Ordering::Relaxed);
    }

    /// True once, after it has happened.
    pub(crate) fn is_news(&self) -> bool {
        self.times.load(Ordering::Relaxed) > 0 && !self.reported.swap(true, Ordering::Relaxed)
    }
}
