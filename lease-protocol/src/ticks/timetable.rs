//! When the ticks of a task are due, and for how long.

use std::time::Duration;

use super::policy::{CatchUp, Delivery, Overlap, StartDeadline};
use crate::clock::WallTime;
use crate::schedule::{Schedule, ScheduledTime, Watermark};

/// A task's schedule and what it wants to become of its ticks. Checked when the task is added.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Timetable {
    /// When it is due.
    pub schedule: Schedule,
    /// Which runs once, or after a delay.
    pub kind: TimetableKind,
    /// Each tick starts later by less than this.
    pub jitter: Duration,
    /// What becomes of ticks during a run.
    pub overlap: Overlap,
    /// What becomes of ticks that could not be taken in time.
    pub catch_up: CatchUp,
    /// How many may wait.
    pub max_catch_up: u32,
    /// How late a tick may start; `None`: until the next is due.
    pub start_deadline: Option<StartDeadline>,
    /// At least so late, without a deadline of its own: what a failover takes.
    pub failover: Duration,
    /// What becomes of interrupted runs.
    pub delivery: Delivery,
    /// No tick is taken before so much of the term has passed.
    pub initial_delay: Duration,
    /// Ticks are recorded. Otherwise the leader's memory has to do.
    pub recorded: bool,
}

/// How the next tick follows from the last.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TimetableKind {
    /// The calendar says.
    Calendar,
    /// So long after the end of the last run.
    Delay(Duration),
    /// There is one tick.
    Once,
}

impl Timetable {
    /// When the tick is to be started: the same on every replica.
    pub(super) fn starts(&self, task: &str, tick: WallTime) -> WallTime {
        let bound = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX);
        if bound == 0 {
            return tick;
        }
        tick.plus(Duration::from_micros(hash(task.as_bytes(), tick) % bound))
    }

    /// The newest tick after `mark` whose start has come at `now`.
    pub(super) fn latest(&self, task: &str, mark: &Watermark, now: WallTime) -> Option<ScheduledTime> {
        let mut until = now;
        loop {
            let latest = self.schedule.latest(mark, until)?;
            // A jitter is at most half a period, so that this ends after a step or two.
            if self.starts(task, latest.at) <= now {
                return Some(latest);
            }
            until = WallTime(latest.at.0 - 1);
        }
    }

    /// The newest moment whose ticks are too late at `now`, `latest` being the newest tick.
    pub(super) fn expired_until(&self, latest: WallTime, now: WallTime) -> Option<WallTime> {
        let before = |at: WallTime, by: Duration| WallTime(at.0.saturating_sub(micros(by)).saturating_sub(1));
        match self.start_deadline {
            Some(StartDeadline::Unlimited) => None,
            Some(StartDeadline::After(after)) => Some(before(now, after)),
            // The next tick after the latest is not due yet; for all before it, it is.
            None => Some(before(now, self.failover).min(before(latest, Duration::ZERO))),
        }
    }

    /// How many runs there may be at once.
    pub(super) fn most(&self) -> usize {
        match self.overlap {
            Overlap::AllowAll(most) => most.max(1) as usize,
            Overlap::Skip | Overlap::BufferOne | Overlap::CancelOther => 1,
        }
    }
}

pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// FNV-1a, and a last stir so that neighbouring ticks are far apart.
fn hash(task: &[u8], tick: WallTime) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in task.iter().copied().chain(tick.0.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}
