//! `"0 2 * * *"`: cron expressions. The runtime reads them once more, and takes what is taken here, no more and no less.
//!
//! These are Vixie cron's five fields and nicknames, without what programs read in different ways.

mod advice;

use std::ops::Range;

/// A cron expression: the values of each field, as bits.
#[derive(Debug)]
pub(crate) struct Cron {
    fields: [Field; 5],
}

/// The values of a field.
#[derive(Clone, Copy, Debug)]
struct Field {
    values: u64,
    /// It is `*`, which names no value.
    is_open: bool,
}

/// What is wrong with an expression.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// The part that is wrong, in bytes.
    at: Range<usize>,
    /// What is wrong with it, as half a sentence.
    what: String,
    remedy: Remedy,
}

#[derive(Debug)]
enum Remedy {
    /// To write this instead of the part.
    Replace(String),
    /// To write this instead of the whole expression.
    Write(String),
    /// This.
    Say(String),
}

/// A part of an expression, and where it begins.
#[derive(Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    at: usize,
}

/// What a field counts.
struct Unit {
    /// With its article.
    name: &'static str,
    first: u8,
    last: u8,
    /// The last one that `*` stands for: 7 is Sunday once more.
    last_of_all: u8,
    /// What the values are called, from the first on.
    names: &'static [&'static str],
    /// The unit of a duration that the values are as long as.
    duration: Option<char>,
}

static UNITS: [Unit; 5] = [
    Unit { name: "a minute", first: 0, last: 59, last_of_all: 59, names: &[], duration: Some('m') },
    Unit { name: "an hour", first: 0, last: 23, last_of_all: 23, names: &[], duration: Some('h') },
    Unit { name: "a day of the month", first: 1, last: 31, last_of_all: 31, names: &[], duration: None },
    Unit {
        name: "a month",
        first: 1,
        last: 12,
        last_of_all: 12,
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        duration: None,
    },
    Unit {
        name: "a day of the week",
        first: 0,
        last: 7,
        last_of_all: 6,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        duration: None,
    },
];

const DAY: usize = 2;
const MONTH: usize = 3;
const WEEKDAY: usize = 4;

/// How many days the months have, in the longest of years.
const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl<'a> Part<'a> {
    fn wrong(self, what: impl Into<String>, remedy: Remedy) -> Wrong {
        Wrong { at: self.at..self.at + self.text.len(), what: what.into(), remedy }
    }

    fn split(self, separators: &'static [char]) -> impl Iterator<Item = Part<'a>> {
        let mut at = self.at;
        self.text.split(separators).map(move |text| {
            let part = Part { text, at };
            // All separators are of one byte.
            at += text.len() + 1;
            part
        })
    }

    fn split_once(self, separator: char) -> Option<(Part<'a>, Part<'a>)> {
        let (before, behind) = self.text.split_once(separator)?;
        Some((Part { text: before, at: self.at }, Part { text: behind, at: self.at + before.len() + 1 }))
    }

    /// From the start of this part to the end of `last`.
    fn through(self, last: Part<'_>, text: &'a str) -> Part<'a> {
        Part { text: &text[self.at..last.at + last.text.len()], at: self.at }
    }
}

impl Wrong {
    /// What is wrong with `text`, and what to write.
    pub(crate) fn says(&self, text: &str) -> String {
        let Wrong { at, what, remedy } = self;
        let remedy = match remedy {
            Remedy::Say(remedy) => remedy.clone(),
            Remedy::Write(instead) => format!("write `cron = {instead:?}`"),
            Remedy::Replace(instead) => {
                let whole = [&text[..at.start], instead, &text[at.end..]].concat();
                match parse(&whole) {
                    Ok(_) => format!("write `cron = {whole:?}`"),
                    // Something else is wrong, too.
                    Err(_) => format!("write `{instead}`"),
                }
            }
        };
        match &text[at.clone()] {
            "" => format!("a cron expression {what}: {remedy}"),
            part => format!("`{part}` {what}: {remedy}"),
        }
    }
}

/// Whether the runtime will take `text`; if not, why.
#[cfg(test)]
pub(crate) fn check(text: &str) -> Result<(), String> {
    parse(text).map(drop).map_err(|wrong| wrong.says(text))
}

/// Reads an expression.
pub(crate) fn parse(text: &str) -> Result<Cron, Wrong> {
    let words = Part { text, at: 0 }.split(&[' ', '\t']).filter(|word| !word.text.is_empty());
    let words: Vec<_> = words.collect();
    if let [word] = words[..]
        && let Some((_, instead)) = NICKNAMES.iter().find(|(nickname, _)| *nickname == word.text)
    {
        return parse(instead);
    }
    let [minute, hour, day, month, weekday] = words[..] else { return Err(advice::no_expression(text, &words)) };
    if advice::is_no_field(minute.text) {
        return Err(advice::no_expression(text, &words));
    }
    let joined = weekday.split_once('+').filter(|(before, _)| before.text.is_empty()).map(|(_, behind)| behind);
    if joined.is_some_and(|behind| behind.text.is_empty()) {
        return Err(weekday.wrong("joins nothing to the day of the month", advice::range_of(&UNITS[WEEKDAY])));
    }
    let mut fields = [Field { values: 0, is_open: true }; 5];
    for (index, part) in [minute, hour, day, month, joined.unwrap_or(weekday)].into_iter().enumerate() {
        fields[index] = field(&UNITS[index], part)?;
    }
    check_days(&fields, joined.is_some(), text, [day, month, weekday])?;
    Ok(Cron { fields })
}

/// What the day fields say together.
fn check_days(
    fields: &[Field; 5],
    is_joined: bool,
    text: &str,
    [day, month, weekday]: [Part<'_>; 3],
) -> Result<(), Wrong> {
    let is_set = |index: usize| !fields[index].is_open;
    if is_set(DAY) && is_set(WEEKDAY) && !is_joined {
        let what =
            "sets both the day of the month and the day of the week, of which cron wants one, and other programs both";
        let both = format!("{} {} +{}", day.text, month.text, weekday.text);
        let remedy = format!("write `{both}` for both, or a function for each");
        return Err(day.through(weekday, text).wrong(what, Remedy::Say(remedy)));
    }
    if is_joined && !(is_set(DAY) && is_set(WEEKDAY)) {
        let what = "joins the two day fields, of which one is not set";
        return Err(weekday.wrong(what, Remedy::Replace(weekday.text.trim_start_matches('+').to_owned())));
    }
    let earliest = fields[DAY].values.trailing_zeros();
    let exists = |month: usize| fields[MONTH].values & (1 << (month + 1)) != 0 && DAYS[month] >= earliest;
    if !(0..12).any(exists) {
        let longest = (0..12).filter(|month| fields[MONTH].values & (1 << (month + 1)) != 0).map(|month| DAYS[month]);
        let longest = longest.max().unwrap_or_default();
        let remedy = format!("write a day up to {longest}, or other months");
        return Err(day.through(month, text).wrong("is in no year, so that it would never run", Remedy::Say(remedy)));
    }
    Ok(())
}

fn field(unit: &Unit, list: Part<'_>) -> Result<Field, Wrong> {
    let is_list = list.text.contains(',');
    let (mut values, mut is_open) = (0, false);
    for (index, part) in list.split(&[',']).enumerate() {
        if part.text.is_empty() && is_list {
            let rest: Vec<_> = list.text.split(',').filter(|item| !item.is_empty()).collect();
            let remedy = if rest.is_empty() { advice::range_of(unit) } else { Remedy::Replace(rest.join(",")) };
            return Err(list.wrong("has an empty item", remedy));
        }
        let is_star = part.text.starts_with('*');
        let item = item(unit, part)?;
        let is_all = is_star && item.step == 1;
        if is_all && is_list {
            let what = format!("names every value beside others in the list for {}", unit.name);
            return Err(part.wrong(what, Remedy::Say("leave it out, or the others".to_owned())));
        }
        // The first character of a field decides what becomes of it when clocks change.
        if is_star && index > 0 {
            return Err(advice::late_star(list, part, index));
        }
        is_open |= is_all;
        // 7 is Sunday, as 0 is.
        let bit = |value: u8| 1 << if unit.last > unit.last_of_all { value % unit.last } else { value };
        values |= (item.first..=item.last).step_by(item.step.into()).map(bit).fold(0, |all, bit: u64| all | bit);
    }
    Ok(Field { values, is_open })
}

/// Each `step`th value from the first to the last.
struct Item {
    first: u8,
    last: u8,
    step: u8,
}

fn item(unit: &Unit, part: Part<'_>) -> Result<Item, Wrong> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let (first, last) = match (range.text, range.split_once('-')) {
        ("*", _) => (unit.first, unit.last_of_all),
        (_, Some((from, to))) if from.text.is_empty() || to.text.is_empty() => {
            return Err(range.wrong("lacks an end", advice::range_of(unit)));
        }
        (_, Some((from, to))) => {
            let (first, last) = (value(unit, from)?, value(unit, to)?);
            if first > last {
                return Err(advice::reversed(unit, range, (from, first), (to, last)));
            }
            (first, last)
        }
        ("", None) if step.is_some() => return Err(advice::without_range(unit, part, unit.first)),
        (_, None) => {
            let only = value(unit, range)?;
            if step.is_some() {
                return Err(advice::without_range(unit, part, only));
            }
            (only, only)
        }
    };
    let step = match step {
        None => 1,
        Some(step) => match number(step.text) {
            None | Some(0) => {
                let remedy = format!("write it as in `{}/{}`", range.text, (last - first).clamp(1, 5));
                return Err(part.wrong("has no step, which is a number from 1 on", Remedy::Say(remedy)));
            }
            Some(number) => match u8::try_from(number) {
                Ok(step) if step == 1 || step <= last - first => step,
                _ => return Err(advice::steps_too_far(unit, part, range, number)),
            },
        },
    };
    Ok(Item { first, last, step })
}

/// What is written as a number or as a name.
fn value(unit: &Unit, part: Part<'_>) -> Result<u8, Wrong> {
    if let Some(number) = number(part.text) {
        let value = u8::try_from(number).ok().filter(|value| (unit.first..=unit.last).contains(value));
        return value.ok_or_else(|| part.wrong(format!("is not {}", unit.name), advice::range_of(unit)));
    }
    let named = unit.names.iter().zip(unit.first..).find(|(name, _)| name.eq_ignore_ascii_case(part.text));
    named.map(|(_, value)| value).ok_or_else(|| advice::no_value(unit, part))
}

/// A number of digits only, however many zeros it begins with.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

impl Cron {
    /// How many minutes there are between two ticks, at least, but for changes of the clocks.
    pub(crate) fn shortest_minutes(&self) -> u32 {
        let [minutes, hours, ..] = self.fields.map(|field| field.values);
        match minutes.count_ones() {
            1 => 60 * shortest_gap(hours, 24),
            _ => shortest_gap(minutes, 60),
        }
    }
}

/// The shortest way from one of the values to the next, the first following the last.
fn shortest_gap(values: u64, of: u32) -> u32 {
    let values: Vec<_> = (0..of).filter(|value| values & (1 << value) != 0).collect();
    let next = values.iter().skip(1).copied().chain(values.first().map(|first| first + of));
    values.iter().zip(next).map(|(value, next)| next - value).min().unwrap_or(of)
}
