//! Tells the observers of the candidate about the runs of a body.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::member::{BodyResult, RunResult};
use super::supervisor::RunContext;
use crate::clock::Moment;
use crate::lease::LeaseId;
use crate::observer::{BodyOutcome, LeaseEvent, ObserverPort};
use crate::term::Term;
use crate::tick::Tick;

/// One run of a body. A run whose body is never polled is not told.
#[derive(Clone)]
pub(super) struct ObservedRun {
    observer: ObserverPort,
    lease: LeaseId,
    task: Arc<str>,
    began: Arc<AtomicBool>,
    from: Moment,
}

impl ObservedRun {
    /// `None` if nobody observes.
    pub(super) fn new(context: RunContext<'_>, term: &Term) -> Option<ObservedRun> {
        let observer = context.supervisor.observer;
        observer.is_wanted().then(|| ObservedRun {
            observer: observer.clone(),
            lease: context.supervisor.entry.lease.clone(),
            task: Arc::clone(&context.member.name),
            began: Arc::default(),
            from: term.now(),
        })
    }

    /// The body is polled for the first time.
    pub(super) fn began(&self, tick: Option<&Tick>) {
        self.began.store(true, Ordering::Relaxed);
        self.observer.tell(|| LeaseEvent::RunBegan {
            lease: self.lease.clone(),
            task: Arc::clone(&self.task),
            lateness: tick.map(Tick::lateness),
        });
    }

    /// Nothing of the run is left.
    pub(super) fn ended(&self, result: &RunResult, now: Moment) {
        if !self.began.load(Ordering::Relaxed) {
            return;
        }
        let outcome = match result {
            RunResult::Ended(BodyResult { failure: Some(_), .. }) => BodyOutcome::Failed,
            RunResult::Ended(BodyResult { asked_to_end: true, .. }) => BodyOutcome::Ended,
            RunResult::Ended(_) => BodyOutcome::Done,
            RunResult::Panicked(_) => BodyOutcome::Panicked,
            RunResult::TimedOut(_) => BodyOutcome::TimedOut,
            RunResult::Dropped => BodyOutcome::Dropped,
        };
        self.observer.tell(|| LeaseEvent::RunEnded {
            lease: self.lease.clone(),
            task: Arc::clone(&self.task),
            outcome,
            duration: now.since(self.from),
        });
    }

    /// The body does not yield although its time is up.
    pub(super) fn overran(&self) {
        self.observer.tell(|| LeaseEvent::Overrun { lease: self.lease.clone(), task: Arc::clone(&self.task) });
    }
}
