//! What keeps an election from going well: who is told, and when it is over.

use std::sync::Arc;

use super::ElectionDriver;
use crate::clock::Moment;
use crate::elector::classify::RequestKind;
use crate::elector::error::ElectorError;
use crate::elector::text::shown;
use crate::elector::watch::{OUTAGE, Watch};
use lease_protocol::election::{AlteredField, Request, Role};

impl ElectionDriver {
    /// A request went well.
    pub(super) fn clear_problem(&mut self, kind: RequestKind, sent: Moment) {
        let now = self.out.clock.now();
        if now.since(sent) >= self.out.timing.attempt_timeout() {
            // It is still slow. Nothing else is wrong any more.
            return self.is_slow(kind);
        }
        if self.failed_write.is_some_and(|since| !kind.is_write() && !self.is_moot(since)) {
            return;
        }
        self.failed_write = None;
        self.out.status.problem = None;
        self.out.status.fatal = false;
        self.problems.over(&self.log);
        if self.cut_off.take().is_some_and(|since| now.since(since) >= OUTAGE) && !self.watching {
            // The watch's pauses have grown while nobody could be reached. Now somebody can.
            self.watch.iter_mut().for_each(Watch::retry_now);
        }
    }

    /// A write was stored otherwise than it was sent. It succeeded, and is of no use.
    pub(super) fn is_altered(&mut self, fields: &[AlteredField]) {
        self.altered = true;
        self.note_write(RequestKind::Replace);
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        self.record_problem(ElectorError::Altered { fields: shown(&fields.join(", ")).to_string() });
    }

    /// A write has failed, and there is none to be tried again: another process has written the Lease since, and holds it. Of
    /// one whose holder has fallen silent, a read that succeeds tells nothing about the writes of this process.
    pub(super) fn is_moot(&self, since: u64) -> bool {
        let foreign = self.election.holder().is_some_and(|holder| holder != &*self.out.identity);
        foreign && self.election.newest().is_some_and(|newest| newest.revision > since)
    }

    /// The newest revision that is known.
    pub(super) fn revision(&self) -> u64 {
        self.election.newest().map_or(0, |newest| newest.revision)
    }

    /// Says of a request that has had no answer for long that it is slow, if the server gives signs of life, or else that nobody
    /// can be reached. Once for as long as it lasts; the request is waited for all the same.
    pub(super) fn notice_slow(&mut self) {
        let Some((kind, lives)) = self.requests.slow(self.out.clock.now(), self.server_time.answers()) else { return };
        if lives {
            self.is_slow(kind);
        } else if self.out.status.problem.is_none() {
            self.note_write(kind);
            let reason = format!("no answer for {:.1?}", self.out.timing.attempt_timeout());
            self.record_problem(ElectorError::Unreachable { reason });
        }
    }

    pub(super) fn is_slow(&mut self, kind: RequestKind) {
        let worse = self.out.status.problem.as_deref().is_some_and(|problem| {
            !matches!(problem, ElectorError::Unreachable { .. } | ElectorError::Unavailable { .. })
        });
        if !worse {
            self.note_write(kind);
            self.record_problem(ElectorError::Slow { verb: kind.verb(), after: self.out.timing.attempt_timeout() });
        }
    }

    /// Remembers that a write is in trouble, and which state it found.
    pub(super) fn note_write(&mut self, kind: RequestKind) {
        if kind.is_write() {
            self.failed_write = Some(self.revision());
        }
    }

    pub(super) fn record_problem(&mut self, problem: ElectorError) {
        if matches!(problem, ElectorError::Unreachable { .. } | ElectorError::Slow { .. }) {
            self.cut_off.get_or_insert(self.out.clock.now());
        }
        self.problems.record(&problem, &self.log);
        // Later on, a cluster that is being changed refuses many a thing for a while.
        self.out.status.fatal |= !self.settled && problem.needs_somebody();
        self.out.status.problem = Some(Arc::new(problem));
    }

    /// A follower that watches sends no requests for hours, so the problem of its last one would stand in its status for as
    /// long. It looks once per lease duration until the problem is over; the election need not know.
    pub(super) fn look_again(&mut self) {
        let standby = self.election.role() == Role::Standby && self.requests.is_empty();
        let due = self.out.clock.now() >= self.last_sent + self.out.timing.lease_duration;
        if standby && due && self.out.status.problem.is_some() && !self.is_barred() {
            self.send(None, &Request::Get);
        }
    }

    pub(super) fn is_barred(&self) -> bool {
        matches!(self.out.status.problem.as_deref(), Some(ElectorError::WentBackwards { .. }))
    }
}
