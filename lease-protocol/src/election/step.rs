//! The events that go into an election, and the actions that come out of it.

use std::fmt;
use std::time::Duration;

use super::altered::AlteredField;
use super::record::{Observation, Record, Version, View};
use super::shown::shown;
use super::token::FencingToken;
use crate::clock::{Moment, WallTime};

/// The time of a step. The caller reads it, because an election has no clock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Now {
    /// The clock of the caller. For an answer or an observation, it is read *after* that was received.
    pub moment: Moment,
    /// Calendar time. It is written to the Lease and never compared.
    pub wall: WallTime,
    /// A random number, which spreads the attempts of several candidates.
    pub random: u8,
}

/// Names one request of one election.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct RequestId(pub u32);

/// A request to the API server.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Request {
    /// Get the Lease (GET without `resourceVersion`, so that the quorum answers).
    Get,
    /// Create the Lease (PUT without uid and version, which the server refuses if there is one).
    Create(Record),
    /// Replace the Lease if it is still in the state `base` (PUT with its uid and version).
    Replace {
        /// The state that the write replaces.
        base: Version,
        /// The new record.
        record: Record,
    },
}

/// How a request ended.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// A write took effect. This is the Lease as stored.
    Committed(View),
    /// A get showed this.
    Shown(Observation),
    /// A write did not take effect: the Lease is not in the state that the write named.
    Conflict,
    /// The request did not take effect: it was refused, or never arrived.
    Refused {
        /// How long the server asked to wait.
        retry_after: Option<Duration>,
        /// The server was not reached (connection refused), so an early retry costs it nothing.
        unreached: bool,
    },
    /// It is not known whether the request took effect: no answer in time, a broken connection, a server error, an unreadable body.
    Unknown,
}

/// An event for the election.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// Time has passed. It is also the first event.
    Woken,
    /// A watch showed this. It may be late or repeated, and states in between may be missing.
    Seen(Observation),
    /// A request ended. At most once for each id, or never.
    Answered {
        /// The request.
        id: RequestId,
        /// How it ended.
        answer: Answer,
    },
    /// A watch is open: changes are seen without a get.
    WatchOpened,
    /// There is no watch: get the Lease from time to time.
    WatchLost,
    /// The holder has something to write: renew now, and not when the renewal is due. W2 holds.
    Hurry,
    /// Leave the election: end the term, release the lease when the bodies are gone, and stay out.
    Withdraw(StopReason),
    /// Take part again after a withdrawal.
    Contend,
    /// All bodies of the term are gone, and none will be started.
    Drained,
    /// The process of this identity is proven dead: no body of it will ever be polled again. That is all that it says, so it may come at
    /// any time after the death, and again. Silence is no proof. The whole identity counts, as a record names it.
    Dead(String),
}

/// An action for the caller.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Send a request and report its end as [`Event::Answered`].
    Send {
        /// The id of the request.
        id: RequestId,
        /// The request.
        request: Request,
    },
    /// A term begins: bodies may start.
    Begin(Grant),
    /// The term is extended.
    Extend(Deadlines),
    /// Ask the bodies to end, because the lease was lost or the election is being left. They may run until they are dropped.
    Cancel(StopReason),
    /// The term is over: no poll of a body may begin from now on.
    Expire,
    /// A get showed a state that the open watch has not shown. The watch is broken: open another.
    Rewatch,
    /// The election has been left: nothing is held, and no request is on its way.
    Left {
        /// The lease was released on the server. If not, others wait until it expires.
        released: bool,
    },
    /// A write was stored differently than it was sent, so no term begins or continues with it. The next attempt comes after a pause.
    Altered(Vec<AlteredField>),
    /// The revisions of the API server went backwards, as after restoring a backup. Fencing tokens would not grow any
    /// more, so this process does not lead again.
    Disqualified {
        /// The highest revision that this process saw.
        highest: u64,
        /// The lower one that came after it.
        shown: u64,
    },
}

/// A new term.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Grant {
    /// The term's fencing token.
    pub token: FencingToken,
    /// `leaseTransitions` of the acquiring write.
    pub transitions: i32,
    /// The deadlines, unless the term is extended.
    pub deadlines: Deadlines,
}

/// The three deadlines of a term. Each renewal moves them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Deadlines {
    /// Bodies are asked to end.
    pub cancel_at: Moment,
    /// No poll of a body begins from here on.
    pub drop_at: Moment,
    /// The hard stop: a body that has not returned from a poll is an overrun.
    pub hard_stop: Moment,
}

/// Why a term, or one run of a body, was asked to end.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum StopReason {
    /// The lease was lost.
    Lost(LossReason),
    /// The candidate is shutting down.
    Shutdown,
    /// All tasks of the lease have finished on this replica.
    Finished,
    /// This replica gave the lease up for another to try: a body, the candidate, or a task that failed too often asked for it.
    SteppedDown,
    /// Somebody asked this replica from outside to give the lease up, for any other replica or for a certain one.
    StepDownRequested,
    /// A condition under which this replica takes part in the election does not hold any more.
    Withdrawn,
    /// Another member of the group that the body belongs to has failed for good. The term continues without the group.
    GroupFailed,
    /// A later tick of the task takes the place of this run. The term continues.
    Replaced,
    /// The runtime that ran the bodies is gone.
    RuntimeGone,
}

/// Why a lease was lost, although this process did not give it up.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum LossReason {
    /// The lease could not be renewed within the renew deadline.
    NotRenewed,
    /// The Lease names another holder. This is the value in the Lease. `Display` escapes and shortens it.
    TakenBy(String),
    /// The Lease names no holder any more, although this process did not release it.
    HolderCleared,
    /// Somebody else changed the Lease, although it still names this process.
    Overwritten,
    /// The Lease was deleted.
    Deleted,
    /// The API server's revisions went backwards, as after restoring etcd from a backup.
    WentBackwards,
}

impl StopReason {
    /// Whether the lease was lost, rather than given up by this process.
    pub fn is_involuntary(&self) -> bool {
        matches!(self, StopReason::Lost(_))
    }

    /// Whether this replica gives the lease up for another to try. It then stays out of the election until another has the lease, or for one
    /// lease duration.
    pub fn is_step_down(&self) -> bool {
        matches!(self, StopReason::SteppedDown | StopReason::StepDownRequested)
    }

    /// One word for it, for metrics. It never contains the holder. For a lost lease, it is the word of the [`LossReason`].
    pub const fn as_str(&self) -> &'static str {
        match self {
            StopReason::Lost(reason) => reason.as_str(),
            StopReason::Shutdown => "shutdown",
            StopReason::Finished => "finished",
            StopReason::SteppedDown => "stepped_down",
            StopReason::StepDownRequested => "step_down_requested",
            StopReason::Withdrawn => "withdrawn",
            StopReason::GroupFailed => "group_failed",
            StopReason::Replaced => "replaced",
            StopReason::RuntimeGone => "runtime_gone",
        }
    }
}

impl LossReason {
    /// One word for it, for metrics. It never contains the holder.
    pub const fn as_str(&self) -> &'static str {
        match self {
            LossReason::NotRenewed => "not_renewed",
            LossReason::TakenBy(_) => "taken_by",
            LossReason::HolderCleared => "holder_cleared",
            LossReason::Overwritten => "overwritten",
            LossReason::Deleted => "deleted",
            LossReason::WentBackwards => "went_backwards",
        }
    }
}

impl From<LossReason> for StopReason {
    fn from(reason: LossReason) -> StopReason {
        StopReason::Lost(reason)
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopReason::Lost(reason) => reason.fmt(f),
            StopReason::Shutdown => f.write_str("the candidate is shutting down"),
            StopReason::Finished => f.write_str("all tasks of the lease have finished"),
            StopReason::SteppedDown => f.write_str("this replica stepped down"),
            StopReason::StepDownRequested => f.write_str("this replica was asked from outside to step down"),
            StopReason::Withdrawn => f.write_str("this replica takes no part in the election for now"),
            StopReason::GroupFailed => f.write_str("another member of the group has failed"),
            StopReason::Replaced => f.write_str("a later tick of the task takes its place"),
            StopReason::RuntimeGone => f.write_str("the runtime of the tasks is gone"),
        }
    }
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LossReason::NotRenewed => f.write_str("the lease could not be renewed in time"),
            LossReason::TakenBy(holder) => write!(f, "the lease is held by `{}`", shown(holder)),
            LossReason::HolderCleared => f.write_str("somebody emptied the holder of the lease"),
            LossReason::Overwritten => f.write_str("somebody else wrote to the lease"),
            LossReason::Deleted => f.write_str("the lease was deleted"),
            LossReason::WentBackwards => {
                f.write_str("the API server's revisions went backwards, as after restoring a backup")
            }
        }
    }
}
