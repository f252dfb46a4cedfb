//! Sends the requests of the election, and handles their answers.

use super::ElectionDriver;
use crate::elector::classify::RequestKind;
use crate::elector::error::ElectorError;
use crate::elector::requests::{Reply, SendContext};
use crate::elector::watch::WatchStart;
use lease_protocol::election::{Answer, Event, Observation, Request, RequestId};

impl ElectionDriver {
    pub(super) fn send(&mut self, id: Option<RequestId>, request: &Request) {
        self.last_sent = self.out.clock.now();
        let edits = self.edits(id, request);
        let (answers, holds) = (self.server_time.answers(), self.out.term_state.is_some());
        let kind = self.requests.send(id, request, SendContext { now: self.last_sent, answers, holds }, edits);
        self.log.sent(kind.verb());
    }

    /// Passes the answer to a request to the status, to the log and to the election.
    pub(super) fn handle_reply(&mut self, reply: Reply) {
        let event = self.observed_reply(&reply);
        let mut looked = |from| self.watch.iter_mut().for_each(|watch| watch.looked(from));
        match &reply.answer {
            Answer::Shown(Observation::Missing { .. }) => looked(WatchStart::Now),
            Answer::Shown(Observation::Present(view)) | Answer::Committed(view) => {
                // Before the step, so that the log has the answer before the term that it begins. If this blocks, the answer
                // comes later, and the term still counts from when the request was sent.
                self.log.answered(reply.kind.verb(), view.version.revision);
                looked(WatchStart::Revision(view.version.revision));
                let foreign = view.record.holder().is_some_and(|holder| holder != &*self.out.identity);
                self.settled |= foreign || reply.kind != RequestKind::Get;
            }
            Answer::Conflict => self.settled |= reply.served.is_some(),
            _ => {}
        }
        let (mut rejected, mut well) = (false, false);
        match reply.served {
            Some(Err(problem)) => {
                rejected = matches!(problem, ElectorError::Rejected { .. } | ElectorError::Forbidden(_));
                self.note_write(reply.kind);
                self.record_problem(problem);
            }
            Some(Ok(())) => well = true,
            None => {}
        }
        if reply.id.is_none()
            && self.looks_on()
            && let Answer::Shown(observation) = reply.answer
        {
            self.step(Event::Seen(observation));
        } else if let Some(id) = reply.id {
            let mut stored_seconds = None;
            match reply.answer {
                Answer::Committed(ref view) => {
                    stored_seconds = Some(view.record.duration_seconds);
                    let stored = self.requests.annotations(&view.version);
                    self.ticking.committed(id, stored, self.out.clock.now(), &self.log);
                }
                Answer::Refused { .. } if rejected => self.ticking.refused(id),
                _ => {}
            }
            self.step(Event::Answered { id, answer: reply.answer });
            if let Some(seconds) = stored_seconds {
                self.log.stored_duration(seconds, self.out.timing.lease_duration);
            }
        }
        // After the step, which knows the holder of the lease. A process that must not lead any more keeps its problem.
        if well && !self.is_disqualified() && !std::mem::take(&mut self.altered) {
            self.clear_problem(reply.kind, reply.sent);
        }
        event.into_iter().for_each(|event| self.out.observer.tell(|| event));
    }
}
