//! Global time, and the clock of each process, which runs at a rate of its own.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use lease_runtime::clock::{Clock, Moment, WallTime};
use tokio::time::Instant;

/// Nanoseconds since the beginning of a run: in global time, or on the clock of a process since that process started.
pub(crate) type Nanos = u64;

pub(crate) const MILLI: Nanos = 1_000_000;
pub(crate) const SECOND: Nanos = 1_000 * MILLI;

/// The calendar time at the beginning of every run.
pub(crate) const EPOCH: WallTime = WallTime(1_700_000_000_000_000);

/// Not at zero, because "an hour ago" must be a moment too.
const FIRST_MOMENT: Moment = Moment::from_nanos(86_400 * SECOND);

/// The calendar time at a global time.
pub(crate) fn wall_at(global: Nanos) -> WallTime {
    EPOCH.plus(Duration::from_nanos(global))
}

/// How fast the clock of a process runs, and when it started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// When the process started, in global time.
    pub(crate) begun: Nanos,
    /// Seconds of this clock in a thousand seconds of global time.
    pub(crate) rate: u64,
}

impl Pace {
    /// What the clock shows at a global time.
    pub(crate) fn local(self, global: Nanos) -> Nanos {
        scaled(global.saturating_sub(self.begun), self.rate, 1000)
    }

    /// The global time at which the clock shows this.
    pub(crate) fn global(self, local: Nanos) -> Nanos {
        self.begun + scaled(local, 1000, self.rate)
    }
}

fn scaled(value: Nanos, by: u64, of: u64) -> Nanos {
    u64::try_from(u128::from(value) * u128::from(by) / u128::from(of)).unwrap_or(u64::MAX)
}

/// The time of the current runtime since `begun`.
#[allow(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn since(begun: Instant) -> Nanos {
    u64::try_from(Instant::now().saturating_duration_since(begun).as_nanos()).unwrap_or(u64::MAX)
}

/// The instant at which the clock of the current runtime starts.
#[allow(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn first_instant() -> Instant {
    Instant::now()
}

/// The clock of one process, as lease-runtime reads it.
#[derive(Debug)]
pub(crate) struct ProcessClock {
    begun: Instant,
    /// The calendar time at the start, with all steps since.
    wall: Mutex<WallTime>,
}

impl ProcessClock {
    pub(crate) fn new(begun: Instant, wall: WallTime) -> ProcessClock {
        ProcessClock { begun, wall: Mutex::new(wall) }
    }

    /// Changes the calendar time by this many seconds.
    pub(crate) fn step_wall(&self, seconds: i64) {
        let mut wall = self.wall.lock().unwrap_or_else(PoisonError::into_inner);
        wall.0 = wall.0.saturating_add(seconds.saturating_mul(1_000_000));
    }

    /// Sets the calendar right, as NTP does. `now` is the calendar time.
    pub(crate) fn set_wall(&self, now: WallTime) {
        let elapsed = i64::try_from(self.elapsed() / 1_000).unwrap_or(i64::MAX);
        *self.wall.lock().unwrap_or_else(PoisonError::into_inner) = WallTime(now.0.saturating_sub(elapsed));
    }

    pub(crate) fn elapsed(&self) -> Nanos {
        since(self.begun)
    }

    /// The instant at which this clock shows `local`.
    pub(crate) fn instant(&self, local: Nanos) -> Instant {
        self.begun + Duration::from_nanos(local)
    }
}

impl Clock for ProcessClock {
    fn now(&self) -> Moment {
        FIRST_MOMENT + Duration::from_nanos(self.elapsed())
    }

    fn wall(&self) -> WallTime {
        let wall = *self.wall.lock().unwrap_or_else(PoisonError::into_inner);
        wall.plus(Duration::from_nanos(self.elapsed()))
    }
}
