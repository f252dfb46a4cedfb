//! The packages of the workspace, as `cargo metadata` describes them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::{Context, Result};

/// What `cargo metadata` prints, as far as the checks read it.
#[derive(Deserialize)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_root: PathBuf,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
    targets: Vec<Target>,
    /// The registries that it may be published to. `Some` of none means `publish = false`.
    publish: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for a normal dependency, otherwise `dev` or `build`.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

impl Workspace {
    /// Asks cargo about the workspace that this program was built in.
    pub(crate) fn load() -> Result<Workspace> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
        let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
            .args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"])
            .arg(manifest)
            .output()
            .context(|| "cannot run cargo metadata".to_owned())?;
        if !output.status.success() {
            return Err(format!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr)).into());
        }
        serde_json::from_slice(&output.stdout).context(|| "cannot read what cargo metadata prints".to_owned())
    }

    /// The libraries that are published, in the order of their names.
    pub(crate) fn libraries(&self) -> Vec<&Package> {
        let mut libraries: Vec<_> = self.packages.iter().filter(|package| package.is_published_library()).collect();
        libraries.sort_by(|a, b| a.name.cmp(&b.name));
        libraries
    }
}

impl Dependency {
    /// Whether users of the package get it, too.
    pub(crate) fn is_normal(&self) -> bool {
        self.kind.is_none()
    }
}

impl Package {
    fn is_published_library(&self) -> bool {
        self.publish.is_none() && self.library_root().is_some()
    }

    /// The root file of the library.
    pub(crate) fn library_root(&self) -> Option<&Path> {
        let is_library = |target: &&Target| target.kind.iter().any(|kind| kind == "lib" || kind == "proc-macro");
        self.targets.iter().find(is_library).map(|target| &*target.src_path)
    }

    /// The name of the library in paths.
    pub(crate) fn crate_name(&self) -> String {
        self.name.replace('-', "_")
    }
}
