//! Finds or builds the examples.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lease_tests::log::until_within;

/// The program of an example. `cargo test` has built it beside this program. Otherwise, builds it now.
pub(crate) async fn example(name: &str) -> PathBuf {
    let deps = std::env::current_exe().expect("this program has a path");
    let profile = deps.parent().and_then(Path::parent).expect("this program is in target/<profile>/deps");
    let release = profile.file_name().is_some_and(|name| name == "release").then_some("--release");
    // Builds also if the program exists, because it may be out of date. Builds for the whole workspace, as `cargo test` does:
    // with the features of fewer packages, everything would be compiled again.
    let mut cargo = tokio::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--workspace", "--example", name]).args(release);
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let mut build = cargo.kill_on_drop(true).spawn().expect("cargo cannot be run");
    let built = until_within(Duration::from_secs(280), "the example to be built", async || {
        build.try_wait().expect("cargo cannot be waited for")
    });
    assert!(built.await.success(), "the example cannot be built");
    profile.join("examples").join(name)
}
