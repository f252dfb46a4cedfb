//! The messages about wrong values.

use super::mistakes::{HELLO, says};
use super::*;

/// The message about each of the values.
pub(super) fn says_to(key: &str, values: &str) -> String {
    let key = format!("lease = \"a\", {key} = ");
    let said = values.lines().map(str::trim).filter(|value| !value.is_empty()).map(|value| {
        let args: TokenStream = format!("{key}{value}").parse().expect("these are tokens");
        format!("{value:<24} {}", says(args, HELLO))
    });
    said.collect()
}

#[test]
fn durations() {
    let said = says_to(
        "grace",
        r#"
        15
        15s
        15 parsecs
        "15"
        "15 s"
        "1d"
        "5M"
        "1m30s"
        "1.5s"
        "90 seconds"
        "-5s"
        "0s"
        "300us"
        ""
        "soon"
        "99999999999999999999s"
        "9999999999999999999h"
        Duration::from_secs(15)
        SECONDS
        "#,
    );
    expect![[r#"
        15                       a duration needs a unit: write `grace = "15s"`
        15s                      a duration is a string: write `grace = "15s"`
        15 parsecs               a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "10s"`
        "15"                     a duration needs a unit: write `grace = "15s"`
        "15 s"                   a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "15s"`
        "1d"                     a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "24h"`
        "5M"                     a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "5m"`
        "1m30s"                  a duration has one number and one unit: write `grace = "90s"`
        "1.5s"                   a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "1500ms"`
        "90 seconds"             a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "90s"`
        "-5s"                    a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "10s"`
        "0s"                     a duration must be longer than zero: leave `grace` out, or write `grace = "10s"`
        "300us"                  a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "10s"`
        ""                       a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "10s"`
        "soon"                   a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "10s"`
        "99999999999999999999s"  this duration is longer than can be counted: write `grace = "10s"`
        "9999999999999999999h"   this duration is longer than can be counted: write `grace = "10s"`
        Duration::from_secs(15)  a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "10s"`
        SECONDS                  a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`: write `grace = "10s"`
    "#]].assert_eq(&said);
}

#[test]
fn ranges_of_pauses() {
    let said = says_to(
        "backoff",
        r#"
        "1m..1s"
        "1s"
        5
        "1s-1m"
        "1s..=1m"
        "1s to 1 minute"
        "1..60"
        "0s..1m"
        "0s..0s"
        "1s.."
        "..1m"
        1s..1m
        "exponential"
        ExponentialBackoff::default()
        "#,
    );
    expect![[r#"
        "1m..1s"                 the shorter pause must come first: write `backoff = "1s..1m"`
        "1s"                     a range of pauses needs two durations: write `backoff = "1s..1m"`, or `"1s..1s"` if pauses should not grow
        5                        a range of pauses needs two durations: write `backoff = "5s..5m"`, or `"5s..5s"` if pauses should not grow
        "1s-1m"                  a range of pauses is a string with `..` between the shortest and the longest: write `backoff = "1s..1m"`
        "1s..=1m"                a range of pauses is a string with `..` between the shortest and the longest: write `backoff = "1s..1m"`
        "1s to 1 minute"         a range of pauses is a string with `..` between the shortest and the longest: write `backoff = "1s..1m"`
        "1..60"                  a range of pauses is a string with `..` between the shortest and the longest: write `backoff = "1s..1m"`
        "0s..1m"                 the shortest pause must be longer than zero: write `backoff = "1s..1m"`
        "0s..0s"                 the shortest pause must be longer than zero: write `backoff = "1s..1m"`
        "1s.."                   a range of pauses is a string with `..` between the shortest and the longest: write `backoff = "1s..1m"`
        "..1m"                   a range of pauses is a string with `..` between the shortest and the longest: write `backoff = "1s..1m"`
        1s..1m                   a range of pauses is a string with `..` between the shortest and the longest: write `backoff = "1s..1m"`
        "exponential"            a range of pauses is a string with `..` between the shortest and the longest: write `backoff = "1s..1m"`
        ExponentialBackoff::default() a range of pauses is a string with `..` between the shortest and the longest: write `backoff = "1s..1m"`
    "#]].assert_eq(&said);
}

#[test]
fn limits_of_restarts() {
    let said = says_to(
        "max_restarts",
        r#"
        5
        "5"
        5 in 1m
        "5 per minute"
        "5/1m"
        "5/min"
        "5 times in 90 seconds"
        "5 in an hour"
        "5 in 1 m"
        "5 in 0s"
        "5 in sixty"
        "unlimited"
        unlimited
        -1
        "0 in 1m"
        0
        never
        "many"
        "99999999999 in 1m"
        "#,
    );
    expect![[r#"
        5                        a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1m"`
        "5"                      a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1m"`
        5 in 1m                  a limit of restarts is a string: write `max_restarts = "5 in 1m"`
        "5 per minute"           a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1m"`
        "5/1m"                   a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1m"`
        "5/min"                  a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1m"`
        "5 times in 90 seconds"  a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 90s"`
        "5 in an hour"           a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1h"`
        "5 in 1 m"               a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1m"`
        "5 in 0s"                a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1m"`
        "5 in sixty"             a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1m"`
        "unlimited"              restarts must have a limit: write a limit that cannot be reached, as in `max_restarts = "1000 in 1s"`
        unlimited                restarts must have a limit: write a limit that cannot be reached, as in `max_restarts = "1000 in 1s"`
        -1                       restarts must have a limit: write a limit that cannot be reached, as in `max_restarts = "1000 in 1s"`
        "0 in 1m"                a limit of restarts must be at least one: write `restart = never` for a body that runs once
        0                        a limit of restarts must be at least one: write `restart = never` for a body that runs once
        never                    a limit of restarts must be at least one: write `restart = never` for a body that runs once
        "many"                   a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1m"`
        "99999999999 in 1m"      a limit of restarts is a string with a count and a duration: write `max_restarts = "5 in 1m"`
    "#]].assert_eq(&said);
}

#[test]
fn words() {
    let said = [
        says_to(
            "restart",
            r#"
            on-failure
            "on-failure"
            "on_failure"
            OnFailure
            Restart::OnFailure
            transient
            permanent
            temporary
            no
            "always"
            unless-stopped
            Never
            true
            allways
            sometimes
            "#,
        ),
        says_to("on_exhausted", "escalate\nterminate\n\"exit\"\nOnExhausted::Stop\nresgin\npage"),
        says_to("on_loss", "retry\nabort\nos.Exit\n\"reelect\"\nwait"),
        says_to("on_overrun", "\"report\"\nkill\nlog\npanic\npage"),
    ];
    expect![[r#"
        on-failure               `restart` is `always`, `on_failure` or `never`: write `restart = on_failure`
        "on-failure"             `restart` is `always`, `on_failure` or `never`: write `restart = on_failure`, without quotes
        "on_failure"             `restart` is `always`, `on_failure` or `never`: write `restart = on_failure`, without quotes
        OnFailure                `restart` is `always`, `on_failure` or `never`: write `restart = on_failure`
        Restart::OnFailure       `restart` is `always`, `on_failure` or `never`: write `restart = on_failure`
        transient                `restart` is `always`, `on_failure` or `never`: write `restart = on_failure`
        permanent                `restart` is `always`, `on_failure` or `never`: write `restart = always`
        temporary                `restart` is `always`, `on_failure` or `never`: write `restart = never`
        no                       `restart` is `always`, `on_failure` or `never`: write `restart = never`
        "always"                 `restart` is `always`, `on_failure` or `never`: write `restart = always`, without quotes
        unless-stopped           `restart` is `always`, `on_failure` or `never`: write `restart = always`
        Never                    `restart` is `always`, `on_failure` or `never`: write `restart = never`
        true                     `restart` is `always`, `on_failure` or `never`: write `restart = always`
        allways                  `restart` is `always`, `on_failure` or `never`: write `restart = always`
        sometimes                `restart` is `always`, `on_failure` or `never`: `always` runs a body again whenever it has ended, `on_failure` only if it failed or panicked, `never` not at all
        escalate                 `on_exhausted` is `resign`, `exit` or `stop`: write `on_exhausted = resign`
        terminate                `on_exhausted` is `resign`, `exit` or `stop`: write `on_exhausted = exit`
        "exit"                   `on_exhausted` is `resign`, `exit` or `stop`: write `on_exhausted = exit`, without quotes
        OnExhausted::Stop        `on_exhausted` is `resign`, `exit` or `stop`: write `on_exhausted = stop`
        resgin                   `on_exhausted` is `resign`, `exit` or `stop`: write `on_exhausted = resign`
        page                     `on_exhausted` is `resign`, `exit` or `stop`: `resign` lets another replica try, `exit` ends the process, `stop` gives up only this task
        retry                    `on_loss` is `reelect` or `exit`: write `on_loss = reelect`
        abort                    `on_loss` is `reelect` or `exit`: write `on_loss = exit`
        os.Exit                  `on_loss` is `reelect` or `exit`: write `on_loss = exit`
        "reelect"                `on_loss` is `reelect` or `exit`: write `on_loss = reelect`, without quotes
        wait                     `on_loss` is `reelect` or `exit`: `reelect` takes part in the election again, `exit` ends the process
        "report"                 `on_overrun` is `abort` or `report`: write `on_overrun = report`, without quotes
        kill                     `on_overrun` is `abort` or `report`: write `on_overrun = abort`
        log                      `on_overrun` is `abort` or `report`: write `on_overrun = report`
        panic                    `on_overrun` is `abort` or `report`: write `on_overrun = abort`
        page                     `on_overrun` is `abort` or `report`: `abort` ends the process, `report` logs it and continues
    "#]].assert_eq(&said.concat());
}

#[test]
fn names_of_tasks() {
    let long = format!("{:?}", "a".repeat(64));
    let said = says_to("name", &["\"\"", &long, "\"größe\"", "\"a b\"", "\"-a\"", "\"a.\"", "7", "NAME"].join("\n"));
    let of_function = ["async fn _hello() {}", "async fn größe() {}"].map(|item| says(quote!(lease = "a"), item));
    expect![[r#"
        ""                       a task's name must not be empty: write it as in "nightly-report"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" a task's name must have at most 63 characters: write it as in "nightly-report"
        "größe"                  a task's name must consist of ASCII letters, digits, `-`, `_` and `.`: write it as in "nightly-report"
        "a b"                    a task's name must consist of ASCII letters, digits, `-`, `_` and `.`: write it as in "nightly-report"
        "-a"                     a task's name must start and end with a letter or digit: write it as in "nightly-report"
        "a."                     a task's name must start and end with a letter or digit: write it as in "nightly-report"
        7                        `name` takes a string literal: write `name = "nightly-report"`
        NAME                     `name` takes a string literal: write `name = "nightly-report"`
        a task's name must start and end with a letter or digit, unlike this function's: add `name = ".."` to `#[leader_only]`
        a task's name must consist of ASCII letters, digits, `-`, `_` and `.`, unlike this function's: add `name = ".."` to `#[leader_only]`
    "#]].assert_eq(&[said, of_function.concat()].concat());
}

#[test]
fn names_that_are_constant() {
    let said = [
        says(quote!(lease = Self::LEASE), HELLO),
        says(quote!(lease = concat!("a", <Self as Named>::NAME)), HELLO),
        says(quote!(lease = fn), HELLO),
        says(quote!(lease = format!("shard-{shard}")), HELLO),
        says(quote!(lease = shard), "async fn drain(shard: String) {}"),
        says(quote!(lease = "a", namespace = team), "async fn drain(team: String) {}"),
    ];
    expect![[r#"
        the constant of `lease` cannot use `Self`: name the type, as in `Ledger::NAME`
        the constant of `lease` cannot use `Self`: name the type, as in `Ledger::NAME`
        `lease` takes a string or a constant: write `lease = "ledger"`
        the attribute formats `lease` itself: write `lease = "shard-{shard}"`
        `shard` is an argument, not a constant: write `lease = "{shard}"`
        `team` is an argument, not a constant: write `namespace = "{team}"`
    "#]]
    .assert_eq(&said.concat());
}

#[test]
fn names_made_from_arguments() {
    const DRAIN: &str = "async fn drain(term: Term, shard: u32, (left, Pair { right }): X, r#type: u8) {}";
    let leases = [
        "shard-{shrad}",
        "shard-{colour}",
        "shard-{term}",
        "shard-{left}",
        "shard-{right}",
        "shard-{arg2}",
        "shard-{self.id}",
        "shard-{}",
        "shard-{0}",
        "shard-{:03}",
        "shard-{shard + 1}",
        "shard-{shard.len()}",
        "shard-{Self::ID}",
        "shard-{ shard }",
        "shard-{shard:0width$}",
        "shard-{{shard}}",
        "shard-{shard",
        "shard-shard}",
        "Shard_{shard}",
        "größe-{shard}",
        "-{shard}",
        "{shard}.",
        "a.-{shard}",
        "a/{shard}",
    ];
    let said = leases.map(|lease| format!("{lease:<24} {}", says(quote!(lease = #lease), DRAIN)));
    let fine =
        ["{shard}", "a.{shard}", "{PREFIX}-{shard:03}", "{type}"].map(|lease| says(quote!(lease = #lease), DRAIN));
    let long = "a".repeat(253);
    let others = [
        says(quote!(lease = "shard-{shard}"), HELLO),
        says(quote!(lease = "shard-{shrad}"), "async fn drain(shard: u32) {}"),
        says(quote!(lease = "shard-{colour}"), "async fn drain(shard: u32) {}"),
        says(quote!(lease = "a", namespace = "team.{shard}"), DRAIN),
        says(
            {
                let lease = format!("{long}{{shard}}");
                quote!(lease = #lease)
            },
            DRAIN,
        ),
    ];
    expect![[r#"
        shard-{shrad}            there is no argument `shrad`: did you mean `shard`?
        shard-{colour}           there is no argument `colour`: there are `shard` and `type`
        shard-{term}             the name of the lease is needed before a term begins: use another argument than `term`
        shard-{left}             `left` is part of a pattern: give the argument a name, and take it apart in the body
        shard-{right}            `right` is part of a pattern: give the argument a name, and take it apart in the body
        shard-{arg2}             there is no argument `arg2`: there are `shard` and `type`
        shard-{self.id}          this function has no `self`: use an argument
        shard-{}                 `{}` does not name an argument: write a name in the braces, as in `{shard}`
        shard-{0}                `{0}` does not name an argument: write a name in the braces, as in `{shard}`
        shard-{:03}              `{:03}` does not name an argument: write a name in the braces, as in `{shard:03}`
        shard-{shard + 1}        braces can contain an argument, a field of one, or a constant: pass `shard + 1` as another argument
        shard-{shard.len()}      braces can contain an argument, a field of one, or a constant: pass `shard.len()` as another argument
        shard-{Self::ID}         braces can contain an argument, a field of one, or a constant: pass `Self::ID` as another argument
        shard-{ shard }          a name in braces must not have spaces around it: write `{shard}`
        shard-{shard:0width$}    `{shard:0width$}` takes its format from an argument: write it as a number, as in `{shard:03}`
        shard-{{shard}}          doubled braces stand for a brace, which a name in Kubernetes cannot contain: write single braces
        shard-{shard             a brace is not closed: write `{shard}`
        shard-shard}             a brace is not opened: put braces around an argument, as in "shard-{shard}"
        Shard_{shard}            a lease's name cannot contain `S`, but consists of lower-case letters, digits, `-` and `.`, a letter or digit at both ends of each part: write it as in "shard-{shard}"
        größe-{shard}            a lease's name cannot contain `ö`, but consists of lower-case letters, digits, `-` and `.`, a letter or digit at both ends of each part: write it as in "gr--e-{shard}"
        -{shard}                 a lease's name has a letter or digit at both ends of each part: put one, or an argument, before the `-`
        {shard}.                 a lease's name has a letter or digit at both ends of each part: put one, or an argument, beside the `.`
        a.-{shard}               a lease's name has a letter or digit at both ends of each part: put one, or an argument, before the `-`
        a/{shard}                a lease's name cannot contain `/`: write `lease = "{shard}", namespace = "a"`
        there is no argument `shard`: add it to the function
        there is no argument `shrad`: did you mean `shard`?
        there is no argument `colour`: there is `shard`
        a namespace cannot contain `.`, but consists of lower-case letters, digits and `-`, a letter or digit at both ends: write it as in "team-{shard}"
        a lease's name has at most 253 characters, and this one 254: shorten it
    "#]].assert_eq(&[said.concat(), fine.concat(), others.concat()].concat());
}

#[test]
fn arguments_without_effect() {
    let said = says(
        quote!(lease = "a", restart = never, backoff = "1s..1m", max_restarts = "5 in 1m", on_exhausted = exit),
        HELLO,
    );
    expect![[r#"
        `backoff` has no effect with `restart = never`, which runs the body once: remove one of them
        `max_restarts` has no effect with `restart = never`, which runs the body once: remove one of them
        `on_exhausted` has no effect with `restart = never`, which runs the body once: remove one of them
    "#]]
    .assert_eq(&said);
}

#[test]
fn services_and_labels_of_leaders() {
    let said = [
        says(quote!(lease = "a", leader_label = true), HELLO),
        says(quote!(lease = "a", leader_label = false), HELLO),
        says(quote!(lease = "a", leader_label = "leads"), HELLO),
        says(quote!(lease = "a", leader_service), HELLO),
        says(quote!(lease = "a", leader_service = ""), HELLO),
        says(quote!(lease = "a", leader_service = "orders.shop"), HELLO),
        says(quote!(lease = "a", leader_service = orders), "async fn drain(orders: String) {}"),
        says(quote!(lease = "a", leader_service = "{order}"), "async fn drain(orders: String) {}"),
        says(quote!(lease = "a", endpoints = "orders"), HELLO),
        says(quote!(lease = "a", pod_label), HELLO),
    ];
    expect![[r#"
        `leader_label` takes no value: write `leader_label` alone
        `leader_label` takes no value: leave `leader_label` out
        `leader_label` takes no value: write `leader_label` alone
        `leader_service` needs a value: write `leader_service = "orders"`
        a Service's name must not be empty: name the Service whose traffic goes to the leader, as in "orders"
        a Service's name cannot contain `.`, but consists of lower-case letters, digits and `-`, a letter or digit at both ends: write it as in "orders-shop"
        `orders` is an argument, not a constant: write `leader_service = "{orders}"`
        there is no argument `order`: did you mean `orders`?
        there is no key `endpoints`: did you mean `leader_service`, as in `leader_service = "orders"`?
        there is no key `pod_label`: did you mean `leader_label`?
    "#]].assert_eq(&said.concat());
}
