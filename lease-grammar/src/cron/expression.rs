//! A parsed expression, and its canonical text.

use std::fmt;

use super::unit::{DAY, WEEKDAY};

/// A valid cron expression.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cron {
    /// Minute, hour, day of the month, month, and day of the week.
    pub(super) fields: [Field; 5],
    /// Whether a day must match both day fields: `+` before the second.
    pub(super) both_days: bool,
}

/// One field: a list of at least one item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Field {
    pub(super) items: Vec<Item>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Item {
    /// Each `step`th value from `first` to `last`.
    Range {
        /// Whether it is written as `*`. For cron, `*` means more than the full range.
        star: bool,
        first: u8,
        last: u8,
        step: u8,
    },
    /// `L`: the last day of the month.
    LastDay,
    /// `MON#2`: this day of the week, 0 to 6, for the `nth` time in the month, 1 to 5.
    Nth { weekday: u8, nth: u8 },
    /// `FRI#L`: this day of the week for the last time in the month.
    LastOf { weekday: u8 },
}

impl Cron {
    /// The smallest distance in minutes between two ticks. Only minutes and hours count, on a day on which the clocks
    /// do not change.
    pub fn shortest_minutes(&self) -> u32 {
        let [minutes, hours, ..] = &self.fields;
        match gap(minutes, 60) {
            60 => 60 * gap(hours, 24),
            less => less,
        }
    }

    /// The minutes of a day that match, in ascending order. Midnight is 0.
    pub fn minutes_of_day(&self) -> Vec<u16> {
        let [minutes, hours, ..] = &self.fields;
        let of_hour = |hour: u8| minutes.values().map(move |minute| u16::from(hour) * 60 + u16::from(minute));
        let mut all: Vec<u16> = hours.values().flat_map(of_hour).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether it is due at every real instant that matches. If not, it is due once at each matching time of the civil
    /// day.
    pub fn is_wildcard(&self) -> bool {
        let is_star = |item: &Item| matches!(item, Item::Range { star: true, .. });
        self.fields[..DAY].iter().any(|field| field.items.iter().any(is_star))
    }
}

impl Field {
    /// Whether it is `*`, which names no value.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.items[..], [Item::Range { star: true, step: 1, .. }])
    }

    /// The values that are the same in every month. Some may occur more than once.
    pub(super) fn values(&self) -> impl Iterator<Item = u8> {
        self.items.iter().flat_map(|item| {
            let (values, step) = match *item {
                Item::Range { first, last, step, .. } => (first..last + 1, step),
                Item::LastDay | Item::Nth { .. } | Item::LastOf { .. } => (0..0, 1),
            };
            values.step_by(usize::from(step))
        })
    }
}

/// The canonical text: the case of names, the number of spaces, and nicknames make no difference. The fingerprints of
/// schedules are computed from this text, so it must stay the same in all versions.
impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.fields.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            let plus = if index == WEEKDAY && self.both_days { "+" } else { "" };
            write!(f, "{space}{plus}")?;
            for (position, item) in field.items.iter().enumerate() {
                let comma = if position == 0 { "" } else { "," };
                write!(f, "{comma}")?;
                match *item {
                    // A single Sunday is 0. In a range it must stay above Saturday.
                    Item::Range { first: 7, last: 7, .. } if index == WEEKDAY => write!(f, "0")?,
                    item => write!(f, "{item}")?,
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Item::Range { star: true, .. } => write!(f, "*")?,
            Item::Range { first, last, .. } if first == last => write!(f, "{first}")?,
            Item::Range { first, last, .. } => write!(f, "{first}-{last}")?,
            Item::LastDay => write!(f, "L")?,
            Item::Nth { weekday, nth } => write!(f, "{weekday}#{nth}")?,
            Item::LastOf { weekday } => write!(f, "{weekday}#L")?,
        }
        match *self {
            Item::Range { step, .. } if step != 1 => write!(f, "/{step}"),
            _ => Ok(()),
        }
    }
}

/// The smallest distance between two values of a field, which begins again after `of` values.
fn gap(field: &Field, of: u32) -> u32 {
    let mut values: Vec<u32> = field.values().map(u32::from).collect();
    values.sort_unstable();
    values.dedup();
    let next = values.iter().skip(1).copied().chain(values.first().map(|first| first + of));
    values.iter().zip(next).map(|(value, next)| next - value).min().unwrap_or(of)
}
