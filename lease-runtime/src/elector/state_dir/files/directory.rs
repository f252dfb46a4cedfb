//! An open state directory.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::{boot, file_system};
use crate::elector::state_dir::unusable::Unusable;

/// An open state directory. It stays the same directory if another is mounted at its path.
pub(super) struct Directory {
    pub(super) fd: OwnedFd,
    /// The boot id of this machine.
    pub(super) boot: String,
}

impl Directory {
    pub(super) fn open(path: &Path) -> Result<Directory, Unusable> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path, flags, Mode::empty()).map_err(Unusable::open)?;
        // Before anything is created there: each file is looked at again.
        file_system::check(&fd)?;
        Ok(Directory { fd, boot: boot::id()? })
    }

    /// Opens a file that exists, to read it. It never follows a link, and never waits for the other end of a pipe.
    pub(super) fn open_file(&self, name: &str) -> Result<File, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(&self.fd, name, flags, Mode::empty()).map(File::from)
    }
}
