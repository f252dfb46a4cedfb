//! `words`: words and phrases that this project does not use, because readers would have to read the sentence twice.

use std::path::Path;

use crate::error::Result;
use crate::files;
use crate::workspace::Workspace;

/// Forms of a word or phrase, and what to write instead.
const UNWANTED: [(&[&str], &str); 18] = [
    (&["is none", "are none"], "name what is wrong, as in `is not a number` or `does not exist`"),
    (&["there is nobody", "there is nobody who"], "name what is missing, as in `no replica leads`"),
    (&["whoever", "whomever", "whosoever"], "name who acts, as in `the replica that`"),
    (&["shall"], "`must`, or the present tense"),
    (&["nor"], "`and .. not`, or two sentences"),
    (&["lest"], "`so that .. not`, or say what goes wrong otherwise"),
    (&["for want of"], "`without`, or `because there is no`"),
    (&["by turns"], "`one after the other`"),
    (&["in vain"], "`without success`"),
    (&["has come to", "have come to", "had come to"], "`results in`, or name the result"),
    (&["upon", "whereupon", "thereupon"], "`on`, `when`, or `then`"),
    (&["thereof", "therein", "whereof", "wherein", "herein"], "`of it` or `in which`"),
    (&["hence", "thence", "whence"], "`so` or `therefore`"),
    (&["hitherto", "heretofore", "albeit", "forthwith"], "`until now`, `although`, or `at once`"),
    (&["nought", "naught", "aught"], "`zero`, `nothing`, or `anything`"),
    (&["mend", "mends", "mended", "mending"], "`fix` or `repair`"),
    (&["tenure", "tenures"], "`term`"),
    (&["roster", "rosters"], "`tasks`, or name the list"),
];

/// This file contains the words.
const THIS_FILE: &str = "tests/house/src/words.rs";

/// Fails on unwanted words in source code and documentation.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let root = &workspace.workspace_root;
    let files = files::read(root, &["rs", "md"])?;
    let mut count = 0;
    for file in files.iter().filter(|file| file.path != root.join(THIS_FILE)) {
        for found in find(&file.text) {
            println!("{}", found.shown(file.path.strip_prefix(root).unwrap_or(&file.path)));
            count += 1;
        }
    }
    println!("{} files", files.len());
    if count == 0 { Ok(()) } else { Err(format!("{count} words or phrases that this project does not use").into()) }
}

#[derive(Debug, PartialEq, Eq)]
struct Found {
    /// Counted from 1.
    line: usize,
    phrase: &'static str,
    instead: &'static str,
}

impl Found {
    fn shown(&self, path: &Path) -> String {
        format!("{}:{}: `{}`: write {}", path.display(), self.line, self.phrase, self.instead)
    }
}

fn find(text: &str) -> Vec<Found> {
    let words = words(text);
    let mut found = Vec::new();
    for (at, (line, _)) in words.iter().enumerate() {
        let rest = words[at..].iter().map(|(_, word)| word.as_str());
        for (phrases, instead) in UNWANTED {
            let longest = phrases.iter().filter(|phrase| begins_with(rest.clone(), phrase)).max_by_key(|p| p.len());
            found.extend(longest.map(|phrase| Found { line: *line, phrase, instead }));
        }
    }
    found
}

fn begins_with<'a>(mut words: impl Iterator<Item = &'a str>, phrase: &str) -> bool {
    phrase.split(' ').all(|word| words.next() == Some(word))
}

/// The words of a text in lower case, with their lines. An identifier such as `is_none` is one word. A phrase may continue on the
/// next line of a comment, so the signs before a line do not count. Other signs end a phrase.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start().trim_start_matches(['/', '!', '>']).trim_end();
        // A string goes on in the next line.
        let line = line.strip_suffix('\\').unwrap_or(line);
        let mut rest = line;
        while let Some(begin) = rest.find(|c: char| !c.is_whitespace()) {
            rest = &rest[begin..];
            let end = rest.find(|c: char| !is_in_word(c)).unwrap_or(rest.len());
            let end = end.max(rest.chars().next().map_or(1, char::len_utf8));
            words.push((number + 1, rest[..end].to_lowercase()));
            rest = &rest[end..];
        }
    }
    words
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(text: &str) -> Vec<(usize, &'static str)> {
        find(text).into_iter().map(|found| (found.line, found.phrase)).collect()
    }

    #[test]
    fn a_phrase_is_found_with_its_line_and_a_better_one() {
        let text = "fn f() {\n    // Whoever asks for a lease that is\n    // none gets an error.\n}\n";
        assert_eq!(phrases(text), [(2, "whoever"), (2, "is none")]);
        assert_eq!(phrases("say(\"a lease that is \\\n     none\")"), [(1, "is none")]);
        let shown = find("let x = \"it shall not\";")[0].shown(Path::new("a/b.rs"));
        assert_eq!(shown, "a/b.rs:1: `shall`: write `must`, or the present tense");
    }

    #[test]
    fn only_whole_words_in_a_row_are_found() {
        assert_eq!(phrases("if x.is_none() { upon_write(); marshall(); }"), []);
        assert_eq!(phrases("that is. None of them"), []);
        assert_eq!(phrases("There is nobody who leads."), [(1, "there is nobody who")]);
    }

    #[test]
    fn each_phrase_has_one_row() {
        let mut phrases: Vec<_> = UNWANTED.iter().flat_map(|(phrases, _)| phrases.iter()).collect();
        let all = phrases.len();
        phrases.sort_unstable();
        phrases.dedup();
        assert_eq!(phrases.len(), all);
    }
}
