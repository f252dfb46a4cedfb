//! W2: how quickly requests may follow each other.
//!
//! Without this limit, two writers that conflict with each other, or a server that refuses at once, would make a fleet
//! of candidates send so many requests that the server cannot recover.

use std::time::Duration;

use super::timing::Timing;
use crate::clock::Moment;

/// How many requests may be sent at once after a pause.
const BURST: u32 = 8;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Pace {
    /// The next request after a failure is not sent before this.
    pub(super) not_before: Moment,
    /// How far the requests sent so far have used up the budget of one per `interval`.
    pub(super) spent_until: Moment,
    interval: Duration,
}

impl Pace {
    pub(super) fn new(timing: &Timing) -> Pace {
        Pace { not_before: Moment::ZERO, spent_until: Moment::ZERO, interval: timing.retry_period / 4 }
    }

    /// The earliest moment for the next request.
    pub(super) fn gate(&self) -> Moment {
        self.not_before.max(self.spent_until - self.interval * (BURST - 1))
    }

    pub(super) fn spend(&mut self, now: Moment) {
        self.spent_until = self.spent_until.max(now) + self.interval;
    }

    /// A request failed. The next one is sent `wait` after this one was *sent*, so that an attempt which already used
    /// up its timeout is followed at once.
    pub(super) fn failed(&mut self, sent: Moment, wait: Duration) {
        self.not_before = self.not_before.max(sent + wait);
    }
}

impl Timing {
    /// `period` plus up to a fifth of it.
    pub(super) fn jittered(&self, period: Duration, random: u8) -> Duration {
        period + period * u32::from(random) / (5 * 256)
    }
}
