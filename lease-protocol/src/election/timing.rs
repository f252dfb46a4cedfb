//! The timings of a lease, and the spans that follow from them.

use std::time::Duration;

use lease_grammar::timing::RHO;

/// The timings of one lease.
///
/// Three are chosen, and the others follow from them. Each span of a holder is counted from the instant at which it
/// *sent* the write that proved its leadership, never from the answer: the server may have committed the write at any
/// time after it was sent.
///
/// | span | default | what happens at its end |
/// |---|---|---|
/// | `lease_duration` | 15 s | a candidate that saw no change for this long takes over |
/// | `renew_deadline` | ⅔ of it, 10 s | the holder asks its bodies to end |
/// | `retry_period` | 2⁄15 of it, 2 s | the next attempt after a failure, or the next poll where watching is not possible |
/// | [`renew_period`](Self::renew_period) | 5 s | a holder renews |
/// | [`attempt_timeout`](Self::attempt_timeout) | 3.3 s | a request without an answer counts as slow; the answer is still awaited for as long as it can matter |
/// | [`drop_after`](Self::drop_after) | 11.75 s | bodies that have not ended are dropped |
/// | [`hard_stop`](Self::hard_stop) | 12 s | a body still inside one poll is an overrun |
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timing {
    /// How long a candidate waits before it takes over. Whole seconds, as the Lease stores it.
    pub lease_duration: Duration,
    /// How long a holder that cannot renew continues.
    pub renew_deadline: Duration,
    /// How long to wait after a failed request.
    pub retry_period: Duration,
}

impl Timing {
    /// When a holder renews, counted from the last renewal: half of the renew deadline, but at most a third of the
    /// lease duration, so that two more attempts fit before the deadline.
    pub fn renew_period(&self) -> Duration {
        (self.renew_deadline / 2).min(self.lease_duration / 3)
    }

    /// How long a request may take before it counts as slow. On HTTP/1.1 it is then sent once more beside the first.
    pub fn attempt_timeout(&self) -> Duration {
        self.renew_deadline / 3
    }

    /// After this, nothing of a body runs: the bodies have been dropped, or the process is ended now.
    pub fn hard_stop(&self) -> Duration {
        self.lease_duration * RHO.1 / RHO.0
    }

    /// After this, no poll of a body begins. It is a little before the hard stop. So a poll that is still running at
    /// the hard stop has lasted for all of this margin, which shows that it is stuck and did not merely begin late.
    pub fn drop_after(&self) -> Duration {
        self.hard_stop() - self.poll_margin()
    }

    /// How long one poll may last before it counts as stuck: 1/48 of the hard stop, 250 ms with the defaults.
    pub fn poll_margin(&self) -> Duration {
        self.hard_stop() / 48
    }

    /// When bodies are asked to end: at the renew deadline, and never later than they are dropped.
    pub fn cancel_after(&self) -> Duration {
        self.renew_deadline.min(self.drop_after())
    }

    /// `leaseDurationSeconds`: whole seconds, rounded up, so that the published duration is never shorter than the one
    /// that this process relies on.
    pub fn published_seconds(&self) -> i32 {
        let seconds = self.lease_duration.as_secs().saturating_add(u64::from(self.lease_duration.subsec_nanos() > 0));
        i32::try_from(seconds.max(1)).unwrap_or(i32::MAX)
    }
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}
