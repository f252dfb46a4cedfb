//! Runs cargo in a program that cargo runs.

use std::path::Path;
use std::process::Command;

/// The cargo that runs this program, or the one in `PATH`, in the root of the workspace.
///
/// It does not inherit what cargo tells this program about its own package. Build scripts depend on these variables, ring's among
/// them: with other values it runs again, the client is compiled again, and the next command of the user undoes both.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let told = std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_str().is_some_and(is_of_a_package));
    for name in told {
        cargo.env_remove(name);
    }
    cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    cargo
}

fn is_of_a_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
}
