//! How long a failed body waits before it runs again, and how often it may.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use crate::clock::Moment;

/// Pauses that double from the shortest to the longest. Each pause is a random time below its bound, so that bodies of many
/// leases that fail together do not run again together.
#[derive(Debug)]
pub(super) struct Backoff {
    pauses: Range<Duration>,
    bound: Duration,
}

impl Backoff {
    pub(super) fn new(pauses: &Range<Duration>) -> Backoff {
        Backoff { pauses: pauses.clone(), bound: pauses.start }
    }

    /// The pause after a run that failed after `ran`. `random` returns a random number from 0 to 1.
    pub(super) fn after_failure(&mut self, ran: Duration, random: impl FnOnce() -> f64) -> Duration {
        // The run lasted long enough, so this failure counts as a first one.
        if ran >= self.pauses.end {
            self.bound = self.pauses.start;
        }
        let pause = self.bound.mul_f64(random().clamp(0.0, 1.0));
        self.bound = self.bound.saturating_mul(2).min(self.pauses.end);
        pause
    }

    /// The pause after a run that succeeded.
    pub(super) fn after_success(&mut self, random: impl FnOnce() -> f64) -> Duration {
        self.bound = self.pauses.start;
        self.bound.mul_f64(random().clamp(0.0, 1.0))
    }
}

/// Counts the failures within a period.
#[derive(Debug)]
pub(super) struct Restarts {
    allowed: u32,
    within: Duration,
    recent: VecDeque<Moment>,
}

impl Restarts {
    pub(super) fn new((allowed, within): (u32, Duration)) -> Restarts {
        Restarts { allowed, within, recent: VecDeque::new() }
    }

    /// Notes a failure, and returns whether the body may run again.
    pub(super) fn allow(&mut self, now: Moment) -> bool {
        while self.recent.front().is_some_and(|oldest| now.since(*oldest) >= self.within) {
            self.recent.pop_front();
        }
        let allowed = self.recent.len() < self.allowed as usize;
        if allowed {
            self.recent.push_back(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn pauses_double_to_the_longest_and_start_over_after_one() {
        let mut backoff = Backoff::new(&(seconds(1)..seconds(60)));
        let bounds: Vec<u64> = (0..8).map(|_| backoff.after_failure(Duration::ZERO, || 1.0).as_secs()).collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.after_failure(seconds(60), || 1.0), seconds(1));
        assert_eq!(backoff.after_failure(seconds(59), || 0.5), seconds(1));
        assert_eq!(backoff.after_failure(Duration::ZERO, || 0.0), Duration::ZERO);
        assert_eq!(backoff.after_success(|| 1.0), seconds(1));
        assert_eq!(backoff.after_failure(Duration::ZERO, || 1.0), seconds(1));
    }

    #[test]
    fn failures_count_for_as_long_as_was_said() {
        let at = |seconds: u64| Moment::from_nanos(seconds * 1_000_000_000);
        let mut restarts = Restarts::new((2, seconds(60)));
        assert!(restarts.allow(at(0)));
        assert!(restarts.allow(at(30)));
        assert!(!restarts.allow(at(59)), "a third in a minute");
        assert!(restarts.allow(at(60)), "the first is a minute ago");
        assert!(!restarts.allow(at(89)));
        assert!(restarts.allow(at(90)));
        assert!(!Restarts::new((0, seconds(60))).allow(at(0)));
    }
}
