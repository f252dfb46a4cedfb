//! The folder of one measurement: kubeconfigs, event files, logs.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Context, Result};

/// A folder that other users cannot read, because it contains tokens. It is removed when this value is dropped.
pub(crate) struct Folder {
    path: PathBuf,
    keep: AtomicBool,
}

impl Folder {
    pub(crate) fn new() -> Result<Folder> {
        let path = std::env::temp_dir().join(format!("lease-compare-{:08x}", fastrand::u32(..)));
        DirBuilder::new().mode(0o700).create(&path).context(|| format!("cannot create {}", path.display()))?;
        Ok(Folder { path, keep: AtomicBool::new(false) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Does not remove the folder, so that a person can read it.
    pub(crate) fn keep(&self) {
        self.keep.store(true, Ordering::Relaxed);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.keep.load(Ordering::Relaxed) {
            eprintln!("compare: logs and event files are in {}", self.path.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
