//! The time that ticks go by.

use std::time::Duration;

use crate::clock::WallTime;
use crate::ticks::AttemptId;

/// By so much the clock of a leader may be ahead of the API server's before its ticks go by the server's. Several API servers are
/// apart by as much as their own clocks are, and their answers tell whole seconds.
pub(super) const TOLERANCE: Duration = Duration::from_secs(10);

/// By so much the API server's clock has to leap forward before the time at which a task was armed counts as wrong.
pub(super) const LEAP: Duration = Duration::from_secs(3600);

/// The time of a step, read by the caller.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TickTime {
    /// This replica's calendar time.
    pub wall: WallTime,
    /// The API server's, if its answers tell.
    pub server: Option<WallTime>,
    /// A random number, of which the names of attempts are made.
    pub dice: u64,
}

impl TickTime {
    /// Rule 8: the time that ticks go by. It is this replica's, unless that is far ahead of the API server's. Such a replica
    /// would take ticks of next year and, as they are recorded, silence every sane successor until then.
    pub(super) fn bounded(&self) -> WallTime {
        match self.server {
            Some(server) if self.wall > server.plus(TOLERANCE) => server,
            _ => self.wall,
        }
    }

    /// What this replica's clock shows when it is so late by the time that ticks go by.
    pub(super) fn shown(&self, at: WallTime) -> WallTime {
        WallTime(at.0.saturating_add(self.wall.0.saturating_sub(self.bounded().0)))
    }

    /// How far this replica's clock is ahead, if ticks do not go by it.
    pub fn ahead(&self) -> Option<Duration> {
        let server = self.server.filter(|server| self.wall > server.plus(TOLERANCE))?;
        Some(Duration::from_micros(u64::try_from(self.wall.0 - server.0).unwrap_or(u64::MAX)))
    }

    /// A name for the attempt that a write takes as its `number`th of a task.
    pub(super) fn id(&self, task: &str, number: usize) -> AttemptId {
        let seed = task.bytes().fold(self.dice ^ number as u64, |seed, byte| {
            (seed ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        });
        let stirred = (seed ^ (seed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        // 48 bits: twelve digits, which keeps records short. Zero is nobody's.
        AttemptId::new(((stirred ^ (stirred >> 29)) >> 16).max(1))
    }
}
