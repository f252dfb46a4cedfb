//! What a process, its bodies and its client share with the world.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clock::{Nanos, Pace, ProcessClock};
use super::message::{Request, Who};
use crate::journal::{Event, Journal};
use lease_runtime::testing::MachineProcess;

/// The place of one process in the world. It writes into the journal in global time.
pub(crate) struct Here {
    pub(crate) who: Who,
    pub(crate) pace: Pace,
    pub(crate) clock: Arc<ProcessClock>,
    /// On a machine with a state directory.
    pub(crate) on_machine: Option<MachineProcess>,
    journal: Journal,
    /// The requests that the network has not picked up. `None`: the process is dead.
    outbox: Mutex<Option<Vec<Request>>>,
    numbers: AtomicU64,
    rng: Mutex<fastrand::Rng>,
}

impl Here {
    pub(crate) fn new(
        who: Who,
        pace: Pace,
        clock: Arc<ProcessClock>,
        on_machine: Option<MachineProcess>,
        journal: Journal,
        seed: u64,
    ) -> Arc<Here> {
        let rng = Mutex::new(fastrand::Rng::with_seed(seed));
        let outbox = Mutex::new(Some(Vec::new()));
        Arc::new(Here { who, pace, clock, on_machine, journal, outbox, numbers: AtomicU64::new(0), rng })
    }

    /// The global time.
    pub(crate) fn now(&self) -> Nanos {
        self.pace.global(self.clock.elapsed())
    }

    pub(crate) fn write(&self, event: Event) {
        self.write_at(self.now(), event);
    }

    /// Nothing that a dead process does counts: the order in which its runtime drops its tasks means nothing.
    pub(crate) fn write_at(&self, at: Nanos, event: Event) {
        if self.outbox().is_some() {
            self.journal.write(at, event);
        }
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Hands a request to the network. A dead process sends nothing.
    pub(crate) fn send(&self, request: Request) {
        if let Some(outbox) = &mut *self.outbox() {
            outbox.push(request);
        }
    }

    /// The requests since the last call.
    pub(crate) fn take_sent(&self) -> Vec<Request> {
        self.outbox().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// From now on it sends nothing, and the other processes of its machine may find out that it is dead.
    pub(crate) fn die(&self) {
        *self.outbox() = None;
        self.on_machine.iter().for_each(MachineProcess::kill);
    }

    fn outbox(&self) -> MutexGuard<'_, Option<Vec<Request>>> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True in `thousandths` of a thousand cases.
    pub(crate) fn chance(&self, thousandths: u32) -> bool {
        thousandths > 0 && self.random(0, 999) < u64::from(thousandths)
    }

    /// A random number between two others, which are both included.
    pub(crate) fn random(&self, least: u64, most: u64) -> u64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).u64(least..=most)
    }
}
