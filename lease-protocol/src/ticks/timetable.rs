//! When the ticks of a task are due, and how late they may start.

use std::time::Duration;

use super::policy::{CatchUp, Delivery, Overlap, StartDeadline};
use crate::clock::WallTime;
use crate::schedule::{Schedule, ScheduledTime, Watermark};

/// A task's schedule, and its choices about ticks. They are checked when the task is added.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Timetable {
    /// When the task is due.
    pub schedule: Schedule,
    /// How the next tick follows from the last one.
    pub kind: TimetableKind,
    /// Each tick is delayed by less than this.
    pub jitter: Duration,
    /// What happens to ticks that fall due during a run.
    pub overlap: Overlap,
    /// What happens to ticks that could not be taken in time.
    pub catch_up: CatchUp,
    /// How many ticks may wait.
    pub max_catch_up: u32,
    /// How late a tick may start. `None`: until the next tick is due.
    pub start_deadline: Option<StartDeadline>,
    /// Without a deadline of its own, a tick may start at least this late: the time that a failover takes.
    pub failover: Duration,
    /// What happens to interrupted runs.
    pub delivery: Delivery,
    /// No tick is taken in the first part of a term, for this long.
    pub initial_delay: Duration,
    /// Whether ticks are recorded. If not, only the leader remembers which ticks have run.
    pub recorded: bool,
}

/// How the next tick follows from the last one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TimetableKind {
    /// By the calendar.
    Calendar,
    /// This long after the end of the last run.
    Delay(Duration),
    /// There is only one tick.
    Once,
}

impl Timetable {
    /// When the tick starts. It is the same on every replica.
    pub(super) fn starts(&self, task: &str, tick: WallTime) -> WallTime {
        let bound = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX);
        if bound == 0 {
            return tick;
        }
        tick.plus(Duration::from_micros(hash(task.as_bytes(), tick) % bound))
    }

    /// The newest tick after `mark` whose start is not later than `now`.
    pub(super) fn latest(&self, task: &str, mark: &Watermark, now: WallTime) -> Option<ScheduledTime> {
        let mut until = now;
        loop {
            let latest = self.schedule.latest(mark, until)?;
            // The jitter is at most half a period, so one or two steps are enough.
            if self.starts(task, latest.at) <= now {
                return Some(latest);
            }
            until = WallTime(latest.at.0 - 1);
        }
    }

    /// The newest time up to which ticks are too late at `now`. `latest` is the newest tick.
    pub(super) fn expired_until(&self, latest: WallTime, now: WallTime) -> Option<WallTime> {
        let before = |at: WallTime, by: Duration| WallTime(at.0.saturating_sub(micros(by)).saturating_sub(1));
        match self.start_deadline {
            Some(StartDeadline::Unlimited) => None,
            Some(StartDeadline::After(after)) => Some(before(now, after)),
            // The tick after `latest` is not due yet, so `latest` is not late. For each tick before `latest`, the next
            // one is due.
            None => Some(before(now, self.failover).min(before(latest, Duration::ZERO))),
        }
    }

    /// How many runs may be under way at once.
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

/// FNV-1a with a final mixing step, so that neighbouring ticks get very different values.
fn hash(task: &[u8], tick: WallTime) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in task.iter().copied().chain(tick.0.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}
