//! The messages for texts that are not expressions.

use expect_test::{Expect, expect};

use super::check as checked;

fn check(expressions: &str, expected: Expect) {
    let lines = expressions.lines().map(|line| line.trim_start_matches("        ")).filter(|line| !line.is_empty());
    let said = lines.map(|line| {
        let expression = line.trim_matches('"');
        format!("{line:<26} {}\n", checked(expression).err().unwrap_or_else(|| "is fine".to_owned()))
    });
    expected.assert_eq(&said.collect::<String>());
}

#[test]
fn other_than_five_fields() {
    check(
        r#"
        ""
        "   "
        "0 2 * *"
        "0 0 2 * * *"
        "0 0 2 * * ?"
        "0 0 2 ? * MON-FRI"
        "0 0 2 ? * 2-6"
        "0 2 * * ? *"
        "0 2 ? * MON *"
        "0 2 * * * 2027"
        "0 0 2 1 1 ? 2027"
        "*/10 * * * * *"
        "0/10 * * * * ?"
        "* * * * * *"
        "0 0 0 2 * * * *"
        "0"
        "5m"
        "90 seconds"
        "every 5 minutes"
        "every day"
        "02:30"
        "24:00"
        "daily"
        "Hourly"
        "@Daily"
        "@dayly"
        "@fortnightly"
        "@daily 3"
        "@every 5m"
        "@every 1h30m"
        "@every"
        "@reboot"
        "CRON_TZ=Europe/Prague 0 2 * * *"
        "TZ=UTC 0 2 * *"
        "#,
        expect![[r#"
            ""                         a cron expression has five fields, and this one is empty: write `cron = "0 2 * * *"`
            "   "                      a cron expression has five fields, and this one is empty: write `cron = "0 2 * * *"`
            "0 2 * *"                  `0 2 * *` has 4 fields: write five, as in "0 2 * * *": minute, hour, day of the month, month and day of the week
            "0 0 2 * * *"              `0 0 2 * * *` has 6 fields, with seconds, and cron has five: write `cron = "0 2 * * *"`
            "0 0 2 * * ?"              `0 0 2 * * ?` has 6 fields, with seconds, and cron has five: write `cron = "0 2 * * *"`
            "0 0 2 ? * MON-FRI"        `0 0 2 ? * MON-FRI` has 6 fields, with seconds, and cron has five: write `cron = "0 2 * * MON-FRI"`
            "0 0 2 ? * 2-6"            `0 0 2 ? * 2-6` has 6 fields, with seconds, and cron has five: leave that out, and write five: minute, hour, day of the month, month and day of the week
            "0 2 * * ? *"              `0 2 * * ? *` has 6 fields, with a year, and cron has five: write `cron = "0 2 * * *"`
            "0 2 ? * MON *"            `0 2 ? * MON *` has 6 fields, with a year, and cron has five: write `cron = "0 2 * * MON"`
            "0 2 * * * 2027"           `0 2 * * * 2027` has 6 fields, with a year, and cron has five: write `cron = "0 2 * * *"`
            "0 0 2 1 1 ? 2027"         `0 0 2 1 1 ? 2027` has 7 fields, with seconds and a year, and cron has five: write `cron = "0 2 1 1 *"`
            "*/10 * * * * *"           `*/10 * * * * *` has a field for seconds, and cron has none: write `every = "10s"` instead of `cron`
            "0/10 * * * * ?"           `0/10 * * * * ?` has a field for seconds, and cron has none: write `every = "10s"` instead of `cron`
            "* * * * * *"              `* * * * * *` has a field for seconds, and cron has none: write `every = "1s"` instead of `cron`
            "0 0 0 2 * * * *"          `0 0 0 2 * * * *` has 8 fields: write five, as in "0 2 * * *": minute, hour, day of the month, month and day of the week
            "0"                        `0` has 1 field: write five, as in "0 2 * * *": minute, hour, day of the month, month and day of the week
            "5m"                       `5m` is a period: write `every = "5m"` instead of `cron`
            "90 seconds"               `90 seconds` is a period: write `every = "90s"` instead of `cron`
            "every 5 minutes"          `every 5 minutes` is a key of its own: write `every = "5m"` instead of `cron`
            "every day"                `every day` is a key of its own: write `every = "24h"` instead of `cron`
            "02:30"                    `02:30` is a time of the day: write `cron = "30 2 * * *"`
            "24:00"                    `24:00` has 1 field: write five, as in "0 2 * * *": minute, hour, day of the month, month and day of the week
            "daily"                    `daily` lacks its `@`: write `cron = "@daily"`
            "Hourly"                   `Hourly` lacks its `@`: write `cron = "@hourly"`
            "@Daily"                   `@Daily` is not a nickname: write `cron = "@daily"`
            "@dayly"                   `@dayly` is not a nickname: write `cron = "@daily"`
            "@fortnightly"             `@fortnightly` is not a nickname: there are `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually`, or write five fields
            "@daily 3"                 `@daily 3` has text after a nickname: write `cron = "@daily"`
            "@every 5m"                `@every 5m` is a key of its own: write `every = "5m"` instead of `cron`
            "@every 1h30m"             `@every 1h30m` is a key of its own: write `every = "90m"` instead of `cron`
            "@every"                   `@every` is a key of its own: write `every = "1s"` instead of `cron`
            "@reboot"                  `@reboot` is not a time: leave `cron` out for a body that runs all the time, or write `once` for one that runs once
            "CRON_TZ=Europe/Prague 0 2 * * *" `CRON_TZ=Europe/Prague` is not part of a cron expression: write `cron = "0 2 * * *", time_zone = "Europe/Prague"`
            "TZ=UTC 0 2 * *"           `TZ=UTC` is not part of a cron expression: write `time_zone = "UTC"` beside it
        "#]],
    );
}

#[test]
fn wrong_fields() {
    check(
        r#"
        "60 * * * *"
        "0 24 * * *"
        "0 0 0 * *"
        "0 0 32 * *"
        "0 0 1 13 *"
        "0 0 * * 8"
        "4294967296 * * * *"
        "-1 * * * *"
        "1.5 * * * *"
        "? * * * *"
        "0 0 ? * MON"
        "0 0 L * *"
        "0 0 L-3 * *"
        "0 0 LW * *"
        "0 0 15W * *"
        "0 0 * * 5L"
        "0 0 * * L"
        "0 0 * * FRIL"
        "0 0 * * FRI#0"
        "0 0 * * FRI#6"
        "0 0 * * 5#"
        "0 0 * * #2"
        "0 0 * * MON-FRI#2"
        "0 0 * * MON#2/2"
        "0 0 * * 8#2"
        "0 0 FRI#3 * *"
        "0 0 L/2 * *"
        "0 0 L-3,1 * *"
        "L 0 * * *"
        "0 0 L * FRI"
        "0 0 L * +MON#1"
        "0 0 28 2 +MON#5"
        "H * * * *"
        "H/15 * * * *"
        "H(0-29)/10 * * * *"
        "0~30 * * * *"
        "0/15 * * * *"
        "5/15 * * * *"
        "0 0 1/2 * *"
        "/15 * * * *"
        "*/ * * * *"
        "*/x * * * *"
        "*/0 * * * *"
        "5-10/0 * * * *"
        "*/60 * * * *"
        "*/90 * * * *"
        "0 */24 * * *"
        "0 0 */31 * *"
        "0 0 1 */12 *"
        "0 0 * * */7"
        "10-20/15 * * * *"
        "1-5/2/3 * * * *"
        "1, * * * *"
        ",1 * * * *"
        "1,,2 * * * *"
        ", * * * *"
        "*,5 * * * *"
        "5,* * * * *"
        "5,*/20 * * * *"
        "*/2,*/3 * * * *"
        "*5 * * * *"
        "** * * * *"
        "*-5 * * * *"
        "5- * * * *"
        "30-10 * * * *"
        "0 22-6 * * *"
        "0 23-6 * * *"
        "0 0 * * FRI-MON"
        "0 0 * * SAT-SUN"
        "0 0 * * sat-mon"
        "0 0 * * 5-0"
        "0 0 1 NOV-FEB *"
        "0 0 1 11-2 *"
        "0 0 1 DEC-JAN *"
        "0 0 * * MONDAY"
        "0 0 * * Montag"
        "0 0 * * TEU"
        "0 0 * * XYZ"
        "0 0 1 JANUARY *"
        "0 0 1 MON *"
        "0 FEB * * *"
        "0 0 1 1 +MON *"
        "0 0 +13 * 5"
        "0 0 13 * +"
        "0 0 13 * ++5"
        "0 0 13 * 5+"
        "0 0 * * +5"
        "0 0 13 * +*"
        "#,
        expect![[r#"
            "60 * * * *"               `60` is not a minute: write a number from 0 to 59
            "0 24 * * *"               `24` is not an hour: write a number from 0 to 23
            "0 0 0 * *"                `0` is not a day of the month: write a number from 1 to 31
            "0 0 32 * *"               `32` is not a day of the month: write a number from 1 to 31
            "0 0 1 13 *"               `13` is not a month: write a number from 1 to 12, or JAN to DEC
            "0 0 * * 8"                `8` is not a day of the week: write a number from 0 to 7, or SUN to SAT
            "4294967296 * * * *"       `4294967296` is not a minute: write a number from 0 to 59
            "-1 * * * *"               `-1` lacks an end: write a number from 0 to 59
            "1.5 * * * *"              `1.5` is not a minute: write a number from 0 to 59
            "? * * * *"                `?` is read in different ways by different programs: write `cron = "* * * * *"`
            "0 0 ? * MON"              `?` is read in different ways by different programs: write `cron = "0 0 * * MON"`
            "0 0 L * *"                is fine
            "0 0 L-3 * *"              `L` is the last day of the month, which must be alone or in a list: write the days that it may be, as in "0 2 25-28 * *", and look at the date in the body
            "0 0 LW * *"               `LW` is a working day, which most programs do not support: write the days that it may be, as in "0 2 26-31 * +MON-FRI", and look at the date in the body
            "0 0 15W * *"              `15W` is a working day, which most programs do not support: write the days that it may be, as in "0 2 26-31 * +MON-FRI", and look at the date in the body
            "0 0 * * 5L"               `5L` is read in different ways by different programs: write the day by its name, as in `FRI#L`
            "0 0 * * L"                `L` is read in different ways by different programs: write the day of the week, or the last of a month as in `FRI#L`
            "0 0 * * FRIL"             `FRIL` is read in different ways by different programs: write `cron = "0 0 * * FRI#L"`
            "0 0 * * FRI#0"            `FRI#0` does not count from 1 to 5: write `FRI#1` to `FRI#5`, or `FRI#L` for the last one
            "0 0 * * FRI#6"            `FRI#6` does not count from 1 to 5: write `FRI#1` to `FRI#5`, or `FRI#L` for the last one
            "0 0 * * 5#"               `5#` does not count from 1 to 5: write `FRI#1` to `FRI#5`, or `FRI#L` for the last one
            "0 0 * * #2"               `#2` is not a day of the week: write a number from 0 to 7, or SUN to SAT
            "0 0 * * MON-FRI#2"        `MON-FRI` is not a day of the week: write a number from 0 to 7, or SUN to SAT
            "0 0 * * MON#2/2"          `MON#2/2` does not count from 1 to 5: write `MON#1` to `MON#5`, or `MON#L` for the last one
            "0 0 * * 8#2"              `8` is not a day of the week: write a number from 0 to 7, or SUN to SAT
            "0 0 FRI#3 * *"            `FRI#3` has a `#`, which belongs to the day of the week: write it as in "0 2 * * FRI#3", a third Friday
            "0 0 L/2 * *"              `L` is the last day of the month, which must be alone or in a list: write the days that it may be, as in "0 2 25-28 * *", and look at the date in the body
            "0 0 L-3,1 * *"            `L` is the last day of the month, which must be alone or in a list: write the days that it may be, as in "0 2 25-28 * *", and look at the date in the body
            "L 0 * * *"                `L` is not a minute: write a number from 0 to 59
            "0 0 L * FRI"              `L * FRI` sets both the day of the month and the day of the week, which cron joins with `or` and other programs with `and`: write `L * +FRI` for both, or a function for each
            "0 0 L * +MON#1"           `L * +MON#1` occurs in no year, so the task would never run: write days that can be that day of the week, or leave one of the two out
            "0 0 28 2 +MON#5"          `28 2 +MON#5` occurs in no year, so the task would never run: write days that can be that day of the week, or leave one of the two out
            "H * * * *"                `H` is a time at random: write a number, and `jitter = "5m"` to spread the runs
            "H/15 * * * *"             `H` is a time at random: write a number, and `jitter = "5m"` to spread the runs
            "H(0-29)/10 * * * *"       `H(0` is a time at random: write a number, and `jitter = "5m"` to spread the runs
            "0~30 * * * *"             `0~30` is a time at random: write a number, and `jitter = "5m"` to spread the runs
            "0/15 * * * *"             `0/15` has a step without a range: write `cron = "*/15 * * * *"`
            "5/15 * * * *"             `5/15` has a step without a range: write `cron = "5-59/15 * * * *"`
            "0 0 1/2 * *"              `1/2` has a step without a range: write `cron = "0 0 */2 * *"`
            "/15 * * * *"              `/15` has a step without a range: write `cron = "*/15 * * * *"`
            "*/ * * * *"               `*/` has no step, which must be a number of at least 1: write it as in `*/5`
            "*/x * * * *"              `*/x` has no step, which must be a number of at least 1: write it as in `*/5`
            "*/0 * * * *"              `*/0` has no step, which must be a number of at least 1: write it as in `*/5`
            "5-10/0 * * * *"           `5-10/0` has no step, which must be a number of at least 1: write it as in `5-10/5`
            "*/60 * * * *"             `*/60` has a step of more than 59: write `every = "60m"` instead of `cron`, or "0" here
            "*/90 * * * *"             `*/90` has a step of more than 59: write `every = "90m"` instead of `cron`, or "0" here
            "0 */24 * * *"             `*/24` has a step of more than 23: write `every = "24h"` instead of `cron`, or "0" here
            "0 0 */31 * *"             `*/31` has a step of more than 30: write the one that is left, 1
            "0 0 1 */12 *"             `*/12` has a step of more than 11: write the one that is left, 1
            "0 0 * * */7"              `*/7` has a step of more than 6: write the one that is left, 0
            "10-20/15 * * * *"         `10-20/15` has a step beyond the end, so only 10 is left: write `cron = "10 * * * *"`
            "1-5/2/3 * * * *"          `1-5/2/3` has no step, which must be a number of at least 1: write it as in `1-5/4`
            "1, * * * *"               `1,` has an empty item: write `cron = "1 * * * *"`
            ",1 * * * *"               `,1` has an empty item: write `cron = "1 * * * *"`
            "1,,2 * * * *"             `1,,2` has an empty item: write `cron = "1,2 * * * *"`
            ", * * * *"                `,` has an empty item: write a number from 0 to 59
            "*,5 * * * *"              `*` names every value beside others in the list for a minute: leave it out, or the others
            "5,* * * * *"              `*` names every value beside others in the list for a minute: leave it out, or the others
            "5,*/20 * * * *"           `5,*/20` has a `*` after its first item: write `cron = "*/20,5 * * * *"`
            "*/2,*/3 * * * *"          `*/2,*/3` has a `*` after its first item: write the values themselves, as in `0,20,40`
            "*5 * * * *"               `*5` has a `*` that is not alone: write it as in `*` or `*/5`
            "** * * * *"               `**` has a `*` that is not alone: write it as in `*` or `*/5`
            "*-5 * * * *"              `*` has a `*` that is not alone: write it as in `*` or `*/5`
            "5- * * * *"               `5-` lacks an end: write a number from 0 to 59
            "30-10 * * * *"            `30-10` goes backwards: write `cron = "30-59,0-10 * * * *"`
            "0 22-6 * * *"             `22-6` goes backwards: write `cron = "0 22-23,0-6 * * *"`
            "0 23-6 * * *"             `23-6` goes backwards: write `cron = "0 23,0-6 * * *"`
            "0 0 * * FRI-MON"          `FRI-MON` goes backwards: write `cron = "0 0 * * FRI-SAT,SUN-MON"`
            "0 0 * * SAT-SUN"          `SAT-SUN` goes backwards: write `cron = "0 0 * * 6-7"`
            "0 0 * * sat-mon"          `sat-mon` goes backwards: write `cron = "0 0 * * SAT,SUN-mon"`
            "0 0 * * 5-0"              `5-0` goes backwards: write `cron = "0 0 * * 5-7"`
            "0 0 1 NOV-FEB *"          `NOV-FEB` goes backwards: write `cron = "0 0 1 NOV-DEC,JAN-FEB *"`
            "0 0 1 11-2 *"             `11-2` goes backwards: write `cron = "0 0 1 11-12,1-2 *"`
            "0 0 1 DEC-JAN *"          `DEC-JAN` goes backwards: write `cron = "0 0 1 DEC,JAN *"`
            "0 0 * * MONDAY"           `MONDAY` is not a day of the week: write `cron = "0 0 * * MON"`
            "0 0 * * Montag"           `Montag` is not a day of the week: write `cron = "0 0 * * MON"`
            "0 0 * * TEU"              `TEU` is not a day of the week: write `cron = "0 0 * * TUE"`
            "0 0 * * XYZ"              `XYZ` is not a day of the week: write a number from 0 to 7, or SUN to SAT
            "0 0 1 JANUARY *"          `JANUARY` is not a month: write `cron = "0 0 1 JAN *"`
            "0 0 1 MON *"              `MON` is not a month: write a number from 1 to 12, or JAN to DEC
            "0 FEB * * *"              `FEB` is not an hour: write a number from 0 to 23
            "0 0 1 1 +MON *"           `0 0 1 1 +MON *` has 6 fields, with seconds, and cron has five: leave that out, and write five: minute, hour, day of the month, month and day of the week
            "0 0 +13 * 5"              `+13` has a `+`, which belongs before the day of the week and means that both days must match: write it as in "0 2 13 * +FRI", a Friday the 13th
            "0 0 13 * +"               `+` joins nothing to the day of the month: write a number from 0 to 7, or SUN to SAT
            "0 0 13 * ++5"             `+5` has a `+`, which belongs before the day of the week and means that both days must match: write it as in "0 2 13 * +FRI", a Friday the 13th
            "0 0 13 * 5+"              `5+` has a `+`, which belongs before the day of the week and means that both days must match: write it as in "0 2 13 * +FRI", a Friday the 13th
            "0 0 * * +5"               `+5` joins the two day fields, but one of them is not set: write `cron = "0 0 * * 5"`
            "0 0 13 * +*"              `+*` joins the two day fields, but one of them is not set: write `cron = "0 0 13 * *"`
        "#]],
    );
}

#[test]
fn days() {
    check(
        r#"
        "0 0 13 * 5"
        "0 0 */2 * MON"
        "0 0 30 2 *"
        "0 0 31 4,6 *"
        "0 0 31 4,6 +MON"
        "0 0 30-31 FEB *"
        "#,
        expect![[r#"
            "0 0 13 * 5"               `13 * 5` sets both the day of the month and the day of the week, which cron joins with `or` and other programs with `and`: write `13 * +5` for both, or a function for each
            "0 0 */2 * MON"            `*/2 * MON` sets both the day of the month and the day of the week, which cron joins with `or` and other programs with `and`: write `*/2 * +MON` for both, or a function for each
            "0 0 30 2 *"               `30 2` occurs in no year, so the task would never run: write a day up to 29, or other months
            "0 0 31 4,6 *"             `31 4,6` occurs in no year, so the task would never run: write a day up to 30, or other months
            "0 0 31 4,6 +MON"          `31 4,6` occurs in no year, so the task would never run: write a day up to 30, or other months
            "0 0 30-31 FEB *"          `30-31 FEB` occurs in no year, so the task would never run: write a day up to 29, or other months
        "#]],
    );
}
