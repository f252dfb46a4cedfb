//! `drawing`: the drawing of crates, modules and files in ARCHITECTURE.md.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use crate::error::{Context, Result};
use crate::graph::Graph;
use crate::source::{self, Arrow, File, Source};
use crate::workspace::Workspace;

const BEGIN: &str = "<!-- The drawing begins: cargo house drawing --write -->\n";
const END: &str = "<!-- The drawing ends. -->\n";

/// Prints the drawing.
pub(crate) fn print(workspace: &Workspace) -> Result<()> {
    print!("{}", drawing(workspace)?);
    Ok(())
}

/// Fails if the drawing in ARCHITECTURE.md differs.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let page = Page::load(workspace)?;
    if page.with(&drawing(workspace)?) == page.text() {
        println!("the drawing in ARCHITECTURE.md is up to date");
        return Ok(());
    }
    Err("the drawing in ARCHITECTURE.md is out of date: run `cargo house drawing --write`".into())
}

/// Writes the drawing to ARCHITECTURE.md.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    let page = Page::load(workspace)?;
    let path = page.path.display().to_string();
    std::fs::write(&page.path, page.with(&drawing(workspace)?)).context(|| format!("cannot write {path}"))
}

/// ARCHITECTURE.md, in three parts.
struct Page {
    path: PathBuf,
    before: String,
    drawing: String,
    after: String,
}

impl Page {
    fn load(workspace: &Workspace) -> Result<Page> {
        let path = workspace.workspace_root.join("ARCHITECTURE.md");
        let text = std::fs::read_to_string(&path).context(|| format!("cannot read {}", path.display()))?;
        let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
        let (before, (drawing, after)) =
            parts.ok_or_else(|| format!("{} lacks the markers {BEGIN} and {END}", path.display()))?;
        Ok(Page { before: before.to_owned(), drawing: drawing.to_owned(), after: after.to_owned(), path })
    }

    fn text(&self) -> String {
        self.with(&self.drawing)
    }

    fn with(&self, drawing: &str) -> String {
        format!("{}{BEGIN}{drawing}{END}{}", self.before, self.after)
    }
}

fn drawing(workspace: &Workspace) -> Result<String> {
    let source = source::read(workspace)?;
    let arrows = source.arrows();
    let mut text = format!("### The crates\n\n{}", crates(workspace).mermaid());
    for package in workspace.libraries() {
        let name = package.crate_name();
        let modules = modules(&source, &arrows, &name);
        let _ = write!(text, "\n### The modules of {}\n\n{}", package.name, modules.reduced().mermaid());
        for module in top_level(&source, &name) {
            let files = files(&source, &arrows, &name, &module);
            if !files.is_empty() {
                let drawn = files.reduced().mermaid();
                let _ = write!(
                    text,
                    "\n<details><summary>The files of {name}::{module}</summary>\n\n{drawn}\n</details>\n"
                );
            }
        }
    }
    Ok(text)
}

/// The crates of this workspace that each crate depends on, including optional ones.
fn crates(workspace: &Workspace) -> Graph {
    let libraries = workspace.libraries();
    let is_ours = |name: &str| libraries.iter().any(|package| package.name == name);
    let mut graph = Graph::default();
    for package in &libraries {
        graph.add_node(&package.name);
        let normal = package.dependencies.iter().filter(|dependency| dependency.is_normal());
        for dependency in normal.filter(|dependency| is_ours(&dependency.name)) {
            graph.add_edge(&package.name, &dependency.name);
        }
    }
    graph
}

/// The top-level modules of a crate, and which uses which. The root only declares and re-exports.
fn modules(source: &Source, arrows: &[Arrow], crate_name: &str) -> Graph {
    let mut graph = Graph::default();
    for module in top_level(source, crate_name) {
        graph.add_node(&module);
    }
    for arrow in arrows {
        let (from, to) = (source.file(arrow.from), source.file(arrow.to));
        if from.crate_name == crate_name
            && to.crate_name == crate_name
            && let (Some(from), Some(to)) = (from.module.first(), to.module.first())
        {
            graph.add_edge(from, to);
        }
    }
    graph
}

fn top_level(source: &Source, crate_name: &str) -> BTreeSet<String> {
    let own = source.files.iter().filter(|file| file.crate_name == crate_name);
    own.filter_map(|file| file.module.first().cloned()).collect()
}

/// The files of a top-level module, and which uses which.
fn files(source: &Source, arrows: &[Arrow], crate_name: &str, module: &str) -> Graph {
    let is_within =
        |file: &File| file.crate_name == crate_name && file.module.first().is_some_and(|first| first == module);
    let mut graph = Graph::default();
    for file in source.files.iter().filter(|file| is_within(file) && !file.only_declares()) {
        graph.add_node(&name_within(file));
    }
    for arrow in arrows {
        let (from, to) = (source.file(arrow.from), source.file(arrow.to));
        if is_within(from) && is_within(to) {
            graph.add_edge(&name_within(from), &name_within(to));
        }
    }
    graph
}

/// The name of a file in its top-level module.
fn name_within(file: &File) -> String {
    match file.module.as_slice() {
        [only] => only.clone(),
        [_, rest @ ..] => rest.join("::"),
        [] => "crate".to_owned(),
    }
}
