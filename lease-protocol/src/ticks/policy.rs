//! The choices that a scheduled task makes about its ticks.

use std::time::Duration;

/// What happens to a tick that falls due while an earlier run of the task has not ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Overlap {
    /// It is not run, and counted as overlapped.
    #[default]
    Skip,
    /// The latest of these ticks runs when the earlier run has ended. The others are counted as superseded.
    BufferOne,
    /// The earlier run is asked to end, with `StopReason::Replaced`, and may use its grace period. The tick runs when
    /// it has ended.
    CancelOther,
    /// It runs beside the earlier run, up to this many at once: 2 to 4. A tick beyond that is not run, and counted as
    /// overlapped.
    AllowAll(u32),
}

/// Which ticks run that could not be taken when they fell due, because no replica led or the leader could not write.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum CatchUp {
    /// None of them. Only ticks that fall due while this replica leads are run. If it could not take several of them
    /// for a while, the latest runs.
    None,
    /// The latest one. Those before it are counted as superseded.
    #[default]
    Latest,
    /// All of them, one after the other, the oldest first, and also those that fall due in the meantime. At most the
    /// latest `max_catch_up` of them wait.
    All,
}

/// How late a tick may still be started.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum StartDeadline {
    /// By at most this much. After that, it is not run, and counted as expired.
    After(Duration),
    /// No matter how late it is.
    Unlimited,
}

impl StartDeadline {
    /// How late, unless it is unlimited.
    pub fn after(self) -> Option<Duration> {
        match self {
            StartDeadline::After(after) => Some(after),
            StartDeadline::Unlimited => None,
        }
    }
}

impl From<Duration> for StartDeadline {
    fn from(after: Duration) -> StartDeadline {
        StartDeadline::After(after)
    }
}

/// What happens to a tick whose run was interrupted because its process lost the lease or died.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Delivery {
    /// It is not run again. It is counted as abandoned, because it is not known whether its work was done.
    #[default]
    AtMostOnce,
    /// The next leader runs it again, as another attempt at the same tick. The body must tolerate that.
    AtLeastOnce,
}
