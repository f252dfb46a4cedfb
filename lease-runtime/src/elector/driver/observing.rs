//! Tells the observers of the candidate what happens in the election.

use std::sync::Arc;
use std::time::Duration;

use super::ElectionDriver;
use crate::elector::requests::Reply;
use crate::observer::{LeaseEvent, RenewalResult};
use crate::term::TaskMessage;
use lease_protocol::election::{Answer, Request, StopReason, Taken};
use lease_protocol::ticks::{TaskTicks, TickCounts, TickOutcome, TickState};

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

    /// In which state the lease was taken. The term has just begun.
    pub(super) fn taken(&mut self) -> Taken {
        let taken = self.observed.vacancy.map_or(Taken::Released, |(taken, _)| taken);
        self.out.status.taken = Some(taken);
        taken
    }

    pub(super) fn observe_begin(&mut self) {
        let now = self.out.clock.now();
        let since = self.observed.vacancy.take().map_or(now, |(_, since)| since);
        let taken = self.out.status.taken.unwrap_or(Taken::Released);
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
    pub(super) fn observed_message(&self, message: &TaskMessage) -> Option<LeaseEvent> {
        let (task, ticks) = match message {
            TaskMessage::Join { task, .. } => (task, self.observed.ticks.get(&**task)),
            TaskMessage::Leave { task } if !self.is_ending() => (task, None),
            TaskMessage::Leave { .. } | TaskMessage::Ended { .. } => return None,
        };
        let done = ticks.filter(|ticks| ticks.state() == TickState::Ended(TickOutcome::Done));
        self.out.observer.is_wanted().then(|| LeaseEvent::TicksRecorded {
            lease: self.out.lease.clone(),
            task: Arc::clone(task),
            added: TickCounts::default(),
            last_done: done.and_then(TaskTicks::last).and_then(|run| run.ended),
            next: ticks.and_then(TaskTicks::next),
        })
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

    /// A request has ended. Make the event before the election takes the answer, which may move the deadlines, and tell it
    /// afterwards: an observer may block, and the answer may end the term.
    pub(super) fn observed_reply(&self, reply: &Reply) -> Option<LeaseEvent> {
        let term_state = self.out.term_state.as_ref().filter(|_| reply.kind.is_write())?;
        if !self.out.observer.is_wanted() || reply.served.is_none() {
            return None;
        }
        let result = match &reply.answer {
            Answer::Committed(_) => RenewalResult::Ok,
            Answer::Conflict => RenewalResult::Conflict,
            Answer::Refused { unreached: true, .. } => RenewalResult::Unreachable,
            Answer::Refused { .. } => RenewalResult::Refused,
            Answer::Unknown | Answer::Shown(_) => RenewalResult::Timeout,
        };
        let now = self.out.clock.now();
        Some(LeaseEvent::RenewalEnded {
            lease: self.out.lease.clone(),
            result,
            duration: now.since(reply.sent),
            margin: term_state.deadlines().hard_stop.after(now),
        })
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
