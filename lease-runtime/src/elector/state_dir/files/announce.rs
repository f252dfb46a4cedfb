//! Announces an identity: its file, locked for as long as this process lives.

use std::fs::{File, TryLockError};
use std::io::Write;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::announced::Announced;
use super::directory::Directory;
use super::entry::{Announcement, FileId};
use super::file_system;
use super::nonce::Nonce;
use crate::elector::state_dir::unusable::Unusable;

impl Directory {
    /// Announces this identity. The lock is held before the file has the name under which others ask for it: a process that
    /// finds an identity without a lock takes it for dead.
    pub(super) fn announce(&self, identity: &str) -> Result<Announced, Unusable> {
        let (file, entry) = self.write(identity)?;
        // Never closed. The lock is that of the process and not that of a candidate: threads, children of a runtime and whatever
        // else a term has left behind run on when a candidate is gone.
        Ok(Announced::new(Box::leak(Box::new(file)), entry))
    }

    /// Everything but the promise to keep the file open.
    pub(super) fn write(&self, identity: &str) -> Result<(File, Announcement), Unusable> {
        let nonce = Nonce::of(identity).ok_or(Unusable::Identity)?;
        let draft = nonce.draft();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.fd, &draft, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|cause| Unusable::at("create a file", cause))?;
        self.complete(file.into(), identity, nonce).inspect_err(|_| {
            let _ = rustix::fs::unlinkat(&self.fd, &draft, AtFlags::empty());
        })
    }

    fn complete(&self, mut file: File, identity: &str, nonce: Nonce<'_>) -> Result<(File, Announcement), Unusable> {
        file_system::check(&file)?;
        file.try_lock().map_err(|refused| match refused {
            TryLockError::WouldBlock => {
                Unusable::Other { what: "lock its own file", reason: "another process holds the lock".to_owned() }
            }
            TryLockError::Error(cause) => Unusable::at("lock a file", cause),
        })?;
        let metadata = file.metadata().map_err(|cause| Unusable::at("look at a file", cause))?;
        let entry = Announcement {
            identity: identity.to_owned(),
            boot: self.boot.clone(),
            file: FileId::of(&metadata),
            in_a_row: 0,
        };
        file.write_all(entry.to_line().as_bytes()).map_err(|cause| Unusable::at("write a file", cause))?;
        rustix::fs::renameat(&self.fd, nonce.draft(), &self.fd, nonce.name())
            .map_err(|cause| Unusable::at("rename a file", cause))?;
        Ok((file, entry))
    }
}
