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
mod unusable;

pub(super) use asker::{Asker, FoundDead, Inquiry};
#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::NoStateDir as StateDir;
#[cfg(target_os = "linux")]
pub(crate) use files::StateDir;
