//! Finds or builds the examples and `kubectl lease-runtime`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lease_tests::log::until_within;
use tokio::sync::OnceCell;

/// The program of an example. `cargo test` has built it beside this program. Otherwise, builds it now.
pub(crate) async fn example(name: &str) -> PathBuf {
    built(["--example", name]).await.join("examples").join(name)
}

/// `kubectl lease-runtime`, in the same way. It is looked for once, because a scenario runs many commands.
pub(crate) async fn cli() -> &'static Path {
    const NAME: &str = "kubectl-lease_runtime";
    static BUILT: OnceCell<PathBuf> = OnceCell::const_new();
    BUILT.get_or_init(async || built(["--bin", NAME]).await.join(NAME)).await
}

/// Builds a program, and returns the folder of the profile.
async fn built(what: [&str; 2]) -> PathBuf {
    let deps = std::env::current_exe().expect("this program has a path");
    let profile = deps.parent().and_then(Path::parent).expect("this program is in target/<profile>/deps");
    let release = profile.file_name().is_some_and(|name| name == "release").then_some("--release");
    // Builds also if the program exists, because it may be out of date. Builds for the whole workspace, as `cargo test` does:
    // with the features of fewer packages, everything would be compiled again.
    let mut cargo = tokio::process::Command::from(lease_tests::cargo::cargo());
    cargo.args(["build", "--quiet", "--workspace"]).args(what).args(release);
    let mut build = cargo.kill_on_drop(true).spawn().expect("cargo cannot be run");
    let built = until_within(Duration::from_secs(280), "the program to be built", async || {
        build.try_wait().expect("cargo cannot be waited for")
    });
    assert!(built.await.success(), "the program cannot be built");
    profile.to_owned()
}
