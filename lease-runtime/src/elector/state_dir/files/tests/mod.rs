//! Files, locks, and processes that are killed.

mod directories;
mod in_a_row;
mod processes;
mod proofs;
mod starts;
mod tidying;

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::directory::Directory;
use super::*;

/// A directory of a test, which is removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        Scratch::within(&std::env::temp_dir())
    }

    fn within(parent: &Path) -> Scratch {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("lease-runtime-state-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Scratch(path)
    }

    fn directory(&self) -> Directory {
        Directory::open(self).unwrap()
    }

    /// The names of all files, in order.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(&self.0).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }
}

impl Deref for Scratch {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn identity(number: u64) -> String {
    format!("orders-7d9f6b5c4-x2x8p_6b0e1c6e-3a9b-4a57-8f0f-1d1f6a5f2c11_{number:016x}")
}

fn name(number: u64) -> String {
    format!("{number:016x}")
}

/// Leaves the file of a process that has lived and is gone.
fn leave_a_dead_one(directory: &Directory, number: u64) {
    drop(directory.write(&identity(number)).unwrap());
    assert!(is_dead(directory, number));
}

fn is_dead(directory: &Directory, number: u64) -> bool {
    matches!(directory.ask(&identity(number)), Answer::Dead { .. })
}

fn is_unknown(directory: &Directory, number: u64) -> bool {
    matches!(directory.ask(&identity(number)), Answer::Unknown)
}
