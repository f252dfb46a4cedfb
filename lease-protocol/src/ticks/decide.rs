//! One task's part of a write: what its record says next, and what it starts.
//!
//! A pure function of what the Lease says, what this term remembers, and the time. It is asked twice: to find out whether
//! there is something to write, and, for the object that a write replaces, what.

use std::sync::Arc;
use std::time::Duration;

use super::attempt::{Attempt, AttemptState, RunEnd};
use super::core::TickTerm;
use super::counts::{NotRun, TickOutcome};
use super::policy::{Delivery, Overlap};
use super::record::{EndedRun, MOST_OPEN, OpenRun, Origin, TickRecord};
use super::requests::{TaskRequests, TimeRange};
use super::time::{LEAP, TickTime};
use super::timetable::{Timetable, TimetableKind};
use crate::clock::WallTime;
use crate::schedule::{Schedule, ScheduledTime, Watermark};
use crate::ticks::AttemptId;

/// What a write says about one task.
#[derive(Debug, Default)]
pub(super) struct Decision {
    /// `None`: it stays as it is, or there is none and none is needed.
    pub(super) record: Option<TickRecord>,
    /// Runs that this write takes.
    pub(super) takes: Vec<Attempt>,
    /// The trigger is carried out by this write.
    pub(super) trigger_done: bool,
    /// What is left of the backfill, if this write changes it.
    pub(super) backfill: Option<Option<TimeRange>>,
    /// Worth a write of its own: a run is taken or its end is known. The rest waits for the next renewal.
    pub(super) urgent: bool,
    /// When there will be something, as far as the clock decides it.
    pub(super) wake_at: Option<WallTime>,
    /// What people want to know, once it is written.
    pub(super) notes: Vec<TickNote>,
}

/// Something that has happened to a task's ticks.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum TickNote {
    /// The task is seen for the first time: ticks count from now.
    Armed,
    /// Its record, which this term has seen, is gone: ticks count from now.
    Removed,
    /// Its schedule was edited: ticks count from now.
    Rearmed,
    /// Ticks were not run.
    NotRun(NotRun, u64),
    /// A run of an earlier leader was found, and is counted so.
    Abandoned(WallTime),
    /// A run of an earlier leader was found, and is run again.
    RunAgain(WallTime, u32),
    /// A run that was taken has not begun, and is given back for the next leader to start.
    GivenBack(WallTime),
    /// A run that an earlier leader gave back is taken.
    TakenUp(WallTime),
    /// A trigger whose id was used before is dropped.
    TriggeredBefore(String),
}

pub(super) struct DecisionContext<'a> {
    pub(super) task: &'a Arc<str>,
    pub(super) timetable: &'a Timetable,
    pub(super) requests: &'a TaskRequests,
    /// Of this task, and what this process remembers of earlier terms.
    pub(super) attempts: &'a [&'a Attempt],
    pub(super) leading: &'a TickTerm,
    pub(super) time: TickTime,
    /// A time that has come, by the API server and by what the Lease says of other tasks.
    pub(super) known: WallTime,
    /// Ticks may be taken: the write is a renewal, and nobody asked the bodies to end.
    pub(super) may_take: bool,
    pub(super) out: Decision,
}

impl DecisionContext<'_> {
    pub(super) fn decide(mut self, record: Option<&TickRecord>) -> Decision {
        let fingerprint = self.timetable.schedule.fingerprint();
        let mut next = match record {
            Some(record) if record.fingerprint == fingerprint => self.checked(record),
            Some(record) => self.rearm(record, fingerprint),
            None => {
                // Somebody removes what we write. To write it at once again, and to take runs by it, would be a race that costs
                // a write each time and that nobody wins.
                let again = self.leading.armed.contains(self.task);
                self.may_take &= !again;
                if self.timetable.recorded {
                    self.out.notes.push(if again { TickNote::Removed } else { TickNote::Armed });
                    self.out.urgent = !again;
                }
                TickRecord::armed(fingerprint, self.now_for_arming(self.known))
            }
        };
        self.end(&mut next);
        self.resolve_interrupted(&mut next);
        self.trigger(&mut next);
        match self.timetable.kind {
            _ if !self.timetable.recorded => {}
            TimetableKind::Calendar => self.calendar(&mut next),
            TimetableKind::Delay(delay) => self.delay(&mut next, delay),
            TimetableKind::Once => self.once(&mut next),
        }
        self.backfill(&mut next);
        self.plan_next(&mut next);
        // One that records nothing has a record only for what was asked of it.
        let needed = self.timetable.recorded || record.is_some() || !next.open.is_empty() || next.trigger.is_some();
        self.out.record = (needed && record != Some(&next)).then_some(next);
        self.out
    }

    /// From when on ticks count that nobody has counted before. Not by a clock that is ahead: ticks would begin when the others'
    /// clocks have come so far. And not by an API server that is behind what is known to have come: the time in between
    /// would be caught up.
    fn now_for_arming(&self, known: WallTime) -> WallTime {
        self.time.bounded().max(known.max(self.known).min(self.time.wall))
    }

    /// A record that this term has armed, unless the API server's clock has leapt forward since: then it was wrong when the record
    /// was armed, and ticks count from now.
    fn checked(&mut self, record: &TickRecord) -> TickRecord {
        let mut next = record.clone();
        let Some(arming) = self.leading.arming.get(self.task) else { return next };
        let second = |at: WallTime| at.0.div_euclid(1_000_000);
        let untouched = second(record.accounted_until) == second(arming.upto) && record.open.is_empty();
        let passed = self.time.wall.0.saturating_sub(arming.wall.0).max(0);
        let now = self.time.bounded();
        if untouched && now > arming.upto.plus(LEAP).plus(Duration::from_micros(passed.unsigned_abs())) {
            self.out.notes.push(TickNote::Rearmed);
            self.out.urgent = true;
            next.accounted_until = WallTime(now.0.saturating_sub(passed));
        }
        next
    }

    /// The schedule is another one, of the same kind or not. Never a catch-up across an edit: what the new schedule would have
    /// meant for the past, nobody has asked for.
    fn rearm(&mut self, record: &TickRecord, fingerprint: String) -> TickRecord {
        self.out.notes.push(TickNote::Rearmed);
        self.out.urgent = true;
        let upto = self.now_for_arming(record.accounted_until);
        let mut next = TickRecord {
            fingerprint,
            accounted_until: upto,
            civil: None,
            zone_data: None,
            missed: 0,
            ..record.clone()
        };
        let once = Schedule::once().fingerprint();
        if next.fingerprint == once || record.fingerprint == once {
            // A run of the one says nothing about the other: the one tick of `once` is neither done by a run of a schedule,
            // nor is it a tick of one.
            let open: Vec<OpenRun> = next.open.clone();
            for run in open.iter().filter(|run| self.attempts.iter().all(|attempt| attempt.id != run.id)) {
                self.out.notes.push(TickNote::Abandoned(run.tick));
                self.close(&mut next, run.id, TickOutcome::Abandoned);
            }
        }
        if next.fingerprint == once {
            next.last = None;
        }
        next
    }

    /// Rule 5: an end is written for the very attempt that ended. One that is written for "the run at hand" would, after a lost
    /// answer, mark the next tick as done before it has run.
    fn end(&mut self, record: &mut TickRecord) {
        for attempt in self.attempts {
            let AttemptState::Ended(end) = attempt.state else { continue };
            let outcome = match end {
                RunEnd::Done => TickOutcome::Done,
                RunEnd::Failed => TickOutcome::Failed,
                RunEnd::Replaced => TickOutcome::Cancelled,
                // Who comes next settles it, or we do.
                RunEnd::Interrupted | RunEnd::NotStarted => continue,
            };
            self.close(record, attempt.id, outcome);
        }
    }

    fn close(&mut self, record: &mut TickRecord, id: AttemptId, outcome: TickOutcome) {
        let Some(at) = record.open.iter().position(|run| run.id == id) else { return };
        let run = record.open.remove(at);
        let now = self.time.bounded();
        record.counts.ended(outcome);
        record.last = Some(EndedRun { tick: run.tick, id, attempt: run.attempt, outcome, at: now });
        if let TimetableKind::Delay(_) = self.timetable.kind {
            record.accounted_until = record.accounted_until.max(self.time.bounded());
        }
        self.out.urgent = true;
    }

    /// Rule 7: what an earlier term has left comes first. A run whose attempt this term does not know was interrupted: by the
    /// end of its process, or of its term.
    fn resolve_interrupted(&mut self, record: &mut TickRecord) {
        self.give_back(record);
        let interrupted: Vec<(OpenRun, bool)> = record
            .open
            .iter()
            .filter(|run| !run.unstarted)
            .filter_map(|run| match self.attempts.iter().find(|attempt| attempt.id == run.id) {
                Some(Attempt { state: AttemptState::Ended(RunEnd::Interrupted), .. }) => Some((*run, true)),
                Some(_) => None,
                None => Some((*run, false)),
            })
            .collect();
        for (run, known) in interrupted {
            match self.timetable.delivery {
                Delivery::AtMostOnce => {
                    if !known {
                        self.out.notes.push(TickNote::Abandoned(run.tick));
                    }
                    self.close(record, run.id, if known { TickOutcome::Cancelled } else { TickOutcome::Abandoned });
                }
                Delivery::AtLeastOnce => self.run_again_if_in_time(record, run),
            }
        }
        self.take_up(record);
    }

    /// Rule 9: a run whose body has certainly not begun is given back. The record says so of the very attempt, so that saying it
    /// twice, after a lost answer, changes nothing; and as this write replaces a state of our own, nobody has settled the
    /// attempt before.
    fn give_back(&mut self, record: &mut TickRecord) {
        for attempt in self.attempts.iter().filter(|attempt| attempt.state == AttemptState::Ended(RunEnd::NotStarted)) {
            let Some(run) = record.open.iter_mut().find(|run| run.id == attempt.id && !run.unstarted) else { continue };
            run.unstarted = true;
            record.missed = record.missed.saturating_add(attempt.missed);
            self.out.notes.push(TickNote::GivenBack(run.tick));
            self.out.urgent = true;
        }
    }

    /// Takes what was given back, under its number: of either delivery, as nobody has started it.
    fn take_up(&mut self, record: &mut TickRecord) {
        let unstarted: Vec<OpenRun> = record.open.iter().filter(|run| run.unstarted).copied().collect();
        for run in unstarted {
            // Also without a deadline of its own, once the next tick is due.
            let next = match self.timetable.kind {
                TimetableKind::Calendar => {
                    self.timetable.latest(self.task, &Watermark::at(run.tick), self.time.bounded())
                }
                TimetableKind::Delay(_) | TimetableKind::Once => None,
            };
            let expired = self.timetable.expired_until(next.map_or(run.tick, |next| next.at), self.time.bounded());
            if run.origin == Origin::Schedule && expired.is_some_and(|until| run.tick <= until) {
                record.open.retain(|other| other.id != run.id);
                record.counts.skipped(NotRun::Expired, 1);
                record.missed = record.missed.saturating_add(1);
                self.out.notes.push(TickNote::NotRun(NotRun::Expired, 1));
                self.out.urgent = true;
                continue;
            }
            let paused = self.requests.paused && run.origin != Origin::Trigger;
            if self.is_open() && !paused && self.running(record) < self.timetable.most() {
                self.out.notes.push(TickNote::TakenUp(run.tick));
                record.open.retain(|other| other.id != run.id);
                self.take(record, run.tick, run.attempt, run.origin, false);
            }
        }
    }

    /// The time in which a tick of the schedule may start is over.
    fn is_late(&self, run: &OpenRun) -> bool {
        run.origin == Origin::Schedule
            && self.timetable.start_deadline.is_some()
            && self.timetable.expired_until(run.tick, self.time.bounded()).is_some_and(|until| run.tick <= until)
    }

    fn run_again_if_in_time(&mut self, record: &mut TickRecord, run: OpenRun) {
        if self.is_late(&run) {
            self.out.notes.push(TickNote::Abandoned(run.tick));
            self.close(record, run.id, TickOutcome::Abandoned);
        } else if self.is_open() && !self.requests.paused && self.running(record) < self.timetable.most() {
            // In its place: there is room for it.
            let attempt = run.attempt.saturating_add(1);
            self.out.notes.push(TickNote::RunAgain(run.tick, attempt));
            record.open.retain(|other| other.id != run.id);
            self.take(record, run.tick, attempt, run.origin, false);
        }
    }

    /// Somebody asks for a run, once for each id.
    fn trigger(&mut self, record: &mut TickRecord) {
        let Some(id) = &self.requests.trigger else { return };
        if record.trigger.as_ref() == Some(id) {
            self.out.notes.push(TickNote::TriggeredBefore(id.clone()));
            self.out.trigger_done = true;
            self.out.urgent |= self.may_take;
            return;
        }
        if !self.is_open() {
            return;
        }
        let running = self.running(record);
        let replaces = self.timetable.overlap == Overlap::CancelOther;
        if (running >= self.timetable.most() && !replaces) || !has_room(record) {
            return;
        }
        record.trigger = Some(id.clone());
        self.out.trigger_done = true;
        self.take(record, whole_second(self.time.bounded()), 1, Origin::Trigger, replaces && running > 0);
    }

    /// The ticks of the past that somebody asked for, one after the other, when nothing else is to be done.
    fn backfill(&mut self, record: &mut TickRecord) {
        let Some(stretch) = self.requests.backfill else { return };
        if !self.is_open() || self.requests.paused || self.running(record) > 0 || !has_room(record) {
            return;
        }
        let from = Watermark { at: WallTime(stretch.from.0.saturating_sub(1)), civil: None };
        let next = match self.timetable.kind {
            TimetableKind::Calendar => self.timetable.schedule.next(&from),
            TimetableKind::Delay(_) | TimetableKind::Once => None,
        };
        // What is still to come runs when it comes.
        let next = next.filter(|next| next.at <= stretch.to && next.at <= self.time.bounded());
        self.out.urgent = true;
        let Some(next) = next else {
            self.out.backfill = Some(None);
            return;
        };
        let rest = TimeRange { from: WallTime(next.at.0 + 1_000_000), ..stretch };
        self.out.backfill = Some((rest.from <= rest.to).then_some(rest));
        self.take(record, next.at, 1, Origin::Backfill, false);
    }

    /// Rule 1: a run is taken by the write that also proves the leadership, and starts when that has succeeded.
    pub(super) fn take(
        &mut self,
        record: &mut TickRecord,
        tick: WallTime,
        attempt: u32,
        origin: Origin,
        replaces: bool,
    ) {
        // Rule 3: a write whose outcome is unknown may have taken it. The same attempt is taken again, so that either write
        // says the same.
        let asked = self.attempts.iter().find(|known| {
            known.state == AttemptState::Asked
                && (known.tick, known.attempt, known.origin) == (tick, attempt, origin)
                && (origin != Origin::Trigger || known.trigger == record.trigger)
        });
        let id = asked.map_or_else(|| self.time.id(self.task, self.out.takes.len()), |asked| asked.id);
        record.open.push(OpenRun { tick, id, attempt, origin, unstarted: false });
        record.term = self.leading.transitions;
        let missed = match origin {
            Origin::Schedule => std::mem::take(&mut record.missed),
            Origin::Trigger | Origin::Backfill => 0,
        };
        self.out.urgent = true;
        self.out.takes.push(Attempt {
            task: self.task.clone(),
            tick,
            id,
            attempt,
            origin,
            trigger: record.trigger.clone().filter(|_| origin == Origin::Trigger),
            missed,
            replaces,
            taken: self.time.bounded(),
            until: None,
            composed: 0,
            state: AttemptState::Asked,
        });
    }

    /// Notes what is to come: for people, and for whoever sleeps until then.
    fn plan_next(&mut self, record: &mut TickRecord) {
        let next = match self.timetable.kind {
            _ if !self.timetable.recorded => None,
            TimetableKind::Calendar => self.timetable.schedule.next(&mark(record)).map(|next| next.at),
            TimetableKind::Delay(delay) if self.running(record) == 0 => {
                Some(whole_second(record.accounted_until.plus(delay)))
            }
            TimetableKind::Delay(_) | TimetableKind::Once => None,
        };
        record.next = next;
        let ready = self.leading.acquired.plus(self.timetable.initial_delay);
        let due = next.map(|next| self.timetable.starts(self.task, next));
        // What is due already waits for the end of a run.
        let due = match due {
            Some(due) if due > self.time.bounded() => Some(self.time.shown(due)),
            _ => None,
        };
        let ready = Some(ready).filter(|ready| *ready > self.time.bounded()).map(|ready| self.time.shown(ready));
        self.out.wake_at = [due, ready].into_iter().flatten().min();
    }

    /// Runs may be taken.
    pub(super) fn is_open(&self) -> bool {
        self.may_take && self.time.bounded() >= self.leading.acquired.plus(self.timetable.initial_delay)
    }

    /// How many runs of the task there are once this write has succeeded. The leader's memory decides it: a record can be
    /// emptied by hand while a run goes on.
    pub(super) fn running(&self, record: &TickRecord) -> usize {
        let started = self.attempts.iter().filter(|attempt| match attempt.state {
            AttemptState::Running => true,
            // Its record shows it, and it is about to start.
            AttemptState::Asked => record.open.iter().any(|run| run.id == attempt.id) && !self.takes(attempt.id),
            AttemptState::Ended(_) => false,
        });
        started.count() + self.out.takes.len()
    }

    pub(super) fn takes(&self, id: AttemptId) -> bool {
        self.out.takes.iter().any(|take| take.id == id)
    }

    /// When the latest run was taken, and until when it has gone on: the one that goes on, or the last of those whose end is yet
    /// to be written.
    pub(super) fn run(&self, goes_on: bool, now: WallTime) -> Option<(WallTime, WallTime)> {
        let known = self.attempts.iter().filter_map(|attempt| match attempt.state {
            AttemptState::Running => Some((attempt.taken, now)),
            AttemptState::Ended(RunEnd::NotStarted) => None,
            AttemptState::Ended(_) if !goes_on => Some((attempt.taken, attempt.until?)),
            AttemptState::Asked | AttemptState::Ended(_) => None,
        });
        known.chain(self.out.takes.iter().map(|take| (take.taken, now))).max()
    }
}

/// One more run can be written down. A record with too many could not be read again.
pub(super) fn has_room(record: &TickRecord) -> bool {
    record.open.len() < MOST_OPEN
}

/// How far the record is accounted for.
pub(super) fn mark(record: &TickRecord) -> Watermark {
    Watermark { at: record.accounted_until, civil: record.civil }
}

pub(super) fn account(record: &mut TickRecord, until: &ScheduledTime) {
    record.accounted_until = until.at;
    record.civil = until.civil;
    record.zone_data = until.civil.map(|_| crate::schedule::zone_data_version().to_owned());
}

/// Rounded up: a tick has no fraction of a second, and does not come before its time.
pub(super) fn whole_second(at: WallTime) -> WallTime {
    WallTime(at.0.saturating_add(999_999).div_euclid(1_000_000).saturating_mul(1_000_000))
}
