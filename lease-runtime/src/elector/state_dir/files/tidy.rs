//! Removes the files of processes that have been dead for long.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::fs::{AtFlags, Dir, Mode};

use super::directory::Directory;
use super::nonce::Nonce;

/// How long a file stays after its process was found dead. No lease that the process held can matter for longer.
const SECONDS: i64 = 3600;

/// How many of them stay at most: a container that dies at once, and is started again, leaves a file each time.
pub(super) const MOST: usize = 64;

impl Directory {
    /// Removes the files of processes that were found dead an hour before `now`, and all but the 64 that were found last. `now` is
    /// when a file of this directory was just changed, so it is of the same clock as the times of the others.
    ///
    /// A file says when its process began and not when it ended, which may be days later, and this process may be about to ask after
    /// it. So the first that finds a lock free takes the right to write from the file, and the hour counts from there.
    pub(super) fn tidy(&self, now: i64) -> io::Result<()> {
        let mut dead = Vec::new();
        for found in Dir::read_from(&self.fd)? {
            let found = found?;
            let Ok(name) = found.file_name().to_str() else { continue };
            let is_draft = Nonce::read_draft(name).is_some();
            if (is_draft || Nonce::read(name).is_some())
                && let Ok(file) = self.open_file(name)
                && let Ok(since) = dead_since(&file, is_draft, now)
            {
                dead.push((since, name.to_owned()));
            }
        }
        dead.sort_unstable_by(|a, b| b.cmp(a));
        for (place, (since, name)) in dead.iter().enumerate() {
            if place >= MOST || now.saturating_sub(*since) > SECONDS {
                let _ = rustix::fs::unlinkat(&self.fd, name, AtFlags::empty());
            }
        }
        Ok(())
    }
}

/// Since when a process is known to be dead.
fn dead_since(file: &File, is_draft: bool, now: i64) -> io::Result<i64> {
    let metadata = file.metadata()?;
    if !metadata.is_file() || (is_draft && now.saturating_sub(metadata.ctime()) <= SECONDS) {
        // A draft lives for an instant, and its process must get the lock.
        return Err(io::ErrorKind::InvalidInput.into());
    }
    file.try_lock()?;
    if !is_draft && metadata.mode() & 0o200 != 0 {
        rustix::fs::fchmod(file, Mode::RUSR)?;
        return Ok(now);
    }
    Ok(metadata.ctime())
}
