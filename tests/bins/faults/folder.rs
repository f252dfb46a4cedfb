//! The folder of one run: kubeconfigs, events, logs.

use std::cell::Cell;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::{Context, Result};

/// A folder that other users cannot read, because it contains tokens. It is removed when this value is dropped, unless it is kept.
pub(crate) struct Folder {
    path: PathBuf,
    keep: Cell<bool>,
}

impl Folder {
    /// The folder that was asked for, which is kept, or one of its own.
    pub(crate) fn new(asked: Option<&Path>) -> Result<Folder> {
        let keep = Cell::new(asked.is_some());
        let path = match asked {
            Some(path) => std::path::absolute(path)?,
            None => std::env::temp_dir().join(format!("lease-faults-{:08x}", fastrand::u32(..))),
        };
        DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(&path)
            .context(|| format!("cannot create {}", path.display()))?;
        let events = path.join("events");
        if events.exists() {
            return Err(format!("{} exists: --logs needs a folder without another run", events.display()).into());
        }
        Ok(Folder { path, keep })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Does not remove the folder, so that a person can read it.
    pub(crate) fn keep(&self) {
        self.keep.set(true);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.keep.get() {
            eprintln!("faults: logs and events are in {}", self.path.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
