//! How the durations of a schedule fit together: periods, and what has to fit into them.

use syn::Error;

use super::schedule::{trigger, word, wrong_key, wrong_value};
use crate::args::Args;
use crate::timing::{self, duration, written};
use crate::value::Value;

/// Ticks that are closer than this are not recorded: each would cost a write of the Lease.
const RECORDED: u128 = 10_000;

const DAY: u128 = 86_400_000;

/// The longest period that the runtime counts.
const LONGEST: u128 = 100 * 366 * DAY;

pub(super) fn check(args: &mut Args) {
    for key in ["every", "delay"] {
        check_period(args, key);
    }
    check_offset(args);
    check_deadline(args);
    check_jitter(args);
    check_initial_delay(args);
}

fn check_period(args: &mut Args, key: &'static str) {
    let Some(period) = duration(args, key) else { return };
    let millis = period.duration.millis();
    if millis < 1_000 {
        let says = format!("`{key}` is at least a second: write `{key} = \"1s\"`, or loop in a body without `{key}`");
        return wrong_value(args, key, &says);
    }
    if !whole_seconds(args, key, millis) {
        return;
    }
    if millis > LONGEST {
        let says = format!("`{key}` is at most 100 years: lower it, or remove it if the body is never to run");
        return wrong_value(args, key, &says);
    }
    let catch_up = word(args, "catch_up");
    if millis >= RECORDED {
        return;
    }
    match catch_up {
        Some(("none", _)) => wrong_key(
            args,
            "delivery",
            &format!(
                "`delivery` is about ticks that are recorded with the lease, and those less than 10s apart are not: \
                 raise `{key}` to \"10s\", or remove `delivery`"
            ),
        ),
        // Wrong, and reported.
        None if args.attempted("catch_up").is_some() => {}
        _ => {
            let says = format!(
                "ticks less than 10s apart are not recorded with the lease, so that none can be caught up: write \
                 `catch_up = none`, or raise `{key}` to \"10s\""
            );
            let at = catch_up.map_or(period.span, |(_, span)| span);
            args.mistakes.add(Error::new(at, says));
        }
    }
}

/// Whether it is a whole number of seconds; if not, it is left out.
fn whole_seconds(args: &mut Args, key: &'static str, millis: u128) -> bool {
    let is_whole = millis.is_multiple_of(1_000);
    if !is_whole {
        let instead = written(millis.next_multiple_of(1_000));
        wrong_value(args, key, &format!("ticks are at whole seconds: write `{key} = \"{instead}\"`"));
    }
    is_whole
}

fn check_offset(args: &mut Args) {
    let Some(offset) = duration(args, "offset") else { return };
    let millis = offset.duration.millis();
    if !whole_seconds(args, "offset", millis) {
        return;
    }
    let Some(every) = duration(args, "every").filter(|every| every.duration.millis() <= millis) else { return };
    let every = every.duration;
    let remedy = match millis % every.millis() {
        0 => "remove it".to_owned(),
        rest => format!("write `offset = \"{}\"`, which is the same", written(rest)),
    };
    wrong_value(args, "offset", &format!("`offset` lies within the period, which is {every}: {remedy}"));
}

fn check_deadline(args: &mut Args) {
    let Some(deadline) = duration(args, "start_deadline") else { return };
    let is_wrong = |key| args.attempted(key).is_some() && duration(args, key).is_none();
    if is_wrong("lease_duration") || is_wrong("retry_period") {
        return;
    }
    let least = timing::failover(args);
    if deadline.duration.millis() < least {
        let says = format!(
            "`start_deadline` must leave time for another replica to take over, `lease_duration` + 2.2 × `retry_period`, \
             which is {}: write at least `start_deadline = \"{}\"`, or `catch_up = none` instead",
            written(least),
            written(least.next_multiple_of(1_000))
        );
        wrong_value(args, "start_deadline", &says);
    }
}

fn check_jitter(args: &mut Args) {
    let Some(jitter) = duration(args, "jitter") else { return };
    let jitter = jitter.duration.millis();
    if let Some((trigger, period)) = period(args)
        && jitter * 2 > period
    {
        let between = if trigger == "cron" { "the shortest time between two ticks" } else { "the period" };
        let says = format!(
            "`jitter` is at most half of {between}, which is {}: write `jitter = \"{}\"` or less",
            written(period),
            written(period / 2)
        );
        return wrong_value(args, "jitter", &says);
    }
    if let Some(deadline) = duration(args, "start_deadline")
        && jitter >= deadline.duration.millis()
    {
        let says = format!(
            "`jitter` must be shorter than `start_deadline`, which is {}, or else ticks expire while they wait: lower it, or \
             raise the other",
            deadline.duration
        );
        wrong_value(args, "jitter", &says);
    }
}

fn check_initial_delay(args: &mut Args) {
    let is_long = duration(args, "initial_delay").is_some_and(|delay| delay.duration.millis() > DAY);
    if is_long && trigger(args).is_some() {
        let says = "no tick is taken before `initial_delay` has passed in each term, so that it is at most a day: write \
                    `initial_delay = \"24h\"` or less";
        wrong_value(args, "initial_delay", says);
    }
}

/// The trigger, and how many milliseconds there are between two of its ticks, at least.
fn period(args: &Args) -> Option<(&'static str, u128)> {
    if let Some(Value::Cron { cron: Some(cron), .. }) = args.get("cron").map(|argument| &argument.value) {
        return Some(("cron", u128::from(cron.shortest_minutes()) * 60_000));
    }
    let key = ["every", "delay"].into_iter().find(|key| args.get(key).is_some())?;
    let period = duration(args, key)?;
    Some((key, period.duration.millis()))
}

/// What to say about runs that may take longer than the time to the next tick, which is then skipped.
pub(super) fn longer_than_the_period(args: &Args) -> Option<String> {
    let timeout = duration(args, "timeout")?.duration;
    let skips = match word(args, "overlap") {
        None => args.attempted("overlap").is_none(),
        Some((word, _)) => word == "skip",
    };
    let (trigger, period) = period(args)?;
    let is_all = word(args, "catch_up").is_some_and(|(word, _)| word == "all");
    (trigger != "delay" && skips && !is_all && timeout.millis() > period).then(|| {
        let period = written(period);
        format!(
            "A run may take {timeout}, and ticks may be {period} apart: those that fall due during a run are skipped."
        )
    })
}
