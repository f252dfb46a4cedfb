//! Kubernetes Events about the elections of a candidate, for `kubectl describe lease` and `kubectl get events`.
//!
//! An Event is for people, and no election waits for one or depends on one. Where something happens, an Event is put into a short
//! queue, and a task of its own writes it. If the queue is full, or if a lease has had too many Events, it is dropped. A write that
//! fails is not repeated.

mod allowance;
mod counts;
mod event;
mod reporter;
#[cfg(all(test, feature = "embedded"))]
mod tests;
mod writer;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use self::allowance::Allowances;
use self::counts::EventCounts;
use self::event::KubeEvent;
pub(crate) use self::reporter::LeaseReporter;
pub(super) use self::writer::EventWriter;
use crate::clock::{Clock, Moment};

/// How many Events of a candidate may wait.
const ROOM: usize = 8;
/// How long the end of a candidate waits for its last Events.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes the Events of a candidate. A cheap handle: all clones share one queue.
#[derive(Clone)]
pub(super) struct KubeEvents {
    queue: mpsc::Sender<Box<KubeEvent>>,
    allowances: Arc<Mutex<Allowances>>,
    counts: Arc<EventCounts>,
}

impl KubeEvents {
    /// The queue of a candidate, and what writes its Events.
    pub(super) fn open(clock: Arc<dyn Clock>) -> (KubeEvents, EventWriter) {
        let (queue, events) = mpsc::channel(ROOM);
        let counts = Arc::<EventCounts>::default();
        let writer = EventWriter::new(events, Arc::clone(&counts), clock);
        (KubeEvents { queue, allowances: Arc::default(), counts }, writer)
    }

    /// Takes an Event, or drops it. Returns at once, and logs nothing: it is called between a deadline and its enforcement.
    fn put(&self, event: KubeEvent, now: Moment) {
        let allowed = self.allowances.lock().unwrap_or_else(PoisonError::into_inner).take(&event.lease, now);
        if allowed && self.queue.try_send(Box::new(event)).is_ok() {
            self.counts.queued.fetch_add(1, Ordering::Relaxed);
        } else {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Resolves when all Events up to now were written or given up, and after a second in any case. Cancel safe.
    pub(super) async fn written(&self) {
        let queued = self.counts.queued.load(Ordering::Relaxed);
        let mut done = self.counts.done.subscribe();
        let _ = tokio::time::timeout(PATIENCE, done.wait_for(|done| *done >= queued)).await;
    }
}
