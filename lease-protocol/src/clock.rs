//! Points in time, as the protocol computes with them. Nothing here reads a clock.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// An instant on the clock of a machine: nanoseconds since a fixed but arbitrary point of this machine.
///
/// Moments of different machines, or of different clocks, cannot be compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// The beginning of the clock.
    pub const ZERO: Moment = Moment(0);
    /// Later than any moment that a clock shows: about 584 years after its beginning.
    pub const FAR: Moment = Moment(u64::MAX);

    /// The moment `nanos` nanoseconds after the clock's beginning.
    pub const fn from_nanos(nanos: u64) -> Moment {
        Moment(nanos)
    }

    /// Nanoseconds since the clock's beginning.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this moment is. Zero if it is not later.
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// How long it is from `now` until this moment. Zero if this moment has passed.
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

/// Calendar time in microseconds since 1970, as a Lease stores it. It is written for people to read, and never compared
/// with the time of another machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct WallTime(pub i64);

impl WallTime {
    /// This time plus `by`.
    pub fn plus(self, by: Duration) -> WallTime {
        WallTime(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl From<WallTime> for Timestamp {
    /// Times outside the years that jiff can represent become the first or the last instant of these years.
    fn from(WallTime(micros): WallTime) -> Timestamp {
        Timestamp::from_microsecond(micros).unwrap_or(if micros.is_negative() {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
}

impl From<Timestamp> for WallTime {
    /// Drops fractions of a microsecond.
    fn from(at: Timestamp) -> WallTime {
        WallTime(at.as_microsecond())
    }
}

impl fmt::Display for WallTime {
    /// Formats as RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_microsecond(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "{} µs since 1970", self.0),
        }
    }
}

impl std::str::FromStr for WallTime {
    type Err = jiff::Error;

    /// Reads an RFC 3339 time.
    fn from_str(text: &str) -> Result<WallTime, jiff::Error> {
        text.parse::<Timestamp>().map(WallTime::from)
    }
}

/// Where elections, guards and schedules read time.
///
/// In production this is `lease_runtime::clock::SystemClock`. A test that needs virtual time passes its own clock, and
/// all of `lease-runtime` follows it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The current moment. It never goes back, and it includes the time that the machine was suspended.
    fn now(&self) -> Moment;
    /// The current calendar time. May jump.
    fn wall(&self) -> WallTime;
    /// Whether the moments are those of `lease_runtime::clock::SystemClock`.
    ///
    /// If so, a separate thread enforces the deadlines of each term. It reads the system's clock directly, because
    /// another clock might block. With any other clock, which is the default, the elector enforces the deadlines. It is
    /// late if its thread is stuck.
    fn is_system(&self) -> bool {
        false
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
    fn a_moment_is_as_many_nanoseconds_from_the_beginning_as_it_was_made_of() {
        for nanos in [0, 1, 2, 1_500_000_000, u64::MAX] {
            assert_eq!(Moment::from_nanos(nanos).as_nanos(), nanos);
            assert_eq!(Moment::from_nanos(nanos).since(Moment::ZERO), Duration::from_nanos(nanos));
        }
        assert_eq!(format!("{:?}", Moment::from_nanos(1_500_000_000)), "1.5s");
    }

    #[test]
    fn a_moment_that_has_passed_is_no_time_away() {
        let [early, late] = [3, 10].map(|seconds| Moment::ZERO + Duration::from_secs(seconds));
        assert_eq!((late.after(early), late.since(early)), (Duration::from_secs(7), Duration::from_secs(7)));
        assert_eq!((early.after(late), early.since(late)), (Duration::ZERO, Duration::ZERO));
    }

    /// The cluster may send any time, and the record may have any number.
    #[test]
    fn a_time_that_jiff_cannot_represent_becomes_its_first_or_last_instant() {
        for (micros, instant) in [
            (i64::MIN, Timestamp::MIN),
            (Timestamp::MIN.as_microsecond() - 1, Timestamp::MIN),
            (-1, Timestamp::constant(0, -1_000)),
            (0, Timestamp::UNIX_EPOCH),
            (1, Timestamp::constant(0, 1_000)),
            (Timestamp::MAX.as_microsecond() + 1, Timestamp::MAX),
            (i64::MAX, Timestamp::MAX),
        ] {
            assert_eq!(Timestamp::from(WallTime(micros)), instant, "{micros}");
        }
    }

    /// The watchdog reads the system's clock. With a clock that only resembles it, terms would end at the wrong moment.
    #[test]
    fn a_clock_is_the_systems_only_if_it_says_so() {
        #[derive(Debug)]
        struct Virtual;
        impl Clock for Virtual {
            fn now(&self) -> Moment {
                Moment::ZERO
            }
            fn wall(&self) -> WallTime {
                WallTime(0)
            }
        }
        assert!(!Virtual.is_system());
    }
}
