//! Reads a range of pauses, from the shortest to the longest: `"1s..1m"`.

use lease_grammar::duration::{self, Duration};
use lease_grammar::value::{Remedy, Wrong};

pub(super) fn parse(text: &str) -> Result<(Duration, Duration), Wrong> {
    let ends = text.split_once("..").map(|(from, to)| (duration::parse(from), duration::parse(to)));
    match ends {
        Some((Ok(from), Ok(to))) if from.millis() <= to.millis() => Ok((from, to)),
        _ => Err(wrong(text)),
    }
}

/// Separators that users may write between two ends. Longer ones come first, because `..=` begins with `..`.
const SEPARATORS: [&str; 10] = ["..=", "...", "..", "->", "-", "\u{2013}", ",", "/", " to ", " until "];

/// The mistake in a text that [`parse`] refuses: `"1s-1m"`, `"1m..1s"`, `"5s"`.
fn wrong(text: &str) -> Wrong {
    let form = "a range of pauses is a string with `..` between the shortest and the longest";
    let Some((from, to)) = SEPARATORS.iter().find_map(|separator| text.split_once(separator)) else {
        return match duration::guess(text) {
            Some(pause) => one_pause(pause),
            None => Wrong { what: form, remedy: Remedy::WriteExample },
        };
    };
    let is_zero = !from.trim().is_empty() && !from.contains(|c: char| ('1'..='9').contains(&c));
    match (duration::guess(from), duration::guess(to)) {
        (Some(from), Some(to)) if from.millis() > to.millis() => {
            Wrong { what: "the shorter pause must come first", remedy: Remedy::Write(format!("{to}..{from}")) }
        }
        (Some(from), Some(to)) => Wrong { what: form, remedy: Remedy::Write(format!("{from}..{to}")) },
        _ if is_zero => Wrong { what: "the shortest pause must be longer than zero", remedy: Remedy::WriteExample },
        _ => Wrong { what: form, remedy: Remedy::WriteExample },
    }
}

fn one_pause(pause: Duration) -> Wrong {
    let longest = Duration::of_millis(u64::try_from(pause.millis() * 60).unwrap_or(u64::MAX));
    let remedy =
        format!("write `backoff = \"{pause}..{longest}\"`, or `\"{pause}..{pause}\"` if pauses should not grow");
    Wrong { what: "a range of pauses needs two durations", remedy: Remedy::Say(remedy) }
}
