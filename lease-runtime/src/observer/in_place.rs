//! Delivery where the events happen: one event after the other, and never under a lock.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::delivery::{Observers, ROOM, deliver};
use super::event::LeaseEvent;

/// The observers, and the events that they have not seen yet.
pub(super) struct InPlace {
    observers: Observers,
    waiting: Mutex<Pending>,
}

#[derive(Default)]
struct Pending {
    events: VecDeque<LeaseEvent>,
    /// Somebody delivers, and takes what is put meanwhile.
    delivering: bool,
    dropped: u64,
}

impl InPlace {
    pub(super) fn new(observers: Observers) -> InPlace {
        InPlace { observers, waiting: Mutex::default() }
    }

    /// Puts an event behind those that wait. It is delivered by the next [`deliver`](Self::deliver).
    pub(super) fn put(&self, event: LeaseEvent) {
        let mut waiting = self.waiting();
        if waiting.events.len() >= ROOM {
            waiting.dropped += 1;
            return;
        }
        let dropped = std::mem::take(&mut waiting.dropped);
        if dropped > 0 {
            waiting.events.push_back(LeaseEvent::Dropped { events: dropped });
        }
        waiting.events.push_back(event);
    }

    /// Delivers what waits, unless a call further up, or another thread, does so at the moment. So an observer may use the candidate:
    /// what happens by it comes after the event that it is told.
    pub(super) fn deliver(&self) {
        loop {
            let mut waiting = self.waiting();
            if waiting.delivering {
                return;
            }
            let Some(event) = waiting.events.pop_front() else { return };
            waiting.delivering = true;
            drop(waiting);
            // It does not panic.
            deliver(&self.observers, &event);
            self.waiting().delivering = false;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Pending> {
        // The state is consistent after each statement.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
