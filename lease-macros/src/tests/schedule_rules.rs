//! The messages about keys of a schedule that contradict each other or the function.

use super::mistakes::says;
use super::*;

/// The message about each line of arguments, on a function with these parameters.
fn says_to(params: &str, lines: &str) -> String {
    let function = format!("async fn hello({params}) {{}}");
    let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
    let said = lines.map(|line| {
        let args = format!("lease = \"a\", {line}").parse().expect("these are tokens");
        let said = says(args, &function);
        let said: String = said.lines().map(|sentence| format!("    {sentence}\n")).collect();
        format!("{line}\n{said}")
    });
    said.collect()
}

#[test]
fn keys_of_other_tasks() {
    let said = says_to(
        "",
        r#"
        cron = "@daily", every = "5m"
        delay = "5m", every = "5m", once
        cron = "@dayly", every = "5m", overlap = skip
        cron = "@daily", every = "5x"
        fixedDelay = "5m", every = "5m"
        time_zone = "Europe/Prague"
        offset = "5m"
        overlap = skip, catch_up = none, max_catch_up = 5, start_deadline = "5m", delivery = at_most_once, jitter = "1s", retry = 3
        every = "5m", time_zone = "Europe/Prague"
        delay = "5m", time_zone = "Europe/Prague", offset = "5m", overlap = skip, catch_up = all, max_catch_up = 5
        cron = "@daily", offset = "5m"
        once, jitter = "1s", overlap = skip, catch_up = none, max_catch_up = 5, start_deadline = "5m", time_zone = "UTC"
        every = "5m", restart = never, max_restarts = "5 in 1m", on_exhausted = exit, backoff = "1s..1m"
        once, restart = never
        cron = "@daily", backoff = "1s..1m"
        cron = "@daily", backoff = "1s..1m", retry = 0
        cron = "@daily", backoff = "1s..1m", retry = "x"
        "#,
    );
    expect![[r#"
        cron = "@daily", every = "5m"
            a task has one trigger: remove `every` or `cron`, or write a function for each
        delay = "5m", every = "5m", once
            a task has one trigger: remove `delay` or `every`, or write a function for each
            a task has one trigger: remove `once` or `every`, or write a function for each
        cron = "@dayly", every = "5m", overlap = skip
            `@dayly` is not a nickname: write `cron = "@daily"`
            a task has one trigger: remove `every` or `cron`, or write a function for each
        cron = "@daily", every = "5x"
            a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `every = "5m"`
        fixedDelay = "5m", every = "5m"
            there is no key `fixedDelay`: did you mean `delay`, as in `delay = "1m"`?
        time_zone = "Europe/Prague"
            `time_zone` needs `cron`: add it, as in `cron = "0 2 * * *"`, or remove `time_zone`
        offset = "5m"
            `offset` needs `every`: add it, as in `every = "5m"`, or remove `offset`
        overlap = skip, catch_up = none, max_catch_up = 5, start_deadline = "5m", delivery = at_most_once, jitter = "1s", retry = 3
            `jitter` is for scheduled tasks, and this task is continuous: add `cron`, `every` or `delay`, or remove `jitter`
            `overlap` is for scheduled tasks, and this task is continuous: add `cron` or `every`, or remove `overlap`
            `catch_up` is for scheduled tasks, and this task is continuous: add `cron`, `every` or `delay`, or remove `catch_up`
            `max_catch_up` is for scheduled tasks, and this task is continuous: add `cron` or `every`, or remove `max_catch_up`
            `start_deadline` is for scheduled tasks, and this task is continuous: add `cron`, `every` or `delay`, or remove `start_deadline`
            `delivery` is for scheduled tasks, and this task is continuous: add `cron`, `every`, `delay` or `once`, or remove `delivery`
            `retry` is for scheduled tasks, and this task is continuous: add `cron`, `every`, `delay` or `once`, or remove `retry`
        every = "5m", time_zone = "Europe/Prague"
            `time_zone` is for `cron`, not for `every`, because a period is the same in all time zones: remove it
        delay = "5m", time_zone = "Europe/Prague", offset = "5m", overlap = skip, catch_up = all, max_catch_up = 5
            `time_zone` is for `cron`, not for `delay`, because a period is the same in all time zones: remove it
            `offset` is for `every`, not for `delay`, which is counted from the end of the last run: remove it
            `overlap` is for `cron` and `every`, not for `delay`, whose next run starts after the last one has ended: remove it
            `max_catch_up` is for `cron` and `every`, not for `delay`, which has one tick at a time: remove it
            `delay` has one tick at a time, so there are never several to catch up: write `catch_up = latest`
        cron = "@daily", offset = "5m"
            `offset` is for `every`, not for `cron`, which already contains the minute: remove it
        once, jitter = "1s", overlap = skip, catch_up = none, max_catch_up = 5, start_deadline = "5m", time_zone = "UTC"
            `time_zone` is for `cron`, not for `once`, which has a single tick, due from the start: remove it
            `jitter` is for `cron`, `every` and `delay`, not for `once`, which has a single tick, due from the start: remove it
            `overlap` is for `cron` and `every`, not for `once`, which has a single tick, due from the start: remove it
            `catch_up` is for `cron`, `every` and `delay`, not for `once`, which has a single tick, due from the start: remove it
            `max_catch_up` is for `cron` and `every`, not for `once`, which has a single tick, due from the start: remove it
            `start_deadline` is for `cron`, `every` and `delay`, not for `once`, which has a single tick, due from the start: remove it
        every = "5m", restart = never, max_restarts = "5 in 1m", on_exhausted = exit, backoff = "1s..1m"
            `restart` is for continuous tasks, and `every` makes this task a scheduled one: to try a failed tick again, write `retry = 3`
            `max_restarts` is for continuous tasks, and `every` makes this task a scheduled one: to try a failed tick again, write `retry = 3`
            `on_exhausted` is for continuous tasks, and `every` makes this task a scheduled one: to try a failed tick again, write `retry = 3`
            `backoff` is the pause before a failed tick is tried again, and this task does not try ticks again: add `retry = 3`, or remove `backoff`
        once, restart = never
            `restart` is for continuous tasks, and `once` makes this task a scheduled one: to try a failed tick again, write `retry = 3`
        cron = "@daily", backoff = "1s..1m"
            `backoff` is the pause before a failed tick is tried again, and this task does not try ticks again: add `retry = 3`, or remove `backoff`
        cron = "@daily", backoff = "1s..1m", retry = 0
            `backoff` is the pause before a failed tick is tried again, and this task does not try ticks again: add `retry = 3`, or remove `backoff`
        cron = "@daily", backoff = "1s..1m", retry = "x"
            `retry` is a number from 0 to 100: write `retry = 3`
    "#]].assert_eq(&said);
}

#[test]
fn values_that_contradict_each_other() {
    let said = says_to(
        "",
        r#"
        every = "5m", max_catch_up = 5
        every = "5m", max_catch_up = 5, catch_up = latest
        every = "5m", max_catch_up = 5, catch_up = everything_there_is
        every = "5m", catch_up = none, start_deadline = "5m"
        every = "5m", catch_up = all, overlap = skip
        every = "5m", catch_up = all, overlap = buffer_one
        cron = "@daily", catch_up = all, overlap = cancel_other
        cron = "@daily", catch_up = all, overlap = allow_all(2)
        every = "5m", delivery = at_least_once
        once, delivery = at_least_once
        "#,
    );
    let with_a_term = says_to("term: Term", "once, delivery = at_least_once");
    expect![[r#"
        every = "5m", max_catch_up = 5
            `max_catch_up` limits `catch_up = all`: add that, or remove `max_catch_up`
        every = "5m", max_catch_up = 5, catch_up = latest
            `max_catch_up` limits `catch_up = all`: add that, or remove `max_catch_up`
        every = "5m", max_catch_up = 5, catch_up = everything_there_is
            `catch_up` is `none`, `latest` or `all`: `none` runs only ticks that fall due while this replica leads, `latest` runs the latest tick that no replica could run, `all` runs all of them, oldest first
        every = "5m", catch_up = none, start_deadline = "5m"
            with `catch_up = none`, a tick starts when it falls due or not at all: remove `start_deadline` or `catch_up`
        every = "5m", catch_up = all, overlap = skip
            with `catch_up = all`, every tick runs after the run before it has ended, and `overlap = skip` would skip some: remove one of the two keys, or write `overlap = allow_all(2)` to run two at the same time
        every = "5m", catch_up = all, overlap = buffer_one
            with `catch_up = all`, every tick runs after the run before it has ended, and `overlap = buffer_one` would skip some: remove one of the two keys, or write `overlap = allow_all(2)` to run two at the same time
        cron = "@daily", catch_up = all, overlap = cancel_other
            with `catch_up = all`, every tick runs after the run before it has ended, and `overlap = cancel_other` would skip some: remove one of the two keys, or write `overlap = allow_all(2)` to run two at the same time
        cron = "@daily", catch_up = all, overlap = allow_all(2)
        every = "5m", delivery = at_least_once
            with `at_least_once`, a tick may run more than once, and the body must be able to recognise this: add a parameter `tick: Tick`, whose `nominal()` is the same each time, or `term: Term`
        once, delivery = at_least_once
            with `at_least_once`, a tick may run more than once, and the body must be able to recognise this: add a parameter `tick: Tick`, whose `nominal()` is the same each time, or `term: Term`
        once, delivery = at_least_once
    "#]].assert_eq(&(said + &with_a_term));
}

#[test]
fn periods_and_what_fits_into_them() {
    let said = says_to(
        "",
        r#"
        every = "500ms", catch_up = none
        delay = "999ms", catch_up = none
        every = "1500ms", catch_up = none
        every = "90500ms"
        every = "5s"
        delay = "9s", catch_up = latest
        every = "9s", catch_up = al
        every = "9s", catch_up = none, delivery = at_most_once
        every = "9s", catch_up = none, start_deadline = "5m"
        every = "9s", catch_up = none, retry = 3, jitter = "4500ms", overlap = skip
        every = "10s"
        every = "5m", offset = "5m"
        every = "5m", offset = "7m"
        every = "5m", offset = "1500ms"
        every = "5m", offset = "299500ms"
        every = "1s", catch_up = none, offset = "500ms"
        every = "5m", offset = "299s"
        every = "5m", start_deadline = "19s"
        every = "5m", start_deadline = "19400ms"
        every = "5m", start_deadline = "30s", lease_duration = "30s"
        every = "5m", start_deadline = "19s", lease_duration = "1500ms"
        every = "5m", jitter = "150001ms"
        every = "5m", jitter = "150s"
        delay = "1m", jitter = "1m"
        cron = "* * * * *", jitter = "31s"
        cron = "*/5 * * * *", jitter = "3m"
        cron = "5 * * * *", jitter = "1h"
        cron = "5 2 * * *", jitter = "1h"
        cron = NIGHTLY, jitter = "100h"
        every = "1h", jitter = "5m", start_deadline = "5m"
        every = "1h", jitter = "5m", start_deadline = "301s"
        delay = "900000h"
        once, initial_delay = "25h"
        once, initial_delay = "24h"
        initial_delay = "25h"
        "#,
    );
    expect![[r#"
        every = "500ms", catch_up = none
            `every` must be at least one second: write `every = "1s"`, or loop in a body without `every`
        delay = "999ms", catch_up = none
            `delay` must be at least one second: write `delay = "1s"`, or loop in a body without `delay`
        every = "1500ms", catch_up = none
            `every` must be a whole number of seconds: write `every = "2s"`
        every = "90500ms"
            `every` must be a whole number of seconds: write `every = "91s"`
        every = "5s"
            ticks less than 10s apart are not recorded, so they cannot be caught up: write `catch_up = none`, or raise `every` to "10s"
        delay = "9s", catch_up = latest
            ticks less than 10s apart are not recorded, so they cannot be caught up: write `catch_up = none`, or raise `delay` to "10s"
        every = "9s", catch_up = al
            `catch_up` is `none`, `latest` or `all`: write `catch_up = all`
        every = "9s", catch_up = none, delivery = at_most_once
            `delivery` needs recorded ticks, and ticks less than 10s apart are not recorded: raise `every` to "10s", or remove `delivery`
        every = "9s", catch_up = none, start_deadline = "5m"
            with `catch_up = none`, a tick starts when it falls due or not at all: remove `start_deadline` or `catch_up`
        every = "9s", catch_up = none, retry = 3, jitter = "4500ms", overlap = skip
        every = "10s"
        every = "5m", offset = "5m"
            `offset` must be shorter than the period, which is 5m: remove it
        every = "5m", offset = "7m"
            `offset` must be shorter than the period, which is 5m: write `offset = "2m"`, which has the same effect
        every = "5m", offset = "1500ms"
            `offset` must be a whole number of seconds: write `offset = "2s"`
        every = "5m", offset = "299500ms"
            `offset` must be a whole number of seconds: write `offset = "299s"`
        every = "1s", catch_up = none, offset = "500ms"
            `offset` must be a whole number of seconds: remove `offset`
        every = "5m", offset = "299s"
        every = "5m", start_deadline = "19s"
            `start_deadline` must leave another replica time to take over (`lease_duration` + 2.2 × `retry_period`, which is 19400ms): write at least `start_deadline = "20s"`, or `catch_up = none` instead
        every = "5m", start_deadline = "19400ms"
        every = "5m", start_deadline = "30s", lease_duration = "30s"
            `start_deadline` must leave another replica time to take over (`lease_duration` + 2.2 × `retry_period`, which is 38800ms): write at least `start_deadline = "39s"`, or `catch_up = none` instead
        every = "5m", start_deadline = "19s", lease_duration = "1500ms"
            Kubernetes stores a lease duration in whole seconds: write `lease_duration = "2s"`
        every = "5m", jitter = "150001ms"
            `jitter` must be at most half of the period, which is 5m: write `jitter = "150s"` or less
        every = "5m", jitter = "150s"
        delay = "1m", jitter = "1m"
            `jitter` must be at most half of the period, which is 1m: write `jitter = "30s"` or less
        cron = "* * * * *", jitter = "31s"
            `jitter` must be at most half of the shortest time between two ticks, which is 1m: write `jitter = "30s"` or less
        cron = "*/5 * * * *", jitter = "3m"
            `jitter` must be at most half of the shortest time between two ticks, which is 5m: write `jitter = "150s"` or less
        cron = "5 * * * *", jitter = "1h"
            `jitter` must be at most half of the shortest time between two ticks, which is 1h: write `jitter = "30m"` or less
        cron = "5 2 * * *", jitter = "1h"
        cron = NIGHTLY, jitter = "100h"
        every = "1h", jitter = "5m", start_deadline = "5m"
            `jitter` must be shorter than `start_deadline`, which is 5m, because ticks would expire while they wait: lower `jitter`, or raise `start_deadline`
        every = "1h", jitter = "5m", start_deadline = "301s"
        delay = "900000h"
            `delay` must be at most 100 years: lower it, or remove the task if it should never run
        once, initial_delay = "25h"
            in each term, no tick runs before `initial_delay` has passed, so it must be at most one day: write `initial_delay = "24h"` or less
        once, initial_delay = "24h"
        initial_delay = "25h"
    "#]].assert_eq(&said);
}

#[test]
fn functions_that_cannot_be_scheduled() {
    let scheduled = [
        "async fn hello() -> ! {}",
        "async fn hello(a: Tick, b: lease_runtime::Tick) {}",
        "async fn hello(tick: &Tick) {}",
        "async fn hello(minute: String) {}",
    ];
    let fine = ["async fn hello() -> () {}", "async fn hello() -> Report {}", "async fn hello(tick: Tick<u8>) {}"];
    let said = scheduled.map(|item| says(quote!(lease = "a", cron = minute), item));
    let fine = fine.map(|item| says(quote!(lease = "a", cron = "@daily"), item));
    let others = [
        says(quote!(lease = "a"), "async fn hello(tick: Tick) {}"),
        says(quote!(lease = "a", overlap = skip), "async fn hello(tick: Tick) {}"),
        says(quote!(lease = "a", evry = "5m"), "async fn hello(tick: Tick) {}"),
        says(quote!(lease = "shard-{tick}", every = "5m"), "async fn hello(tick: Tick) {}"),
        says(quote!(lease = "a", cron = "@daily", time_zone = zone), "async fn hello(zone: &'static str) {}"),
    ];
    expect![[r#"
        a run of `cron` has to end: return `()` or `Result<(), E>`, or remove `cron`
        a run is for one tick: remove the second `Tick`
        a run owns its tick: take the `Tick` by value
        `minute` is an argument, not a constant: write `cron = "0 2 * * *"`, and set the argument on the task, as in `hello(..).cron(..)`
        a continuous task has no ticks: add `cron`, `every`, `delay` or `once`, or remove the parameter; if the task is for a group with a schedule, write it with `LeaderTask::scheduled`
        a continuous task has no ticks: add `cron`, `every`, `delay` or `once`, or remove the parameter; if the task is for a group with a schedule, write it with `LeaderTask::scheduled`
        there is no key `evry`: did you mean `every`, as in `every = "5m"`?
        the name of the lease is needed before a tick is due: use another argument than `tick`
        `zone` is an argument, not a constant: write `time_zone = "Europe/Prague"`, and set the argument on the task, as in `hello(..).time_zone(..)`
    "#]].assert_eq(&[said.concat(), fine.concat(), others.concat()].concat());
}
