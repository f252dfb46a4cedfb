//! Runs cargo.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::error::{Context, Result};
use crate::workspace::Workspace;

/// The cargo that runs this program, otherwise the one in `PATH`.
///
/// It does not inherit what cargo tells this program about its own package: some build scripts depend on it, would run again, and
/// much would be compiled again.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a command and returns its standard output. The error of a failed command contains its standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command.output().context(|| format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        return Err(format!("`{shown}` failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    String::from_utf8(output.stdout).context(|| format!("cannot read the output of `{shown}`"))
}

/// Makes cargo use a rustdoc that allows unstable options, with the pinned toolchain.
pub(crate) fn unstable_rustdoc<'a>(command: &'a mut Command, workspace: &Workspace) -> &'a mut Command {
    command.env("RUSTDOC", workspace.workspace_root.join("tests/house/rustdoc")).current_dir(&workspace.workspace_root)
}

/// Runs a command. Its output goes to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    println!("{shown}");
    let status = command.status().context(|| format!("cannot run `{shown}`"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed").into()) }
}

fn shown(command: &Command) -> String {
    let words = command.get_args().map(|argument| argument.to_string_lossy());
    let set = command.get_envs().filter_map(|(name, value)| Some((name.to_string_lossy(), value?.to_string_lossy())));
    let set: String = set.map(|(name, value)| format!("{name}='{value}' ")).collect();
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default().to_string_lossy();
    format!("{set}{program} {}", words.collect::<Vec<_>>().join(" "))
}
