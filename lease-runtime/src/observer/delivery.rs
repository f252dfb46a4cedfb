//! Hands one event to all observers of a candidate.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::event::{LeaseEvent, Observer};

/// How many events may wait.
pub(super) const ROOM: usize = 65_536;

/// The observers of a candidate.
pub(crate) type Observers = Vec<Arc<dyn Observer>>;

/// Hands one event to all observers. It does not panic.
pub(super) fn deliver(observers: &Observers, event: &LeaseEvent) {
    for observer in observers {
        // An observer is user code. A panic of it must not end the elector or the thread.
        if catch_unwind(AssertUnwindSafe(|| observer.observe(event))).is_err() {
            tracing::error!(target: "lease_runtime", "an observer panicked: it gets the next event all the same");
        }
    }
}
