//! `docs`: builds the documentation as docs.rs does: each package alone, with the features in its manifest.

use crate::cargo::{cargo, run, unstable_rustdoc};
use crate::error::Result;
use crate::workspace::Workspace;

/// Fails on the first package whose documentation has a warning.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    for package in workspace.libraries() {
        let mut doc = cargo();
        doc.args(["doc", "--quiet", "--no-deps", "--lib", "-p", &package.name]);
        doc.args(["--features", &package.documented_features()]).env("RUSTDOCFLAGS", "--cfg docsrs -D warnings");
        // The host does not have this workspace's `.cargo/config.toml`, which chooses a version of Kubernetes for k8s-openapi. In
        // the usual target directory, the change of the variable would make later commands compile k8s-openapi and kube again.
        doc.env("K8S_OPENAPI_ENABLED_VERSION", "").arg("--target-dir").arg(workspace.target_directory.join("docs"));
        run(unstable_rustdoc(&mut doc, workspace))?;
    }
    Ok(())
}
