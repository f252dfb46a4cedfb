//! The settings that say what happens to a task when its body ends, fails, or loses its lease.

use std::ops::Range;
use std::time::Duration;

use crate::error::Error;
use crate::policy::{OnExhausted, OnLoss, OnOverrun, Restart};

/// How long a body may take to end after it is asked to, if the task does not set it.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// The settings that say what happens to a task. The defaults are those of the attribute.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) restart: Restart,
    pub(crate) backoff: Range<Duration>,
    pub(crate) max_restarts: (u32, Duration),
    pub(crate) on_exhausted: OnExhausted,
    pub(crate) initial_delay: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) grace: Duration,
    pub(crate) on_overrun: OnOverrun,
    pub(crate) on_loss: OnLoss,
    pub(crate) signals_readiness: bool,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            restart: Restart::default(),
            backoff: Duration::from_secs(1)..Duration::from_secs(60),
            max_restarts: (5, Duration::from_secs(60)),
            on_exhausted: OnExhausted::default(),
            initial_delay: Duration::ZERO,
            timeout: None,
            grace: DEFAULT_GRACE,
            on_overrun: OnOverrun::default(),
            on_loss: OnLoss::default(),
            signals_readiness: false,
        }
    }
}

impl Policy {
    /// Checks values that were set at run time, as the attribute checks literals at compile time.
    pub(crate) fn check(&self, task: &str) -> Result<(), Error> {
        let broken = if self.backoff.start.is_zero() {
            Some("backoff must begin with a pause that is not zero: `\"1s..1m\"` is usual")
        } else if self.backoff.start > self.backoff.end {
            Some("backoff must not end below its beginning: write the shorter pause first, as in `\"1s..1m\"`")
        } else if self.max_restarts.1.is_zero() {
            Some("max_restarts needs a time to count in: `\"5 in 1m\"` is usual")
        } else if self.timeout.is_some_and(|timeout| timeout.is_zero()) {
            Some("timeout must not be zero: leave it out for a body that may run as long as it leads")
        } else {
            None
        };
        broken.map_or(Ok(()), |rule| Err(Error::Policy { task: task.to_owned(), rule }))
    }
}
