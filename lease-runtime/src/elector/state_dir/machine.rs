//! A state directory in memory: that of a machine which a simulation makes up.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

use super::answer::Answer;
use super::in_a_row;

/// A machine of a simulation. Its processes have a state directory in common, and a simulation can kill them.
///
/// For simulations that run several candidates in one process. There, the death of a simulated process cannot free the lock of a
/// file, since the real process lives on. Everything but the lock is the code of production.
#[derive(Clone, Default)]
pub struct Machine(Arc<Mutex<Occupants>>);

/// Who has announced itself, by identity.
type Occupants = BTreeMap<Arc<str>, Occupant>;

struct Occupant {
    is_alive: Arc<AtomicBool>,
    in_a_row: u8,
}

/// A process of a [`Machine`]. Give it to each candidate of the process.
#[derive(Clone)]
pub struct MachineProcess {
    machine: Machine,
    is_alive: Arc<AtomicBool>,
}

impl Machine {
    /// A machine without processes.
    pub fn new() -> Machine {
        Machine::default()
    }

    /// A new process of this machine.
    pub fn start(&self) -> MachineProcess {
        MachineProcess { machine: self.clone(), is_alive: Arc::new(AtomicBool::new(true)) }
    }

    fn announced(&self) -> MutexGuard<'_, Occupants> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MachineProcess {
    /// The process is dead: from now on, the others of its machine may find that out. Call it when nothing of the process runs any more.
    pub fn kill(&self) {
        self.is_alive.store(false, Ordering::Release);
    }

    pub(crate) fn announce(&self, identity: Arc<str>) -> Seat {
        let occupant = Occupant { is_alive: Arc::clone(&self.is_alive), in_a_row: 0 };
        self.machine.announced().insert(Arc::clone(&identity), occupant);
        Seat { process: self.clone(), identity }
    }
}

/// The identity of a candidate in the directory of its machine.
pub(crate) struct Seat {
    process: MachineProcess,
    identity: Arc<str>,
}

impl Seat {
    pub(super) fn ask(&self, identity: &str) -> Answer {
        match self.process.machine.announced().get(identity) {
            Some(occupant) if occupant.is_alive.load(Ordering::Acquire) => Answer::Alive,
            Some(occupant) => Answer::Dead { in_a_row: occupant.in_a_row },
            None => Answer::Unknown,
        }
    }

    pub(super) fn follows(&self, dead: u8) -> bool {
        let may = in_a_row::may_follow(dead);
        if may {
            self.count(|own| in_a_row::after_following(own, dead));
        }
        may
    }

    pub(super) fn has_led_for(&self, time: Duration) {
        if in_a_row::is_over_after(time) {
            self.count(|_| 0);
        }
    }

    fn count(&self, change: impl FnOnce(u8) -> u8) {
        if let Some(occupant) = self.process.machine.announced().get_mut(&self.identity) {
            occupant.in_a_row = change(occupant.in_a_row);
        }
    }
}
