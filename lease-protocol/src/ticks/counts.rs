//! Outcomes of ticks, and how often each occurred.

use std::fmt;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TickOutcome {
    /// The body returned.
    Done,
    /// The body returned an error, panicked or took too long, and so did each further attempt that was allowed.
    Failed,
    /// It was asked to end before it was done: for a later tick, or at the end of the term.
    Cancelled,
    /// The process that ran it lost the lease or died. Whether its work was done is not known.
    Abandoned,
}

/// Why a tick was not run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum NotRun {
    /// With [`Overlap::Skip`](super::Overlap::Skip), a run of the task had not ended. With
    /// [`Overlap::AllowAll`](super::Overlap::AllowAll), as many runs as allowed had not ended.
    Overlapped,
    /// A later one was due as well: [`CatchUp::Latest`](super::CatchUp::Latest).
    Superseded,
    /// It could not be started before its `start_deadline`.
    Expired,
    /// The task was paused.
    Paused,
    /// More than `max_catch_up` were waiting.
    OverLimit,
    /// This replica did not lead yet: [`CatchUp::None`](super::CatchUp::None).
    NotLeading,
}

/// How the ticks of a task ended since the task was first seen. Each tick that was run to its end, or not run, is in
/// exactly one of the counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub struct TickCounts {
    /// [`TickOutcome::Done`].
    pub done: u64,
    /// [`TickOutcome::Failed`].
    pub failed: u64,
    /// [`TickOutcome::Cancelled`].
    pub cancelled: u64,
    /// [`TickOutcome::Abandoned`].
    pub abandoned: u64,
    /// [`NotRun::Overlapped`].
    pub overlapped: u64,
    /// [`NotRun::Superseded`].
    pub superseded: u64,
    /// [`NotRun::Expired`].
    pub expired: u64,
    /// [`NotRun::Paused`].
    pub paused: u64,
    /// [`NotRun::OverLimit`].
    pub over_limit: u64,
    /// [`NotRun::NotLeading`].
    pub not_leading: u64,
}

/// Counts stop here: nine digits, so that the length of a record is bounded.
const MOST: u64 = 999_999_999;

impl TickCounts {
    /// The ticks that were started.
    pub fn run(&self) -> u64 {
        self.done + self.failed + self.cancelled + self.abandoned
    }

    /// The ticks that were not run.
    pub fn not_run(&self) -> u64 {
        // Names all fields, so that a further reason does not compile before it is added here.
        let TickCounts {
            done: _,
            failed: _,
            cancelled: _,
            abandoned: _,
            overlapped,
            superseded,
            expired,
            paused,
            over_limit,
            not_leading,
        } = self;
        overlapped + superseded + expired + paused + over_limit + not_leading
    }

    /// What was counted since `before`. A count that is smaller than before, as in a record that was made anew, counts from zero.
    pub fn since(mut self, mut before: TickCounts) -> TickCounts {
        for ((_, now), (_, before)) in self.named().into_iter().zip(before.named()) {
            *now = now.checked_sub(*before).unwrap_or(*now);
        }
        self
    }

    /// Each count with its name, as in metrics.
    pub fn by_name(mut self) -> [(&'static str, u64); 10] {
        self.named().map(|(name, count)| (name, *count))
    }

    pub(super) fn ended(&mut self, outcome: TickOutcome) {
        let count = match outcome {
            TickOutcome::Done => &mut self.done,
            TickOutcome::Failed => &mut self.failed,
            TickOutcome::Cancelled => &mut self.cancelled,
            TickOutcome::Abandoned => &mut self.abandoned,
        };
        *count = count.saturating_add(1).min(MOST);
    }

    pub(super) fn skipped(&mut self, why: NotRun, by: u64) {
        let count = match why {
            NotRun::Overlapped => &mut self.overlapped,
            NotRun::Superseded => &mut self.superseded,
            NotRun::Expired => &mut self.expired,
            NotRun::Paused => &mut self.paused,
            NotRun::OverLimit => &mut self.over_limit,
            NotRun::NotLeading => &mut self.not_leading,
        };
        *count = count.saturating_add(by).min(MOST);
    }

    /// The counts, with their names in the record.
    pub(super) fn named(&mut self) -> [(&'static str, &mut u64); 10] {
        // Names all fields, so that a further count does not compile before it has a name. Without one it would not be stored.
        let TickCounts {
            done,
            failed,
            cancelled,
            abandoned,
            overlapped,
            superseded,
            expired,
            paused,
            over_limit,
            not_leading,
        } = self;
        [
            ("done", done),
            ("failed", failed),
            ("cancelled", cancelled),
            ("abandoned", abandoned),
            ("overlapped", overlapped),
            ("superseded", superseded),
            ("expired", expired),
            ("paused", paused),
            ("over_limit", over_limit),
            ("not_leading", not_leading),
        ]
    }

    /// Limits a count that was read from a record.
    pub(super) fn capped(count: u64) -> u64 {
        count.min(MOST)
    }
}

impl TickOutcome {
    pub(super) const ALL: [TickOutcome; 4] =
        [TickOutcome::Done, TickOutcome::Failed, TickOutcome::Cancelled, TickOutcome::Abandoned];

    /// Its name in the record.
    pub(super) fn word(self) -> &'static str {
        match self {
            TickOutcome::Done => "done",
            TickOutcome::Failed => "failed",
            TickOutcome::Cancelled => "cancelled",
            TickOutcome::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for TickOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NotRun::Overlapped => "overlapped: a run was going on",
            NotRun::Superseded => "superseded: a later one was due as well",
            NotRun::Expired => "expired: its start deadline had passed",
            NotRun::Paused => "paused",
            NotRun::OverLimit => "over the limit of ticks that may wait",
            NotRun::NotLeading => "this replica did not lead yet",
        })
    }
}
