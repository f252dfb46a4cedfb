//! The transcripts in the documentation, and what differs between two runs of a command.

use lease_runtime::jiff::Timestamp;

const PROMPT: &str = "$ kubectl lease-runtime ";

/// A command, and what it prints.
#[derive(Debug)]
pub(super) struct Transcript {
    /// As one types it.
    pub(super) command: String,
    pub(super) arguments: Vec<String>,
    pub(super) output: String,
}

impl Transcript {
    /// All transcripts of a page. Each begins with a prompt, and ends with the next prompt or with its block.
    pub(super) fn all(page: &str) -> Vec<Transcript> {
        let mut all: Vec<Transcript> = Vec::new();
        let mut inside = false;
        for line in page.lines() {
            if let Some(command) = line.strip_prefix(PROMPT) {
                inside = true;
                let (command, arguments) = (command.to_owned(), words(command));
                all.push(Transcript { command, arguments, output: String::new() });
            } else if line.starts_with("```") {
                inside = false;
            } else if let Some(last) = all.last_mut().filter(|_| inside) {
                last.output.push_str(line);
                last.output.push('\n');
            }
        }
        all
    }

    /// Its lines in the page.
    pub(super) fn block(&self, output: &str) -> String {
        format!("{PROMPT}{}\n{output}", self.command)
    }
}

/// The arguments of a command. Double quotes hold an argument together.
fn words(command: &str) -> Vec<String> {
    let quoted = command.split('"').enumerate();
    quoted
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// The names in the documentation, and those of this run.
pub(super) struct Names {
    namespace: String,
    /// Identities: real and documented.
    identities: Vec<(String, String)>,
}

impl Names {
    pub(super) fn new(namespace: &str) -> Names {
        Names { namespace: namespace.to_owned(), identities: Vec::new() }
    }

    pub(super) fn add(&mut self, real: &str, documented: &str) {
        self.identities.push((real.to_owned(), documented.to_owned()));
    }

    /// An argument of this run. A command that `moves` the leadership does so for the lease of the scenario.
    pub(super) fn real(&self, word: &str, moves: bool, lease: &str) -> String {
        if moves && word == "billing" {
            return lease.to_owned();
        }
        let known = self.identities.iter().find(|(_, documented)| documented == word);
        known.map_or_else(|| word.to_owned(), |(real, _)| real.clone())
    }

    /// The output of this run, with the names of the documentation.
    pub(super) fn documented(&self, text: &str, moves: bool, lease: &str) -> String {
        let mut text = text.replace(&self.namespace, "jobs");
        if moves {
            text = text.replace(&format!("lease {lease}:"), "lease billing:");
        }
        aligned(&self.identities.iter().fold(text, |text, (real, documented)| text.replace(real, documented)))
    }
}

/// Aligns the columns of a table again, whose names have other lengths now.
fn aligned(text: &str) -> String {
    let is_table = text.lines().next().is_some_and(|header| header.contains("   ") && header.to_uppercase() == header);
    if !is_table {
        return text.to_owned();
    }
    let cells = |line: &str| -> Vec<String> {
        line.split("   ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    let rows: Vec<Vec<String>> = text.lines().map(cells).collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or_default();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}   ", width = width(column)));
        format!("{}\n", cells.collect::<String>().trim_end())
    };
    rows.iter().map(line).collect()
}

/// The words of each line, without the times, which differ from run to run.
pub(super) fn normal(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().map(timeless).collect::<Vec<_>>().join(" ")).collect()
}

fn timeless(word: &str) -> String {
    let bare = word.trim_end_matches([',', ')']);
    let end = &word[bare.len()..];
    let plain = bare.trim_start_matches('~');
    if plain.parse::<Timestamp>().is_ok() {
        format!("TIME{end}")
    } else if is_span(plain) {
        format!("SPAN{end}")
    } else {
        word.to_owned()
    }
}

/// `4h2m`, `17s`.
fn is_span(word: &str) -> bool {
    let is_unit = |c: char| matches!(c, 's' | 'm' | 'h' | 'd');
    let parts: Vec<&str> = word.split_inclusive(is_unit).collect();
    !word.is_empty()
        && parts.iter().all(|part| {
            let digits = part.trim_end_matches(is_unit);
            part.len() == digits.len() + 1 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
}
