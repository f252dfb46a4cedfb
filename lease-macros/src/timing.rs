//! How the durations of a lease fit together. The runtime holds constants and values of run time to the same rules; here they
//! come with the numbers, and point at the one to change.

use lease_grammar::Rule;
use lease_grammar::timing::Timings;
use proc_macro2::Span;
use syn::Error;

use crate::args::Args;
use crate::value::{Duration, Timed, Value};

/// A lease's timings, those that are not set following the lease duration.
fn timings(args: &Args) -> Timings {
    let set = |key| duration(args, key).map(|timed| timed.duration.into());
    Timings::new(set("lease_duration"), set("renew_deadline"), set("retry_period"))
}

/// In milliseconds, rounded up.
fn millis(duration: std::time::Duration) -> u128 {
    duration.as_nanos().div_ceil(1_000_000)
}

/// What `key` is set to, if that is a duration.
pub(crate) fn duration(args: &Args, key: &str) -> Option<Timed> {
    match args.get(key)?.value {
        Value::Duration(timed) => Some(timed),
        _ => None,
    }
}

/// Leaves out the timings if they do not fit together, and says which of them to change.
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
            let says = format!(
                "a lease lasts for whole seconds, as Kubernetes counts it: write `lease_duration = \"{whole}\"`"
            );
            Some((lease_at?, says))
        }
        Rule::LeaseDurationLength => {
            let says = "a lease lasts for at most 2147483647 seconds, as Kubernetes counts it: `\"15s\"` is usual";
            Some((lease_at?, says.to_owned()))
        }
        Rule::RenewDeadlineLength => {
            let stop = written(millis(timings.hard_stop()));
            let says = format!(
                "`renew_deadline` must come before the hard stop at {stop}, which is `lease_duration` / 1.25: lower it, or \
                 raise the other, as in `lease_duration = \"{}s\"`",
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
        // A duration that is zero has been refused before.
        _ => None,
    }
}

/// How long it takes, in milliseconds, until another replica is sure to lead when the leader has died.
pub(crate) fn failover(args: &Args) -> u128 {
    millis(timings(args).failover())
}

/// As it is written in the attribute.
pub(crate) fn written(millis: u128) -> String {
    Duration::of_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// What to say about a grace that is longer than what a body has of it when the lease is lost.
///
/// The body is asked to end at the renew deadline, and dropped at the hard stop. On a shutdown the lease is renewed meanwhile,
/// and it has all of its grace.
pub(crate) fn grace_on_loss(args: &Args) -> Option<String> {
    let grace = duration(args, "grace")?.duration;
    let timings = timings(args);
    let left = timings.hard_stop().checked_sub(timings.renew_deadline)?;
    let left = (std::time::Duration::from(grace) > left).then(|| written(left.as_millis()))?;
    Some(format!(
        "If the lease is lost, the body has {left} of its {grace} of grace: `lease_duration / 1.25 - renew_deadline`."
    ))
}
