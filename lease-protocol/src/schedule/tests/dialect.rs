//! What is a pattern, and what is said about the rest.

use super::*;
use crate::schedule::dialect::parse;

#[test]
fn patterns_are_read() {
    for (text, canonical) in [
        ("* * * * *", "* * * * *"),
        ("  */15\t0  *\tJAN sun ", "*/15 0 * 1 0"),
        ("00 007 01 1 *", "0 7 1 1 *"),
        ("0 0 * jan-Mar MON-FRI", "0 0 * 1-3 1-5"),
        ("0 0 * * 5-7", "0 0 * * 5-7"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("*/59 */23 */30 */11 *", "*/59 */23 */30 */11 *"),
        ("1-2/1 3-3 * * *", "1-2 3 * * *"),
        ("*/20,7 * * * *", "*/20,7 * * * *"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 30,31 2,4 *", "0 0 30,31 2,4 *"),
        ("0 0 13 * +FRI", "0 0 13 * +5"),
        ("0 0 */2 * +1", "0 0 */2 * +1"),
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        (" @midnight\t", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ] {
        assert_eq!(parse(text).unwrap().to_string(), canonical, "{text:?}");
    }
}

#[test]
fn fixed_times_are_told_from_wildcards() {
    for (text, wildcard) in [
        ("0 2 * * *", false),
        ("0-59 0-23 * * *", false),
        ("0 2 */2 * *", false),
        ("* 2 * * *", true),
        ("0 * * * *", true),
        ("0 */2 * * *", true),
        ("*/20,5 2 * * *", true),
        ("@hourly", true),
        ("@daily", false),
    ] {
        assert_eq!(parse(text).unwrap().is_wildcard(), wildcard, "{text:?}");
    }
}

/// Patterns, and what follows them in the message.
#[test]
fn what_is_no_pattern_is_told_what_to_write() {
    for (pattern, rest) in [
        ("", r#": it is empty: write five fields, as in "0 2 * * *""#),
        (" \t ", r#": it is empty: write five fields, as in "0 2 * * *""#),
        ("* * * *", ": it has 4 fields, and cron has five: minute, hour, day of the month, month, day of the week"),
        ("* * * * * *", ": it has 6 fields, and cron has five: leave out seconds, years, users and commands"),
        ("0 0 * * * * 2026", ": it has 7 fields, and cron has five: leave out seconds, years, users and commands"),
        ("0", ": it has 1 fields, and cron has five: minute, hour, day of the month, month, day of the week"),
        ("60 * * * *", ", at `60`: the minute is 0 to 59, not 60"),
        ("* 24 * * *", ", at `24`: the hour is 0 to 23, not 24"),
        ("0 0 0 * *", ", at `0`: the day of the month is 1 to 31, not 0"),
        ("0 0 32 * *", ", at `32`: the day of the month is 1 to 31, not 32"),
        ("0 0 * 13 *", ", at `13`: the month is 1 to 12, not 13"),
        ("0 0 * * 8", ", at `8`: the day of the week is 0 to 7, not 8"),
        ("99999999999 * * * *", ", at `99999999999`: the minute is 0 to 59, not 99999999999"),
        ("-5 * * * *", ", at `-5`: a range has two ends: write it as in `0-59`"),
        ("5- * * * *", ", at `5-`: a range has two ends: write it as in `0-59`"),
        ("1-2-3 * * * *", ", at `2-3`: the minute is a number from 0 to 59, not `2-3`"),
        ("1.5 * * * *", ", at `1.5`: the minute is a number from 0 to 59, not `1.5`"),
        ("0 22-6 * * *", ", at `22-6`: a range goes up: write `22-23,0-6`"),
        ("0 0 * * FRI-SUN", ", at `FRI-SUN`: a range goes up: write `5-7`"),
        ("0 0 * * 6-1", ", at `6-1`: a range goes up: write `6,0-1`"),
        ("0 0 * NOV-FEB *", ", at `NOV-FEB`: a range goes up: write `11-12,1-2`"),
        ("0/15 * * * *", ", at `0/15`: a step needs a range: did you mean `*/15`?"),
        ("5/15 * * * *", ", at `5/15`: a step needs a range: did you mean `5-59/15`?"),
        ("/15 * * * *", ", at `/15`: a step needs a range: did you mean `*/15`?"),
        ("*/0 * * * *", ", at `0`: a step is at least 1"),
        (
            "*/90 * * * *",
            r#", at `*/90`: a step of 90 passes the end of the minute field: at most 59; for other periods there is every = "90m""#,
        ),
        (
            "*/60 * * * *",
            r#", at `*/60`: a step of 60 passes the end of the minute field: at most 59; for other periods there is every = "60m""#,
        ),
        (
            "0 */36 * * *",
            r#", at `*/36`: a step of 36 passes the end of the hour field: at most 23; for other periods there is every = "36h""#,
        ),
        ("0 0 */31 * *", ", at `*/31`: a step of 31 passes the end of the day of the month field: at most 30"),
        (
            "10-20/15 * * * *",
            ", at `10-20/15`: a step of 15 passes the end of the range: write 10 alone, or a longer range",
        ),
        ("*/x * * * *", ", at `x`: a step is a number, as in `*/30`"),
        ("*/5/5 * * * *", ", at `5/5`: a step is a number, as in `*/30`"),
        ("*/ * * * *", ", at `*/`: a step is a number, as in `*/30`"),
        ("1, * * * *", ", at `1,`: an item of the list is empty: take the extra comma out"),
        (",1 * * * *", ", at `,1`: an item of the list is empty: take the extra comma out"),
        ("1,,2 * * * *", ", at `1,,2`: an item of the list is empty: take the extra comma out"),
        (", * * * *", ", at `,`: an item of the list is empty: take the extra comma out"),
        ("*,5 * * * *", ", at `*,5`: `*` is every minute already: leave it out, or the rest"),
        ("5,*/20 * * * *", ", at `5,*/20`: an item with `*` comes first: move `*/20` to the front"),
        ("** * * * *", ", at `**`: `*` stands alone or before a step, as in `*/5`"),
        ("*-5 * * * *", ", at `*`: `*` stands alone or before a step, as in `*/5`"),
        (
            "0 0 13 * 5",
            r#", at `13 * 5`: both the day of the month and the day of the week are set, which cron reads as "or" and other programs as "and": write `13 * +5` for "and", or make two tasks for "or""#,
        ),
        (
            "0 0 */2 * 1",
            r#", at `*/2 * 1`: both the day of the month and the day of the week are set, which cron reads as "or" and other programs as "and": write `*/2 * +1` for "and", or make two tasks for "or""#,
        ),
        ("0 0 * * +5", ", at `+5`: `+` joins two day fields, and only one is set: leave it out"),
        ("0 0 13 * +*", ", at `+*`: `+` joins two day fields, and only one is set: leave it out"),
        (
            "0 0 +13 * 5",
            ", at `+13`: `+` joins the two day fields and stands before the day of the week only: leave it out here",
        ),
        ("0 0 13 * + 5", ": it has 6 fields, and cron has five: leave out seconds, years, users and commands"),
        ("0 0 30 2 *", ", at `30 2 *`: there is no such day in any year: it would never be due"),
        ("0 0 31 2,4,6,9,11 *", ", at `31 2,4,6,9,11 *`: there is no such day in any year: it would never be due"),
        ("0 0 31 4 +1", ", at `31 4 +1`: there is no such day in any year: it would never be due"),
        ("0 0 ? * 5", ", at `?`: `?` is Quartz's: write `*`"),
        (
            "0 0 L * *",
            ", at `L`: `L` and `W` are Quartz's: write the days, as in `28-31`, and look at the date in the task",
        ),
        (
            "0 0 15W * *",
            ", at `15W`: `L` and `W` are Quartz's: write the days, as in `28-31`, and look at the date in the task",
        ),
        (
            "0 0 LW * *",
            ", at `LW`: `L` and `W` are Quartz's: write the days, as in `28-31`, and look at the date in the task",
        ),
        (
            "0 0 * * 5L",
            ", at `5L`: `L` and `W` are Quartz's: write the days, as in `28-31`, and look at the date in the task",
        ),
        (
            "0 0 * * 5#2",
            r#", at `5#2`: `#` is Quartz's: for the first Monday of a month write days and day, as in "0 0 1-7 * +MON""#,
        ),
        (
            "0 0 * * MON#1",
            r#", at `MON#1`: `#` is Quartz's: for the first Monday of a month write days and day, as in "0 0 1-7 * +MON""#,
        ),
        ("H * * * *", ", at `H`: a time spread at random is not part of cron: write a number, and see jitter"),
        ("0~30 * * * *", ", at `0~30`: a time spread at random is not part of cron: write a number, and see jitter"),
        ("H(0-5) * * * *", ", at `H(0`: a time spread at random is not part of cron: write a number, and see jitter"),
        ("0 0 * * MONDAY", ", at `MONDAY`: names have three letters: write `MON`"),
        ("0 0 * January *", ", at `January`: names have three letters: write `JAN`"),
        ("0 0 * MON *", ", at `MON`: the month is a number from 1 to 12 or a name like FEB, not `MON`"),
        ("0 0 * * JAN", ", at `JAN`: the day of the week is a number from 0 to 7 or a name like MON, not `JAN`"),
        ("0 0 * * XYZ", ", at `XYZ`: the day of the week is a number from 0 to 7 or a name like MON, not `XYZ`"),
        ("é * * * *", ", at `é`: the minute is a number from 0 to 59, not `é`"),
        ("@reboot", ": `@reboot` is no time: leave out cron for a continuous task, or use once"),
        ("@every 5m", r#": `@every` is an argument of its own: write every = "5m""#),
        ("@every", r#": `@every` is an argument of its own: write every = "5m", with your period"#),
        ("@Daily", ": it is written in lower case: did you mean `@daily`?"),
        ("@fortnightly", ": there is @hourly, @daily, @weekly, @monthly and @yearly: or write five fields"),
        ("@daily 5", ": `@daily` stands alone: leave out the rest"),
        ("@", ": there is @hourly, @daily, @weekly, @monthly and @yearly: or write five fields"),
        (
            "TZ=Europe/Prague 0 2 * * *",
            r#", at `TZ=Europe/Prague`: the zone is an argument of its own: write time_zone = "Europe/Prague""#,
        ),
        ("CRON_TZ=UTC 0 2 * * *", r#", at `CRON_TZ=UTC`: the zone is an argument of its own: write time_zone = "UTC""#),
        ("0 2 * * * root", ": it has 6 fields, and cron has five: leave out seconds, years, users and commands"),
        (
            "0\u{a0}2 * * *",
            ": it has 4 fields, and cron has five: minute, hour, day of the month, month, day of the week",
        ),
        ("0 2 * *\n*", ": it has 4 fields, and cron has five: minute, hour, day of the month, month, day of the week"),
    ] {
        let error = Schedule::cron(pattern, "UTC").unwrap_err();
        assert_eq!(error.to_string(), format!("cron = {pattern:?}{rest}"));
    }
}
