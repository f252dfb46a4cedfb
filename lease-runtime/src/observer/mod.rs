//! What a program can observe: events, delivered where they delay nothing.
//!
//! An elector with a thread of its own hands its events to another thread, `lease-observer`, so that an observer which blocks does
//! not delay a renewal. With a client of the program, elections run on the program's runtime, and so do its observers.

mod event;
#[cfg(feature = "metrics")]
mod metrics;

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::Builder;

#[cfg(feature = "metrics")]
pub use self::metrics::MetricsObserver;
pub use event::{BodyOutcome, LeaseEvent, Observer, RenewalResult};

/// How many events may wait.
const ROOM: usize = 65_536;

/// Where a candidate sends its events. Without an observer, it costs one comparison.
#[derive(Clone, Default)]
pub(crate) struct ObserverPort(Option<Arc<Delivery>>);

/// The observers of a candidate.
pub(crate) type Observers = Vec<Arc<dyn Observer>>;

enum Delivery {
    /// At once, where the event happens.
    Here(Observers),
    /// By the thread.
    Thread(Waiting),
}

/// The events that the thread has not taken yet.
struct Waiting {
    events: mpsc::Sender<LeaseEvent>,
    count: Arc<AtomicUsize>,
    dropped: AtomicU64,
}

impl ObserverPort {
    /// Delivers where the event happens.
    pub(crate) fn here(observers: Observers) -> ObserverPort {
        ObserverPort((!observers.is_empty()).then(|| Arc::new(Delivery::Here(observers))))
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
        let (events, waiting) = mpsc::channel();
        let count = Arc::new(AtomicUsize::new(0));
        let taken = Arc::clone(&count);
        Builder::new().name("lease-observer".to_owned()).spawn(move || {
            for event in waiting {
                taken.fetch_sub(1, Ordering::Relaxed);
                deliver(&observers, &event);
            }
        })?;
        let waiting = Waiting { events, count, dropped: AtomicU64::new(0) };
        Ok(ObserverPort(Some(Arc::new(Delivery::Thread(waiting)))))
    }

    /// Whether anybody observes, so that an event is worth making.
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Makes and sends an event, if anybody observes.
    pub(crate) fn tell(&self, event: impl FnOnce() -> LeaseEvent) {
        match self.0.as_deref() {
            None => {}
            Some(Delivery::Here(observers)) => deliver(observers, &event()),
            Some(Delivery::Thread(waiting)) => waiting.put(event()),
        }
    }
}

impl Waiting {
    fn put(&self, event: LeaseEvent) {
        if self.count.load(Ordering::Relaxed) >= ROOM {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let events = self.dropped.swap(0, Ordering::Relaxed);
        if events > 0 {
            self.send(LeaseEvent::Dropped { events });
        }
        self.send(event);
    }

    fn send(&self, event: LeaseEvent) {
        self.count.fetch_add(1, Ordering::Relaxed);
        // The thread ends only after this sender.
        let _ = self.events.send(event);
    }
}

fn deliver(observers: &Observers, event: &LeaseEvent) {
    for observer in observers {
        // An observer is user code. A panic of it must not end the elector or the thread.
        if catch_unwind(AssertUnwindSafe(|| observer.observe(event))).is_err() {
            tracing::error!(target: "lease_runtime", "an observer panicked: it gets the next event all the same");
        }
    }
}

impl fmt::Debug for ObserverPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObserverPort").field("is_wanted", &self.is_wanted()).finish()
    }
}

#[cfg(test)]
mod tests;
