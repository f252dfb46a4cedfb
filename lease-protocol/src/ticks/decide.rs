//! The part of a write that concerns one task: the next record of the task, and the runs that it takes.
//!
//! The decision is a pure function of the Lease, of what this term remembers, and of the time. It is computed once to
//! find out whether there is something to write, and once for the object that a write replaces.

use std::time::Duration;

use super::attempt::{Attempt, AttemptState, RunEnd};
use super::counts::TickOutcome;
use super::decision::{Decision, DecisionContext, TickNote, has_room, mark, whole_second};
use super::policy::Overlap;
use super::record::{EndedRun, OpenRun, Origin, TickRecord};
use super::requests::TimeRange;
use super::time::LEAP;
use super::timetable::TimetableKind;
use crate::clock::WallTime;
use crate::schedule::{Schedule, Watermark};
use crate::ticks::AttemptId;

impl DecisionContext<'_> {
    pub(super) fn decide(mut self, record: Option<&TickRecord>) -> Decision {
        let fingerprint = self.timetable.schedule.fingerprint();
        let mut next = match record {
            Some(record) if record.fingerprint == fingerprint => self.checked(record),
            Some(record) => {
                // Ends that are known are those of the old schedule. If they were written after the edit, a run of the
                // old schedule would complete `once`.
                let mut old = record.clone();
                self.end(&mut old);
                self.rearm(&old, fingerprint)
            }
            None => {
                // Another party removes our record. If this term wrote it again at once and took runs, the two would
                // overwrite each other without end, at the cost of one write each time.
                let again = self.leading.armed.contains(self.task);
                self.may_take &= !again;
                if self.timetable.recorded {
                    self.out.notes.push(if again { TickNote::Removed } else { TickNote::Armed });
                    self.out.urgent = !again;
                }
                TickRecord::armed(fingerprint, self.now_for_arming())
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
        // A task that records nothing has a record only if a run was requested.
        let needed = self.timetable.recorded || record.is_some() || !next.open.is_empty() || next.trigger.is_some();
        self.out.record = (needed && record != Some(&next)).then_some(next);
        self.out
    }

    /// The time from which the ticks of a task count that has no record yet. A clock that is ahead must not decide it:
    /// no tick would run until the clocks of the other replicas reach that time. An API server whose clock is behind a
    /// time that has certainly passed must not decide it either: the ticks in between would be caught up.
    fn now_for_arming(&self) -> WallTime {
        self.time.bounded().max(self.known.min(self.time.wall))
    }

    /// The same for an edited schedule. The time up to which the old schedule was accounted for has passed, also if the
    /// clock of this replica is behind it: otherwise the ticks since then would run once more under the new schedule. A
    /// record of the far future is not believed, so an edit corrects it.
    fn now_for_rearming(&self, accounted_until: WallTime) -> WallTime {
        self.now_for_arming().max(accounted_until.min(self.time.latest()))
    }

    /// A record that this term has armed. If the API server's clock has jumped forward since then, it was wrong when
    /// the record was armed, and ticks count from now.
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

    /// The schedule was edited. An edit never causes a catch-up: a new schedule says nothing about the past.
    fn rearm(&mut self, record: &TickRecord, fingerprint: String) -> TickRecord {
        self.out.notes.push(TickNote::Rearmed);
        self.out.urgent = true;
        let upto = self.now_for_rearming(record.accounted_until);
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
            // Runs of a schedule and the run of `once` are unrelated: a run of a schedule does not complete the one
            // tick of `once`, and the run of `once` is not a tick of a schedule.
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

    /// Rule 5: an end is recorded for exactly the attempt that ended. If it were recorded for the current run, then
    /// after a lost answer it would mark the next tick as done before that tick has run.
    fn end(&mut self, record: &mut TickRecord) {
        for attempt in self.attempts {
            let AttemptState::Ended(end) = attempt.state else { continue };
            let outcome = match end {
                RunEnd::Done => TickOutcome::Done,
                RunEnd::Failed => TickOutcome::Failed,
                RunEnd::Replaced => TickOutcome::Cancelled,
                // The next leader settles it, or this process does in `resolve_interrupted`.
                RunEnd::Interrupted | RunEnd::NotStarted => continue,
            };
            self.close(record, attempt.id, outcome);
        }
    }

    pub(super) fn close(&mut self, record: &mut TickRecord, id: AttemptId, outcome: TickOutcome) {
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

    /// Takes the run that a trigger asks for, once for each id.
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

    /// Takes the ticks of a backfill one after the other, while nothing else is to be done.
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
        // Ticks of the future are not part of a backfill: they run when they are due.
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

    /// Rule 1: the same write that proves the leadership takes the run, and the run starts when that write has
    /// succeeded.
    pub(super) fn take(
        &mut self,
        record: &mut TickRecord,
        tick: WallTime,
        attempt: u32,
        origin: Origin,
        replaces: bool,
    ) {
        // Rule 3: a write whose outcome is unknown may have taken the run. Take the same attempt again, so that both
        // writes store the same.
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

    /// Notes the next tick in the record, for people, and when to ask again.
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
        // A tick that is due already waits for the end of a run, not for a time.
        let due = match due {
            Some(due) if due > self.time.bounded() => Some(self.time.shown(due)),
            _ => None,
        };
        let ready = Some(ready).filter(|ready| *ready > self.time.bounded()).map(|ready| self.time.shown(ready));
        self.out.wake_at = [due, ready].into_iter().flatten().min();
    }
}
