//! Proves that a process is dead, by a lock that the kernel releases when nothing of the process runs any more.
//!
//! Each identity has a file in the state directory, and its process holds the lock of the file for as long as it lives. Where the
//! lock of an identity is free, its process is dead. No clock takes part in this, and no number of a process.

mod answer;
mod asker;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod files;
mod in_a_row;
#[cfg(feature = "testing")]
mod machine;
mod unusable;

use std::path::Path;
use std::time::Duration;

use answer::Answer;
pub(super) use asker::{Asker, FoundDead, Inquiry};
#[cfg(not(target_os = "linux"))]
use elsewhere::NoStateFiles as StateFiles;
#[cfg(target_os = "linux")]
use files::StateFiles;
#[cfg(feature = "testing")]
pub use machine::{Machine, MachineProcess};
use unusable::Unusable;

/// The state directory, in which this process has announced one identity.
pub(crate) enum StateDir {
    Files(StateFiles),
    /// Of a simulation.
    #[cfg(feature = "testing")]
    Machine(machine::Seat),
}

impl StateDir {
    /// Announces `identity`: from here on, other processes find out when this one is dead. Call it before the identity is sent
    /// anywhere: after a process that died in between, the others would wait. Blocks for a few system calls.
    ///
    /// Keeps a file open until the process ends, whatever becomes of the value.
    ///
    /// # Errors
    ///
    /// If the directory cannot be used. Nothing of this call is left in it then.
    pub(crate) fn announce(path: &Path, identity: &str) -> Result<StateDir, Unusable> {
        StateFiles::announce(path, identity).map(StateDir::Files)
    }

    /// Asks after the process of another identity. Blocks for a few system calls, if [`blocks`](Self::blocks).
    fn ask(&self, identity: &str) -> Answer {
        match self {
            StateDir::Files(files) => files.ask(identity),
            #[cfg(feature = "testing")]
            StateDir::Machine(seat) => seat.ask(identity),
        }
    }

    /// Whether this process may follow a dead one, which came after so many that had followed each other at once.
    fn follows(&self, in_a_row: u8) -> bool {
        match self {
            StateDir::Files(files) => files.follows(in_a_row),
            #[cfg(feature = "testing")]
            StateDir::Machine(seat) => seat.follows(in_a_row),
        }
    }

    /// A term of this process has lasted for so long.
    pub(super) fn has_led_for(&self, time: Duration) {
        match self {
            StateDir::Files(files) => files.has_led_for(time),
            #[cfg(feature = "testing")]
            StateDir::Machine(seat) => seat.has_led_for(time),
        }
    }

    /// Whether this process still holds its lock.
    pub(super) fn is_held(&self) -> bool {
        match self {
            StateDir::Files(files) => files.is_held(),
            #[cfg(feature = "testing")]
            StateDir::Machine(_) => true,
        }
    }

    fn blocks(&self) -> bool {
        matches!(self, StateDir::Files(_))
    }

    /// As if the program had closed the file of this process.
    #[cfg(all(test, target_os = "linux", feature = "embedded"))]
    pub(super) fn lose(&self) {
        match self {
            StateDir::Files(files) => files.lose(),
            #[cfg(feature = "testing")]
            StateDir::Machine(_) => {}
        }
    }
}
