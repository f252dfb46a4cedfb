//! Counts of what has happened. A run in which something of interest never happened proves nothing about it.

use std::sync::atomic::{AtomicU64, Ordering};

use lease_runtime::{CatchUp, Delivery, Overlap};

use super::ledger::Written;
use super::scope::{Fault, Scope};

#[derive(Default, Debug)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default, Debug)]
pub(crate) struct Tally {
    /// Ticks that were taken for the first time.
    pub(crate) taken: Count,
    /// Runs that were interrupted and taken again.
    pub(crate) again: Count,
    /// Runs that were given back and taken up.
    pub(crate) taken_up: Count,
    /// Runs that were interrupted and counted as abandoned.
    pub(crate) abandoned: Count,
    /// Ticks that were counted as not run.
    pub(crate) skipped: Count,
    /// Writes that took effect while their sender did not know the outcome.
    pub(crate) unknown: Count,
    /// Writes that took effect after their sender had given them up.
    pub(crate) landed: Count,
    /// Writes that named a state which was gone.
    pub(crate) conflicts: Count,
    /// Runs that were asked to end for a later tick.
    pub(crate) replaced: Count,
    /// Bodies that began while another one of the task was under way.
    pub(crate) beside: Count,
    pub(crate) failed: Count,
}

impl Tally {
    pub(crate) fn write(&self, written: &Written) {
        self.taken.add(written.taken as u64);
        self.again.add(written.again as u64);
        self.taken_up.add(written.taken_up as u64);
        self.abandoned.add(written.abandoned);
        self.skipped.add(written.skipped);
    }

    /// What must happen in this scope and never did.
    pub(crate) fn missing(&self, scope: &Scope) -> Vec<&'static str> {
        let some = |test: &dyn Fn(&super::scope::Task) -> bool| scope.tasks.iter().any(test);
        let breaks = scope.has(Fault::Loss) || scope.has(Fault::Crash);
        let must = [
            ("a tick is taken", &self.taken, true),
            ("a run is taken again", &self.again, breaks && some(&|task| task.delivery == Delivery::AtLeastOnce)),
            ("a run is abandoned", &self.abandoned, breaks && some(&|task| task.delivery == Delivery::AtMostOnce)),
            ("a run that was given back is taken up", &self.taken_up, scope.has(Fault::Drain)),
            ("a tick is not run", &self.skipped, some(&|task| task.catch_up != CatchUp::All)),
            ("a write takes effect unknown to its sender", &self.unknown, scope.has(Fault::Unknown)),
            ("a write lands after it was given up", &self.landed, breaks || scope.has(Fault::Late)),
            ("a write conflicts", &self.conflicts, scope.has(Fault::Touch) || scope.has(Fault::Late)),
            ("a run is replaced", &self.replaced, some(&|task| task.overlap == Overlap::CancelOther)),
            ("two runs at once", &self.beside, some(&|task| matches!(task.overlap, Overlap::AllowAll(_)))),
            ("a body fails", &self.failed, scope.has(Fault::Failure)),
        ];
        must.iter().filter(|(_, count, must)| *must && count.get() == 0).map(|(name, ..)| *name).collect()
    }
}
