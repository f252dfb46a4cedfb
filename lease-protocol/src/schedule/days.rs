//! The days on which a cron pattern is due. They are counted and found by arithmetic on years and months, never one by
//! one: after an outage of years, the missed ticks are counted on the thread that renews the lease.

use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use lease_grammar::cron::MonthDays;

/// The first and the last year that are searched.
const FIRST: i16 = 1;
const LAST: i16 = 4999;

/// The days on which a pattern is due.
#[derive(Clone, Debug)]
pub(super) struct Days {
    /// The days of each month.
    of_month: MonthDays,
    /// How many days there are before each of the first 400 years, and in all 400 years. After that the calendar
    /// repeats itself.
    before: Arc<[u32]>,
}

/// The calendar repeats itself after this many years, because they are a whole number of weeks.
const CYCLE: u16 = 400;

impl Days {
    pub(super) fn new(of_month: MonthDays) -> Days {
        let mut all = Days { of_month, before: Arc::default() };
        let mut sum = 0;
        let years = (FIRST..).take(CYCLE.into()).map(|year| {
            sum += all.within(year, 12, 31);
            sum
        });
        all.before = [0].into_iter().chain(years).collect();
        all
    }

    pub(super) fn has(&self, date: Date) -> bool {
        self.of_month(Month::of(date)) & (1 << date.day().unsigned_abs()) != 0
    }

    /// How many days there are from `first` to `last`.
    pub(super) fn count(&self, first: Date, last: Date) -> u64 {
        let (first, last) = (first.max(Date::constant(FIRST, 1, 1)), last.min(Date::constant(LAST, 12, 31)));
        if first > last {
            return 0;
        }
        let before = |date: Date| {
            let year = self.within(date.year(), date.month().unsigned_abs(), date.day().unsigned_abs());
            u64::from(year) + self.years_before(date.year())
        };
        let yesterday = first.yesterday().ok().filter(|day| day.year() >= FIRST);
        before(last) - yesterday.map_or(0, before)
    }

    /// How many days there are in the years before this one.
    fn years_before(&self, year: i16) -> u64 {
        let years = (year - FIRST).unsigned_abs();
        let of = |years: u16| self.before.get(usize::from(years)).copied().map_or(0, u64::from);
        u64::from(years / CYCLE) * of(CYCLE) + of(years % CYCLE)
    }

    /// How many days there are from the first day of the year to this one.
    fn within(&self, year: i16, month: u8, day: u8) -> u32 {
        let mut of = Month { year, month: 1, weekday: weekday_of_new_year(year) };
        let mut count = 0;
        while of.month < month {
            count += self.of_month(of).count_ones();
            of = of.next();
        }
        count + (self.of_month(of) & upto(day)).count_ones()
    }

    /// The days of a month. Bit 1 is the first day.
    fn of_month(&self, month: Month) -> u32 {
        self.of_month.in_month(month.month, month.weekday, month.length())
    }

    /// The first day that is not before `first`.
    pub(super) fn from(&self, first: Date) -> Option<Date> {
        let before = Date::constant(FIRST, 1, 1);
        let first = first.max(before);
        let mut days = !upto(first.day().unsigned_abs() - 1);
        let mut month = Month::of(first);
        for _ in 0..NEAR {
            if let Some(day) = lowest(self.of_month(month) & days) {
                return month.day(day);
            }
            (month, days) = (month.next(), u32::MAX);
        }
        let last = Date::constant(LAST, 12, 31);
        self.back(last, self.count(first, last))
    }

    /// The `most`th day, counted back from `last`. `None` if there are fewer, or if `most` is 0.
    pub(super) fn back(&self, last: Date, most: u64) -> Option<Date> {
        let last = last.min(Date::constant(LAST, 12, 31));
        if most == 1 {
            let mut days = upto(last.day().unsigned_abs());
            let mut month = Month::of(last);
            for _ in 0..NEAR {
                if let Some(day) = highest(self.of_month(month) & days) {
                    return month.day(day);
                }
                (month, days) = (month.previous(), u32::MAX);
            }
        }
        let (mut low, mut high) = (Date::constant(FIRST, 1, 1), last);
        if most == 0 || self.count(low, high) < most {
            return None;
        }
        // Find the latest day from which on there are `most` days.
        while low < high {
            let days = (high - low).get_days();
            let middle = low.checked_add(jiff::Span::new().days((days + 1) / 2)).ok()?;
            if self.count(middle, last) >= most { low = middle } else { high = middle.yesterday().ok()? }
        }
        Some(low)
    }
}

/// How many months are searched one by one. Rarer days, such as a 29 February that is a Monday, are found by bisection.
const NEAR: usize = 24;

/// A month, and the day of the week of its first day. 0 is Sunday.
#[derive(Clone, Copy)]
struct Month {
    year: i16,
    month: u8,
    weekday: u8,
}

impl Month {
    fn of(date: Date) -> Month {
        let weekday = date.weekday().to_sunday_zero_offset().unsigned_abs();
        let weekday = (weekday + 36 - date.day().unsigned_abs()) % 7;
        Month { year: date.year(), month: date.month().unsigned_abs(), weekday }
    }

    fn length(self) -> u8 {
        length(self.month, is_leap(self.year))
    }

    fn next(self) -> Month {
        let weekday = (self.weekday + self.length()) % 7;
        match self.month {
            12 => Month { year: self.year + 1, month: 1, weekday },
            month => Month { month: month + 1, weekday, ..self },
        }
    }

    fn previous(self) -> Month {
        let before = match self.month {
            1 => Month { year: self.year - 1, month: 12, ..self },
            month => Month { month: month - 1, ..self },
        };
        Month { weekday: (self.weekday + 35 - before.length()) % 7, ..before }
    }

    /// A day of this month, if its year is searched.
    fn day(self, day: u8) -> Option<Date> {
        let within = (FIRST..=LAST).contains(&self.year);
        let date = Date::new(self.year, self.month.cast_signed(), day.cast_signed());
        date.ok().filter(|_| within)
    }
}

/// The bits of the days up to this one, and bit 0, which stands for no day.
fn upto(day: u8) -> u32 {
    u32::MAX >> (31 - day.min(31))
}

pub(super) fn lowest(days: u32) -> Option<u8> {
    u8::try_from(days.trailing_zeros()).ok().filter(|_| days != 0)
}

pub(super) fn highest(days: u32) -> Option<u8> {
    u8::try_from(31_u32.checked_sub(days.leading_zeros())?).ok()
}

fn is_leap(year: i16) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn length(month: u8, leap: bool) -> u8 {
    match month {
        2 => 28 + u8::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn weekday_of_new_year(year: i16) -> u8 {
    let before = u32::from((year - 1).unsigned_abs());
    let days = 365 * before + before / 4 - before / 100 + before / 400;
    // The first of January of the year 1 is a Monday.
    u8::try_from((days + u32::from(Weekday::Monday.to_sunday_zero_offset().unsigned_abs())) % 7).unwrap_or(0)
}
