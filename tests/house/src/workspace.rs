//! The packages of the workspace, as `cargo metadata` describes them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cargo::{cargo, output};
use crate::error::{Context, Result};

/// The output of `cargo metadata`. It has more fields, which are not read here.
#[derive(Deserialize)]
pub(crate) struct Workspace {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_root: PathBuf,
    pub(crate) target_directory: PathBuf,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
    targets: Vec<Target>,
    description: Option<String>,
    license: Option<String>,
    repository: Option<String>,
    /// The oldest Rust that compiles it.
    pub(crate) rust_version: Option<String>,
    metadata: Option<serde_json::Value>,
    keywords: Vec<String>,
    categories: Vec<String>,
    /// The registries to which it may be published. `Some([])` means `publish = false`.
    publish: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The required version.
    pub(crate) req: String,
    /// `None` for a normal dependency, otherwise `dev` or `build`.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

impl Workspace {
    /// Reads the metadata of the workspace in which this program was built.
    pub(crate) fn load() -> Result<Workspace> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
        let mut metadata = cargo();
        metadata.args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]).arg(manifest);
        serde_json::from_str(&output(&mut metadata)?).context(|| "cannot read the output of cargo metadata".to_owned())
    }

    /// The libraries that are published, in the order of their names.
    pub(crate) fn libraries(&self) -> Vec<&Package> {
        let mut libraries: Vec<_> = self.packages.iter().filter(|package| package.is_published_library()).collect();
        libraries.sort_by(|a, b| a.name.cmp(&b.name));
        libraries
    }
}

impl Dependency {
    /// Whether it is also a dependency of the package's users.
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

    /// The features with which the documentation host builds the documentation.
    pub(crate) fn documented_features(&self) -> String {
        let features = self.metadata.as_ref().and_then(|metadata| metadata["docs"]["rs"]["features"].as_array());
        features.into_iter().flatten().filter_map(|feature| feature.as_str()).collect::<Vec<_>>().join(",")
    }

    /// The fields for registries that are missing in the manifest.
    pub(crate) fn missing_metadata(&self) -> Vec<&'static str> {
        let fields = [
            ("a description", self.description.is_some()),
            ("a license", self.license.is_some()),
            ("a repository", self.repository.is_some()),
            ("a rust-version", self.rust_version.is_some()),
            ("keywords", !self.keywords.is_empty()),
            ("categories", !self.categories.is_empty()),
        ];
        fields.into_iter().filter(|(_, is_there)| !is_there).map(|(field, _)| field).collect()
    }
}
