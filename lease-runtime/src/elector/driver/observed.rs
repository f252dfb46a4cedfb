//! Tells the observers of the candidate what happens in the election.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::ElectionDriver;
use crate::clock::Moment;
use crate::elector::lease_ticks::LeaseTicks;
use crate::elector::requests::Reply;
use crate::observer::{LeaseEvent, ObserverPort, RenewalResult};
use crate::term::{TaskMessage, TermState};
use lease_protocol::election::{Answer, Request, StopReason, Taken};
use lease_protocol::ticks::{TaskTicks, TickCounts, TickOutcome, TickState};

/// What is remembered for the events of a term.
#[derive(Default)]
pub(super) struct ObservedTerm {
    /// In which state the lease was taken, and since when it was free: as of the last acquiring write.
    vacancy: Option<(Taken, Moment)>,
    /// The ticks that were recorded so far.
    ticks: Arc<BTreeMap<String, TaskTicks>>,
    ahead: Duration,
}

impl ObservedTerm {
    /// The status shows other ticks. The holder tells those that it has recorded.
    pub(super) fn ticks(
        &mut self,
        observer: &ObserverPort,
        now: &Arc<BTreeMap<String, TaskTicks>>,
        term_state: Option<&TermState>,
        ticking: &LeaseTicks,
    ) {
        let Some(term_state) = term_state.filter(|_| observer.is_wanted()) else { return };
        let before = std::mem::replace(&mut self.ticks, Arc::clone(now));
        for (task, ticks) in &**now {
            let old = before.get(task);
            if old == Some(ticks) {
                continue;
            }
            let added = ticks.counts().since(old.map(TaskTicks::counts).unwrap_or_default());
            let last_done = (added.done > 0).then(|| ticks.last().and_then(|run| run.ended)).flatten();
            observer.tell(|| LeaseEvent::TicksRecorded {
                lease: term_state.lease().clone(),
                task: task.as_str().into(),
                added,
                last_done,
                // Nobody runs the ticks of a record whose task is not here. At the end of a term, the tasks have left already.
                next: ticks.next().filter(|_| ticking.has(task) || term_state.is_cancelled()),
            });
        }
    }
}

impl ElectionDriver {
    pub(super) fn observe_send(&mut self, request: &Request) {
        match request {
            Request::Get if self.out.term_state.is_some() => {
                self.out.observer.tell(|| LeaseEvent::SlowPath { lease: self.out.lease.clone() });
            }
            Request::Create(_) | Request::Replace { .. } if self.election.is_acquiring() => {
                self.observed.vacancy = self.election.vacancy();
            }
            _ => {}
        }
    }

    pub(super) fn observe_begin(&mut self) {
        let now = self.out.clock.now();
        let (taken, since) = self.observed.vacancy.take().unwrap_or((Taken::Released, now));
        self.observed.ticks = Arc::clone(&self.out.status.ticks);
        self.out.observer.tell(|| LeaseEvent::TermBegan {
            lease: self.out.lease.clone(),
            token: self.token,
            taken,
            vacancy: now.since(since),
        });
    }

    /// A task takes ticks from now on: what its record says. Without it, a leader would not tell when a tick is due until it has
    /// recorded one. A task that leaves while the term continues has no next tick.
    pub(super) fn observe_message(&self, message: &TaskMessage) {
        let (task, ticks) = match message {
            TaskMessage::Join { task, .. } => (task, self.observed.ticks.get(&**task)),
            TaskMessage::Leave { task } if !self.is_ending() => (task, None),
            TaskMessage::Leave { .. } | TaskMessage::Ended { .. } => return,
        };
        let done = ticks.filter(|ticks| ticks.state() == TickState::Ended(TickOutcome::Done));
        self.out.observer.tell(|| LeaseEvent::TicksRecorded {
            lease: self.out.lease.clone(),
            task: Arc::clone(task),
            added: TickCounts::default(),
            last_done: done.and_then(TaskTicks::last).and_then(|run| run.ended),
            next: ticks.and_then(TaskTicks::next),
        });
    }

    fn is_ending(&self) -> bool {
        self.out.term_state.as_ref().is_none_or(|term_state| term_state.is_cancelled())
    }

    pub(super) fn observe_cancel(&self, reason: &StopReason) {
        self.out.observer.tell(|| LeaseEvent::TermCancelled {
            lease: self.out.lease.clone(),
            token: self.token,
            reason: reason.clone(),
        });
    }

    pub(super) fn observe_end(&self) {
        self.out.observer.tell(|| LeaseEvent::TermEnded { lease: self.out.lease.clone(), token: self.token });
    }

    /// A request has ended. Call it before the election takes the answer, which may move the deadlines.
    pub(super) fn observe_reply(&self, reply: &Reply) {
        let Some(term_state) = self.out.term_state.as_ref().filter(|_| reply.kind.is_write()) else { return };
        if !self.out.observer.is_wanted() || reply.served.is_none() {
            return;
        }
        let result = match &reply.answer {
            Answer::Committed(_) => RenewalResult::Ok,
            Answer::Conflict => RenewalResult::Conflict,
            Answer::Refused { unreached: true, .. } => RenewalResult::Unreachable,
            Answer::Refused { .. } => RenewalResult::Refused,
            Answer::Unknown | Answer::Shown(_) => RenewalResult::Timeout,
        };
        let now = self.out.clock.now();
        self.out.observer.tell(|| LeaseEvent::RenewalEnded {
            lease: self.out.lease.clone(),
            result,
            duration: now.since(reply.sent),
            margin: term_state.deadlines().hard_stop.after(now),
        });
    }

    /// How far the clock is ahead, if ticks follow the server's clock.
    pub(super) fn observe_clock(&mut self, ahead: Option<Duration>) {
        let by = ahead.unwrap_or_default();
        if by.is_zero() != self.observed.ahead.is_zero() || by.abs_diff(self.observed.ahead) >= Duration::from_secs(1) {
            self.observed.ahead = by;
            self.out.observer.tell(|| LeaseEvent::ClockAhead { lease: self.out.lease.clone(), by });
        }
    }
}
