//! Which ticks are due, which of them is run next, and why the others are not.

use std::time::Duration;

use super::counts::{NotRun, TickOutcome};
use super::decision::{DecisionContext, TickNote, account, has_room, mark, whole_second};
use super::policy::{CatchUp, Delivery, Overlap};
use super::record::{MOST_OPEN, Origin, TickRecord};
use crate::clock::WallTime;
use crate::schedule::ScheduledTime;

impl DecisionContext<'_> {
    /// The ticks that the calendar says are due.
    pub(super) fn calendar(&mut self, record: &mut TickRecord) {
        if !self.may_take {
            return;
        }
        // Several at once only where several may run at once.
        let most = match self.timetable.overlap {
            Overlap::Skip | Overlap::BufferOne => 1,
            Overlap::CancelOther | Overlap::AllowAll(_) => MOST_OPEN,
        };
        for _ in 0..most {
            let (now, mark) = (self.time.bounded(), mark(record));
            let Some(latest) = self.timetable.latest(self.task, &mark, now) else { return };
            if self.requests.paused {
                return self.skip(record, &latest, NotRun::Paused);
            }
            if !self.is_open() {
                return;
            }
            let Some(head) = self.select_due(record, latest, now) else { return };
            let running = self.running(record);
            // As when the runs that are to be replaced do not end, or nobody settles those of an earlier term.
            if !has_room(record) {
                return;
            }
            let replaces = match self.timetable.overlap {
                _ if running == 0 => false,
                Overlap::CancelOther => true,
                Overlap::AllowAll(_) if running < self.timetable.most() => false,
                Overlap::AllowAll(_) if self.timetable.catch_up != CatchUp::All => {
                    return self.skip(record, &head, NotRun::Overlapped);
                }
                Overlap::Skip | Overlap::BufferOne | Overlap::AllowAll(_) => return,
            };
            account(record, &head);
            self.take(record, head.at, 1, Origin::Schedule, replaces);
        }
    }

    /// Counts the due ticks that are not run, and gives the one that is next.
    fn select_due(&mut self, record: &mut TickRecord, latest: ScheduledTime, now: WallTime) -> Option<ScheduledTime> {
        let schedule = &self.timetable.schedule;
        if self.timetable.overlap == Overlap::Skip && self.timetable.catch_up != CatchUp::All {
            let goes_on = self.running(record) > 0;
            // Skipped is what falls due during the run, also if the run has ended before this write could say so. What was due
            // before it began, as after a failover, waits.
            if let Some((began, until)) = self.run(goes_on, now) {
                let first = schedule.next(&mark(record))?;
                if self.timetable.starts(self.task, first.at) > began
                    && let Some(during) = self.timetable.latest(self.task, &mark(record), until)
                {
                    self.skip(record, &during, NotRun::Overlapped);
                }
            }
            if goes_on || record.accounted_until >= latest.at {
                return None;
            }
        }
        if let Some(until) = self.timetable.expired_until(latest.at, now)
            && let Some(expired) = schedule.latest(&mark(record), until)
        {
            self.skip(record, &expired, NotRun::Expired);
        }
        if record.accounted_until >= latest.at {
            return None;
        }
        match self.timetable.catch_up {
            CatchUp::All => {
                let most = u64::from(self.timetable.max_catch_up.max(1));
                if let Some(over) = schedule.over(&mark(record), latest.at, most) {
                    self.skip(record, &over, NotRun::OverLimit);
                }
                return schedule.next(&mark(record));
            }
            CatchUp::None => {
                if let Some(before) = schedule.latest(&mark(record), self.leading.acquired.min(latest.at)) {
                    self.skip(record, &before, NotRun::NotLeading);
                }
            }
            CatchUp::Latest => {}
        }
        if let Some(before) = schedule.latest(&mark(record), WallTime(latest.at.0 - 1)) {
            self.skip(record, &before, NotRun::Superseded);
        }
        (record.accounted_until < latest.at).then_some(latest)
    }

    /// The one tick that follows the end of the last run.
    pub(super) fn delay(&mut self, record: &mut TickRecord, delay: Duration) {
        let now = self.time.bounded();
        let tick = whole_second(record.accounted_until.plus(delay));
        let waits = self.running(record) > 0 || !has_room(record);
        if !self.is_open() || waits || self.timetable.starts(self.task, tick) > now {
            return;
        }
        if self.requests.paused {
            return self.skip_one(record, NotRun::Paused);
        }
        let expired = self.timetable.start_deadline.is_some()
            && self.timetable.expired_until(tick, now).is_some_and(|until| tick <= until);
        if expired {
            return self.skip_one(record, NotRun::Expired);
        }
        record.accounted_until = tick;
        self.take(record, tick, 1, Origin::Schedule, false);
    }

    /// The one tick there is.
    pub(super) fn once(&mut self, record: &mut TickRecord) {
        if !self.is_open() || self.requests.paused || !record.open.is_empty() || self.running(record) > 0 {
            return;
        }
        let attempt = match &record.last {
            None => 1,
            // A migration that failed is tried again by the next term: after a restart, with what has mended it.
            Some(last) if last.outcome != TickOutcome::Done && self.timetable.delivery == Delivery::AtLeastOnce => {
                if self.leading.failed.contains(self.task) {
                    return;
                }
                last.attempt.saturating_add(1)
            }
            Some(_) => return,
        };
        self.take(record, whole_second(self.time.bounded()), attempt, Origin::Schedule, false);
    }

    fn skip(&mut self, record: &mut TickRecord, until: &ScheduledTime, why: NotRun) {
        let count = self.timetable.schedule.count(&mark(record), until.at);
        record.counts.skipped(why, count);
        record.missed = record.missed.saturating_add(count);
        account(record, until);
        self.out.notes.push(TickNote::NotRun(why, count));
    }

    /// Of a task with `delay`: the next follows from now.
    fn skip_one(&mut self, record: &mut TickRecord, why: NotRun) {
        record.counts.skipped(why, 1);
        record.missed = record.missed.saturating_add(1);
        record.accounted_until = self.time.bounded();
        self.out.notes.push(TickNote::NotRun(why, 1));
    }
}
