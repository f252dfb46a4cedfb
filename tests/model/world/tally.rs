//! Counts of what has happened.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How often important events happened. If they never happened, the check would prove nothing about them.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    pub(crate) takeovers: Count,
    pub(crate) handovers: Count,
    pub(crate) recreations: Count,
    /// Acquisitions that replaced the node's own record, from a write with an unknown outcome or from a term that has
    /// expired.
    pub(crate) reacquired: Count,
    /// Writes that took effect after their sender had given them up.
    pub(crate) landed: Count,
    /// Processes that were replaced while their bodies ran.
    pub(crate) replacements: Count,
    /// Early renewals that were asked for.
    pub(crate) hurries: Count,
    /// Acquisitions that a proof of death let begin.
    pub(crate) proven: Count,
    /// Writes of a process that took effect after some node had a proof of its death.
    pub(crate) landed_dead: Count,
    /// Deletions after the first one.
    pub(crate) deleted_again: Count,
    /// Writes that took effect while their sender did not know the outcome.
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

    /// True once, after the first event.
    pub(crate) fn is_news(&self) -> bool {
        self.times.load(Ordering::Relaxed) > 0 && !self.reported.swap(true, Ordering::Relaxed)
    }
}
