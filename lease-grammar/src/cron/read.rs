//! Reads an expression.

use super::advice;
use super::error::{PartRemedy, WrongPart};
use super::expression::{Cron, Field, Item};
use super::part::{Part, number};
use super::unit::{DAY, LONGEST, MONTH, NICKNAMES, UNITS, Unit, WEEKDAY};

/// Reads an expression.
pub(super) fn read(text: &str) -> Result<Cron, WrongPart> {
    let words = Part { text, at: 0 }.split(&[' ', '\t']).filter(|word| !word.text.is_empty());
    let words: Vec<_> = words.collect();
    if let [word] = words[..]
        && let Some((_, instead)) = NICKNAMES.iter().find(|(nickname, _)| *nickname == word.text)
    {
        return read(instead);
    }
    let [minute, hour, day, month, weekday] = words[..] else { return Err(advice::no_expression(text, &words)) };
    if advice::is_no_field(minute.text) {
        return Err(advice::no_expression(text, &words));
    }
    let joined = weekday.split_once('+').filter(|(before, _)| before.text.is_empty()).map(|(_, behind)| behind);
    if joined.is_some_and(|behind| behind.text.is_empty()) {
        return Err(weekday.wrong("joins nothing to the day of the month", advice::range_of(&UNITS[WEEKDAY])));
    }
    let fields = [
        field(&UNITS[0], minute)?,
        field(&UNITS[1], hour)?,
        field(&UNITS[DAY], day)?,
        field(&UNITS[MONTH], month)?,
        field(&UNITS[WEEKDAY], joined.unwrap_or(weekday))?,
    ];
    let cron = Cron { fields, both_days: joined.is_some() };
    check_days(&cron, text, [day, month, weekday])?;
    Ok(cron)
}

const NEVER: &str = "occurs in no year, so the task would never run";

/// Checks the two day fields together.
fn check_days(cron: &Cron, text: &str, [day, month, weekday]: [Part<'_>; 3]) -> Result<(), WrongPart> {
    let Cron { fields, both_days } = cron;
    let are_set = [DAY, WEEKDAY].map(|index| !fields[index].is_open());
    if are_set == [true, true] && !both_days {
        let what = "sets both the day of the month and the day of the week, which cron joins with `or` and other programs with `and`";
        let both = format!("{} {} +{}", day.text, month.text, weekday.text);
        let remedy = format!("write `{both}` for both, or a function for each");
        return Err(day.through(weekday, text).wrong(what, PartRemedy::Say(remedy)));
    }
    if *both_days && are_set != [true, true] {
        let what = "joins the two day fields, but one of them is not set";
        return Err(weekday.wrong(what, PartRemedy::Replace(weekday.text.trim_start_matches('+').to_owned())));
    }
    let longest = fields[MONTH].values().map(|month| LONGEST[usize::from(month) - 1]).max().unwrap_or_default();
    let earliest = fields[DAY].values().min().unwrap_or(1);
    if earliest > longest && !fields[DAY].items.contains(&Item::LastDay) {
        let remedy = format!("write a day up to {longest}, or other months");
        return Err(day.through(month, text).wrong(NEVER, PartRemedy::Say(remedy)));
    }
    if !cron.days().exist() {
        let remedy = "write days that can be that day of the week, or leave one of the two out";
        return Err(day.through(weekday, text).wrong(NEVER, PartRemedy::Say(remedy.to_owned())));
    }
    Ok(())
}

fn field(unit: &Unit, list: Part<'_>) -> Result<Field, WrongPart> {
    let is_list = list.text.contains(',');
    let mut items = Vec::new();
    for part in list.split(&[',']) {
        if part.text.is_empty() && is_list {
            let rest: Vec<_> = list.text.split(',').filter(|item| !item.is_empty()).collect();
            let remedy = if rest.is_empty() { advice::range_of(unit) } else { PartRemedy::Replace(rest.join(",")) };
            return Err(list.wrong("has an empty item", remedy));
        }
        let item = match extension(unit, part)? {
            Some(item) => item,
            None => range(unit, part)?,
        };
        if let Item::Range { star: true, step, .. } = item {
            if step == 1 && is_list {
                let what = format!("names every value beside others in the list for {}", unit.name);
                return Err(part.wrong(what, PartRemedy::Say("leave it out, or the others".to_owned())));
            }
            // The first character of a field decides what happens when the clocks change.
            if !items.is_empty() {
                return Err(advice::late_star(list, part, items.len()));
            }
        }
        items.push(item);
    }
    Ok(Field { items })
}

/// Reads `L`, `MON#2` and `FRI#L`, each in its own field.
fn extension(unit: &Unit, part: Part<'_>) -> Result<Option<Item>, WrongPart> {
    let is_last = |text: &str| text.eq_ignore_ascii_case("L");
    if unit.is(DAY) && is_last(part.text) {
        return Ok(Some(Item::LastDay));
    }
    let Some((weekday, nth)) = part.split_once('#').filter(|_| unit.is(WEEKDAY)) else { return Ok(None) };
    if weekday.text.is_empty() {
        return Err(part.wrong(format!("is not {}", unit.name), advice::range_of(unit)));
    }
    let weekday = value(unit, weekday)? % 7;
    match number(nth.text) {
        _ if is_last(nth.text) => Ok(Some(Item::LastOf { weekday })),
        Some(nth @ 1..=5) => Ok(u8::try_from(nth).ok().map(|nth| Item::Nth { weekday, nth })),
        _ => Err(advice::no_nth(unit, part, weekday)),
    }
}

/// A value, or several with a step.
fn range(unit: &Unit, part: Part<'_>) -> Result<Item, WrongPart> {
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let star = range.text == "*";
    let (first, last) = match range.split_once('-') {
        _ if star => (unit.first, unit.last_of_all),
        Some((from, to)) if from.text.is_empty() || to.text.is_empty() => {
            return Err(range.wrong("lacks an end", advice::range_of(unit)));
        }
        Some((from, to)) => {
            let (first, last) = (value(unit, from)?, value(unit, to)?);
            if first > last {
                return Err(advice::reversed(unit, range, (from, first), (to, last)));
            }
            (first, last)
        }
        None if range.text.is_empty() && step.is_some() => return Err(advice::without_range(unit, part, unit.first)),
        None => {
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
                return Err(part.wrong("has no step, which must be a number of at least 1", PartRemedy::Say(remedy)));
            }
            Some(number) => match u8::try_from(number) {
                Ok(step) if step == 1 || step <= last - first => step,
                _ => return Err(advice::steps_too_far(unit, part, range, number)),
            },
        },
    };
    Ok(Item::Range { star, first, last, step })
}

/// Reads a number or a name.
fn value(unit: &Unit, part: Part<'_>) -> Result<u8, WrongPart> {
    if let Some(number) = number(part.text) {
        let value = u8::try_from(number).ok().filter(|value| (unit.first..=unit.last).contains(value));
        return value.ok_or_else(|| part.wrong(format!("is not {}", unit.name), advice::range_of(unit)));
    }
    let named = unit.names.iter().zip(unit.first..).find(|(name, _)| name.eq_ignore_ascii_case(part.text));
    named.map(|(_, value)| value).ok_or_else(|| advice::no_value(unit, part))
}
