//! The text files of the workspace.

use std::path::{Path, PathBuf};

use crate::error::{Context, Result};

pub(crate) struct TextFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// Reads all files with one of these extensions below a folder. Skips build output and hidden folders.
pub(crate) fn read(folder: &Path, extensions: &[&str]) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    collect(folder, extensions, &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The paths of all files and folders below a folder. Skips build output and hidden folders.
pub(crate) fn paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let cannot_read = |path: &Path| format!("cannot read {}", path.display());
    let mut paths = Vec::new();
    for entry in folder.read_dir().context(|| cannot_read(folder))? {
        let path = entry.context(|| cannot_read(folder))?.path();
        if !is_skipped(&path) {
            if path.is_dir() {
                paths.extend(self::paths(&path)?);
            }
            paths.push(path);
        }
    }
    Ok(paths)
}

fn is_skipped(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.is_dir() && (name == "target" || name.starts_with('.'))
}

fn collect(folder: &Path, extensions: &[&str], files: &mut Vec<TextFile>) -> Result<()> {
    let cannot_read = |path: &Path| format!("cannot read {}", path.display());
    for entry in folder.read_dir().context(|| cannot_read(folder))? {
        let path = entry.context(|| cannot_read(folder))?.path();
        if is_skipped(&path) {
            continue;
        } else if path.is_dir() {
            collect(&path, extensions, files)?;
        } else if path.extension().is_some_and(|extension| extensions.iter().any(|wanted| extension == *wanted)) {
            let text = std::fs::read_to_string(&path).context(|| cannot_read(&path))?;
            files.push(TextFile { path, text });
        }
    }
    Ok(())
}
