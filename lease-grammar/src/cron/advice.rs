//! Recognizes common texts that are not valid cron expressions here, and suggests what was meant.

use super::error::{PartRemedy, WrongPart};
use super::part::{Part, number};
use super::unit::{DAY, NICKNAMES, Unit, WEEKDAY};
use crate::{duration, suggest};

const FIELDS: &str = "minute, hour, day of the month, month and day of the week";

/// Whether an expression that begins like this does not even have a first field.
pub(super) fn is_no_field(first: &str) -> bool {
    first.starts_with('@') || zone(first).is_some() || first.eq_ignore_ascii_case("every")
}

/// The time zone that some programs write before the fields.
fn zone(first: &str) -> Option<&str> {
    first.strip_prefix("CRON_TZ=").or_else(|| first.strip_prefix("TZ="))
}

/// A text that does not have five fields.
pub(super) fn no_expression(text: &str, words: &[Part<'_>]) -> WrongPart {
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        let remedy = PartRemedy::Write("0 2 * * *".to_owned());
        return Part { text: "", at: 0 }.wrong("has five fields, and this one is empty", remedy);
    };
    let whole = first.through(*last, text);
    let rest = first.at + first.text.len();
    let rest = text[rest..].trim();
    if let Some(zone) = zone(first.text) {
        let remedy = PartRemedy::IfRead {
            expression: rest.to_owned(),
            then: format!("write `cron = {rest:?}, time_zone = {zone:?}`"),
            otherwise: format!("write `time_zone = {zone:?}` beside it"),
        };
        return first.wrong("is not part of a cron expression", remedy);
    }
    if first.text.eq_ignore_ascii_case("@every") || first.text.eq_ignore_ascii_case("every") {
        let period = duration::guess(rest).or_else(|| duration::guess(&format!("1{rest}")));
        let period = period.map_or_else(|| "5m".to_owned(), |period| period.to_string());
        return whole
            .wrong("is a key of its own", PartRemedy::Say(format!("write `every = {period:?}` instead of `cron`")));
    }
    if first.text.eq_ignore_ascii_case("@reboot") {
        let remedy = "leave `cron` out for a body that runs all the time, or write `once` for one that runs once";
        return whole.wrong("is not a time", PartRemedy::Say(remedy.to_owned()));
    }
    if first.text.starts_with('@') {
        return no_nickname(whole, *first);
    }
    match words {
        [word] => one_word(*word),
        [_, _, _, _, _, _] | [_, _, _, _, _, _, _] => more_fields(whole, words),
        _ => another_number(whole, words.len()),
    }
}

fn no_nickname(whole: Part<'_>, first: Part<'_>) -> WrongPart {
    let nicknames = || NICKNAMES.iter().map(|(nickname, _)| *nickname);
    if nicknames().any(|nickname| nickname == first.text) {
        return whole.wrong("has text after a nickname", PartRemedy::Write(first.text.to_owned()));
    }
    let meant = suggest::closest(first.text, nicknames().map(|nickname| (nickname, nickname)));
    let remedy = match meant {
        Some(meant) => PartRemedy::Write(meant.to_owned()),
        None => PartRemedy::Say(format!("there are {}, or write five fields", suggest::list(nicknames(), "and"))),
    };
    first.wrong("is not a nickname", remedy)
}

/// `daily`, `5m`, `02:30`.
fn one_word(word: Part<'_>) -> WrongPart {
    if let Some((nickname, _)) = NICKNAMES.iter().find(|(nickname, _)| nickname[1..].eq_ignore_ascii_case(word.text)) {
        return word.wrong("lacks its `@`", PartRemedy::Write((*nickname).to_owned()));
    }
    if let Some((hour, minute)) = word.text.split_once(':')
        && let (Some(hour @ 0..24), Some(minute @ 0..60)) = (number(hour), number(minute))
    {
        return word.wrong("is a time of the day", PartRemedy::Write(format!("{minute} {hour} * * *")));
    }
    another_number(word, 1)
}

/// `5m`, `90 seconds`, `0 2`.
fn another_number(whole: Part<'_>, count: usize) -> WrongPart {
    if whole.text.contains(char::is_alphabetic)
        && let Some(period) = duration::guess(whole.text)
    {
        let period = period.to_string();
        return whole.wrong("is a period", PartRemedy::Say(format!("write `every = {period:?}` instead of `cron`")));
    }
    let fields = if count == 1 { "field" } else { "fields" };
    let remedy = format!("write five, as in \"0 2 * * *\": {FIELDS}");
    whole.wrong(format!("has {count} {fields}"), PartRemedy::Say(remedy))
}

/// Fields for seconds and years, as in Quartz, Spring, AWS and others.
fn more_fields(whole: Part<'_>, words: &[Part<'_>]) -> WrongPart {
    let texts: Vec<_> = words.iter().map(|word| word.text).collect();
    let is_year = |text: &str| number(text).is_some_and(|number| number > 1900);
    let (what, five) = match texts[..] {
        // AWS has its `?` in the first five fields.
        [.., "?", _, _, last] if texts.len() == 6 && (last == "*" || is_year(last)) => ("a year", &texts[..5]),
        [.., "?", last] if texts.len() == 6 && (last == "*" || is_year(last)) => ("a year", &texts[..5]),
        [_, _, _, _, _, last] if is_year(last) => ("a year", &texts[..5]),
        [_, _, _, _, _, _] => ("seconds", &texts[1..]),
        _ => ("seconds and a year", &texts[1..6]),
    };
    let open = |text: &&str| matches!(*text, "*" | "?");
    if what == "seconds" && five.iter().all(open) {
        let every = match texts[0] {
            "*" => Some(1),
            first => first.strip_prefix("*/").or_else(|| first.strip_prefix("0/")).and_then(number),
        };
        if let Some(every @ 1..60) = every {
            let remedy = format!("write `every = \"{every}s\"` instead of `cron`");
            return whole.wrong("has a field for seconds, and cron has none", PartRemedy::Say(remedy));
        }
    }
    let instead = five.iter().map(|text| if open(text) { "*" } else { text }).collect::<Vec<_>>().join(" ");
    // Quartz counts the days of the week from Sunday as 1.
    let is_certain = !texts.contains(&"?") || !five[4].contains(|c: char| c.is_ascii_digit());
    let otherwise = format!("leave that out, and write five: {FIELDS}");
    let remedy = if is_certain {
        PartRemedy::IfRead { then: format!("write `cron = {instead:?}`"), expression: instead, otherwise }
    } else {
        PartRemedy::Say(otherwise)
    };
    whole.wrong(format!("has {} fields, with {what}, and cron has five", texts.len()), remedy)
}

/// The remedy for a value outside of the range of a field.
pub(super) fn range_of(unit: &Unit) -> PartRemedy {
    let numbers = format!("write a number from {} to {}", unit.first, unit.last);
    PartRemedy::Say(match unit.names {
        [first, .., last] => format!("{numbers}, or {first} to {last}"),
        _ => numbers,
    })
}

/// `5,*/20`.
pub(super) fn late_star(list: Part<'_>, part: Part<'_>, index: usize) -> WrongPart {
    let others = list.text.split(',').enumerate().filter(|(other, _)| *other != index);
    let others: Vec<_> = others.map(|(_, other)| other).collect();
    let remedy = match list.text.matches('*').count() {
        1 => PartRemedy::Replace(format!("{},{}", part.text, others.join(","))),
        _ => PartRemedy::Say("write the values themselves, as in `0,20,40`".to_owned()),
    };
    list.wrong("has a `*` after its first item", remedy)
}

/// `0/15`, `/15`.
pub(super) fn without_range(unit: &Unit, part: Part<'_>, first: u8) -> WrongPart {
    let (_, step) = part.text.split_once('/').unwrap_or_default();
    let range = if first == unit.first { "*".to_owned() } else { format!("{first}-{}", unit.last_of_all) };
    part.wrong("has a step without a range", PartRemedy::Replace(format!("{range}/{step}")))
}

/// `FRI-MON`.
pub(super) fn reversed(
    unit: &Unit,
    range: Part<'_>,
    (from, first): (Part<'_>, u8),
    (to, last): (Part<'_>, u8),
) -> WrongPart {
    let name = |value: u8, like: &str| match unit.names.get(usize::from(value - unit.first)) {
        Some(name) if number(like).is_none() => (*name).to_owned(),
        _ => value.to_string(),
    };
    let stretch = |from: String, to: String| if from.eq_ignore_ascii_case(&to) { to } else { format!("{from}-{to}") };
    let instead = if unit.last > unit.last_of_all && last == unit.first {
        format!("{first}-{}", unit.last)
    } else {
        let upper = stretch(from.text.to_owned(), name(unit.last_of_all, from.text));
        format!("{upper},{}", stretch(name(unit.first, to.text), to.text.to_owned()))
    };
    range.wrong("goes backwards", PartRemedy::Replace(instead))
}

/// `*/90`.
pub(super) fn steps_too_far(unit: &Unit, part: Part<'_>, range: Part<'_>, step: u32) -> WrongPart {
    let first = range.text.split('-').next().unwrap_or_default();
    if range.text != "*" {
        let what = format!("has a step beyond the end, so only {first} is left");
        return part.wrong(what, PartRemedy::Replace(first.to_owned()));
    }
    let what = format!("has a step of more than {}", unit.last_of_all - unit.first);
    let remedy = match unit.duration {
        Some(letter) => {
            PartRemedy::Say(format!("write `every = \"{step}{letter}\"` instead of `cron`, or \"{}\" here", unit.first))
        }
        None => PartRemedy::Say(format!("write the one that is left, {}", unit.first)),
    };
    part.wrong(what, remedy)
}

/// A text that is not a number and not a name.
pub(super) fn no_value(unit: &Unit, part: Part<'_>) -> WrongPart {
    let text = part.text;
    let say = |what: &str, remedy: &str| part.wrong(what, PartRemedy::Say(remedy.to_owned()));
    let upper = text.to_uppercase();
    let close = || suggest::closest(text, unit.names.iter().map(|name| (*name, *name)));
    let begins = |name: &&&str| upper.starts_with(**name) && upper.chars().all(char::is_alphabetic);
    if text.contains(['{', '}']) {
        let remedy =
            "write a number here, and set what is computed on the task, as in `.cron(format!(\"{minute} 2 * * *\"))`";
        return say("is not filled in here", remedy);
    }
    if text == "?" {
        return part.wrong("is read in different ways by different programs", PartRemedy::Replace("*".to_owned()));
    }
    if text.contains('#') {
        return say(
            "has a `#`, which belongs to the day of the week",
            "write it as in \"0 2 * * FRI#3\", a third Friday",
        );
    }
    if text.contains('+') {
        let remedy = "write it as in \"0 2 13 * +FRI\", a Friday the 13th";
        return say("has a `+`, which belongs before the day of the week and means that both days must match", remedy);
    }
    if upper == "H" || text.contains(['(', '~']) {
        return say("is a time at random", "write a number, and `jitter = \"5m\"` to spread the runs");
    }
    if text.contains('*') {
        return say("has a `*` that is not alone", "write it as in `*` or `*/5`");
    }
    if let Some(wrong) = letters_of_quartz(unit, part) {
        return wrong;
    }
    if let Some(name) = unit.names.iter().find(begins).copied().or_else(close) {
        return part.wrong(format!("is not {}", unit.name), PartRemedy::Replace(name.to_owned()));
    }
    part.wrong(format!("is not {}", unit.name), range_of(unit))
}

/// `5L`, `L` as a day of the week, `15W`, `LW`.
fn letters_of_quartz(unit: &Unit, part: Part<'_>) -> Option<WrongPart> {
    let upper = part.text.to_uppercase();
    let what = "is read in different ways by different programs";
    if unit.is(WEEKDAY)
        && let Some(weekday) = upper.strip_suffix('L')
    {
        if weekday.is_empty() {
            let remedy = "write the day of the week, or the last of a month as in `FRI#L`";
            return Some(part.wrong(what, PartRemedy::Say(remedy.to_owned())));
        }
        if unit.names.contains(&weekday) {
            return Some(part.wrong(what, PartRemedy::Replace(format!("{weekday}#L"))));
        }
        // In some programs 1 is Sunday.
        let name = unit.names.get(usize::try_from(number(weekday)? % 7).ok()?)?;
        let remedy = format!("write the day by its name, as in `{name}#L`");
        return Some(part.wrong(what, PartRemedy::Say(remedy)));
    }
    let is_one = upper.chars().all(|c| c.is_ascii_digit() || matches!(c, 'L' | 'W')) && upper.contains(['L', 'W']);
    if unit.is(DAY) && is_one {
        let (what, days) = if upper.contains('W') {
            ("is a working day, which most programs do not support", "26-31 * +MON-FRI")
        } else {
            ("is the last day of the month, which must be alone or in a list", "25-28 * *")
        };
        let remedy = format!("write the days that it may be, as in \"0 2 {days}\", and look at the date in the body");
        return Some(part.wrong(what, PartRemedy::Say(remedy)));
    }
    None
}

/// `FRI#6`.
pub(super) fn no_nth(unit: &Unit, part: Part<'_>, weekday: u8) -> WrongPart {
    let name = unit.names.get(usize::from(weekday)).copied().unwrap_or_default();
    let remedy = format!("write `{name}#1` to `{name}#5`, or `{name}#L` for the last one");
    part.wrong("does not count from 1 to 5", PartRemedy::Say(remedy))
}
