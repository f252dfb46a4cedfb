//! Finds which file uses items of which file, in the source of the library crates without their tests.
//!
//! Resolves paths: `use`, paths in code, re-exports, globs, and the tokens of macro calls. A method call contains no path, so it
//! makes no arrow.

mod load;
mod modules;
mod resolve;
#[cfg(test)]
pub(crate) mod tests;
mod uses;
mod without_tests;

use std::path::PathBuf;

use crate::error::Result;
use crate::workspace::Workspace;

pub(crate) use load::{Disk, Files};
pub(crate) use modules::{File, FileId, Source};
pub(crate) use uses::Arrow;

/// A library to read.
pub(crate) struct Library {
    /// Its name in paths.
    pub(crate) name: String,
    pub(crate) root: PathBuf,
}

/// Reads the published libraries of the workspace.
pub(crate) fn read(workspace: &Workspace) -> Result<Source> {
    let libraries = workspace.libraries().into_iter().map(|package| {
        let root = package.library_root().expect("a library has a root").to_owned();
        Library { name: package.crate_name(), root }
    });
    Source::read(&Disk, libraries.collect())
}
