//! The days of a pattern, over all years that are searched.

use jiff::civil::{Date, date};

use crate::schedule::days::{Days, highest, lowest};

/// The days of a pattern with these last three fields.
fn days(fields: &str) -> Days {
    Days::new(lease_grammar::cron::parse(&format!("0 0 {fields}")).unwrap().days())
}

/// 1900 and 2100 have no leap day. 2000 and 2400 have one.
#[test]
fn leap_days_are_those_of_the_gregorian_calendar() {
    let leap = days("29 2 *");
    for (year, next) in [(4, 8), (96, 104), (1896, 1904), (1996, 2000), (2000, 2004), (2096, 2104), (2396, 2400)] {
        let [this, next] = [year, next].map(|year| date(year, 2, 29));
        assert_eq!(leap.from(this.tomorrow().unwrap()), Some(next), "after {this}");
        assert_eq!(leap.back(next.yesterday().unwrap(), 1), Some(this), "before {next}");
        assert_eq!(leap.back(next, 2), Some(this), "before {next}");
        assert_eq!(leap.count(this, next), 2, "from {this}");
    }
    let end = days("L 2 *");
    for (year, day) in [(1900, 28), (2000, 29), (2024, 29), (2026, 28), (2100, 28)] {
        assert_eq!(end.from(date(year, 2, 1)), Some(date(year, 2, day)));
    }
}

#[test]
fn there_are_no_more_days_than_are_counted() {
    let mondays = days("* * 1");
    let last = date(1, 1, 31);
    assert_eq!(mondays.count(date(1, 1, 1), last), 5);
    let back = [0, 1, 2, 3, 4, 5, 6, u64::MAX].map(|most| mondays.back(last, most).map(Date::day));
    assert_eq!(back, [None, Some(29), Some(22), Some(15), Some(8), Some(1), None, None]);
}

#[test]
fn days_outside_the_years_that_are_searched_are_not_found() {
    let daily = days("* * *");
    let [first, last] = [date(1, 1, 1), date(4999, 12, 31)];
    for before in [date(-9999, 1, 1), date(0, 12, 31)] {
        assert_eq!((daily.from(before), daily.back(before, 1), daily.back(before, 2)), (Some(first), None, None));
    }
    for after in [date(5000, 1, 1), date(9998, 12, 30)] {
        assert_eq!((daily.from(after), daily.back(after, 1)), (None, Some(last)));
        assert_eq!(daily.back(after, 2), Some(date(4999, 12, 30)));
        assert_eq!((daily.count(after, after), daily.count(last, after)), (0, 1));
    }
    assert_eq!((daily.from(last), daily.back(first, 1), daily.back(first, 2)), (Some(last), Some(first), None));
}

/// A 29 February that is a Monday is found by bisection. The first is in the year 16, the last in 4996.
#[test]
fn a_rare_day_is_found_however_far_it_is() {
    let rare = days("29 2 +1");
    assert_eq!(rare.from(date(2016, 3, 1)), Some(date(2044, 2, 29)));
    assert_eq!(rare.back(date(2044, 2, 28), 1), Some(date(2016, 2, 29)));
    assert_eq!(rare.back(date(16, 2, 28), 1), None);
    assert_eq!(rare.from(date(1, 1, 1)), Some(date(16, 2, 29)));
    assert_eq!(rare.from(date(4996, 2, 28)), Some(date(4996, 2, 29)));
    assert_eq!((rare.from(date(4996, 3, 1)), rare.from(date(5000, 1, 1))), (None, None));
}

/// A day within two years is found by these alone. Without them it would be found too, but slowly.
#[test]
fn a_set_of_days_has_a_lowest_and_a_highest() {
    for (days, ends) in [
        (0, (None, None)),
        (1 << 1, (Some(1), Some(1))),
        (1 << 31, (Some(31), Some(31))),
        (1 << 3 | 1 << 14 | 1 << 30, (Some(3), Some(30))),
    ] {
        assert_eq!((lowest(days), highest(days)), ends, "{days:b}");
    }
}
