//! The command line that one candidate runs: `kubectl lease-runtime`.

use std::path::PathBuf;

use crate::error::{Context, Result};

const NAME: &str = "kubectl-lease_runtime";

/// Builds it, because the one beside this program may be missing or out of date.
pub(crate) async fn built() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().ok_or("this program is in no folder")?;
    let release = folder.file_name().is_some_and(|name| name == "release").then_some("--release");
    // For the whole workspace, so that it is made of the same crates with the same features as this program.
    let mut cargo = tokio::process::Command::from(lease_tests::cargo::cargo());
    cargo.args(["build", "--quiet", "--workspace", "--bin", NAME]).args(release);
    let end = cargo.kill_on_drop(true).status().await.context(|| "cargo cannot be run".to_owned())?;
    if !end.success() {
        return Err(format!("{NAME} cannot be built: {end}").into());
    }
    Ok(folder.join(NAME))
}
