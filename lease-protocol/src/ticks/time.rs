//! The time that decides when ticks are due.

use std::time::Duration;

use crate::clock::WallTime;
use crate::ticks::AttemptId;

/// How far a leader's clock may be ahead of the API server's before its ticks follow the server's clock. Several API
/// servers differ as much as their own clocks do, and their answers carry whole seconds.
pub(super) const TOLERANCE: Duration = Duration::from_secs(10);

/// How far the API server's clock must jump forward before the time at which a task was armed counts as wrong.
pub(super) const LEAP: Duration = Duration::from_secs(3600);

/// The time of a step, read by the caller.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TickTime {
    /// This replica's calendar time.
    pub wall: WallTime,
    /// The API server's calendar time, if its answers carry one.
    pub server: Option<WallTime>,
    /// A random number, from which the ids of attempts are made.
    pub random: u64,
}

impl TickTime {
    /// Rule 8: the time that decides when ticks are due. It is this replica's time, unless that is far ahead of the API
    /// server's. Without this rule, such a replica would take the ticks of next year and record them as taken. Its
    /// successors would then run nothing until next year.
    pub(super) fn bounded(&self) -> WallTime {
        match self.server {
            Some(server) if self.wall > server.plus(TOLERANCE) => server,
            _ => self.wall,
        }
    }

    /// The latest time that may have come, by either clock.
    pub(super) fn latest(&self) -> WallTime {
        self.server.map_or(self.wall, |server| self.wall.max(server.plus(TOLERANCE)))
    }

    /// What this replica's clock will show when the time that decides about ticks is `at`.
    pub(super) fn shown(&self, at: WallTime) -> WallTime {
        WallTime(at.0.saturating_add(self.wall.0.saturating_sub(self.bounded().0)))
    }

    /// How far this replica's clock is ahead, if its ticks follow the server's clock.
    pub fn ahead(&self) -> Option<Duration> {
        let server = self.server.filter(|server| self.wall > server.plus(TOLERANCE))?;
        Some(Duration::from_micros(u64::try_from(self.wall.0 - server.0).unwrap_or(u64::MAX)))
    }

    /// The id for an attempt that is the `number`th one of a task in the same write.
    pub(super) fn id(&self, task: &str, number: usize) -> AttemptId {
        let seed = task.bytes().fold(self.random ^ number as u64, |seed, byte| {
            (seed ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
        let stirred = (seed ^ (seed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        // 48 bits, which are twelve hex digits, keep records short. Zero is not used.
        AttemptId::new(((stirred ^ (stirred >> 29)) >> 16).max(1))
    }
}
