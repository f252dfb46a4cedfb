//! The relations between the timings of a lease.

use std::time::Duration;

use crate::Rule;

/// Two clocks may differ in speed by this factor, and two bodies still never run at once.
///
/// A candidate waits for the full lease duration on its clock. A holder stops after `lease duration / 1.25` on its own
/// clock. At chrony's default slew limits, two clocks differ by at most 1.18.
pub const RHO: (u32, u32) = (5, 4);

/// The longest takeover delay. Nobody leads meanwhile.
const LONGEST_TAKEOVER_DELAY: Duration = Duration::from_secs(3600);

/// The rule that a takeover delay breaks.
pub const fn broken_by_takeover_delay(delay: Duration) -> Option<Rule> {
    if delay.as_nanos() > LONGEST_TAKEOVER_DELAY.as_nanos() { Some(Rule::TakeoverDelayLength) } else { None }
}

/// The three timings of a lease that are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timings {
    /// How long a candidate waits before it takes over.
    pub lease_duration: Duration,
    /// How long a holder that cannot renew continues.
    pub renew_deadline: Duration,
    /// How long to wait after a failed request.
    pub retry_period: Duration,
}

impl Timings {
    /// The timings. Those that are not set follow from the lease duration.
    pub const fn new(
        lease_duration: Option<Duration>,
        renew_deadline: Option<Duration>,
        retry_period: Option<Duration>,
    ) -> Timings {
        let lease_duration = match lease_duration {
            Some(set) => set,
            None => Duration::from_secs(15),
        };
        Timings {
            lease_duration,
            renew_deadline: match renew_deadline {
                Some(set) => set,
                None => fraction(lease_duration, 2, 3),
            },
            retry_period: match retry_period {
                Some(set) => set,
                None => fraction(lease_duration, 2, 15),
            },
        }
    }

    /// The rule that these timings break.
    pub const fn broken_rule(&self) -> Option<Rule> {
        let lease = self.lease_duration.as_nanos();
        let renew = self.renew_deadline.as_nanos();
        let retry = self.retry_period.as_nanos();
        if self.lease_duration.subsec_nanos() != 0 {
            Some(Rule::LeaseDurationWhole)
        } else if lease == 0 {
            Some(Rule::LeaseDurationZero)
        } else if self.lease_duration.as_secs() > i32::MAX as u64 {
            Some(Rule::LeaseDurationLength)
        } else if renew == 0 {
            Some(Rule::RenewDeadlineZero)
        } else if renew * RHO.0 as u128 >= lease * RHO.1 as u128 {
            Some(Rule::RenewDeadlineLength)
        } else if retry == 0 {
            Some(Rule::RetryPeriodZero)
        } else if retry * 6 >= renew * 5 {
            Some(Rule::RetryPeriodLength)
        } else {
            None
        }
    }

    /// When a holder stops what still runs, counted from the renewal.
    pub const fn hard_stop(&self) -> Duration {
        fraction(self.lease_duration, RHO.1 as u128, RHO.0 as u128)
    }

    /// How long it takes after the death of a leader until another replica certainly leads: it waits until the lease
    /// has expired, then for its next attempt, and for one more.
    pub const fn failover(&self) -> Duration {
        self.lease_duration.saturating_add(fraction(self.retry_period, 11, 5))
    }
}

/// A fraction of a duration. The operators of `Duration` are not `const`.
const fn fraction(of: Duration, numerator: u128, denominator: u128) -> Duration {
    let nanos = of.as_nanos().saturating_mul(numerator) / denominator;
    // Saturates after 584 years. A lease of a tenth of that is refused.
    Duration::from_nanos(if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 })
}
