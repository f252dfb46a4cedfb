//! What becomes of a task whose body ends, fails, or loses its lease.

use std::ops::Range;
use std::time::Duration;

use super::OnOverrun;
use crate::error::Error;

/// How long a body may take to end once it is asked to, unless the task says otherwise.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// When a body that has ended by itself runs again. One that ended because it was asked to runs again in the next term, in
/// any case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Restart {
    /// Also when it has returned: after the first pause of the [`backoff`](super::LeaderTask::backoff). The task is never
    /// done.
    Always,
    /// When it has returned an error, panicked, or taken longer than its [`timeout`](super::LeaderTask::timeout).
    #[default]
    OnFailure,
    /// Not at all. However it ends, the task is over on this replica; a member of a group is in the term at hand, as the
    /// whole group begins anew in the next one if it is not over.
    Never,
}

/// What happens to a task that has failed more often than its [`max_restarts`](super::LeaderTask::max_restarts) allows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnExhausted {
    /// This replica gives the lease up, with all its tasks, and sits out one lease duration, so that another may try:
    /// what [`Term::step_down`](crate::Term::step_down) does. If nobody else takes the lease, this replica tries again, and counts from
    /// zero.
    #[default]
    Resign,
    /// The candidate shuts down in order, and then the process ends with exit code 1, for Kubernetes to start it anew. In
    /// order means that bodies have their grace, and that one which is stuck inside a poll is waited for.
    Exit,
    /// The task is over on this replica, and whoever waits for it gets the error. The other tasks go on; if there are none,
    /// the lease is given up.
    Stop,
}

/// What this process does when it has lost a lease that it did not give up itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnLoss {
    /// It takes part in the election again.
    #[default]
    Reelect,
    /// The process ends with exit code 1: when the bodies of the lease are gone, at the hard stop at the latest. The end of
    /// a process is the only sure stop for what a body has left behind, such as a thread or a plain `tokio::spawn`. Other
    /// leases that the process holds are not released but run out.
    Exit,
}

/// What becomes of a task; the defaults are those of the attribute.
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
    /// What the attribute checks at compile time, for values that were set at run time.
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
