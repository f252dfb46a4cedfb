//! What a scheduled task wants to become of its ticks.

use std::time::Duration;

/// What becomes of a tick that falls due while an earlier run of the task goes on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Overlap {
    /// It is not run, and counted as overlapped.
    #[default]
    Skip,
    /// The latest of them runs when the earlier run has ended; those before it are counted as superseded.
    BufferOne,
    /// The earlier run is asked to end, with `StopReason::Replaced`, and may use its grace; the tick runs
    /// when it has.
    CancelOther,
    /// It runs beside, up to this many at once: 2 to 4. One that would be more is not run, and counted as overlapped.
    AllowAll(u32),
}

/// Which ticks run that could not be taken when they fell due: nobody led, or the leader could not write.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum CatchUp {
    /// None of them. Only what falls due while this replica leads is run; of several that it could not take for a while, the
    /// latest.
    None,
    /// The latest one. Those before it are counted as superseded.
    #[default]
    Latest,
    /// All of them, one after the other, the oldest first; also those that fall due meanwhile. At most
    /// `max_catch_up` wait, the latest ones.
    All,
}

/// How late a tick may still be started.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum StartDeadline {
    /// By so much. Later, it is not run, and counted as expired.
    After(Duration),
    /// However late it is.
    Unlimited,
}

impl StartDeadline {
    /// How late, unless that is unlimited.
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

/// What becomes of a tick whose run was interrupted: this process lost the lease, or died.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Delivery {
    /// It is not run again: counted as abandoned, whether it had come to its end or not. Nobody knows.
    #[default]
    AtMostOnce,
    /// The next leader runs it again, as another attempt at the same tick. The body has to bear that.
    AtLeastOnce,
}
