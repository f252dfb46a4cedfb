//! What a program can observe: events, delivered where they delay nothing.
//!
//! An elector with a thread of its own hands its events to another thread, `lease-observer`, so that an observer which blocks does
//! not delay a renewal. With a client of the program, elections run on the program's runtime, and so do its observers.

mod delivery;
mod event;
mod in_place;
#[cfg(feature = "metrics")]
mod metrics;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::Builder;

#[cfg(feature = "metrics")]
pub use self::metrics::MetricsObserver;
pub(crate) use delivery::Observers;
use delivery::{ROOM, deliver};
pub use event::{BodyOutcome, LeaseEvent, Observer, RenewalResult};
use in_place::InPlace;

/// Where a candidate sends its events. Without an observer, it costs one comparison.
#[derive(Clone, Default)]
pub(crate) struct ObserverPort(Option<Arc<Delivery>>);

enum Delivery {
    /// At once, where the event happens.
    InPlace(InPlace),
    /// By the thread.
    Thread(Waiting),
}

/// The events that the thread has not taken yet.
struct Waiting {
    batches: mpsc::Sender<Vec<LeaseEvent>>,
    /// How many events wait, here and in batches.
    count: Arc<AtomicUsize>,
    batch: Mutex<Batch>,
}

/// Events that wake nobody. To wake a thread costs more than to count a renewal, and nearly all events are renewals. The next event
/// of another kind takes them along: the elector has one every second.
#[derive(Default)]
struct Batch {
    events: Vec<LeaseEvent>,
    dropped: u64,
}

impl ObserverPort {
    /// Delivers where the event happens.
    pub(crate) fn here(observers: Observers) -> ObserverPort {
        ObserverPort((!observers.is_empty()).then(|| Arc::new(Delivery::InPlace(InPlace::new(observers)))))
    }

    /// Delivers by a thread, which ends when all ports are gone and all events are delivered.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub(crate) fn thread(observers: Observers) -> io::Result<ObserverPort> {
        if observers.is_empty() {
            return Ok(ObserverPort::default());
        }
        let (batches, waiting) = mpsc::channel::<Vec<LeaseEvent>>();
        let count = Arc::new(AtomicUsize::new(0));
        let taken = Arc::clone(&count);
        Builder::new().name("lease-observer".to_owned()).spawn(move || {
            for event in waiting.into_iter().flatten() {
                taken.fetch_sub(1, Ordering::Relaxed);
                deliver(&observers, &event);
            }
        })?;
        let waiting = Waiting { batches, count, batch: Mutex::default() };
        Ok(ObserverPort(Some(Arc::new(Delivery::Thread(waiting)))))
    }

    /// Whether anybody observes, so that an event is worth making.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Makes and sends an event, if anybody observes.
    pub(crate) fn tell(&self, event: impl FnOnce() -> LeaseEvent) {
        self.put(event);
        self.deliver();
    }

    /// As `tell`, under a lock that an observer may need. Call `deliver` when the lock is free.
    pub(crate) fn put(&self, event: impl FnOnce() -> LeaseEvent) {
        match self.0.as_deref() {
            None => {}
            Some(Delivery::InPlace(in_place)) => in_place.put(event()),
            Some(Delivery::Thread(waiting)) => waiting.put(event()),
        }
    }

    /// Delivers what was put.
    pub(crate) fn deliver(&self) {
        if let Some(Delivery::InPlace(in_place)) = self.0.as_deref() {
            in_place.deliver();
        }
    }
}

impl Waiting {
    fn put(&self, event: LeaseEvent) {
        let wakes = !matches!(event, LeaseEvent::RenewalEnded { result: RenewalResult::Ok, .. });
        let mut batch = self.batch();
        if self.count.load(Ordering::Relaxed) < ROOM {
            self.add(&mut batch, event);
        } else {
            batch.dropped += 1;
        }
        // Also if this event is dropped: what waits here may be all that waits, and nothing else would make room.
        if wakes && !batch.events.is_empty() {
            self.send(&mut batch);
        }
    }

    fn add(&self, batch: &mut Batch, event: LeaseEvent) {
        let events = std::mem::take(&mut batch.dropped);
        if events > 0 {
            batch.events.push(LeaseEvent::Dropped { events });
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        batch.events.push(event);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Under the lock, so that batches come in the order of their events.
    fn send(&self, batch: &mut Batch) {
        // The thread ends only after this sender.
        let _ = self.batches.send(std::mem::take(&mut batch.events));
    }

    fn batch(&self) -> MutexGuard<'_, Batch> {
        // The state is consistent after each statement.
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.send(&mut self.batch());
    }
}

impl fmt::Debug for ObserverPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserverPort").field("is_wanted", &self.is_wanted()).finish()
    }
}

#[cfg(test)]
mod tests;
