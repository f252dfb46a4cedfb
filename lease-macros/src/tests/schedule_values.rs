//! The messages about wrong values of a schedule's keys. Those about cron expressions are tested in lease-grammar.

use super::values::says_to;
use super::*;

#[test]
fn time_zones() {
    let said = says_to(
        "time_zone",
        r#"
        "Europe/Prag"
        "europe/prague"
        "Europe/Prague "
        "Prague"
        "New York"
        "America/New York"
        "Germany"
        "Czech"
        "+01:00"
        "-0500"
        "GMT+1"
        "UTC-5"
        "UTC+0"
        "UTC+5:30"
        "CEST"
        "PST"
        "CST"
        "utc"
        "Z"
        "local"
        "Central Europe Standard Time"
        "Eastern Standard Time"
        "Tasmania Standard Time"
        "Pacific Time"
        ""
        "Middle/Earth"
        "{zone}"
        Europe/Prague
        Europe/Prag
        7
        format!("{area}/Prague")
        zone
        "#,
    );
    expect![[r#"
        "Europe/Prag"            there is no time zone `Europe/Prag`: write `time_zone = "Europe/Prague"`
        "europe/prague"          there is no time zone `europe/prague`: write `time_zone = "Europe/Prague"`
        "Europe/Prague "         there is no time zone `Europe/Prague `: write `time_zone = "Europe/Prague"`
        "Prague"                 there is no time zone `Prague`: write `time_zone = "Europe/Prague"`
        "New York"               there is no time zone `New York`: write `time_zone = "America/New_York"`
        "America/New York"       there is no time zone `America/New York`: write `time_zone = "America/New_York"`
        "Germany"                there is no time zone `Germany`: write the IANA name of a place, as in `time_zone = "Europe/Prague"`, or "UTC"
        "Czech"                  there is no time zone `Czech`: write the IANA name of a place, as in `time_zone = "Europe/Prague"`, or "UTC"
        "+01:00"                 `+01:00` is a fixed offset, which has no summer time: write a place, as in `time_zone = "Europe/Prague"`, or "Etc/GMT-1", whose sign is reversed
        "-0500"                  `-0500` is a fixed offset, which has no summer time: write a place, as in `time_zone = "Europe/Prague"`, or "Etc/GMT+5", whose sign is reversed
        "GMT+1"                  `GMT+1` is a fixed offset, which has no summer time: write a place, as in `time_zone = "Europe/Prague"`, or "Etc/GMT-1", whose sign is reversed
        "UTC-5"                  `UTC-5` is a fixed offset, which has no summer time: write a place, as in `time_zone = "Europe/Prague"`, or "Etc/GMT+5", whose sign is reversed
        "UTC+0"                  `UTC+0` is a fixed offset, which has no summer time: write a place, as in `time_zone = "Europe/Prague"`, or "UTC"
        "UTC+5:30"               `UTC+5:30` is a fixed offset, which has no summer time: write a place, as in `time_zone = "Europe/Prague"`
        "CEST"                   `CEST` is an abbreviation, not the name of a time zone: write a place, as in `time_zone = "Europe/Berlin"`
        "PST"                    `PST` is an abbreviation, not the name of a time zone: write a place, as in `time_zone = "America/Los_Angeles"`
        "CST"                    `CST` is an abbreviation, not the name of a time zone: write a place, as in `time_zone = "America/Chicago"`
        "utc"                    there is no time zone `utc`: write `time_zone = "UTC"`
        "Z"                      `Z` is not the name of a time zone: write `time_zone = "UTC"`
        "local"                  `local` may differ between replicas: write the IANA name of a place, as in `time_zone = "Europe/Prague"`, or "UTC"
        "Central Europe Standard Time" `Central Europe Standard Time` is a Windows name of a time zone: write `time_zone = "Europe/Budapest"`
        "Eastern Standard Time"  `Eastern Standard Time` is a Windows name of a time zone: write `time_zone = "America/New_York"`
        "Tasmania Standard Time" `Tasmania Standard Time` is not the name of a time zone: write the IANA name of a place, as in `time_zone = "Europe/Prague"`, or "UTC"
        "Pacific Time"           `Pacific Time` is not the name of a time zone: write the IANA name of a place, as in `time_zone = "Europe/Prague"`, or "UTC"
        ""                       the name of a time zone must not be empty: leave `time_zone` out, or write `time_zone = "Europe/Prague"`
        "Middle/Earth"           there is no time zone `Middle/Earth`: write the IANA name of a place, as in `time_zone = "Europe/Prague"`, or "UTC"
        "{zone}"                 `{zone}` is not filled in here: leave `time_zone` out, and set a computed value on the task, as in `.time_zone(zone)`
        Europe/Prague            `time_zone` takes a string or a constant: write `time_zone = "Europe/Prague"`
        Europe/Prag              `time_zone` takes a string or a constant: write `time_zone = "Europe/Prague"`
        7                        `time_zone` takes a string or a constant: write `time_zone = "Europe/Prague"`
        format!("{area}/Prague") `time_zone` takes a string or a constant: write `time_zone = "Europe/Prague"`, and set a computed value on the task, with `.time_zone(..)`
        zone                     `time_zone` needs `cron`: add it, as in `cron = "0 2 * * *"`, or remove `time_zone`
    "#]].assert_eq(&said);
}

#[test]
fn cron_expressions() {
    let said = says_to(
        "cron",
        r#"
        "*/90 * * * *"
        "{minute} 2 * * *"
        0 2 * * *
        @daily
        ["0 2 * * *"]
        7
        format!("{minute} 2 * * *")
        nightly()
        "#,
    );
    expect![[r#"
        "*/90 * * * *"           `*/90` has a step of more than 59: write `every = "90m"` instead of `cron`, or "0" here
        "{minute} 2 * * *"       `{minute}` is not filled in here: write a number here, and set what is computed on the task, as in `.cron(format!("{minute} 2 * * *"))`
        0 2 * * *                `cron` takes a string or a constant: write `cron = "0 2 * * *"`
        @daily                   `cron` takes a string or a constant: write `cron = "0 2 * * *"`
        ["0 2 * * *"]            `cron` takes a string or a constant: write `cron = "0 2 * * *"`
        7                        `cron` takes a string or a constant: write `cron = "0 2 * * *"`
        format!("{minute} 2 * * *") `cron` takes a string or a constant: write `cron = "0 2 * * *"`, and set a computed value on the task, with `.cron(..)`
        nightly()                `cron` takes a string or a constant: write `cron = "0 2 * * *"`, and set a computed value on the task, with `.cron(..)`
    "#]]
    .assert_eq(&said);
}

#[test]
fn periods() {
    let said = [
        says_to("every", "\"*/5 * * * *\"\n\"@hourly\"\n\"* * * * * *\"\nhourly"),
        says_to("delay", "\"0 2 * * *\""),
        says_to("grace", "\"0 2 * * *\""),
    ];
    expect![[r#"
        "*/5 * * * *"            this is a cron expression: write `cron = "*/5 * * * *"` instead of `every`
        "@hourly"                this is a cron expression: write `cron = "@hourly"` instead of `every`
        "* * * * * *"            a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `every = "5m"`
        hourly                   a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `every = "5m"`
        "0 2 * * *"              this is a cron expression: write `cron = "0 2 * * *"` instead of `delay`
        "0 2 * * *"              a duration needs a unit: write `grace = "10s"`
    "#]].assert_eq(&said.concat());
}

#[test]
fn overlaps() {
    let said = says_to(
        "overlap",
        r#"
        allow_all
        allow_all(1)
        allow_all(9)
        allow_all(0)
        allow_all[3]
        allow_all = 3
        "allow_all(3)"
        "allow_all"
        Overlap::AllowAll(3)
        allow
        allowall(2)
        Forbid
        Replace
        terminate_other
        buffer_all
        BufferOne
        "skip"
        skip(2)
        skp
        true
        3
        sometimes
        "#,
    );
    expect![[r#"
        allow_all                `allow_all` takes a number of runs, from 2 to 4: write `overlap = allow_all(2)`
        allow_all(1)             `allow_all` takes a number of runs, from 2 to 4: write `overlap = allow_all(2)`
        allow_all(9)             `allow_all` takes a number of runs, from 2 to 4: write `overlap = allow_all(4)`
        allow_all(0)             `allow_all` takes a number of runs, from 2 to 4: write `overlap = allow_all(2)`
        allow_all[3]             `allow_all` takes a number of runs, from 2 to 4: write `overlap = allow_all(3)`
        allow_all = 3            `allow_all` takes a number of runs, from 2 to 4: write `overlap = allow_all(3)`
        "allow_all(3)"           `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: write `overlap = allow_all(3)`, without quotes
        "allow_all"              `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: write `overlap = allow_all(2)`, without quotes
        Overlap::AllowAll(3)     `allow_all` takes a number of runs, from 2 to 4: write `overlap = allow_all(3)`
        allow                    `allow_all` takes a number of runs, from 2 to 4: write `overlap = allow_all(2)`
        allowall(2)              `allow_all` takes a number of runs, from 2 to 4: write `overlap = allow_all(2)`
        Forbid                   `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: write `overlap = skip`
        Replace                  `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: write `overlap = cancel_other`
        terminate_other          `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: write `overlap = cancel_other`
        buffer_all               `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: to run every tick, one after the other, write `catch_up = all` without `overlap`
        BufferOne                `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: write `overlap = buffer_one`
        "skip"                   `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: write `overlap = skip`, without quotes
        skip(2)                  `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: write `overlap = skip`
        skp                      `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: write `overlap = skip`
        true                     `allow_all` takes a number of runs, from 2 to 4: write `overlap = allow_all(2)`
        3                        `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: `skip` skips a tick that falls due during a run, `buffer_one` runs the latest of them after the run has ended, `cancel_other` asks the run to end and then runs the tick, `allow_all(2)` runs up to that many at the same time
        sometimes                `overlap` is `skip`, `buffer_one`, `cancel_other` or `allow_all(2)`: `skip` skips a tick that falls due during a run, `buffer_one` runs the latest of them after the run has ended, `cancel_other` asks the run to end and then runs the tick, `allow_all(2)` runs up to that many at the same time
    "#]].assert_eq(&said);
}

#[test]
fn what_happens_to_missed_ticks() {
    let catch_up = "latest_\nfire_once\nDoNothing\n\"all\"\nfalse\nTrue\ncoalesce\nsometimes";
    let start_deadline = "5\n\"5\"\n\"1d\"\n\"0s\"\nnone\n\"unlimited\"\nUnlimited\nStartDeadline::Unlimited\nforever";
    let delivery = "exactly_once\n\"at_least_once\"\natleastonce\nat_leastonce\ntrue\nDelivery::AtMostOnce\nmaybe";
    let said = [
        says_to("catch_up", catch_up),
        says_to("start_deadline", start_deadline),
        says_to("delivery", delivery),
        says_to("retry", "\"3\"\n101\n-1\nunlimited\nnever\n3.5\ntrue\n\"3 times\"\nRETRIES"),
        says_to("max_catch_up", "0\n1001\n1_001\n\"100\"\nall"),
        says_to("once", "true\nfalse\n\"migration\"\n"),
    ];
    expect![[r#"
        latest_                  `catch_up` is `none`, `latest` or `all`: write `catch_up = latest`
        fire_once                `catch_up` is `none`, `latest` or `all`: write `catch_up = latest`
        DoNothing                `catch_up` is `none`, `latest` or `all`: write `catch_up = none`
        "all"                    `catch_up` is `none`, `latest` or `all`: write `catch_up = all`, without quotes
        false                    `catch_up` is `none`, `latest` or `all`: write `catch_up = none`
        True                     `catch_up` is `none`, `latest` or `all`: write `catch_up = latest`
        coalesce                 `catch_up` is `none`, `latest` or `all`: write `catch_up = latest`
        sometimes                `catch_up` is `none`, `latest` or `all`: `none` runs only ticks that fall due while this replica leads, `latest` runs the latest tick that no replica could run, `all` runs all of them, oldest first
        5                        a duration needs a unit: write `start_deadline = "5s"`
        "5"                      a duration needs a unit: write `start_deadline = "5s"`
        "1d"                     a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `start_deadline = "24h"`
        "0s"                     a duration must be longer than zero: leave `start_deadline` out, or write `start_deadline = "5m"`
        none                     `start_deadline` is a duration or `unlimited`: write `start_deadline = unlimited`
        "unlimited"              `start_deadline` is a duration or `unlimited`: write `start_deadline = unlimited`, without quotes
        Unlimited                `start_deadline` is a duration or `unlimited`: write `start_deadline = unlimited`
        StartDeadline::Unlimited `start_deadline` is a duration or `unlimited`: write `start_deadline = unlimited`
        forever                  `start_deadline` is a duration or `unlimited`: write `start_deadline = unlimited`
        exactly_once             `delivery` is `at_most_once` or `at_least_once`: a replica may crash at any time, so no tick can be guaranteed to run exactly once; write `delivery = at_least_once` and make the effect idempotent, as with `tick.nominal()` as a key
        "at_least_once"          `delivery` is `at_most_once` or `at_least_once`: write `delivery = at_least_once`, without quotes
        atleastonce              `delivery` is `at_most_once` or `at_least_once`: write `delivery = at_least_once`
        at_leastonce             `delivery` is `at_most_once` or `at_least_once`: write `delivery = at_least_once`
        true                     `delivery` is `at_most_once` or `at_least_once`: write `delivery = at_least_once`
        Delivery::AtMostOnce     `delivery` is `at_most_once` or `at_least_once`: write `delivery = at_most_once`
        maybe                    `delivery` is `at_most_once` or `at_least_once`: `at_most_once` does not run a tick again if its run was interrupted, `at_least_once` runs it again, on the next leader
        "3"                      `retry` is a number from 0 to 100: write `retry = 3`, without quotes
        101                      `retry` is a number from 0 to 100: write `retry = 100`
        -1                       `retry` is a number from 0 to 100: write `retry = 3`
        unlimited                `retry` is a number from 0 to 100: write `retry = 100`
        never                    `retry` is a number from 0 to 100: write `retry = 0`
        3.5                      `retry` is a number from 0 to 100: write `retry = 3`
        true                     `retry` is a number from 0 to 100: write `retry = 3`
        "3 times"                `retry` is a number from 0 to 100: write `retry = 3`
        RETRIES                  `retry` is a number from 0 to 100: write `retry = 3`
        0                        `max_catch_up` is a number from 1 to 1000: write `max_catch_up = 1`
        1001                     `max_catch_up` is a number from 1 to 1000: write `max_catch_up = 1000`
        1_001                    `max_catch_up` is a number from 1 to 1000: write `max_catch_up = 1000`
        "100"                    `max_catch_up` is a number from 1 to 1000: write `max_catch_up = 100`, without quotes
        all                      `max_catch_up` is a number from 1 to 1000: write `max_catch_up = 100`
        true                     `once` takes no value: write `once` alone
        false                    `once` takes no value: leave `once` out
        "migration"              `once` takes no value: write `once` alone
    "#]].assert_eq(&said.concat());
}
