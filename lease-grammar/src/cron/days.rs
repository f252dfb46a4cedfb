//! Which days of a month match. Sets of days are bit masks.

use super::expression::{Cron, Item};
use super::unit::{DAY, MONTH, WEEKDAY};

/// The days on which an expression is due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MonthDays {
    /// Days of the month. Bit 1 is the first.
    days: u32,
    /// Whether the last day of the month matches too.
    last_day: bool,
    /// Months. Bit 1 is January.
    months: u16,
    /// Days of the week. Bit 0 is Sunday.
    weekdays: u8,
    /// The days of the week that match in the first seven days of a month, in the second seven, and so on.
    nth: [u8; 5],
    /// The days of the week that match in the last seven days.
    last: u8,
}

impl Cron {
    /// The days that match.
    pub fn days(&self) -> MonthDays {
        let fields = &self.fields;
        let mut all = MonthDays {
            days: fields[DAY].values().fold(0, |set, day| set | 1 << day),
            last_day: fields[DAY].items.contains(&Item::LastDay),
            months: fields[MONTH].values().fold(0, |set, month| set | 1 << month),
            weekdays: fields[WEEKDAY].values().fold(0, |set, day| set | 1 << (day % 7)),
            nth: [0; 5],
            last: 0,
        };
        for item in &fields[WEEKDAY].items {
            match *item {
                Item::Nth { weekday, nth } => all.nth[usize::from(nth) - 1] |= 1 << weekday,
                Item::LastOf { weekday } => all.last |= 1 << weekday,
                Item::Range { .. } | Item::LastDay => {}
            }
        }
        all
    }
}

impl MonthDays {
    /// The matching days of a month, as bits. Bit 1 is its first day.
    ///
    /// `month` is 1 to 12, `first` is the day of the week of its first day with Sunday as 0, and `length` is how many
    /// days it has.
    pub fn in_month(&self, month: u8, first: u8, length: u8) -> u32 {
        if self.months & (1 << month) == 0 {
            return 0;
        }
        let mut by_weekday = every_week(self.weekdays, first);
        if self.nth != [0; 5] {
            let weeks = self.nth.iter().zip(0..).map(|(weekdays, n)| every_week(*weekdays, first) & week(1 + 7 * n));
            by_weekday |= weeks.fold(0, |all, days| all | days);
        }
        if self.last != 0 {
            by_weekday |= every_week(self.last, first) & week(length - 6);
        }
        let by_day = self.days | if self.last_day { 1 << length } else { 0 };
        let all = u32::MAX >> (31 - length);
        by_day & by_weekday & all
    }

    /// Whether a day matches in any year. Both leap years and other years begin on each day of the week.
    pub(super) fn exist(&self) -> bool {
        const LENGTHS: [u8; 13] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 29];
        (0..7).any(|first| {
            LENGTHS
                .iter()
                .zip([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 2])
                .any(|(length, month)| self.in_month(month, first, *length) != 0)
        })
    }
}

/// The days of a month beginning on `first` that are one of these days of the week.
fn every_week(weekdays: u8, first: u8) -> u32 {
    let week = (u64::from(weekdays) | u64::from(weekdays) << 7) >> first & 0x7f;
    let weeks = (0..5).fold(0_u64, |weeks, n| weeks | week << (7 * n)) << 1;
    u32::try_from(weeks & u64::from(u32::MAX)).unwrap_or(0)
}

/// Seven days, beginning with this one.
fn week(from: u8) -> u32 {
    u32::try_from((0x7f_u64 << from) & u64::from(u32::MAX)).unwrap_or(0)
}
