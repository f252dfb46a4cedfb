//! Moments as tests name them, and the clock of a replica.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp, ZonedDateTime};

use crate::clock::{Clock, Moment, TokioClock, WallTime};

/// A moment as a test writes it: a [`Timestamp`], a [`ZonedDateTime`], or a text of either, such as `"2027-03-28T00:30:00Z"` or
/// `"2027-03-28T03:30:00+02:00"`.
pub trait PointInTime: sealed::Sealed {
    #[doc(hidden)]
    #[track_caller]
    fn timestamp(self) -> Timestamp;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for jiff::Timestamp {}
    impl Sealed for &jiff::ZonedDateTime {}
    impl Sealed for &str {}
}

impl PointInTime for Timestamp {
    fn timestamp(self) -> Timestamp {
        self
    }
}

impl PointInTime for &ZonedDateTime {
    fn timestamp(self) -> Timestamp {
        ZonedDateTime::timestamp(self)
    }
}

impl PointInTime for &str {
    fn timestamp(self) -> Timestamp {
        match self.parse() {
            Ok(at) => at,
            Err(error) => panic!("{self:?} is not a moment ({error}): write it as in \"2027-03-28T00:30:00Z\""),
        }
    }
}

/// The clock of a replica: the clock of the cluster, with an offset of the calendar time.
#[derive(Debug)]
pub(super) struct ReplicaClock {
    cluster: TokioClock,
    skew_micros: AtomicI64,
}

impl ReplicaClock {
    pub(super) fn new(cluster: TokioClock) -> Arc<ReplicaClock> {
        Arc::new(ReplicaClock { cluster, skew_micros: AtomicI64::new(0) })
    }

    pub(super) fn skew(&self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(if by.is_negative() { i64::MIN } else { i64::MAX });
        self.skew_micros.store(micros, Ordering::Relaxed);
    }
}

impl Clock for ReplicaClock {
    fn now(&self) -> Moment {
        self.cluster.now()
    }

    fn wall(&self) -> WallTime {
        WallTime(self.cluster.wall().0.saturating_add(self.skew_micros.load(Ordering::Relaxed)))
    }
}
