//! `packages`: each published package contains its licences and a README, and has the metadata that a registry shows.

use crate::cargo::{cargo, output};
use crate::error::Result;
use crate::workspace::Workspace;

/// The files in each published package.
const FILES: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Fails if a published package lacks a licence, its README, or what a registry shows about it.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let mut lacks = Vec::new();
    for package in workspace.libraries() {
        let mut list = cargo();
        list.args(["package", "--list", "--allow-dirty", "-p", &package.name]).current_dir(&workspace.workspace_root);
        let list = output(&mut list)?;
        let files: Vec<_> = list.lines().collect();
        println!("{}: {} files", package.name, files.len());
        let missing = FILES.iter().filter(|file| !files.contains(file)).copied().chain(package.missing_metadata());
        lacks.extend(missing.map(|what| format!("{} lacks {what}", package.name)));
    }
    if lacks.is_empty() { Ok(()) } else { Err(lacks.join("\n").into()) }
}
