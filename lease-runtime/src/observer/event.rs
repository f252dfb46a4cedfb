//! An observer, and what it learns.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::lease::LeaseId;
use lease_protocol::election::{FencingToken, StopReason, Taken};
use lease_protocol::ticks::TickCounts;

/// Receives the events of a candidate, for metrics and alerts.
///
/// Events of one lease come in the order in which they happened. An observer runs on a thread of its own. A renewal that succeeded
/// comes with the next other event, which is a second later at most. If an observer takes so long
/// that 65,536 events wait, further ones are dropped, and [`LeaseEvent::Dropped`] says how many. A panic is logged, and the next
/// event is delivered.
///
/// With [`CandidateBuilder::client`](crate::CandidateBuilder::client), it is called where the event happens, on the runtime of the
/// program. There it must not block.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use lease_runtime::LeaseEvent;
///
/// static TERMS: AtomicU64 = AtomicU64::new(0);
///
/// # async fn build() -> Result<lease_runtime::Candidate, lease_runtime::Error> {
/// lease_runtime::Candidate::builder()
///     .observer(|event: &LeaseEvent| {
///         if let LeaseEvent::TermBegan { .. } = event {
///             TERMS.fetch_add(1, Relaxed);
///         }
///     })
///     .build()
///     .await
/// # }
/// ```
pub trait Observer: Send + Sync + 'static {
    /// Takes one event.
    fn observe(&self, event: &LeaseEvent);
}

impl<F: Fn(&LeaseEvent) + Send + Sync + 'static> Observer for F {
    fn observe(&self, event: &LeaseEvent) {
        self(event);
    }
}

/// Something that happened to a lease of this process, or to a task of that lease, for metrics and alerts.
///
/// Later versions may add events and fields, so a `match` needs `_ => {}`, and a pattern ends with `..`.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum LeaseEvent {
    /// A task was added for this lease, which had no task before. It is the first event of a lease: a gauge can begin at zero.
    #[non_exhaustive]
    Added {
        /// The lease.
        lease: LeaseId,
    },
    /// No task of this lease is left in this process, and the election has been left. [`Added`](LeaseEvent::Added) follows if another
    /// task is added.
    #[non_exhaustive]
    Removed {
        /// The lease.
        lease: LeaseId,
    },
    /// This process has acquired the lease, and its bodies start.
    #[non_exhaustive]
    TermBegan {
        /// The lease.
        lease: LeaseId,
        /// The fencing token of the term.
        token: FencingToken,
        /// In which state this process took the lease.
        taken: Taken,
        /// How long the lease was free before: from when this process saw it without a holder, or from when it had run out, until
        /// the term began.
        vacancy: Duration,
    },
    /// The bodies were asked to end. They may still use their grace.
    #[non_exhaustive]
    TermCancelled {
        /// The lease.
        lease: LeaseId,
        /// The fencing token of the term.
        token: FencingToken,
        /// Why.
        reason: StopReason,
    },
    /// All bodies of the term are gone.
    #[non_exhaustive]
    TermEnded {
        /// The lease.
        lease: LeaseId,
        /// The fencing token of the term.
        token: FencingToken,
    },
    /// A write of the holder has ended: a renewal, with or without ticks.
    #[non_exhaustive]
    RenewalEnded {
        /// The lease.
        lease: LeaseId,
        /// How it ended.
        result: RenewalResult,
        /// How long it took.
        duration: Duration,
        /// How long before the hard stop it ended, by the deadlines before it.
        margin: Duration,
    },
    /// The holder had to read the Lease before it could write again, because an answer was missing or another program wrote.
    #[non_exhaustive]
    SlowPath {
        /// The lease.
        lease: LeaseId,
    },
    /// A run of a body has begun.
    #[non_exhaustive]
    RunBegan {
        /// The lease.
        lease: LeaseId,
        /// The task.
        task: Arc<str>,
        /// For the run of a tick: how much later than its nominal time it began.
        lateness: Option<Duration>,
    },
    /// A run of a body has ended, and so have its children.
    #[non_exhaustive]
    RunEnded {
        /// The lease.
        lease: LeaseId,
        /// The task.
        task: Arc<str>,
        /// How it ended.
        outcome: BodyOutcome,
        /// How long it took.
        duration: Duration,
    },
    /// A body does not yield although its time is up. The lease is not released while it runs.
    #[non_exhaustive]
    Overrun {
        /// The lease.
        lease: LeaseId,
        /// The task.
        task: Arc<str>,
    },
    /// A task has failed, and its settings allow no further attempt: its restarts are used up, it never runs again after a failure,
    /// or the last `retry` of a tick has failed. What happens next, the task's `on_exhausted` says.
    #[non_exhaustive]
    Exhausted {
        /// The lease.
        lease: LeaseId,
        /// The task.
        task: Arc<str>,
    },
    /// The holder has recorded ticks of a task in the Lease. When a task begins to take ticks in a term, this event tells what its
    /// record says, and adds nothing. When the task ends and the term continues, it has no next tick.
    #[non_exhaustive]
    TicksRecorded {
        /// The lease.
        lease: LeaseId,
        /// The task.
        task: Arc<str>,
        /// The ticks that this record adds, by outcome.
        added: TickCounts,
        /// When the last run of the task ended, if it is done.
        last_done: Option<Timestamp>,
        /// The next tick.
        next: Option<Timestamp>,
    },
    /// The loop that runs the elections has turned, as it does every second.
    #[non_exhaustive]
    ElectorTurned {
        /// How much later than planned: the process got no processor time, or the loop was held up.
        lag: Duration,
    },
    /// How far the clock of this process is ahead of the API server's, if its ticks follow the server's clock. Zero when that is
    /// over.
    #[non_exhaustive]
    ClockAhead {
        /// The lease.
        lease: LeaseId,
        /// By how much.
        by: Duration,
    },
    /// Events were dropped here, because the observer took too long: counters miss them, and gauges may be wrong until they change
    /// again.
    #[non_exhaustive]
    Dropped {
        /// How many.
        events: u64,
    },
}

/// How a write of the holder ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum RenewalResult {
    /// The lease was renewed.
    Ok,
    /// Another program had written the Lease. The holder reads it, and writes again.
    Conflict,
    /// No answer came in time, or none that says whether the write took effect.
    Timeout,
    /// The API server refused it.
    Refused,
    /// The API server was not reached.
    Unreachable,
}

/// How a run of a body ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum BodyOutcome {
    /// It returned by itself, without an error.
    Done,
    /// It returned after it was asked to end.
    Ended,
    /// It returned an error.
    Failed,
    /// It panicked.
    Panicked,
    /// It took longer than its `timeout`.
    TimedOut,
    /// It was dropped: its time was up, or its task was given up.
    Dropped,
}

impl RenewalResult {
    /// Its name, as the metrics have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            RenewalResult::Ok => "ok",
            RenewalResult::Conflict => "conflict",
            RenewalResult::Timeout => "timeout",
            RenewalResult::Refused => "refused",
            RenewalResult::Unreachable => "unreachable",
        }
    }
}

impl BodyOutcome {
    /// Its name, as the metrics have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            BodyOutcome::Done => "done",
            BodyOutcome::Ended => "ended",
            BodyOutcome::Failed => "failed",
            BodyOutcome::Panicked => "panicked",
            BodyOutcome::TimedOut => "timed_out",
            BodyOutcome::Dropped => "dropped",
        }
    }
}
