//! The file of this process.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::entry::{Announcement, FileId};
use crate::elector::state_dir::in_a_row;

/// The file of this process, whose lock is held for as long as the process lives.
pub(super) struct Announced {
    file: &'static File,
    id: FileId,
    changed: i64,
    entry: Mutex<Announcement>,
    /// As if the descriptor had been closed.
    #[cfg(test)]
    pub(super) closed: std::sync::atomic::AtomicBool,
}

impl Announced {
    pub(super) fn new(file: &'static File, entry: Announcement) -> Announced {
        let changed = file.metadata().map_or(0, |metadata| metadata.ctime());
        Announced {
            file,
            id: entry.file,
            changed,
            entry: Mutex::new(entry),
            #[cfg(test)]
            closed: Default::default(),
        }
    }

    /// When the file was written, by the clock of its file system.
    pub(super) fn changed(&self) -> i64 {
        self.changed
    }

    /// Whether the descriptor is still the one that holds the lock. If some other code of the process has closed it, as "close all
    /// files" of a daemon does, the lock is free, and others take this process for dead while it lives.
    pub(super) fn is_held(&self) -> bool {
        #[cfg(test)]
        if self.closed.load(std::sync::atomic::Ordering::Relaxed) {
            return false;
        }
        self.file.metadata().is_ok_and(|metadata| FileId::of(&metadata) == self.id)
    }

    /// Whether this process may follow a dead one that had followed so many at once. If it may, this is written down first.
    pub(super) fn follows(&self, dead: u8) -> bool {
        let may = in_a_row::may_follow(dead);
        if may {
            self.count(|own| in_a_row::after_following(own, dead));
        }
        may
    }

    /// A term of this process has lasted for so long.
    pub(super) fn has_led_for(&self, time: Duration) {
        if in_a_row::is_over_after(time) {
            self.count(|_| 0);
        }
    }

    fn count(&self, change: impl FnOnce(u8) -> u8) {
        let mut entry = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let in_a_row = change(entry.in_a_row).min(Announcement::MOST_IN_A_ROW);
        if in_a_row != entry.in_a_row && self.is_held() {
            entry.in_a_row = in_a_row;
            // Of the same length, in one call: nobody finds a half of it. If it fails, the count is too low or too high, which makes
            // a later process wait, or not.
            let _ = self.file.write_all_at(entry.to_line().as_bytes(), 0);
        }
    }
}
