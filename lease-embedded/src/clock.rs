//! The default clock of the API. This crate reads time nowhere else, so a test that passes its own clock controls all of it.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use lease_protocol::clock::{Clock, Moment, WallTime};

/// The clocks of the standard library. `Instant` does not count the time that the machine sleeps, which is fine for a server.
#[derive(Debug)]
pub(crate) struct ServerClock;

impl Clock for ServerClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Moment {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        Moment::ZERO + START.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    fn wall(&self) -> WallTime {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        WallTime(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

/// The clock of a paused runtime.
#[cfg(test)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct PausedClock {
    start: tokio::time::Instant,
    wall: WallTime,
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "this is the clock")]
impl PausedClock {
    pub(crate) fn starting_at(wall: WallTime) -> PausedClock {
        PausedClock { start: tokio::time::Instant::now(), wall }
    }

    fn elapsed(self) -> std::time::Duration {
        tokio::time::Instant::now().saturating_duration_since(self.start)
    }
}

#[cfg(test)]
impl Clock for PausedClock {
    fn now(&self) -> Moment {
        Moment::ZERO + self.elapsed()
    }

    fn wall(&self) -> WallTime {
        self.wall.plus(self.elapsed())
    }
}
