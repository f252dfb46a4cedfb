//! `msrv`: the published libraries compile with the oldest Rust that their manifests name.

use std::process::Command;

use crate::cargo::run;
use crate::error::Result;
use crate::workspace::Workspace;

/// Checks the libraries with that toolchain, which has to be installed. Their tests may need a newer one.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let libraries = workspace.libraries();
    let mut versions: Vec<_> = libraries.iter().filter_map(|package| package.rust_version.as_deref()).collect();
    versions.dedup();
    let [version] = versions[..] else {
        return Err(format!("the libraries name several oldest versions of Rust: {}", versions.join(", ")).into());
    };
    // A manifest may leave the last number out, a toolchain not.
    let toolchain = if version.matches('.').count() == 1 { format!("{version}.0") } else { version.to_owned() };
    let mut check = Command::new("rustup");
    check.args(["run", &toolchain, "cargo", "check", "--quiet", "--lib"]).env_remove("CARGO");
    for package in &libraries {
        check.args(["-p", &package.name]);
        // A feature of a dependency, as in `k8s-openapi/latest`, has no place here. `.cargo/config.toml` chooses the version.
        let is_own = |feature: &&str| !feature.is_empty() && !feature.contains('/');
        for feature in package.documented_features().split(',').filter(is_own) {
            check.args(["--features", &format!("{}/{feature}", package.name)]);
        }
    }
    // In the usual target directory, each toolchain would have to compile everything again after the other.
    check.arg("--target-dir").arg(workspace.target_directory.join("msrv")).current_dir(&workspace.workspace_root);
    run(&mut check).map_err(|error| {
        format!("{error}: if Rust {toolchain} is not there, `rustup toolchain install {toolchain} --profile minimal`")
            .into()
    })
}
