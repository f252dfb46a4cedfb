//! Asks after another process.

use std::fs::{File, TryLockError};
use std::io::{self, Read};

use rustix::io::Errno;

use super::directory::Directory;
use super::entry::{Announcement, FileId};
use super::file_system;
use super::nonce::Nonce;
use crate::elector::state_dir::answer::Answer;

/// The longest content that is read. An identity has at most 255 bytes.
const LONGEST: u64 = 4096;

impl Directory {
    /// Asks after the process of this identity.
    pub(super) fn ask(&self, identity: &str) -> Answer {
        let Some(nonce) = Nonce::of(identity) else { return Answer::Unknown };
        let file = match self.open_file(nonce.name()) {
            Ok(file) => file,
            // A process announces itself before its identity gets around, so its file is there from the beginning, or never.
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO | Errno::ACCESS | Errno::PERM) => return Answer::Unknown,
            Err(other) => return Answer::Unclear(other.into()),
        };
        self.look(&file, identity).unwrap_or_else(Answer::Unclear)
    }

    fn look(&self, file: &File, identity: &str) -> io::Result<Answer> {
        let metadata = file.metadata()?;
        if !metadata.is_file() || file_system::check(file).is_err() {
            return Ok(Answer::Unknown);
        }
        // Shared, so that several may ask at once. It is free again when `file` is closed.
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Answer::Alive),
            Err(TryLockError::Error(cause)) => return Err(cause),
        }
        // Nobody writes it any more.
        let mut content = Vec::new();
        file.take(LONGEST).read_to_end(&mut content)?;
        let Some(entry) = Announcement::read(&content) else { return Ok(Answer::Unknown) };
        let is_of_the_process =
            entry.identity == identity && entry.boot == self.boot && entry.file == FileId::of(&metadata);
        Ok(if is_of_the_process { Answer::Dead { in_a_row: entry.in_a_row } } else { Answer::Unknown })
    }
}
