//! The rules between the durations of a lease. The runtime applies the same rules to constants and to values at run time. The
//! messages here contain the numbers and point at the argument to change.

use lease_grammar::Rule;
use lease_grammar::timing::Timings;
use proc_macro2::Span;
use syn::Error;

use crate::args::Args;
use crate::value::{Duration, Timed, Value};

/// The timings of the lease. Those that are not set are computed from the lease duration.
fn timings(args: &Args) -> Timings {
    let set = |key| duration(args, key).map(|timed| timed.duration.into());
    Timings::new(set("lease_duration"), set("renew_deadline"), set("retry_period"))
}

/// In milliseconds, rounded up.
pub(crate) fn millis(duration: std::time::Duration) -> u128 {
    duration.as_nanos().div_ceil(1_000_000)
}

/// The value of `key`, if it is a duration.
pub(crate) fn duration(args: &Args, key: &str) -> Option<Timed> {
    match args.get(key)?.value {
        Value::Duration(timed) => Some(timed),
        _ => None,
    }
}

/// Checks the timings against each other. If they break a rule, reports which of them to change and removes them.
pub(crate) fn check(args: &mut Args) {
    let Some((at, says)) = broken(args) else { return };
    args.mistakes.add(Error::new(at, says));
    for key in ["lease_duration", "renew_deadline", "retry_period"] {
        args.remove(key);
    }
}

fn broken(args: &Args) -> Option<(Span, String)> {
    let timings = timings(args);
    let rule = timings.broken_rule()?;
    let [lease_at, renew_at, retry_at] =
        ["lease_duration", "renew_deadline", "retry_period"].map(|key| duration(args, key).map(|timed| timed.span));
    let renew_deadline = millis(timings.renew_deadline);
    match rule {
        Rule::LeaseDurationWhole => {
            let whole = written(millis(timings.lease_duration).next_multiple_of(1000));
            let says =
                format!("Kubernetes stores a lease duration in whole seconds: write `lease_duration = \"{whole}\"`");
            Some((lease_at?, says))
        }
        Rule::LeaseDurationLength => {
            let says = "Kubernetes stores a lease duration of at most 2147483647 seconds: lower it, `\"15s\"` is usual";
            Some((lease_at?, says.to_owned()))
        }
        Rule::RenewDeadlineLength => {
            let stop = written(millis(timings.hard_stop()));
            let says = format!(
                "`renew_deadline` must come before the hard stop at {stop}, which is `lease_duration` / 1.25: lower it to \
                 less than {stop}, or raise the lease duration, as in `lease_duration = \"{}s\"`",
                (renew_deadline * 3).div_ceil(2).div_ceil(1000)
            );
            Some((renew_at.or(lease_at)?, says))
        }
        Rule::RetryPeriodLength => {
            let says = format!(
                "`retry_period` must leave time for a second attempt before `renew_deadline`, which is {}: lower it to less \
                 than {}",
                written(renew_deadline),
                written(renew_deadline * 5 / 6)
            );
            Some((retry_at.or(renew_at)?, says))
        }
        // A duration of zero was refused when it was read.
        _ => None,
    }
}

/// The longest time from the crash of a leader until another replica leads.
pub(crate) fn failover(args: &Args) -> std::time::Duration {
    timings(args).failover()
}

/// The duration in the notation of the attribute.
pub(crate) fn written(millis: u128) -> String {
    Duration::of_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// A note if the grace is longer than the time that a body has after the lease is lost.
///
/// If the lease is lost, the body is asked to end at the renew deadline and dropped at the hard stop. On a shutdown the lease is
/// still renewed, so the body has all of its grace.
pub(crate) fn grace_on_loss(args: &Args) -> Option<String> {
    let grace = duration(args, "grace")?.duration;
    let timings = timings(args);
    let left = timings.hard_stop().checked_sub(timings.renew_deadline)?;
    let left = (std::time::Duration::from(grace) > left).then(|| written(left.as_millis()))?;
    Some(format!(
        "If the lease is lost, the body has {left} of its {grace} of grace: `lease_duration / 1.25 - renew_deadline`."
    ))
}
