//! Reads rustdoc's JSON about a crate. rustdoc writes it only if unstable options are allowed: see [`unstable_rustdoc`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::cargo::{cargo, output, unstable_rustdoc};
use crate::error::{Context, Result};
use crate::workspace::{Package, Workspace};

/// The version of the JSON that this module reads: that of Rust 1.95.
const FORMAT: u32 = 57;

/// The documents, by the name of the crate.
pub(super) type Crates = BTreeMap<String, Document>;

/// rustdoc's document about a crate. It has more fields, which are not read here.
#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) root: u32,
    /// The items of the crate itself.
    pub(super) index: BTreeMap<u32, Item>,
    /// The paths of items of this and of other crates.
    pub(super) paths: BTreeMap<u32, ItemPath>,
    format_version: u32,
}

#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) name: Option<String>,
    /// One field: the kind of the item, with the data of that kind.
    pub(super) inner: Value,
}

#[derive(Deserialize)]
pub(super) struct ItemPath {
    /// 0 for the crate itself.
    pub(super) crate_id: u32,
    pub(super) path: Vec<String>,
    pub(super) kind: String,
}

impl Document {
    /// Runs rustdoc for a package, with the features of its documentation.
    pub(super) fn build(workspace: &Workspace, package: &Package) -> Result<Document> {
        let mut rustdoc = cargo();
        rustdoc.args([
            "rustdoc",
            "--quiet",
            "--lib",
            "-p",
            &package.name,
            "--features",
            &package.documented_features(),
        ]);
        rustdoc.args(["--", "-Z", "unstable-options", "--output-format", "json"]);
        output(unstable_rustdoc(&mut rustdoc, workspace))?;
        let path = workspace.target_directory.join("doc").join(package.crate_name()).with_extension("json");
        let text = std::fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
        let document: Document = serde_json::from_str(&text).context(|| format!("cannot read {}", path.display()))?;
        if document.format_version != FORMAT {
            let version = document.format_version;
            return Err(format!(
                "rustdoc's JSON has version {version} and not {FORMAT}: see what changed in rustdoc-types, and adapt \
                tests/house/src/public_api"
            )
            .into());
        }
        Ok(document)
    }

    /// The item of this crate with a path.
    pub(super) fn find(&self, path: &ItemPath) -> Option<u32> {
        let is_meant = |own: &ItemPath| own.crate_id == 0 && own.path == path.path && own.kind == path.kind;
        self.paths.iter().find(|(_, own)| is_meant(own)).map(|(id, _)| *id)
    }
}
