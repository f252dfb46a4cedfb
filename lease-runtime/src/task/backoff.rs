//! How long a failed body waits before it runs again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// A body that ran for so long had recovered: its next failure is a new one.
const RECOVERED: Duration = Duration::from_secs(60);

/// Pauses that double from one second to a minute. Each is drawn from zero to its bound, so that the bodies of many leases
/// which fail together do not come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    bound: Duration,
}

impl Backoff {
    pub(super) fn new() -> Backoff {
        Backoff { bound: FIRST }
    }

    /// The pause after a run that failed after `ran`. `dice` draws from 0 to 1.
    pub(super) fn after(&mut self, ran: Duration, dice: impl FnOnce() -> f64) -> Duration {
        if ran >= RECOVERED {
            self.bound = FIRST;
        }
        let pause = self.bound.mul_f64(dice().clamp(0.0, 1.0));
        self.bound = (self.bound * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_minute_and_start_over_after_one() {
        let mut backoff = Backoff::new();
        let bounds: Vec<u64> = (0..8).map(|_| backoff.after(Duration::ZERO, || 1.0).as_secs()).collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.after(Duration::from_secs(60), || 1.0), FIRST);
        assert_eq!(backoff.after(Duration::from_secs(59), || 0.5), Duration::from_secs(1));
        assert_eq!(backoff.after(Duration::ZERO, || 0.0), Duration::ZERO);
    }
}
