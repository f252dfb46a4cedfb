//! How the durations of a lease fit together. The runtime holds constants and values of run time to the same rules; here they
//! come with the numbers, and point at the one to change.

use proc_macro2::Span;
use syn::Error;

use crate::args::Args;
use crate::value::{Duration, Timed, Value};

/// A lease's timings in milliseconds, those that are not set following the lease duration.
struct Timings {
    lease_duration: u128,
    renew_deadline: u128,
    retry_period: u128,
}

impl Timings {
    fn of(args: &Args) -> Timings {
        let millis = |key| duration(args, key).map(|timed| timed.duration.millis());
        let lease_duration = millis("lease_duration").unwrap_or(15_000);
        Timings {
            lease_duration,
            renew_deadline: millis("renew_deadline").unwrap_or((lease_duration * 2).div_ceil(3)),
            retry_period: millis("retry_period").unwrap_or(lease_duration * 2 / 15),
        }
    }

    /// When what still runs is stopped.
    fn hard_stop(&self) -> u128 {
        self.lease_duration * 4 / 5
    }
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
    let timings = Timings::of(args);
    let Timings { lease_duration, renew_deadline, retry_period } = timings;
    let [lease_at, renew_at, retry_at] =
        ["lease_duration", "renew_deadline", "retry_period"].map(|key| duration(args, key).map(|timed| timed.span));
    if !lease_duration.is_multiple_of(1000) {
        let whole = written(lease_duration.next_multiple_of(1000));
        let says =
            format!("a lease lasts for whole seconds, as Kubernetes counts it: write `lease_duration = \"{whole}\"`");
        return Some((lease_at?, says));
    }
    if lease_duration / 1000 > i32::MAX as u128 {
        let says = "a lease lasts for at most 2147483647 seconds, as Kubernetes counts it: `\"15s\"` is usual";
        return Some((lease_at?, says.to_owned()));
    }
    if renew_deadline * 5 >= lease_duration * 4 {
        let stop = written(timings.hard_stop());
        let says = format!(
            "`renew_deadline` must come before the hard stop at {stop}, which is `lease_duration` / 1.25: lower it, or raise \
             the other, as in `lease_duration = \"{}s\"`",
            (renew_deadline * 3).div_ceil(2).div_ceil(1000)
        );
        return Some((renew_at.or(lease_at)?, says));
    }
    if retry_period * 6 >= renew_deadline * 5 {
        let says = format!(
            "`retry_period` must leave time for a second attempt before `renew_deadline`, which is {}: lower it to less than {}",
            written(renew_deadline),
            written(renew_deadline * 5 / 6)
        );
        return Some((retry_at.or(renew_at)?, says));
    }
    None
}

/// How long it takes, in milliseconds, until another replica is sure to lead when the leader has died: it waits for the lease
/// to run out, and then for the time of its next attempt, and of one more.
pub(crate) fn failover(args: &Args) -> u128 {
    let Timings { lease_duration, retry_period, .. } = Timings::of(args);
    lease_duration + (retry_period * 11).div_ceil(5)
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
    let timings = Timings::of(args);
    let left = timings.hard_stop().checked_sub(timings.renew_deadline)?;
    let left = (grace.millis() > left).then(|| written(left))?;
    Some(format!(
        "If the lease is lost, the body has {left} of its {grace} of grace: `lease_duration / 1.25 - renew_deadline`."
    ))
}
