//! `public-api`: the types of other crates in the API of lease-runtime. A new major version of such a crate requires a new major
//! version of lease-runtime, so a new line in the list needs a decision.

mod rustdoc;
mod walk;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::error::{Context, Result};
use crate::workspace::Workspace;
use rustdoc::{Crates, Document};

/// Fails if the list is out of date.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let path = list_path(workspace);
    let listed = std::fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
    let listed: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    let found = found(workspace)?;
    listed.difference(&found).for_each(|line| println!("- {line}"));
    found.difference(&listed).for_each(|line| println!("+ {line}"));
    if listed == found {
        println!("{} uses of types of other crates, as listed", found.len());
        return Ok(());
    }
    Err("the types of other crates in the public API have changed: if that is meant, run \
        `cargo house public-api --write`"
        .into())
}

/// Writes the list.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    let path = list_path(workspace);
    let text: String = found(workspace)?.into_iter().map(|line| line + "\n").collect();
    std::fs::write(&path, text).context(|| format!("cannot write {}", path.display()))
}

fn list_path(workspace: &Workspace) -> PathBuf {
    workspace.workspace_root.join("tests/house/public-api.txt")
}

/// One line for each type and each place of it, as `type: place`.
fn found(workspace: &Workspace) -> Result<BTreeSet<String>> {
    let mut crates = Crates::new();
    for package in workspace.libraries() {
        // A procedural macro has no types in its API.
        if package.name != "lease-macros" {
            crates.insert(package.crate_name(), Document::build(workspace, package)?);
        }
    }
    Ok(walk::foreign_types(&crates, "lease_runtime"))
}
