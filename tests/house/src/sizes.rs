//! `sizes`: files stay short because each has one subject, and functions stay small.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, ImplItemFn, ItemFn, TraitItemFn};

use crate::error::Result;
use crate::files;
use crate::source::{self, Source};
use crate::workspace::Workspace;

/// The most lines that a file may have.
const LONGEST_FILE: usize = 400;
/// The median of the lines of functions stays below this.
const MEDIAN_FUNCTION: usize = 6;

/// Fails on a long file, and when the median function of the library crates gets longer.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let root = &workspace.workspace_root;
    let files = files::read(root, &["rs"])?;
    let lines: Vec<_> = files.iter().map(|file| (&file.path, file.text.lines().count())).collect();
    let long: Vec<_> = lines.iter().filter(|(_, lines)| *lines > LONGEST_FILE).collect();
    for (path, lines) in &long {
        let path = path.strip_prefix(root).unwrap_or(path).display();
        println!("{path} has {lines} lines: move one of its subjects to another file");
    }
    let mut functions = function_lengths(&source::read(workspace)?);
    functions.sort_unstable();
    let (median, ninth_decile) = (at(&functions, 1, 2), at(&functions, 9, 10));
    println!(
        "{} files, the longest has {} lines",
        files.len(),
        lines.iter().map(|(_, lines)| lines).max().unwrap_or(&0)
    );
    println!("{} functions of the libraries: median {median} lines, ninth decile {ninth_decile}", functions.len());
    if !long.is_empty() {
        return Err(format!("{} files have more than {LONGEST_FILE} lines", long.len()).into());
    }
    if median >= MEDIAN_FUNCTION {
        return Err(
            format!("the median function has {median} lines, and should have fewer than {MEDIAN_FUNCTION}").into()
        );
    }
    Ok(())
}

/// A quantile: the given share of the sorted values does not exceed it.
fn at(sorted: &[usize], part: usize, of: usize) -> usize {
    sorted.get(sorted.len() * part / of).copied().unwrap_or(0)
}

/// The lines of the body of each function of the libraries, without tests.
fn function_lengths(source: &Source) -> Vec<usize> {
    let mut lengths = Vec::new();
    for file in &source.files {
        Functions { lengths: &mut lengths }.visit_file(&file.syntax);
    }
    lengths
}

struct Functions<'a> {
    lengths: &'a mut Vec<usize>,
}

impl Functions<'_> {
    fn add(&mut self, body: &Block) {
        let lines = match (body.stmts.first(), body.stmts.last()) {
            (Some(first), Some(last)) => last.span().end().line - first.span().start().line + 1,
            _ => 0,
        };
        self.lengths.push(lines);
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add(&function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}
