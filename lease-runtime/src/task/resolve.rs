//! What was set about a schedule, and how it is checked and made what the tick protocol wants.

use std::borrow::Cow;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::member::MemberTicks;
use super::policy::Policy;
use crate::error::Error;
use lease_protocol::election::Timing;
use lease_protocol::schedule::{Schedule, ScheduleError};
use lease_protocol::ticks::{CatchUp, Delivery, Overlap, StartDeadline, Timetable, TimetableKind};

/// Shorter periods are not recorded: each tick costs two writes.
const SHORTEST_RECORDED: Duration = Duration::from_secs(10);
/// The most runs of one task at once that a record has room for.
const MOST_AT_ONCE: u32 = 4;
/// The most ticks that may wait to be caught up.
const MOST_CATCH_UP: u32 = 1000;

/// A rule that is broken, and how to keep it.
type Rule = &'static str;

/// What was said about the schedule of a task; `None` where nothing was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scheduling {
    /// The body takes a tick.
    pub(crate) scheduled: bool,
    pub(crate) cron: Option<Cow<'static, str>>,
    pub(crate) time_zone: Option<Cow<'static, str>>,
    pub(crate) every: Option<Duration>,
    pub(crate) offset: Option<Duration>,
    pub(crate) delay: Option<Duration>,
    pub(crate) once: bool,
    pub(crate) jitter: Option<Duration>,
    pub(crate) overlap: Option<Overlap>,
    pub(crate) catch_up: Option<CatchUp>,
    pub(crate) max_catch_up: Option<u32>,
    pub(crate) start_deadline: Option<StartDeadline>,
    pub(crate) delivery: Option<Delivery>,
    pub(crate) retry: Option<u32>,
}

impl Scheduling {
    /// The schedule as the tick protocol wants it; `None` for a task that has none.
    pub(super) fn resolve(&self, task: &str, policy: &Policy, timing: &Timing) -> Result<Option<MemberTicks>, Error> {
        let broken = |rule| Error::Policy { task: task.to_owned(), rule };
        let invalid = |source| Error::Schedule { task: task.to_owned(), cause: source };
        self.check_triggers().map_err(broken)?;
        let Some(schedule) = self.schedule().transpose().map_err(invalid)? else {
            return self.check_no_schedule().map_err(broken).map(|()| None);
        };
        let kind = match self.delay {
            Some(delay) => TimetableKind::Delay(delay),
            None if self.once => TimetableKind::Once,
            None => TimetableKind::Calendar,
        };
        let failover = crate::spec::timings(timing).failover();
        self.check(kind, &schedule, policy, failover).map_err(broken)?;
        let catch_up = self.catch_up.unwrap_or_default();
        let short = schedule.shortest_period().is_some_and(|period| period < SHORTEST_RECORDED);
        let start_deadline = match kind {
            TimetableKind::Once | TimetableKind::Delay(_) => self.start_deadline.or(Some(StartDeadline::Unlimited)),
            TimetableKind::Calendar if catch_up == CatchUp::All => {
                self.start_deadline.or(Some(StartDeadline::Unlimited))
            }
            TimetableKind::Calendar => self.start_deadline,
        };
        let zone = schedule.time_zone().and_then(|name| jiff::tz::TimeZoneDatabase::bundled().get(name).ok());
        let timetable = Timetable {
            kind,
            jitter: self.jitter.unwrap_or_default(),
            overlap: match self.overlap {
                Some(overlap) => overlap,
                // All of them are to run, and so those wait that fall due during a run.
                None if catch_up == CatchUp::All => Overlap::BufferOne,
                None => Overlap::Skip,
            },
            catch_up,
            max_catch_up: self.max_catch_up.unwrap_or(100),
            start_deadline,
            failover,
            delivery: self.delivery.unwrap_or_default(),
            initial_delay: policy.initial_delay,
            recorded: !short,
            schedule,
        };
        Ok(Some(MemberTicks { timetable, zone: zone.unwrap_or(TimeZone::UTC), retry: self.retry.unwrap_or(0) }))
    }

    /// Whether it has a trigger.
    pub(super) fn is_triggered(&self) -> bool {
        self.triggers() > 0
    }

    fn triggers(&self) -> usize {
        let set = [self.cron.is_some(), self.every.is_some(), self.delay.is_some(), self.once];
        set.into_iter().filter(|set| *set).count()
    }

    fn check_triggers(&self) -> Result<(), Rule> {
        if self.triggers() > 1 {
            Err("a task has one of cron, every, delay and once: remove the others, or make it several tasks")
        } else if self.is_triggered() && !self.scheduled {
            Err("cron, every, delay and once are for tasks made by `LeaderTask::scheduled`, whose body takes a tick")
        } else if self.time_zone.is_some() && self.cron.is_none() {
            Err("time_zone is for cron: the other triggers do not depend on a calendar, remove it")
        } else if self.offset.is_some() && self.every.is_none() {
            Err("offset is for every: remove it")
        } else {
            Ok(())
        }
    }

    fn schedule(&self) -> Option<Result<Schedule, ScheduleError>> {
        if let Some(cron) = &self.cron {
            Some(Schedule::cron(cron, self.time_zone.as_deref().unwrap_or("UTC")))
        } else if let Some(every) = self.every {
            Some(Schedule::every(every, self.offset.unwrap_or_default()))
        } else if let Some(delay) = self.delay {
            Some(Schedule::delay(delay))
        } else {
            self.once.then(|| Ok(Schedule::once()))
        }
    }

    fn check_no_schedule(&self) -> Result<(), Rule> {
        let set = self.jitter.is_some()
            || self.overlap.is_some()
            || self.catch_up.is_some()
            || self.max_catch_up.is_some()
            || self.start_deadline.is_some()
            || self.delivery.is_some()
            || self.retry.is_some();
        if set {
            return Err(
                "jitter, overlap, catch_up, max_catch_up, start_deadline, delivery and retry are for scheduled tasks: set \
                 cron, every, delay or once, or remove them",
            );
        }
        Ok(())
    }

    /// What the attribute checks at compile time, for values that were set at run time.
    fn check(&self, kind: TimetableKind, schedule: &Schedule, policy: &Policy, failover: Duration) -> Result<(), Rule> {
        let calendar = kind == TimetableKind::Calendar;
        let period = schedule.shortest_period();
        let none = self.catch_up == Some(CatchUp::None);
        let all = self.catch_up == Some(CatchUp::All);
        let deadline = self.start_deadline.and_then(StartDeadline::after);
        if !calendar && (self.overlap.is_some() || self.max_catch_up.is_some() || all) {
            return Err(
                "overlap, max_catch_up and catch_up = all are for cron and every: runs of delay and once never overlap, and \
                 none of them is left behind",
            );
        }
        if kind == TimetableKind::Once
            && (self.catch_up.is_some() || self.start_deadline.is_some() || self.jitter.is_some())
        {
            return Err(
                "catch_up, start_deadline and jitter are not for once, which is due until it has run: remove them",
            );
        }
        if self.max_catch_up.is_some() && !all {
            return Err("max_catch_up is for catch_up = all: remove one, or set the other");
        }
        if self.max_catch_up.is_some_and(|most| !(1..=MOST_CATCH_UP).contains(&most)) {
            return Err("max_catch_up must be from 1 to 1000: 100 is usual");
        }
        if self.retry.is_some_and(|retry| retry > 100) {
            return Err("retry must be at most 100: a task that keeps failing needs somebody to look at it");
        }
        if all && self.overlap.is_some_and(|overlap| !matches!(overlap, Overlap::AllowAll(_))) {
            return Err(
                "catch_up = all runs every tick, one after the other, and this overlap drops some of them: remove one, or \
                 set overlap to allow_all",
            );
        }
        if let Some(Overlap::AllowAll(most)) = self.overlap
            && !(2..=MOST_AT_ONCE).contains(&most)
        {
            return Err("allow_all must be given a number from 2 to 4: how many runs there may be at once");
        }
        if period.is_some_and(|period| period < SHORTEST_RECORDED) && !none {
            return Err(
                "a period below 10s is not recorded, as each tick would cost two writes: set catch_up to none, which says \
                 that ticks are lost when the leader changes, or choose a longer period",
            );
        }
        if period.is_some_and(|period| period < SHORTEST_RECORDED) && self.delivery == Some(Delivery::AtLeastOnce) {
            return Err("at_least_once needs a record, and a period below 10s has none: choose a longer period");
        }
        if none && self.start_deadline.is_some() {
            return Err("start_deadline is not for catch_up = none, which starts nothing late: remove one");
        }
        if deadline.is_some_and(|deadline| deadline < failover) {
            return Err(
                "start_deadline must be at least lease_duration + 2.2 × retry_period, or ticks that fall due during a \
                 failover are lost for ever: lengthen it, or set catch_up to none",
            );
        }
        if let Some(jitter) = self.jitter {
            if period.is_some_and(|period| jitter > period / 2) {
                return Err(
                    "jitter must be at most half the shortest time between two ticks, or a run could start after the next one",
                );
            }
            if deadline.is_some_and(|deadline| jitter >= deadline) {
                return Err("jitter must be less than start_deadline, or a tick could expire before it starts");
            }
        }
        if policy.initial_delay > Duration::from_secs(86_400) {
            return Err(
                "initial_delay must be at most a day for a scheduled task: no tick is taken before it has passed",
            );
        }
        Ok(())
    }
}
