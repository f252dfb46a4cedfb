//! The rules between the durations of a schedule. The limits are those of [`lease_grammar::schedule`], which the runtime applies to
//! values that are set at run time.

use std::time::Duration;

use syn::Error;

use super::schedule::{trigger, word, wrong_key, wrong_value};
use crate::args::Args;
use crate::timing::{self, duration, written};
use crate::value::Value;
use lease_grammar::schedule;

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
        let says =
            format!("`{key}` must be at least one second: write `{key} = \"1s\"`, or loop in a body without `{key}`");
        return wrong_value(args, key, &says);
    }
    if !whole_seconds(args, key, millis, None) {
        return;
    }
    if millis > u128::from(schedule::LONGEST_PERIOD_SECS) * 1_000 {
        let says = format!("`{key}` must be at most 100 years: lower it, or remove the task if it should never run");
        return wrong_value(args, key, &says);
    }
    let catch_up = word(args, "catch_up");
    if schedule::is_recorded(period.duration.into()) {
        return;
    }
    match catch_up {
        Some(("none", _)) => wrong_key(
            args,
            "delivery",
            &format!(
                "`delivery` needs recorded ticks, and ticks less than 10s apart are not recorded: raise `{key}` to \
                 \"10s\", or remove `delivery`"
            ),
        ),
        // A wrong value has been reported.
        None if args.attempted("catch_up").is_some() => {}
        _ => {
            let says = format!(
                "ticks less than 10s apart are not recorded, so they cannot be caught up: write `catch_up = none`, or \
                 raise `{key}` to \"10s\""
            );
            let at = catch_up.map_or(period.span, |(_, span)| span);
            args.mistakes.add(Error::new(at, says));
        }
    }
}

/// Whether the value is a whole number of seconds. If not, reports it and removes the argument. The remedy rounds up, and down if
/// rounding up would reach `below`: that value would be refused again.
fn whole_seconds(args: &mut Args, key: &'static str, millis: u128, below: Option<u128>) -> bool {
    let is_whole = millis.is_multiple_of(1_000);
    if !is_whole {
        let remedy = match (millis.next_multiple_of(1_000), below) {
            (up, Some(below)) if millis < below && up >= below => match up - 1_000 {
                0 => format!("remove `{key}`"),
                down => format!("write `{key} = \"{}\"`", written(down)),
            },
            (up, _) => format!("write `{key} = \"{}\"`", written(up)),
        };
        wrong_value(args, key, &format!("`{key}` must be a whole number of seconds: {remedy}"));
    }
    is_whole
}

fn check_offset(args: &mut Args) {
    let Some(offset) = duration(args, "offset") else { return };
    let millis = offset.duration.millis();
    let every = duration(args, "every").map(|every| every.duration);
    if !whole_seconds(args, "offset", millis, every.map(|every| every.millis())) {
        return;
    }
    let Some(every) = every.filter(|every| every.millis() <= millis) else { return };
    let remedy = match millis % every.millis() {
        0 => "remove it".to_owned(),
        rest => format!("write `offset = \"{}\"`, which has the same effect", written(rest)),
    };
    wrong_value(args, "offset", &format!("`offset` must be shorter than the period, which is {every}: {remedy}"));
}

fn check_deadline(args: &mut Args) {
    let Some(deadline) = duration(args, "start_deadline") else { return };
    let is_wrong = |key| args.attempted(key).is_some() && duration(args, key).is_none();
    if is_wrong("lease_duration") || is_wrong("retry_period") {
        return;
    }
    let failover = timing::failover(args);
    if !schedule::outlasts_failover(deadline.duration.into(), failover) {
        let least = timing::millis(failover);
        let says = format!(
            "`start_deadline` must leave another replica time to take over (`lease_duration` + 2.2 × `retry_period`, which \
             is {}): write at least `start_deadline = \"{}\"`, or `catch_up = none` instead",
            written(least),
            written(least.next_multiple_of(1_000))
        );
        wrong_value(args, "start_deadline", &says);
    }
}

fn check_jitter(args: &mut Args) {
    let Some(jitter) = duration(args, "jitter") else { return };
    let jitter = jitter.duration.into();
    if let Some((trigger, period)) = period(args)
        && jitter > schedule::longest_jitter(period)
    {
        let between = if trigger == "cron" { "the shortest time between two ticks" } else { "the period" };
        let says = format!(
            "`jitter` must be at most half of {between}, which is {}: write `jitter = \"{}\"` or less",
            written(timing::millis(period)),
            written(schedule::longest_jitter(period).as_millis())
        );
        return wrong_value(args, "jitter", &says);
    }
    if let Some(deadline) = duration(args, "start_deadline")
        && !schedule::leaves_time_to_start(jitter, deadline.duration.into())
    {
        let says = format!(
            "`jitter` must be shorter than `start_deadline`, which is {}, because ticks would expire while they wait: lower \
             `jitter`, or raise `start_deadline`",
            deadline.duration
        );
        wrong_value(args, "jitter", &says);
    }
}

fn check_initial_delay(args: &mut Args) {
    let delay: Option<Duration> = duration(args, "initial_delay").map(|delay| delay.duration.into());
    let is_long = delay.is_some_and(|delay| delay > schedule::LONGEST_INITIAL_DELAY);
    if is_long && trigger(args).is_some() {
        let says = "in each term, no tick runs before `initial_delay` has passed, so it must be at most one day: write \
            `initial_delay = \"24h\"` or less";
        wrong_value(args, "initial_delay", says);
    }
}

/// The trigger, and the shortest time between two of its ticks.
fn period(args: &Args) -> Option<(&'static str, Duration)> {
    if let Some(Value::Cron { cron: Some(cron), .. }) = args.get("cron").map(|argument| &argument.value) {
        return Some(("cron", Duration::from_secs(u64::from(cron.shortest_minutes()) * 60)));
    }
    let key = ["every", "delay"].into_iter().find(|key| args.get(key).is_some())?;
    let period = duration(args, key)?;
    Some((key, period.duration.into()))
}

/// A note if a run may take longer than the time to the next tick, because that tick is then skipped.
pub(super) fn longer_than_the_period(args: &Args) -> Option<String> {
    let timeout = duration(args, "timeout")?.duration;
    let skips = match word(args, "overlap") {
        None => args.attempted("overlap").is_none(),
        Some((word, _)) => word == "skip",
    };
    let (trigger, period) = period(args)?;
    let is_all = word(args, "catch_up").is_some_and(|(word, _)| word == "all");
    (trigger != "delay" && skips && !is_all && Duration::from(timeout) > period).then(|| {
        let period = written(timing::millis(period));
        format!(
            "A run may take {timeout}, and ticks may be {period} apart: ticks that fall due during a run are skipped."
        )
    })
}
