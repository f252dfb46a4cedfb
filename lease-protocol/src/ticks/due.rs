//! Which ticks are due, which of them runs next, and why the others do not run.

use std::time::Duration;

use super::counts::{NotRun, TickOutcome};
use super::decision::{DecisionContext, TickNote, account, has_room, mark, whole_second};
use super::policy::{CatchUp, Delivery, Overlap};
use super::record::{MOST_OPEN, Origin, TickRecord};
use crate::clock::WallTime;
use crate::schedule::ScheduledTime;

impl DecisionContext<'_> {
    /// Takes the ticks that are due by the calendar.
    pub(super) fn calendar(&mut self, record: &mut TickRecord) {
        if !self.may_take {
            return;
        }
        // Several are taken at once only if several may run at once.
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
            // The record is full if replaced runs do not end, or if runs of an earlier term cannot be settled.
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

    /// Counts the due ticks that are not run, and returns the one that runs next.
    fn select_due(&mut self, record: &mut TickRecord, latest: ScheduledTime, now: WallTime) -> Option<ScheduledTime> {
        let schedule = &self.timetable.schedule;
        if self.timetable.overlap == Overlap::Skip && self.timetable.catch_up != CatchUp::All {
            let goes_on = self.running(record) > 0;
            // A tick that falls due during a run is skipped, even if the run has ended before this write, and another
            // one has begun. A tick that was due before the run began, as after a failover, is not skipped.
            for (began, until) in self.runs(now) {
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

    /// Takes the next tick of a task with `delay`, which follows the end of the last run.
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

    /// Takes the only tick of a task with `once`.
    pub(super) fn once(&mut self, record: &mut TickRecord) {
        // Each run that the record shows as open is under way by now: `resolve_interrupted` has closed or taken the
        // others.
        if !self.is_open() || self.requests.paused || self.running(record) > 0 {
            return;
        }
        let attempt = match &record.last {
            None => 1,
            // The next term tries a failed migration again, because the restart may have brought the fix.
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

    /// For a task with `delay`. The next tick is counted from now.
    fn skip_one(&mut self, record: &mut TickRecord, why: NotRun) {
        record.counts.skipped(why, 1);
        record.missed = record.missed.saturating_add(1);
        record.accounted_until = self.time.bounded();
        self.out.notes.push(TickNote::NotRun(why, 1));
    }
}
