//! What is said to keys of a schedule that do not fit together, or not with the function.

use super::mistakes::says;
use super::*;

/// What is said to each line of arguments, on a function with these parameters.
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
            `time_zone` goes with `cron`: add one, as in `cron = "0 2 * * *"`, or remove `time_zone`
        offset = "5m"
            `offset` goes with `every`: add one, as in `every = "5m"`, or remove `offset`
        overlap = skip, catch_up = none, max_catch_up = 5, start_deadline = "5m", delivery = at_most_once, jitter = "1s", retry = 3
            `jitter` concerns the ticks of a task, and this one has none: add `cron`, `every` or `delay`, or remove `jitter`
            `overlap` concerns the ticks of a task, and this one has none: add `cron` or `every`, or remove `overlap`
            `catch_up` concerns the ticks of a task, and this one has none: add `cron`, `every` or `delay`, or remove `catch_up`
            `max_catch_up` concerns the ticks of a task, and this one has none: add `cron` or `every`, or remove `max_catch_up`
            `start_deadline` concerns the ticks of a task, and this one has none: add `cron`, `every` or `delay`, or remove `start_deadline`
            `delivery` concerns the ticks of a task, and this one has none: add `cron`, `every`, `delay` or `once`, or remove `delivery`
            `retry` concerns the ticks of a task, and this one has none: add `cron`, `every`, `delay` or `once`, or remove `retry`
        every = "5m", time_zone = "Europe/Prague"
            `time_zone` goes with `cron`, not with `every`, since a stretch of time is the same in all zones: remove it
        delay = "5m", time_zone = "Europe/Prague", offset = "5m", overlap = skip, catch_up = all, max_catch_up = 5
            `time_zone` goes with `cron`, not with `delay`, since a stretch of time is the same in all zones: remove it
            `offset` goes with `every`, not with `delay`, which counts from the end of the last run: remove it
            `overlap` goes with `cron` and `every`, not with `delay`, whose next run is counted from the end of the last: remove it
            `max_catch_up` goes with `cron` and `every`, not with `delay`, which has one tick at a time: remove it
            `delay` has one tick at a time, so that there are not several to catch up: write `catch_up = latest`
        cron = "@daily", offset = "5m"
            `offset` goes with `every`, not with `cron`, which names the minute itself: remove it
        once, jitter = "1s", overlap = skip, catch_up = none, max_catch_up = 5, start_deadline = "5m", time_zone = "UTC"
            `time_zone` goes with `cron`, not with `once`, which has one tick, whenever it can be run: remove it
            `jitter` goes with `cron`, `every` and `delay`, not with `once`, which has one tick, whenever it can be run: remove it
            `overlap` goes with `cron` and `every`, not with `once`, which has one tick, whenever it can be run: remove it
            `catch_up` goes with `cron`, `every` and `delay`, not with `once`, which has one tick, whenever it can be run: remove it
            `max_catch_up` goes with `cron` and `every`, not with `once`, which has one tick, whenever it can be run: remove it
            `start_deadline` goes with `cron`, `every` and `delay`, not with `once`, which has one tick, whenever it can be run: remove it
        every = "5m", restart = never, max_restarts = "5 in 1m", on_exhausted = exit, backoff = "1s..1m"
            `restart` concerns a body that runs all the time, and this one runs by `every`: a failed tick is tried again with `retry = 3`
            `max_restarts` concerns a body that runs all the time, and this one runs by `every`: a failed tick is tried again with `retry = 3`
            `on_exhausted` concerns a body that runs all the time, and this one runs by `every`: a failed tick is tried again with `retry = 3`
            `backoff` is the pause before a failed tick is tried again, which nothing asks for: add `retry = 3`, or remove `backoff`
        once, restart = never
            `restart` concerns a body that runs all the time, and this one runs by `once`: a failed tick is tried again with `retry = 3`
        cron = "@daily", backoff = "1s..1m"
            `backoff` is the pause before a failed tick is tried again, which nothing asks for: add `retry = 3`, or remove `backoff`
        cron = "@daily", backoff = "1s..1m", retry = 0
            `backoff` is the pause before a failed tick is tried again, which nothing asks for: add `retry = 3`, or remove `backoff`
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
            `max_catch_up` limits what `catch_up = all` runs: write that, too, or remove `max_catch_up`
        every = "5m", max_catch_up = 5, catch_up = latest
            `max_catch_up` limits what `catch_up = all` runs: write that, too, or remove `max_catch_up`
        every = "5m", max_catch_up = 5, catch_up = everything_there_is
            `catch_up` is `none`, `latest` or `all`: `none` runs only what falls due while this replica leads, `latest` runs the last tick that nobody could run, `all` runs all of them, the oldest first
        every = "5m", catch_up = none, start_deadline = "5m"
            with `catch_up = none`, a tick is started when it falls due or not at all: remove `start_deadline`, or `catch_up`
        every = "5m", catch_up = all, overlap = skip
            with `catch_up = all`, every tick is run and waits for the run before it, and `overlap = skip` would leave some out: remove one of them, or write `overlap = allow_all(2)` to run two at once
        every = "5m", catch_up = all, overlap = buffer_one
            with `catch_up = all`, every tick is run and waits for the run before it, and `overlap = buffer_one` would leave some out: remove one of them, or write `overlap = allow_all(2)` to run two at once
        cron = "@daily", catch_up = all, overlap = cancel_other
            with `catch_up = all`, every tick is run and waits for the run before it, and `overlap = cancel_other` would leave some out: remove one of them, or write `overlap = allow_all(2)` to run two at once
        cron = "@daily", catch_up = all, overlap = allow_all(2)
        every = "5m", delivery = at_least_once
            a tick may be run again after it has run, which the body has to recognise: add a parameter `tick: Tick`, whose `nominal()` is the same each time, or `term: Term`
        once, delivery = at_least_once
            a tick may be run again after it has run, which the body has to recognise: add a parameter `tick: Tick`, whose `nominal()` is the same each time, or `term: Term`
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
            `every` is at least a second: write `every = "1s"`, or loop in a body without `every`
        delay = "999ms", catch_up = none
            `delay` is at least a second: write `delay = "1s"`, or loop in a body without `delay`
        every = "1500ms", catch_up = none
            ticks are at whole seconds: write `every = "2s"`
        every = "90500ms"
            ticks are at whole seconds: write `every = "91s"`
        every = "5s"
            ticks less than 10s apart are not recorded with the lease, so that none can be caught up: write `catch_up = none`, or raise `every` to "10s"
        delay = "9s", catch_up = latest
            ticks less than 10s apart are not recorded with the lease, so that none can be caught up: write `catch_up = none`, or raise `delay` to "10s"
        every = "9s", catch_up = al
            `catch_up` is `none`, `latest` or `all`: write `catch_up = all`
        every = "9s", catch_up = none, delivery = at_most_once
            `delivery` is about ticks that are recorded with the lease, and those less than 10s apart are not: raise `every` to "10s", or remove `delivery`
        every = "9s", catch_up = none, start_deadline = "5m"
            with `catch_up = none`, a tick is started when it falls due or not at all: remove `start_deadline`, or `catch_up`
        every = "9s", catch_up = none, retry = 3, jitter = "4500ms", overlap = skip
        every = "10s"
        every = "5m", offset = "5m"
            `offset` lies within the period, which is 5m: remove it
        every = "5m", offset = "7m"
            `offset` lies within the period, which is 5m: write `offset = "2m"`, which is the same
        every = "5m", offset = "1500ms"
            ticks are at whole seconds: write `offset = "2s"`
        every = "5m", offset = "299s"
        every = "5m", start_deadline = "19s"
            `start_deadline` must leave time for another replica to take over, `lease_duration` + 2.2 × `retry_period`, which is 19400ms: write at least `start_deadline = "20s"`, or `catch_up = none` instead
        every = "5m", start_deadline = "19400ms"
        every = "5m", start_deadline = "30s", lease_duration = "30s"
            `start_deadline` must leave time for another replica to take over, `lease_duration` + 2.2 × `retry_period`, which is 38800ms: write at least `start_deadline = "39s"`, or `catch_up = none` instead
        every = "5m", start_deadline = "19s", lease_duration = "1500ms"
            a lease lasts for whole seconds, as Kubernetes counts it: write `lease_duration = "2s"`
        every = "5m", jitter = "150001ms"
            `jitter` is at most half of the period, which is 5m: write `jitter = "150s"` or less
        every = "5m", jitter = "150s"
        delay = "1m", jitter = "1m"
            `jitter` is at most half of the period, which is 1m: write `jitter = "30s"` or less
        cron = "* * * * *", jitter = "31s"
            `jitter` is at most half of the shortest time between two ticks, which is 1m: write `jitter = "30s"` or less
        cron = "*/5 * * * *", jitter = "3m"
            `jitter` is at most half of the shortest time between two ticks, which is 5m: write `jitter = "150s"` or less
        cron = "5 * * * *", jitter = "1h"
            `jitter` is at most half of the shortest time between two ticks, which is 1h: write `jitter = "30m"` or less
        cron = "5 2 * * *", jitter = "1h"
        cron = NIGHTLY, jitter = "100h"
        every = "1h", jitter = "5m", start_deadline = "5m"
            `jitter` must be shorter than `start_deadline`, which is 5m, or else ticks expire while they wait: lower it, or raise the other
        every = "1h", jitter = "5m", start_deadline = "301s"
        delay = "900000h"
            `delay` is at most 100 years: lower it, or remove it if the body is never to run
        once, initial_delay = "25h"
            no tick is taken before `initial_delay` has passed in each term, so that it is at most a day: write `initial_delay = "24h"` or less
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
        a continuous task has no ticks: add `cron`, `every`, `delay` or `once`, or remove the parameter; a member of a group that has a schedule is written with `LeaderTask::scheduled`
        a continuous task has no ticks: add `cron`, `every`, `delay` or `once`, or remove the parameter; a member of a group that has a schedule is written with `LeaderTask::scheduled`
        there is no key `evry`: did you mean `every`, as in `every = "5m"`?
        the lease is named before there is a tick: use another argument than `tick`
        `zone` is an argument, not a constant: write `time_zone = "Europe/Prague"`, and set the argument on the task, as in `hello(..).time_zone(..)`
    "#]].assert_eq(&[said.concat(), fine.concat(), others.concat()].concat());
}
