//! `walks`: the files, functions and types that the pages of `PAGES` name exist.

use std::path::{Path, PathBuf};

use crate::error::{Context, Result};
use crate::files;
use crate::order::DEPENDENCIES;
use crate::workspace::Workspace;

const PAGES: [&str; 3] = ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/correctness.md"];

/// Fails if a page names a file or an item which is not there, or if its table of crates is not that of `order.rs`.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let root = &workspace.workspace_root;
    let paths = files::paths(root)?;
    let (mut named, mut wrong) = (0, Vec::new());
    for page in PAGES {
        let text = std::fs::read_to_string(root.join(page)).context(|| format!("cannot read {page}"))?;
        let references = references(&text);
        if references.is_empty() {
            return Err(format!("{page} names no file: are paths still between backticks?").into());
        }
        named += references.len();
        let missing = references.iter().flat_map(|reference| reference.missing(root, &paths));
        wrong.extend(missing.map(|missing| format!("{page}: {missing}")));
        if page == "ARCHITECTURE.md" {
            wrong.extend(DEPENDENCIES.iter().filter_map(|(name, allowed)| wrong_row(&text, name, allowed)));
        }
    }
    if wrong.is_empty() {
        println!("{named} files, with the items that the pages name in them");
        return Ok(());
    }
    Err(format!("out of date:\n  {}", wrong.join("\n  ")).into())
}

/// A file or folder that a page names, and the items that the page names in it.
#[derive(Debug, PartialEq, Eq)]
struct Reference<'a> {
    path: &'a str,
    items: Vec<&'a str>,
}

/// All paths between backticks, outside blocks of code.
///
/// The items of a file are those in ``| `a/b.rs` | `f`, `g` |``, ``` `a/b.rs` (`f`) ```, ``` `f` (`a/b.rs`) ``` and
/// ``` `f` and `g` in `a/b.rs` ```.
fn references(page: &str) -> Vec<Reference<'_>> {
    let text = page.split("```").step_by(2);
    text.flat_map(|text| text.split("\n\n")).flat_map(of_paragraph).collect()
}

fn of_paragraph(paragraph: &str) -> Vec<Reference<'_>> {
    let pieces: Vec<&str> = paragraph.split('`').collect();
    // Between backticks are the pieces of odd numbers.
    let code: Vec<&str> = pieces.iter().skip(1).step_by(2).copied().collect();
    let after = |at: usize| pieces.get(2 * at + 2).copied().unwrap_or_default();
    let goes_on = |at: usize| [",", "and", ", and"].iter().any(|word| is(after(at), word));
    let mut references = Vec::new();
    for (at, path) in code.iter().enumerate().filter_map(|(at, code)| Some((at, path(code)?))) {
        let mut items = Vec::new();
        if path.ends_with(".rs") {
            if at > 0 && ["in", "("].iter().any(|word| is(after(at - 1), word)) {
                let first = (0..at).rev().take_while(|&before| before + 1 == at || goes_on(before)).last();
                items.extend(code[first.unwrap_or(at)..at].iter().filter_map(|code| item(code)));
            }
            if ["|", "("].iter().any(|word| is(after(at), word)) {
                let last = (at + 1..code.len()).take_while(|&next| next == at + 1 || goes_on(next - 1)).last();
                items.extend(code[at + 1..=last.unwrap_or(at)].iter().filter_map(|code| item(code)));
            }
        }
        references.push(Reference { path, items });
    }
    references
}

/// Whether the text between two pieces of code is this, whatever the white space around it.
fn is(between: &str, word: &str) -> bool {
    between.trim() == word
}

/// The path at the beginning of a piece of code, as of a command.
fn path(code: &str) -> Option<&str> {
    let word = code.split(' ').next()?;
    let is_plain = word.chars().all(|letter| letter.is_alphanumeric() || "/._-".contains(letter));
    let has_extension = [".rs", ".md", ".toml", ".txt"].iter().any(|extension| word.ends_with(extension));
    (is_plain && (word.contains('/') || has_extension)).then_some(word)
}

/// The name of an item, as in `Type::function()` or `macro!`.
fn item(code: &str) -> Option<&str> {
    let name = code.trim_end_matches("()").trim_end_matches('!').rsplit("::").next()?;
    (path(code).is_none() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')).then_some(name)
}

impl Reference<'_> {
    fn missing(&self, root: &Path, paths: &[PathBuf]) -> Vec<String> {
        let found: Vec<PathBuf> = if root.join(self.path).exists() {
            vec![root.join(self.path)]
        } else {
            // Only the end of the path.
            paths.iter().filter(|path| path.ends_with(self.path)).cloned().collect()
        };
        if found.is_empty() {
            return vec![format!("there is no file {}", self.path)];
        }
        let texts: Vec<String> = found.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
        let missing = self.items.iter().filter(|name| !texts.iter().any(|text| declares(text, name)));
        missing.map(|name| format!("there is no {name} in {}", self.path)).collect()
    }
}

/// Whether a source text declares an item of this name.
fn declares(text: &str, name: &str) -> bool {
    let keywords = ["fn", "struct", "enum", "trait", "static", "const", "type", "mod", "macro_rules!"];
    keywords.iter().any(|keyword| {
        let begin = format!("{keyword} {name}");
        let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        let mut code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        code.any(|line| line.match_indices(&begin).any(|(at, _)| !goes_on(&line[at + begin.len()..])))
    })
}

/// What is wrong with the row of a crate, whose last column names all that the crate may depend on.
fn wrong_row(page: &str, name: &str, allowed: &[&str]) -> Option<String> {
    let allowed = if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") };
    let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
    let said = row.and_then(|row| row.trim_end_matches(" |").rsplit(" | ").next()).unwrap_or_default();
    let wrong = said.replace('`', "") != allowed;
    wrong.then(|| format!("ARCHITECTURE.md: the row of {name} must end with what order.rs allows it: {allowed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(page: &str) -> Vec<(&str, Vec<&str>)> {
        references(page).into_iter().map(|reference| (reference.path, reference.items)).collect()
    }

    #[test]
    fn reads_the_items_beside_a_path() {
        let table = "| `a/b.rs` | `f`, `T::g()` | calls `h`, see `c.rs` |\n| `d.rs` | | `i` |";
        assert_eq!(read(table), [("a/b.rs", vec!["f", "g"]), ("c.rs", vec![]), ("d.rs", vec![])]);
        let text = "Add `x` to `f`, `g!` and\n`H` in `a/b.rs`, then (`i`). `j` (`c.rs`).\n\n`d.rs` (`k`, `l`) and `m`.";
        let expected = [("a/b.rs", vec!["f", "g", "H"]), ("c.rs", vec!["j"]), ("d.rs", vec!["k", "l"])];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn reads_the_paths_of_all_columns_and_commands() {
        let page = "| `x` | `tests/run cargo test` | `a/` |\n```sh\n`no/path`\n```\n`cargo run` `list` `A::B` `a/*`";
        assert_eq!(read(page), [("tests/run", vec![]), ("a/", vec![])]);
    }

    #[test]
    fn finds_the_whole_name_of_a_declaration() {
        let text = "pub enum NotRun { A } pub(crate) fn read<T>() {} static KEYS: [u8; 0] = []; macro_rules! m {}";
        assert!(["NotRun", "read", "KEYS", "m"].iter().all(|name| declares(text, name)));
        assert!(["Not", "re", "A"].iter().all(|name| !declares(text, name)));
        assert!(!declares("// fn read() was here\n/// fn read() {}", "read"));
    }

    #[test]
    fn compares_a_row_with_the_dependencies() {
        let page = "| `one` | text | nothing |\n| `two` | text | `one`, three |";
        assert_eq!(wrong_row(page, "one", &[]), None);
        assert_eq!(wrong_row(page, "two", &["one", "three"]), None);
        assert!(wrong_row(page, "two", &["one"]).is_some() && wrong_row(page, "four", &[]).is_some());
    }
}
