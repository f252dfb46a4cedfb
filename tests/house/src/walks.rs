//! `walks`: the files, functions and types in the tables of ARCHITECTURE.md exist.

use std::path::Path;

use crate::error::{Context, Result};
use crate::workspace::Workspace;

/// Fails on a row of a table with a file or an item that does not exist.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let root = &workspace.workspace_root;
    let page =
        std::fs::read_to_string(root.join("ARCHITECTURE.md")).context(|| "cannot read ARCHITECTURE.md".to_owned())?;
    let steps: Vec<Step<'_>> = page.lines().filter_map(Step::read).collect();
    let missing: Vec<String> = steps.iter().flat_map(|step| step.missing(root)).collect();
    if steps.is_empty() {
        return Err(
            "no table of ARCHITECTURE.md names a file: do their rows still begin with the path of a file?".into()
        );
    }
    if missing.is_empty() {
        println!("{} rows, and their files and items exist", steps.len());
        return Ok(());
    }
    Err(format!("ARCHITECTURE.md is out of date:\n  {}", missing.join("\n  ")).into())
}

/// A row such as ``| `a/b.rs` | `f`, `g` | what happens |``.
struct Step<'a> {
    file: &'a str,
    items: Vec<&'a str>,
}

impl<'a> Step<'a> {
    fn read(line: &'a str) -> Option<Step<'a>> {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let file = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        let items = cells.next()?.split('`').skip(1).step_by(2).collect();
        file.ends_with(".rs").then_some(Step { file, items })
    }

    fn missing(&self, root: &Path) -> Vec<String> {
        let Ok(text) = std::fs::read_to_string(root.join(self.file)) else {
            return vec![format!("there is no file {}", self.file)];
        };
        let missing = self.items.iter().filter(|name| !declares(&text, name));
        missing.map(|name| format!("there is no {name} in {}", self.file)).collect()
    }
}

/// Whether a source text declares an item of this name.
fn declares(text: &str, name: &str) -> bool {
    let keywords = ["fn", "struct", "enum", "trait", "static", "const"];
    keywords.iter().any(|keyword| {
        let begin = format!("{keyword} {name}");
        let goes_on = |rest: &str| rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        text.match_indices(&begin).any(|(at, _)| !goes_on(&text[at + begin.len()..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_rows_that_name_a_file() {
        let step = Step::read("| `a/b.rs` | `f`, `g` | calls `h` |").expect("a step");
        assert_eq!((step.file, step.items), ("a/b.rs", vec!["f", "g"]));
        assert!(Step::read("| file | function | what happens |").is_none());
        assert!(Step::read("| `clock` | the clocks |").is_none());
    }

    #[test]
    fn finds_the_whole_name_of_a_declaration() {
        let text = "pub enum NotRun { A } pub(crate) fn read<T>() {} static KEYS: [u8; 0] = [];";
        assert!(["NotRun", "read", "KEYS"].iter().all(|name| declares(text, name)));
        assert!(["Not", "re", "A"].iter().all(|name| !declares(text, name)));
    }
}
