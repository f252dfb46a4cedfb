//! A tick, as the body of its run sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, ZonedDateTime, tz::TimeZone};

use crate::sync::atomic::{AtomicU8, Ordering};
use lease_protocol::election::FencingToken;
use lease_protocol::ticks::AttemptId;

/// The tick that a run of a scheduled task is for.
///
/// A body that needs it takes a `Tick`, with or without a [`Term`](crate::Term). It is a handle and cheap to clone.
///
/// ```
/// # use lease_runtime::Tick;
/// # struct Db; impl Db { async fn insert_report(&self, key: String) -> Result<(), std::io::Error> { Ok(()) } }
/// async fn report(tick: Tick, db: Db) -> Result<(), std::io::Error> {
///     // The same for every attempt at this tick, on any replica: use it as the key of an idempotent effect.
///     db.insert_report(format!("report-{}", tick.nominal())).await
/// }
/// ```
#[derive(Clone)]
pub struct Tick {
    inner: Arc<TickInner>,
}

struct TickInner {
    nominal: Timestamp,
    zone: TimeZone,
    started: Timestamp,
    attempt: u32,
    id: AttemptId,
    missed: u64,
    token: FencingToken,
    cause: Cause,
    permit: Permit,
}

/// Whether the body of a run may begin, and whether it has begun. The elector and the thread of the body share it.
///
/// Both are one atomic word, so that one of "the body begins" and "the run is taken back" comes first, on any threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Permit(Arc<AtomicU8>);

/// Neither has happened yet.
const OPEN: u8 = 0;
const BEGUN: u8 = 1;
const REVOKED: u8 = 2;

impl Permit {
    /// Call it before the first poll of a body of the run. Returns `false` if the body may not begin any more.
    pub(crate) fn begin(&self) -> bool {
        self.settle(BEGUN)
    }

    /// Takes the run back. `true`: no body of it has begun, and none will begin.
    pub(crate) fn revoke(&self) -> bool {
        self.settle(REVOKED)
    }

    /// The first call decides.
    fn settle(&self, to: u8) -> bool {
        let settled = self.0.compare_exchange(OPEN, to, Ordering::AcqRel, Ordering::Acquire);
        settled.is_ok() || settled == Err(to)
    }
}

/// Why a run was started.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The schedule.
    Schedule,
    /// A trigger of an operator or a program, with this id.
    Trigger(Arc<str>),
    /// A backfill that an operator or a program requested.
    Backfill,
}

impl Cause {
    /// The cause in the log: a word, or the id of a trigger.
    pub(crate) fn word(&self) -> &str {
        match self {
            Cause::Schedule => "schedule",
            Cause::Trigger(id) => id,
            Cause::Backfill => "backfill",
        }
    }
}

impl Tick {
    #[allow(clippy::too_many_arguments, reason = "one caller, and each has a name there")]
    pub(crate) fn new(
        nominal: Timestamp,
        zone: TimeZone,
        started: Timestamp,
        attempt: u32,
        id: AttemptId,
        missed: u64,
        token: FencingToken,
        cause: Cause,
    ) -> Tick {
        let permit = Permit::default();
        Tick { inner: Arc::new(TickInner { nominal, zone, started, attempt, id, missed, token, cause, permit }) }
    }

    /// The same tick, with this permit. Call it before the tick is cloned.
    pub(crate) fn permitted(mut self, permit: &Permit) -> Tick {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.permit = permit.clone();
        }
        self
    }

    /// Call it before the first poll of a body of the run. Returns `false` if the run was taken back.
    pub(crate) fn begin(&self) -> bool {
        self.inner.permit.begin()
    }

    /// A tick without a schedule, for testing a body: first attempt, nothing missed, in UTC.
    ///
    /// ```
    /// # use lease_runtime::Tick;
    /// let tick = Tick::for_test("2027-03-28T02:30:00Z".parse().unwrap());
    /// assert_eq!(tick.attempt(), 1);
    /// ```
    pub fn for_test(nominal: Timestamp) -> Tick {
        Tick::new(nominal, TimeZone::UTC, nominal, 1, AttemptId::new(0), 0, FencingToken::new(1), Cause::Schedule)
    }

    /// The time of the tick by the schedule, whenever the run started. It identifies the tick. For a
    /// [triggered](Cause::Trigger) run, it is the time at which the leader took the request.
    pub fn nominal(&self) -> Timestamp {
        self.inner.nominal
    }

    /// The nominal time in the time zone of the schedule.
    pub fn zoned(&self) -> ZonedDateTime {
        self.inner.nominal.to_zoned_datetime(self.inner.zone.clone())
    }

    /// When this attempt was started, by the clock of this replica.
    pub fn started(&self) -> Timestamp {
        self.inner.started
    }

    /// How long after the nominal time this attempt was started.
    pub fn lateness(&self) -> Duration {
        self.inner.started.duration_since(self.inner.nominal).try_into().unwrap_or(Duration::ZERO)
    }

    /// The number of this attempt at the tick, from one. There is another attempt if a run was interrupted, with
    /// [`Delivery::AtLeastOnce`](crate::Delivery::AtLeastOnce), or if it failed, with [`retry`](crate::LeaderTask::retry). A leader
    /// that takes over does not know the retries of the one before, and does not count them. So two attempts can have the same
    /// number, but never the same [`attempt_id`](Self::attempt_id).
    pub fn attempt(&self) -> u32 {
        self.inner.attempt
    }

    /// The unique id of this attempt. With it and the [`fencing_token`](Self::fencing_token), a target can refuse an old writer.
    pub fn attempt_id(&self) -> AttemptId {
        self.inner.id
    }

    /// How many ticks were not run since the last one that was run, for any reason. Zero for triggered and backfilled runs, for
    /// another attempt by a leader that takes over, and for periods below ten seconds, which are not recorded.
    pub fn missed(&self) -> u64 {
        self.inner.missed
    }

    /// The fencing token of the term that the run belongs to.
    pub fn fencing_token(&self) -> FencingToken {
        self.inner.token
    }

    /// What caused the run.
    pub fn cause(&self) -> &Cause {
        &self.inner.cause
    }
}

impl fmt::Debug for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tick")
            .field("nominal", &self.nominal())
            .field("attempt", &self.attempt())
            .field("attempt_id", &self.attempt_id())
            .field("cause", self.cause())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_taken_back_does_not_begin_and_one_that_began_is_not_taken_back() {
        let (back, begun) = (Permit::default(), Permit::default());
        assert!(back.revoke() && !back.begin() && back.revoke());
        assert!(begun.begin() && !begun.revoke() && begun.begin());
    }

    #[test]
    fn beginning_and_taking_back_exclude_each_other() {
        for _ in 0..2_000 {
            let permit = Permit::default();
            let start = std::sync::Barrier::new(2);
            let (begun, back) = std::thread::scope(|threads| {
                let body = threads.spawn(|| {
                    start.wait();
                    permit.begin()
                });
                start.wait();
                let back = permit.revoke();
                (body.join().expect("does not panic"), back)
            });
            assert_ne!(begun, back);
        }
    }
}
