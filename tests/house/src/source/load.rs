//! Loads source text from the disk, or from memory in tests.

use std::path::Path;

/// Source files by path.
pub(crate) trait Files {
    /// The text of a file, or `None` if there is no such file.
    fn text(&self, path: &Path) -> Option<String>;
}

/// The files of the workspace.
pub(crate) struct Disk;

impl Files for Disk {
    fn text(&self, path: &Path) -> Option<String> {
        std::fs::read_to_string(path).ok()
    }
}
