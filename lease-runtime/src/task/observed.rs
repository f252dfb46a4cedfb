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
///
/// The future of the body has a clone, and the supervisor another one. If both are dropped, as when the supervisor is aborted at the
/// end of a term, the last one tells the end. The body's goes before the term is drained, so no end is told after that of its term.
#[derive(Clone)]
pub(super) struct ObservedRun(Arc<ToldRun>);

struct ToldRun {
    observer: ObserverPort,
    lease: LeaseId,
    task: Arc<str>,
    term: Term,
    from: Moment,
    began: AtomicBool,
    ended: AtomicBool,
}

impl ObservedRun {
    /// `None` if nobody observes.
    pub(super) fn new(context: RunContext<'_>, term: &Term) -> Option<ObservedRun> {
        let observer = &context.supervisor.tellers.observer;
        observer.is_wanted().then(|| {
            ObservedRun(Arc::new(ToldRun {
                observer: observer.clone(),
                lease: context.supervisor.entry.lease.clone(),
                task: Arc::clone(&context.member.name),
                term: term.clone(),
                from: term.now(),
                began: AtomicBool::default(),
                ended: AtomicBool::default(),
            }))
        })
    }

    /// The body is polled, for the first time or again.
    pub(super) fn polled(&self, tick: Option<&Tick>) {
        let ObservedRun(run) = self;
        if run.began.swap(true, Ordering::Relaxed) {
            return;
        }
        run.observer.tell(|| LeaseEvent::RunBegan {
            lease: run.lease.clone(),
            task: Arc::clone(&run.task),
            lateness: tick.map(Tick::lateness),
        });
    }

    /// Nothing of the run is left.
    pub(super) fn ended(&self, result: &RunResult) {
        let ObservedRun(run) = self;
        run.tell_end(match result {
            RunResult::Ended(BodyResult { failure: Some(_), .. }) => BodyOutcome::Failed,
            RunResult::Ended(BodyResult { asked_to_end: true, .. }) => BodyOutcome::Ended,
            RunResult::Ended(_) => BodyOutcome::Done,
            RunResult::Panicked(_) => BodyOutcome::Panicked,
            RunResult::TimedOut(_) => BodyOutcome::TimedOut,
            RunResult::Dropped => BodyOutcome::Dropped,
        });
    }

    /// The body does not yield although its time is up.
    pub(super) fn overran(&self) {
        let ObservedRun(run) = self;
        run.observer.tell(|| LeaseEvent::Overrun { lease: run.lease.clone(), task: Arc::clone(&run.task) });
    }
}

impl ToldRun {
    fn tell_end(&self, outcome: BodyOutcome) {
        if !self.began.load(Ordering::Relaxed) || self.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        self.observer.tell(|| LeaseEvent::RunEnded {
            lease: self.lease.clone(),
            task: Arc::clone(&self.task),
            outcome,
            duration: self.term.now().since(self.from),
        });
    }
}

impl Drop for ToldRun {
    fn drop(&mut self) {
        self.tell_end(BodyOutcome::Dropped);
    }
}
