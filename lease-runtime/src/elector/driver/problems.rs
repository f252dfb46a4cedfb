//! The problems of an election: where they are reported, and when they are over.

use std::sync::Arc;

use super::ElectionDriver;
use crate::clock::Moment;
use crate::elector::classify::RequestKind;
use crate::elector::error::ElectorError;
use crate::elector::text::shown;
use crate::elector::watch::{OUTAGE, Watch};
use lease_protocol::election::{AlteredField, Request, Role};

impl ElectionDriver {
    /// A request succeeded.
    pub(super) fn clear_problem(&mut self, kind: RequestKind, sent: Moment) {
        let now = self.out.clock.now();
        if now.since(sent) >= self.out.timing.attempt_timeout() {
            // It was slow again, and everything else is over.
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
            // The pauses of the watch have grown while the server could not be reached. Now it can be.
            self.watch.iter_mut().for_each(Watch::retry_now);
        }
    }

    /// A write was stored differently from what was sent. It succeeded, but this process cannot lead by it.
    pub(super) fn is_altered(&mut self, fields: &[AlteredField]) {
        self.altered = true;
        self.note_write(RequestKind::Replace);
        let fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        self.record_problem(ElectorError::Altered { fields: shown(&fields.join(", ")).to_string() });
    }

    /// Whether a failed write does not matter any more: another process has written the Lease since, and holds it. If that holder
    /// is silent, a successful read says nothing about the writes of this process.
    pub(super) fn is_moot(&self, since: u64) -> bool {
        let foreign = self.election.holder().is_some_and(|holder| holder != &*self.out.identity);
        foreign && self.election.newest().is_some_and(|newest| newest.revision > since)
    }

    /// The newest revision that is known.
    pub(super) fn revision(&self) -> u64 {
        self.election.newest().map_or(0, |newest| newest.revision)
    }

    /// Reports a request that has had no answer for long: as slow if the server gives signs of life, or else as unreachable. It is
    /// reported once as long as it lasts. The request is still waited for.
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

    /// Remembers that a write has failed, and the revision that it replaced.
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
        // Later on, a refusal may be temporary: a cluster that is being changed refuses many requests for a while.
        self.out.status.fatal |= !self.settled && problem.needs_somebody();
        self.out.status.problem = Some(Arc::new(problem));
    }

    /// A follower with a watch sends no requests for hours, so a problem of its last request would stay in its status for as long.
    /// It reads the Lease once per lease duration until the problem is over. The election need not know of this. A process that
    /// looks on and has no watch reads the Lease as often as a follower without one.
    pub(super) fn look_again(&mut self) {
        let waits = self.election.role() == Role::Standby && self.out.status.problem.is_some();
        let looks = self.looks_on() && !self.watching;
        let pause = if looks { self.out.timing.retry_period } else { self.out.timing.lease_duration };
        let due = self.out.clock.now() >= self.last_sent + pause;
        if (waits || looks) && due && self.requests.is_empty() && !self.is_disqualified() {
            self.send(None, &Request::Get);
        }
    }

    pub(super) fn is_disqualified(&self) -> bool {
        matches!(self.out.status.problem.as_deref(), Some(ElectorError::WentBackwards { .. } | ElectorError::LockLost))
    }
}
