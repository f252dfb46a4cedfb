//! Reads a limit of restarts, a count and a duration: `"5 in 1m"`.

use lease_grammar::duration::{self, Duration};
use lease_grammar::suggest;
use lease_grammar::value::{Remedy, Wrong};

pub(super) fn parse(text: &str) -> Result<(u32, Duration), Wrong> {
    let Some((count, within)) = text.split_once(" in ") else { return Err(wrong(text)) };
    match (count.parse(), duration::parse(within)) {
        (Ok(count), Ok(within)) if count > 0 => Ok((count, within)),
        _ => Err(wrong(text)),
    }
}

/// The mistake in a text that [`parse`] refuses: `"5"`, `"5/1m"`, `"5 per minute"`.
fn wrong(text: &str) -> Wrong {
    let text = text.trim();
    let none_at_all = Wrong {
        what: "a limit of restarts must be at least one",
        remedy: Remedy::Say("write `restart = never` for a body that runs once".to_owned()),
    };
    if suggest::is_among(text, "never none no zero false") {
        return none_at_all;
    }
    if text.starts_with('-') || suggest::is_among(text, "unlimited infinite infinity inf forever always unbounded max")
    {
        let remedy = "write a limit that cannot be reached, as in `max_restarts = \"1000 in 1s\"`".to_owned();
        return Wrong { what: "restarts must have a limit", remedy: Remedy::Say(remedy) };
    }
    let (count, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let guess = match count.parse::<u32>() {
        Ok(0) => return none_at_all,
        Ok(count) => guess_within(rest).map(|within| format!("{count} in {within}")),
        Err(_) => None,
    };
    Wrong {
        what: "a limit of restarts is a string with a count and a duration",
        remedy: guess.map_or(Remedy::WriteExample, Remedy::Write),
    }
}

/// The duration that was probably meant by the text after the count.
fn guess_within(rest: &str) -> Option<Duration> {
    let is_noise = |word: &&str| suggest::is_among(word, "times x in per within every each a an one restarts");
    let rest = rest.replace(|c: char| c.is_ascii_punctuation(), " ");
    let words: Vec<_> = rest.split_whitespace().skip_while(is_noise).collect();
    match words.concat() {
        within if within.is_empty() => Some(Duration::Secs(60)),
        within if within.starts_with(|c: char| c.is_ascii_digit()) => duration::guess(&within),
        // "per minute" means within one minute.
        unit => duration::guess(&format!("1{unit}")),
    }
}
