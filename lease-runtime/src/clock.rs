//! The one place where time is read.
//!
//! Elections compare instants of one clock of one machine and never look at another machine's time. That clock must count
//! the time a machine spends asleep: a laptop lid or a suspended virtual machine would otherwise wake up believing in a
//! lease that ended hours ago. `std::time::Instant` stands still during a suspend on Linux, so [`SystemClock`] reads
//! `CLOCK_BOOTTIME` there.
//!
//! A hypervisor that stops the whole machine stops every clock in it, and no program inside can tell. There, only the
//! [fencing token](crate::FencingToken) helps.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An instant on a [`Clock`]: nanoseconds since a fixed but arbitrary point of this machine.
///
/// Moments of different machines, or of different clocks, have nothing to do with each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// The clock's own beginning.
    pub const ZERO: Moment = Moment(0);
    /// Later than any moment a clock shows: about 584 years after its beginning.
    pub const FAR: Moment = Moment(u64::MAX);

    /// The moment `nanos` nanoseconds after the clock's beginning.
    pub const fn from_nanos(nanos: u64) -> Moment {
        Moment(nanos)
    }

    /// Nanoseconds since the clock's beginning.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this moment is; zero if it is not.
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// How long from `now` until this moment; zero if it has come.
    pub const fn after(self, now: Moment) -> Duration {
        self.since(now)
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Moment;

    /// Saturates at [`Moment::FAR`].
    fn add(self, by: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Moment {
    type Output = Moment;

    /// Saturates at [`Moment::ZERO`].
    fn sub(self, by: Duration) -> Moment {
        Moment(self.0.saturating_sub(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

/// Calendar time in microseconds since 1970, as a Lease carries it. Written for people to read; never compared with
/// another machine's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WallTime(pub i64);

impl WallTime {
    /// This time plus `by`.
    pub fn plus(self, by: Duration) -> WallTime {
        WallTime(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for WallTime {
    /// As RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "{} µs since 1970", self.0),
        }
    }
}

impl std::str::FromStr for WallTime {
    type Err = jiff::Error;

    /// Reads an RFC 3339 time.
    fn from_str(text: &str) -> Result<WallTime, jiff::Error> {
        text.parse::<jiff::Timestamp>().map(|at| WallTime(at.as_microsecond()))
    }
}

/// Where elections, guards and schedules read time.
///
/// In production this is [`SystemClock`]. A test that wants virtual time hands in one of its own; all of `lease-runtime`
/// then follows it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The current moment. Never goes back, and counts time asleep.
    fn now(&self) -> Moment;
    /// The current calendar time. May jump.
    fn wall(&self) -> WallTime;
    /// Whether its moments are those of [`SystemClock`].
    ///
    /// If they are, a thread of the library's own enforces the deadlines of each term, and reads the system's clock for
    /// that, since anything else might block. For any other clock, the default, the elector does it, as well as it can: it
    /// is late if its thread is stuck.
    fn is_system(&self) -> bool {
        false
    }
}

/// The machine's own clocks.
///
/// | system | moments come from | counts a suspend |
/// |---|---|---|
/// | Linux, Android | `CLOCK_BOOTTIME` | yes |
/// | macOS and other Apple systems | `CLOCK_MONOTONIC`, which is the continuous clock there | yes |
/// | other Unix | `CLOCK_MONOTONIC` | depends on the system |
/// | Windows | `QueryPerformanceCounter`, through `std::time::Instant` | yes |
///
/// Reading it costs about as much as `std::time::Instant::now()`; `cargo bench` shows the figure for your machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        system_now()
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    fn wall(&self) -> WallTime {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => WallTime(i64::try_from(since.as_micros()).unwrap_or(i64::MAX)),
            Err(before) => WallTime(i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros)),
        }
    }

    fn is_system(&self) -> bool {
        true
    }
}

#[cfg(unix)]
#[allow(clippy::disallowed_methods, reason = "this is the clock")]
fn system_now() -> Moment {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

    let now = rustix::time::clock_gettime(CLOCK);
    // Both parts are positive on these clocks: they count from the machine's start.
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    Moment(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

#[cfg(not(unix))]
#[allow(clippy::disallowed_methods, reason = "this is the clock")]
fn system_now() -> Moment {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Moment::ZERO + START.elapsed()
}

/// The clock of the tokio runtime it is read on, which `tokio::time::pause` stops and moves by hand.
///
/// For tests under virtual time. It can only be read on a tokio runtime, and not from two of them: each has a time of its
/// own when paused.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    start: tokio::time::Instant,
    wall: WallTime,
}

impl TokioClock {
    /// A clock that starts now, at the calendar time `wall`.
    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn starting_at(wall: WallTime) -> TokioClock {
        TokioClock { start: tokio::time::Instant::now(), wall }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    fn elapsed(&self) -> Duration {
        tokio::time::Instant::now().saturating_duration_since(self.start)
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Moment {
        // Not at zero: "an hour ago" must be a moment too.
        Moment::from_nanos(86_400_000_000_000) + self.elapsed()
    }

    fn wall(&self) -> WallTime {
        self.wall.plus(self.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_saturate_rather_than_wrap() {
        assert_eq!(Moment::ZERO - Duration::from_secs(1), Moment::ZERO);
        assert_eq!(Moment::FAR + Duration::MAX, Moment::FAR);
        assert_eq!(Moment::ZERO.since(Moment::FAR), Duration::ZERO);
    }

    #[test]
    fn the_system_clock_does_not_go_back() {
        let clock = SystemClock;
        let mut last = clock.now();
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }
}
