//! Runs that earlier terms have left open: those that were interrupted, and those that have not begun.

use super::attempt::{Attempt, AttemptState, RunEnd};
use super::counts::{NotRun, TickOutcome};
use super::decision::{DecisionContext, TickNote};
use super::policy::Delivery;
use super::record::{OpenRun, Origin, TickRecord};
use super::timetable::TimetableKind;
use crate::schedule::Watermark;

impl DecisionContext<'_> {
    /// Rule 7: runs that an earlier term has left open come first. If this term does not know the attempt of a run, the
    /// run was interrupted by the end of its process or of its term.
    pub(super) fn resolve_interrupted(&mut self, record: &mut TickRecord) {
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

    /// Rule 9: a run whose body has certainly not begun is given back. The record marks exactly that attempt, so
    /// marking it twice, after a lost answer, changes nothing. This write replaces a state of our own, so no other
    /// process has settled the attempt before.
    fn give_back(&mut self, record: &mut TickRecord) {
        for attempt in self.attempts.iter().filter(|attempt| attempt.state == AttemptState::Ended(RunEnd::NotStarted)) {
            let Some(run) = record.open.iter_mut().find(|run| run.id == attempt.id && !run.unstarted) else { continue };
            run.unstarted = true;
            record.missed = record.missed.saturating_add(attempt.missed);
            self.out.notes.push(TickNote::GivenBack(run.tick));
            self.out.urgent = true;
        }
    }

    /// Takes runs that were given back, under the same attempt number. This is right for both kinds of delivery,
    /// because the bodies never started.
    fn take_up(&mut self, record: &mut TickRecord) {
        let unstarted: Vec<OpenRun> = record.open.iter().filter(|run| run.unstarted).copied().collect();
        for run in unstarted {
            // Without a deadline of its own, a tick expires once the next tick is due.
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

    /// Whether a tick of the schedule can no longer start in time.
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
            // It takes the place of the interrupted run, so the record has room for it.
            let attempt = run.attempt.saturating_add(1);
            self.out.notes.push(TickNote::RunAgain(run.tick, attempt));
            record.open.retain(|other| other.id != run.id);
            self.take(record, run.tick, attempt, run.origin, false);
        }
    }
}
