//! The one place where time is read.
//!
//! Elections compare instants of one clock of one machine, and never use the time of another machine. That clock must also count
//! the time for which the machine is suspended. Otherwise a laptop or a virtual machine that resumes would still believe in a lease
//! that ended hours ago. `std::time::Instant` stands still during a suspend on Linux, so [`SystemClock`] reads `CLOCK_BOOTTIME`
//! there.
//!
//! A hypervisor that stops the whole machine stops every clock in it, and no program inside can notice. Then only the
//! [fencing token](crate::FencingToken) protects the target.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[doc(inline)]
pub use lease_protocol::clock::{Clock, Moment, WallTime};

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
    // Both parts are positive on these clocks, which count from the start of the machine.
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(now.tv_nsec).unwrap_or(0);
    Moment::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

#[cfg(not(unix))]
#[allow(clippy::disallowed_methods, reason = "this is the clock")]
fn system_now() -> Moment {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Moment::ZERO + START.elapsed()
}

/// The clock of the current tokio runtime, which `tokio::time::pause` stops and moves by hand.
///
/// For tests in virtual time. It can only be read on a tokio runtime, and always on the same one: each paused runtime has a time
/// of its own.
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
        // Not at zero, because "an hour ago" must be a moment too.
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
