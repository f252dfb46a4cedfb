//! The starts of ticks with `at_most_once`.

use std::collections::HashMap;

use crate::event::Start;
use crate::report::{Place, Report, Rule};

/// All starts of the ticks of a lease. They are compared at the end, because the replicas may be in any order.
#[derive(Default)]
pub(crate) struct Runs(HashMap<Tick, Vec<Started>>);

#[derive(PartialEq, Eq, Hash)]
struct Tick {
    task: Box<str>,
    time: Box<str>,
}

impl Tick {
    fn of(start: &Start<'_>) -> Tick {
        Tick { task: (&*start.task).into(), time: (&*start.tick).into() }
    }
}

/// The cause comes first: a tick that falls due may be triggered at the same time.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Started {
    cause: Box<str>,
    term: u64,
    attempt: u64,
    place: Place,
}

impl Runs {
    pub(crate) fn start(&mut self, start: &Start<'_>, place: &Place) {
        // A backfill runs ticks again.
        if !start.at_most_once || start.cause == "backfill" {
            return;
        }
        let Runs(ticks) = self;
        let (cause, place) = ((&*start.cause).into(), place.clone());
        let started = Started { cause, term: start.term, attempt: start.attempt, place };
        ticks.entry(Tick::of(start)).or_default().push(started);
    }

    /// The body of this start has not begun.
    pub(crate) fn given_back(&mut self, start: &Start<'_>) {
        let Runs(ticks) = self;
        let Some(starts) = ticks.get_mut(&Tick::of(start)) else { return };
        let is_it = |started: &Started| (started.term, started.attempt) == (start.term, start.attempt);
        starts.iter().rposition(is_it).into_iter().for_each(|at| drop(starts.remove(at)));
    }

    pub(crate) fn finish(self, report: &mut Report) {
        let Runs(ticks) = self;
        for (tick, mut starts) in ticks {
            report.at_most_once += 1;
            starts.sort();
            for pair in starts.windows(2) {
                let [before, again] = pair else { continue };
                if before.cause == again.cause && (before.term != again.term || before.attempt == again.attempt) {
                    tick.repeats(before, again, report);
                }
            }
        }
    }
}

impl Tick {
    fn repeats(&self, before: &Started, again: &Started, report: &mut Report) {
        let (Tick { task, time }, Started { term, attempt, place, .. }) = (self, before);
        let what = format!(
            "tick {time} of task {task} starts again in term {}, after attempt {attempt} in term {term} ({place})",
            again.term
        );
        report.violates(Rule::Repeated, &again.place, what);
    }
}
