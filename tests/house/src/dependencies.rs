//! `dependencies`: how many crates lease-runtime adds to a program that has a Kubernetes client already.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use crate::cargo::{cargo, output};
use crate::error::{Context, Result};
use crate::workspace::Workspace;

/// How many crates of others it may add. The goal is six in addition to HTTP/2, which is h2 and four crates below it, and in
/// addition to jiff 1.0, which is not shared with kube while kube uses jiff 0.2.
const MOST_ADDED: usize = 12;

/// Fails if lease-runtime adds too many crates to a program with kube, k8s-openapi and tokio.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let client = client_dependencies(workspace)?;
    let runtime =
        format!("{client}lease-runtime = {{ path = {:?} }}\n", workspace.workspace_root.join("lease-runtime"));
    let before = crates(workspace, "client", &client)?;
    let after = crates(workspace, "leader", &runtime)?;
    let is_ours = |name: &str| workspace.packages.iter().any(|package| name.starts_with(&format!("{} ", package.name)));
    let (ours, added): (Vec<_>, Vec<_>) = after.difference(&before).partition(|name| is_ours(name));
    println!("a program with kube, k8s-openapi and tokio has {} crates; lease-runtime adds", before.len());
    println!("{} of this repository:", ours.len());
    ours.iter().for_each(|name| println!("  {name}"));
    println!("{} of others (at most {MOST_ADDED}):", added.len());
    added.iter().for_each(|name| println!("  {name}"));
    if added.len() <= MOST_ADDED {
        return Ok(());
    }
    Err(format!("lease-runtime adds {} crates of others, and should add at most {MOST_ADDED}", added.len()).into())
}

/// The dependencies of a program that uses Kubernetes, in the versions of the workspace.
fn client_dependencies(workspace: &Workspace) -> Result<String> {
    let features = [
        ("kube", "\"client\", \"rustls-tls\", \"ring\""),
        ("k8s-openapi", "\"latest\""),
        ("tokio", "\"rt-multi-thread\", \"macros\", \"signal\""),
    ];
    let runtime = workspace.packages.iter().find(|package| package.name == "lease-runtime");
    let runtime = runtime.ok_or("there is no package lease-runtime")?;
    let mut text = String::new();
    for (name, features) in features {
        let version = runtime.dependencies.iter().find(|dependency| dependency.name == name).map(|found| &found.req);
        let version = version.ok_or_else(|| format!("lease-runtime does not depend on {name}"))?;
        let _ =
            writeln!(text, "{name} = {{ version = {version:?}, default-features = false, features = [{features}] }}");
    }
    Ok(text)
}

/// The crates in a program with these dependencies, as `name version`.
fn crates(workspace: &Workspace, name: &str, dependencies: &str) -> Result<BTreeSet<String>> {
    let folder = workspace.target_directory.join("house").join(name);
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n[workspace]\n"
    );
    let cannot_write = || format!("cannot write to {}", folder.display());
    fs::create_dir_all(folder.join("src")).context(cannot_write)?;
    fs::write(folder.join("Cargo.toml"), manifest).context(cannot_write)?;
    fs::write(folder.join("src/main.rs"), "fn main() {}\n").context(cannot_write)?;
    // With the lock file, the program gets the versions of the workspace.
    fs::copy(workspace.workspace_root.join("Cargo.lock"), folder.join("Cargo.lock")).context(cannot_write)?;
    let mut tree = cargo();
    tree.args(["tree", "--prefix=none", "--edges=normal,build", "--format={p}", "--manifest-path"]);
    let tree = output(tree.arg(folder.join("Cargo.toml")))?;
    let package = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let own = format!("{name} v0.0.0");
    Ok(tree.lines().map(package).filter(|package| *package != own && !package.is_empty()).collect())
}
