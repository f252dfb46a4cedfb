//! The days of a month that match.

use crate::cron::parse;

/// The matching days of a month of `length` days that begins on the day of the week `first`.
fn days(text: &str, first: u8, length: u8) -> Vec<u8> {
    let days = parse(text).unwrap().days().in_month(1, first, length);
    (0..32).filter(|day| days & (1 << day) != 0).collect()
}

#[test]
fn the_last_day_is_that_of_the_month() {
    for length in 28..=31 {
        assert_eq!(days("0 0 L * *", 3, length), [length]);
        assert_eq!(days("0 0 1,L * *", 3, length), [1, length]);
        assert_eq!(days("0 0 28,L * *", 3, length).last(), Some(&length));
    }
}

/// Counts day by day, as a person does on a calendar.
#[test]
fn days_of_the_week_are_counted_within_the_month() {
    for (first, length) in (0..7).flat_map(|first| (28..=31).map(move |length| (first, length))) {
        for weekday in 0..7 {
            let all: Vec<u8> = (1..=length).filter(|day| (first + day - 1) % 7 == weekday).collect();
            assert_eq!(days(&format!("0 0 * * {weekday}"), first, length), all);
            for nth in 1..=5_usize {
                let expected: Vec<u8> = all.get(nth - 1).copied().into_iter().collect();
                assert_eq!(days(&format!("0 0 * * {weekday}#{nth}"), first, length), expected);
            }
            let last: Vec<u8> = all.last().copied().into_iter().collect();
            assert_eq!(days(&format!("0 0 * * {weekday}#L"), first, length), last);
        }
    }
}

#[test]
fn a_list_is_all_of_its_items() {
    // The month begins on a Sunday.
    assert_eq!(days("0 0 * * SAT,MON#2,FRI#L,MON#4", 0, 31), [7, 9, 14, 21, 23, 27, 28]);
    // Both fields are restricted, so both must match.
    assert_eq!(days("0 0 L * +TUE", 0, 31), [31]);
    assert_eq!(days("0 0 L * +WED", 0, 31), [0_u8; 0]);
    assert_eq!(days("0 0 20-31 * +FRI#L,MON#2", 0, 31), [27]);
}
