//! What was set about a schedule, and how it is checked and made what the tick protocol wants.

use std::borrow::Cow;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::member::MemberTicks;
use super::policy::Policy;
use crate::error::Error;
use lease_grammar::schedule::{self as settings, is_recorded};
use lease_protocol::election::Timing;
use lease_protocol::schedule::{Schedule, ScheduleError};
use lease_protocol::ticks::{CatchUp, Delivery, Overlap, StartDeadline, Timetable, TimetableKind};

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
        self.check_triggers().and_then(|()| self.check_settings()).map_err(broken)?;
        let Some(schedule) = self.schedule().transpose().map_err(invalid)? else {
            return Ok(None);
        };
        let kind = match self.delay {
            Some(delay) => TimetableKind::Delay(delay),
            None if self.once => TimetableKind::Once,
            None => TimetableKind::Calendar,
        };
        let failover = crate::spec::timings(timing).failover();
        self.check(kind, &schedule, policy, failover).map_err(broken)?;
        let catch_up = self.catch_up.unwrap_or_default();
        let recorded = schedule.shortest_period().is_none_or(is_recorded);
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
            recorded,
            schedule,
        };
        Ok(Some(MemberTicks { timetable, zone: zone.unwrap_or(TimeZone::UTC), retry: self.retry.unwrap_or(0) }))
    }

    /// Whether it has a trigger.
    pub(super) fn is_triggered(&self) -> bool {
        self.set_triggers().next().is_some()
    }

    fn set_triggers(&self) -> impl Iterator<Item = &'static str> {
        let triggers = [
            ("cron", self.cron.is_some()),
            ("every", self.every.is_some()),
            ("delay", self.delay.is_some()),
            ("once", self.once),
        ];
        triggers.into_iter().filter(|(_, is_set)| *is_set).map(|(trigger, _)| trigger)
    }

    fn check_triggers(&self) -> Result<(), Rule> {
        if self.set_triggers().count() > 1 {
            Err("a task has one of cron, every, delay and once: remove the others, or make it several tasks")
        } else if self.is_triggered() && !self.scheduled {
            Err("cron, every, delay and once are for tasks made by `LeaderTask::scheduled`, whose body takes a tick")
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

    /// Settings that do not go with the trigger, or with none.
    fn check_settings(&self) -> Result<(), Rule> {
        let trigger = self.set_triggers().next();
        let set = [
            (settings::TIME_ZONE, self.time_zone.is_some()),
            (settings::OFFSET, self.offset.is_some()),
            (settings::JITTER, self.jitter.is_some()),
            (settings::OVERLAP, self.overlap.is_some()),
            (settings::CATCHING_UP, self.catch_up.is_some()),
            (settings::MAX_CATCH_UP, self.max_catch_up.is_some()),
            (settings::START_DEADLINE, self.start_deadline.is_some()),
            (settings::DELIVERY, self.delivery.is_some()),
            (settings::RETRIES, self.retry.is_some()),
        ];
        let mut mistakes = set.iter().filter(|(_, is_set)| *is_set).filter_map(|(setting, _)| setting.mistake(trigger));
        mistakes.next().map_or(Ok(()), Err)
    }

    /// What the attribute checks at compile time, for values that were set at run time.
    fn check(&self, kind: TimetableKind, schedule: &Schedule, policy: &Policy, failover: Duration) -> Result<(), Rule> {
        let period = schedule.shortest_period();
        let none = self.catch_up == Some(CatchUp::None);
        let all = self.catch_up == Some(CatchUp::All);
        let deadline = self.start_deadline.and_then(StartDeadline::after);
        if kind != TimetableKind::Calendar && all {
            return Err("catch_up = all is for cron and every: the other triggers have one tick at a time, set latest");
        }
        if self.max_catch_up.is_some() && !all {
            return Err("max_catch_up is for catch_up = all: remove one, or set the other");
        }
        if self.max_catch_up.is_some_and(|most| !settings::CATCH_UP.contains(&most)) {
            return Err("max_catch_up must be from 1 to 1000: 100 is usual");
        }
        if self.retry.is_some_and(|retry| !settings::RETRY.contains(&retry)) {
            return Err("retry must be at most 100: a task that keeps failing needs somebody to look at it");
        }
        if all && self.overlap.is_some_and(|overlap| !matches!(overlap, Overlap::AllowAll(_))) {
            return Err(
                "catch_up = all runs every tick, one after the other, and this overlap drops some of them: remove one, or \
                 set overlap to allow_all",
            );
        }
        if let Some(Overlap::AllowAll(most)) = self.overlap
            && !settings::AT_ONCE.contains(&most)
        {
            return Err("allow_all must be given a number from 2 to 4: how many runs there may be at once");
        }
        if period.is_some_and(|period| !is_recorded(period)) && !none {
            return Err(
                "a period below 10s is not recorded, as each tick would cost two writes: set catch_up to none, which says \
                 that ticks are lost when the leader changes, or choose a longer period",
            );
        }
        if period.is_some_and(|period| !is_recorded(period)) && self.delivery.is_some() {
            return Err(
                "delivery needs a record, and a period below 10s has none: remove it, or choose a longer period",
            );
        }
        if none && self.start_deadline.is_some() {
            return Err("start_deadline is not for catch_up = none, which starts nothing late: remove one");
        }
        if deadline.is_some_and(|deadline| !settings::outlasts_failover(deadline, failover)) {
            return Err(
                "start_deadline must be at least lease_duration + 2.2 × retry_period, or ticks that fall due during a \
                 failover are lost for ever: lengthen it, or set catch_up to none",
            );
        }
        if let Some(jitter) = self.jitter {
            if period.is_some_and(|period| jitter > settings::longest_jitter(period)) {
                return Err(
                    "jitter must be at most half the shortest time between two ticks, or a run could start after the next one",
                );
            }
            if deadline.is_some_and(|deadline| !settings::leaves_time_to_start(jitter, deadline)) {
                return Err("jitter must be less than start_deadline, or a tick could expire before it starts");
            }
        }
        if policy.initial_delay > settings::LONGEST_INITIAL_DELAY {
            return Err(
                "initial_delay must be at most a day for a scheduled task: no tick is taken before it has passed",
            );
        }
        Ok(())
    }
}
