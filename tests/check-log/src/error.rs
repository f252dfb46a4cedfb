//! The error of a log that cannot be read.

use std::io;
use std::path::PathBuf;

/// A log could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}: {cause}", path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub cause: io::Error,
}
