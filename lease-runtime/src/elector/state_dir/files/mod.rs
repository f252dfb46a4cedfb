//! The files of a state directory.
//!
//! | rule | file |
//! |---|---|
//! | the lock is held before the file has its name, and for as long as the process lives | `announce.rs` |
//! | a free lock proves something only if the file is the one that its process wrote, on this machine, since it was started | `ask.rs` |
//! | nothing but 16 digits of an identity becomes a part of a path | `nonce.rs` |
//! | locks prove nothing on a file system where another machine keeps them | `file_system.rs` |
//! | a file is removed long after its process was found dead, and then costs a wait and nothing else | `tidy.rs` |
//! | a leader that dies again and again is not followed at once for ever | `announced.rs` |

mod announce;
mod announced;
mod ask;
mod boot;
mod directory;
mod entry;
mod file_system;
mod nonce;
#[cfg(test)]
mod tests;
mod tidy;

use std::path::Path;
use std::time::Duration;

use announced::Announced;
use directory::Directory;

use super::answer::Answer;
use super::unusable::Unusable;

/// The directory of [`StateDir`](super::StateDir), which says what its methods do.
pub(crate) struct StateFiles {
    directory: Directory,
    announced: Announced,
}

impl StateFiles {
    pub(crate) fn announce(path: &Path, identity: &str) -> Result<StateFiles, Unusable> {
        let directory = Directory::open(path)?;
        let announced = directory.announce(identity)?;
        // What stays there for another hour harms nobody.
        let _ = directory.tidy(announced.changed());
        Ok(StateFiles { directory, announced })
    }

    pub(crate) fn ask(&self, identity: &str) -> Answer {
        self.directory.ask(identity)
    }

    pub(crate) fn follows(&self, in_a_row: u8) -> bool {
        self.announced.follows(in_a_row)
    }

    pub(crate) fn has_led_for(&self, time: Duration) {
        self.announced.has_led_for(time);
    }

    /// As if the program had closed the file of this process.
    #[cfg(all(test, feature = "embedded"))]
    pub(crate) fn lose(&self) {
        self.announced.closed.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    pub(crate) fn is_held(&self) -> bool {
        self.announced.is_held()
    }
}
