//! The cron dialect: Vixie cron's five fields and nicknames, less what people read in two ways.
//!
//! Nothing of any other crate is used here: the attribute checks a literal with code equal to this, and a test compares
//! the two.

use std::fmt;
use std::ops::Range;

/// What is wrong with a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Broken {
    /// The part that is wrong, in bytes of the pattern.
    pub at: Range<usize>,
    /// What is wrong and what to write instead, as half a sentence.
    pub message: String,
}

/// A pattern that keeps the rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pattern {
    /// Minute, hour, day of the month, month, day of the week.
    pub fields: [Field; 5],
    /// Whether a day must match both day fields: `+` before the second.
    pub both_days: bool,
}

/// One field: a list of at least one item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Field {
    pub items: Vec<Item>,
}

/// Each `step`th value from `first` to `last`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Item {
    /// Whether it is written as `*`: to cron that is more than a range.
    pub star: bool,
    pub first: u8,
    pub last: u8,
    pub step: u8,
}

/// What may stand in a field.
struct Unit {
    name: &'static str,
    min: u8,
    max: u8,
    /// The last value that `*` covers: of the day of the week, 7 is Sunday once more.
    star_max: u8,
    /// The names of the values from `min` on.
    names: &'static [&'static str],
    /// The letter of durations, if the field's values are as long as one.
    letter: Option<char>,
}

const DAY: usize = 2;
const MONTH: usize = 3;
const WEEKDAY: usize = 4;
const UNITS: [Unit; 5] = [
    Unit { name: "minute", min: 0, max: 59, star_max: 59, names: &[], letter: Some('m') },
    Unit { name: "hour", min: 0, max: 23, star_max: 23, names: &[], letter: Some('h') },
    Unit { name: "day of the month", min: 1, max: 31, star_max: 31, names: &[], letter: None },
    Unit {
        name: "month",
        min: 1,
        max: 12,
        star_max: 12,
        names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
        letter: None,
    },
    Unit {
        name: "day of the week",
        min: 0,
        max: 7,
        star_max: 6,
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
        letter: None,
    },
];

/// The most days that a month has.
const DAYS: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The nicknames that stand for a pattern.
const NICKNAMES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// A part of the pattern and where it begins.
#[derive(Clone, Copy)]
struct Part<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Part<'a> {
    fn broken<T>(self, message: impl Into<String>) -> Result<T, Broken> {
        Err(Broken { at: self.at..self.at + self.text.len(), message: message.into() })
    }

    /// The parts between `separator`s: at least one.
    fn split(self, separator: char) -> impl Iterator<Item = Part<'a>> {
        let mut at = self.at;
        self.text.split(separator).map(move |text| {
            let part = Part { text, at };
            at += text.len() + separator.len_utf8();
            part
        })
    }

    /// What is before and after the first `separator`.
    fn split_once(self, separator: char) -> Option<(Part<'a>, Part<'a>)> {
        let (before, after) = self.text.split_once(separator)?;
        let at = self.at + before.len() + separator.len_utf8();
        Some((Part { text: before, at: self.at }, Part { text: after, at }))
    }
}

/// Reads a pattern.
pub(super) fn parse(pattern: &str) -> Result<Pattern, Broken> {
    let spaced = Part { text: pattern, at: 0 };
    let words: Vec<Part<'_>> =
        spaced.split('\t').flat_map(|part| part.split(' ')).filter(|word| !word.text.is_empty()).collect();
    let (Some(first), Some(last)) = (words.first(), words.last()) else {
        return spaced.broken("it is empty: write five fields, as in \"0 2 * * *\"");
    };
    let whole = Part { text: &pattern[first.at..last.at + last.text.len()], at: first.at };
    if first.text.starts_with('@') {
        return nickname(whole, &words);
    }
    if let Some(zone) = first.text.strip_prefix("CRON_TZ=").or(first.text.strip_prefix("TZ=")) {
        return first.broken(format!("the zone is an argument of its own: write time_zone = \"{zone}\""));
    }
    let [minute, hour, day, month, weekday] = words[..] else {
        let rest = if words.len() > 5 {
            "cron has five: leave out seconds, years, users and commands"
        } else {
            "cron has five: minute, hour, day of the month, month, day of the week"
        };
        return whole.broken(format!("it has {} fields, and {rest}", words.len()));
    };
    let (weekday_list, plus) = match weekday.text.strip_prefix('+') {
        Some(text) => (Part { text, at: weekday.at + 1 }, true),
        None => (weekday, false),
    };
    let pattern = Pattern {
        fields: [
            field(&UNITS[0], minute)?,
            field(&UNITS[1], hour)?,
            field(&UNITS[DAY], day)?,
            field(&UNITS[MONTH], month)?,
            field(&UNITS[WEEKDAY], weekday_list)?,
        ],
        both_days: plus,
    };
    let days = Part { text: &whole.text[day.at - whole.at..], at: day.at };
    check_days(&pattern, days, [day, month, weekday])?;
    Ok(pattern)
}

/// The rules about several fields.
fn check_days(pattern: &Pattern, days: Part<'_>, [day, month, weekday]: [Part<'_>; 3]) -> Result<(), Broken> {
    let day_set = !pattern.fields[DAY].is_star();
    let weekday_set = !pattern.fields[WEEKDAY].is_star();
    if day_set && weekday_set && !pattern.both_days {
        return days.broken(format!(
            "both the day of the month and the day of the week are set, which cron reads as \"or\" and other programs as \
             \"and\": write `{} {} +{}` for \"and\", or make two tasks for \"or\"",
            day.text, month.text, weekday.text
        ));
    }
    if pattern.both_days && !(day_set && weekday_set) {
        return weekday.broken("`+` joins two day fields, and only one is set: leave it out");
    }
    let ever = |month: u8| day_in(&pattern.fields[DAY], DAYS[usize::from(month) - 1]);
    // A month in which a day of the month exists has it on every day of the week in some year.
    if !pattern.fields[MONTH].values().any(ever) {
        return days.broken("there is no such day in any year: it would never be due");
    }
    Ok(())
}

/// Whether one of the field's days is in a month of `length` days.
fn day_in(field: &Field, length: u8) -> bool {
    field.values().any(|day| day <= length)
}

/// A pattern that begins with `@`.
fn nickname(whole: Part<'_>, words: &[Part<'_>]) -> Result<Pattern, Broken> {
    let name = words[0].text;
    let known = NICKNAMES.iter().find(|(nickname, _)| *nickname == name);
    match (known, words) {
        (Some((_, pattern)), [_]) => parse(pattern),
        (Some(_), _) => whole.broken(format!("`{name}` stands alone: leave out the rest")),
        (None, [_, period]) if name == "@every" => {
            whole.broken(format!("`@every` is an argument of its own: write every = \"{}\"", period.text))
        }
        (None, _) if name == "@every" => {
            whole.broken("`@every` is an argument of its own: write every = \"5m\", with your period")
        }
        (None, _) if name == "@reboot" => {
            whole.broken("`@reboot` is no time: leave out cron for a continuous task, or use once")
        }
        (None, _) => match NICKNAMES.iter().find(|(nickname, _)| nickname.eq_ignore_ascii_case(name)) {
            Some((nickname, _)) => whole.broken(format!("it is written in lower case: did you mean `{nickname}`?")),
            None => words[0].broken("there is @hourly, @daily, @weekly, @monthly and @yearly: or write five fields"),
        },
    }
}

fn field(unit: &Unit, list: Part<'_>) -> Result<Field, Broken> {
    let alone = !list.text.contains(',');
    let mut items = Vec::new();
    for part in list.split(',') {
        if part.text.is_empty() && !alone {
            // The item itself is no place that could be pointed at.
            return list.broken("an item of the list is empty: take the extra comma out");
        }
        let item = item(unit, part)?;
        if item.star && item.step == 1 && !alone {
            return list.broken(format!("`*` is every {} already: leave it out, or the rest", unit.name));
        }
        if item.star && !items.is_empty() {
            // Whether a field begins with `*` decides what happens when clocks change.
            return list.broken(format!("an item with `*` comes first: move `{}` to the front", part.text));
        }
        items.push(item);
    }
    Ok(Field { items })
}

fn item(unit: &Unit, part: Part<'_>) -> Result<Item, Broken> {
    let (range, step_part) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let (star, first, last) = if range.text == "*" {
        (true, unit.min, unit.star_max)
    } else if let Some((from, to)) = range.split_once('-') {
        if from.text.is_empty() || to.text.is_empty() {
            return range.broken(format!("a range has two ends: write it as in `{}-{}`", unit.min, unit.star_max));
        }
        let (first, last) = (value(unit, from)?, value(unit, to)?);
        if first > last {
            return range.broken(reversed(unit, first, last));
        }
        (false, first, last)
    } else if let (true, Some(step)) = (range.text.is_empty(), step_part) {
        return part.broken(format!("a step needs a range: did you mean `*/{}`?", step.text));
    } else {
        let only = value(unit, range)?;
        if let Some(step) = step_part {
            let range = if only == unit.min { "*".into() } else { format!("{only}-{}", unit.star_max) };
            return part.broken(format!("a step needs a range: did you mean `{range}/{}`?", step.text));
        }
        (false, only, only)
    };
    let step = match step_part {
        Some(step_part) => step(unit, part, step_part, star, first, last)?,
        None => 1,
    };
    Ok(Item { star, first, last, step })
}

fn reversed(unit: &Unit, first: u8, last: u8) -> String {
    if last == unit.min && unit.max != unit.star_max {
        return format!("a range goes up: write `{first}-{}`", unit.max);
    }
    let range = |from: u8, to: u8| if from == to { from.to_string() } else { format!("{from}-{to}") };
    format!("a range goes up: write `{},{}`", range(first, unit.star_max), range(unit.min, last))
}

fn step(unit: &Unit, item: Part<'_>, part: Part<'_>, star: bool, first: u8, last: u8) -> Result<u8, Broken> {
    let Some(step) = number(part.text) else {
        let at = if part.text.is_empty() { item } else { part };
        return at.broken(format!("a step is a number, as in `*/{}`", unit.star_max.div_ceil(2)));
    };
    if step == 0 {
        return part.broken("a step is at least 1");
    }
    let longest = u32::from(last - first);
    match u8::try_from(step) {
        Ok(step) if step == 1 || u32::from(step) <= longest => Ok(step),
        _ if star => {
            let remedy = match unit.letter {
                Some(letter) => format!("; for other periods there is every = \"{step}{letter}\""),
                None => String::new(),
            };
            item.broken(format!(
                "a step of {step} passes the end of the {} field: at most {longest}{remedy}",
                unit.name
            ))
        }
        _ => {
            item.broken(format!("a step of {step} passes the end of the range: write {first} alone, or a longer range"))
        }
    }
}

/// The value that is written as a number or a name.
fn value(unit: &Unit, part: Part<'_>) -> Result<u8, Broken> {
    let Unit { name, min, max, names, .. } = *unit;
    if let Some(number) = number(part.text) {
        return match u8::try_from(number) {
            Ok(value) if (min..=max).contains(&value) => Ok(value),
            _ => part.broken(format!("the {name} is {min} to {max}, not {number}")),
        };
    }
    match names.iter().zip(min..).find(|(name, _)| name.eq_ignore_ascii_case(part.text)) {
        Some((_, value)) => Ok(value),
        None => part.broken(odd(unit, part.text)),
    }
}

/// What to say about something that is neither a number nor a name.
fn odd(unit: &Unit, text: &str) -> String {
    let Unit { name, min, max, names, .. } = *unit;
    let short = names.iter().find(|name| text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(name)));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if text.is_empty() {
        format!("a number is missing: the {name} is {min} to {max}")
    } else if digits(text) {
        format!("the {name} is {min} to {max}, not {text}")
    } else if text == "?" {
        "`?` is Quartz's: write `*`".into()
    } else if text.starts_with('+') {
        "`+` joins the two day fields and stands before the day of the week only: leave it out here".into()
    } else if text.contains('#') {
        "`#` is Quartz's: for the first Monday of a month write days and day, as in \"0 0 1-7 * +MON\"".into()
    } else if let Some(short) = short {
        format!("names have three letters: write `{short}`")
    } else if text.eq_ignore_ascii_case("H") || text.contains(['~', '(']) {
        "a time spread at random is not part of cron: write a number, and see jitter".into()
    } else if text.contains('*') {
        "`*` stands alone or before a step, as in `*/5`".into()
    } else if text.contains(['L', 'W', 'l', 'w']) && text.len() <= 3 {
        "`L` and `W` are Quartz's: write the days, as in `28-31`, and look at the date in the task".into()
    } else if names.is_empty() {
        format!("the {name} is a number from {min} to {max}, not `{text}`")
    } else {
        format!("the {name} is a number from {min} to {max} or a name like {}, not `{text}`", names[1])
    }
}

/// A number of digits only, however many zeros it begins with.
fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

impl Pattern {
    /// How many minutes there are between two ticks that are closest, as far as minutes and hours tell, on a day on which the
    /// clocks do not change.
    pub(super) fn shortest_minutes(&self) -> u32 {
        let [minutes, hours, ..] = &self.fields;
        match gap(minutes, 60) {
            60 => 60 * gap(hours, 24),
            less => less,
        }
    }

    /// The minutes of a day that match, in their order.
    pub(super) fn minutes_of_day(&self) -> Vec<u16> {
        let [minutes, hours, ..] = &self.fields;
        let of_hour = |hour: u8| minutes.values().map(move |minute| u16::from(hour) * 60 + u16::from(minute));
        let mut all: Vec<u16> = hours.values().flat_map(of_hour).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether it is due at every real instant that matches, rather than at each time of the civil day once.
    pub(super) fn is_wildcard(&self) -> bool {
        self.fields[..DAY].iter().any(|field| field.items.iter().any(|item| item.star))
    }
}

impl Field {
    /// Whether it is `*`, which says nothing about the day.
    fn is_star(&self) -> bool {
        matches!(self.items[..], [Item { star: true, step: 1, .. }])
    }

    /// All values, some perhaps more than once.
    pub(super) fn values(&self) -> impl Iterator<Item = u8> {
        self.items.iter().flat_map(|item| (item.first..=item.last).step_by(usize::from(item.step)))
    }
}

/// In one way only, whatever the case of names, the number of spaces, or the nickname.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, field) in self.fields.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            let plus = if i == WEEKDAY && self.both_days { "+" } else { "" };
            write!(f, "{space}{plus}")?;
            for (j, item) in field.items.iter().enumerate() {
                let comma = if j == 0 { "" } else { "," };
                write!(f, "{comma}")?;
                match *item {
                    Item { star: true, .. } => write!(f, "*")?,
                    // Sunday alone; in a range it must stay above Saturday.
                    Item { first: 7, last: 7, .. } if i == WEEKDAY => write!(f, "0")?,
                    Item { first, last, .. } if first == last => write!(f, "{first}")?,
                    Item { first, last, .. } => write!(f, "{first}-{last}")?,
                }
                if item.step != 1 {
                    write!(f, "/{}", item.step)?;
                }
            }
        }
        Ok(())
    }
}

/// The smallest distance between two values of a field, which begins anew after `of` values.
fn gap(field: &Field, of: u32) -> u32 {
    let mut values: Vec<u32> = field.values().map(u32::from).collect();
    values.sort_unstable();
    values.dedup();
    let next = values.iter().skip(1).copied().chain(values.first().map(|first| first + of));
    values.iter().zip(next).map(|(value, next)| next - value).min().unwrap_or(of)
}
