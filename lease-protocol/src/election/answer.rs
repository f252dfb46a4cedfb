//! What the answer to a request means.

use std::time::Duration;

use super::altered::altered;
use super::outstanding::{OutstandingWrite, WritePurpose};
use super::record::{Observation, Record, Version, View};
use super::state::Election;
use super::step::{Action, Answer, Grant, Now, RequestId};
use super::term::{HeldTerm, Phase};
use super::token::FencingToken;
use crate::clock::{Moment, WallTime};

/// The pause between attempts doubles after each write that was altered, up to this limit.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Election {
    /// H1: an answer is matched by id to the request that it answers. If the answer to one attempt counted for a later
    /// one, the term would be counted from an instant at which nothing was proved.
    pub(super) fn take_answer(&mut self, id: RequestId, answer: Answer, now: Now, out: &mut Vec<Action>) {
        if let Some(get) = self.getting.take_if(|get| get.id == id) {
            match answer {
                Answer::Shown(observation) => {
                    self.stale = false;
                    self.poll_at = now.moment + self.timing.jittered(self.timing.retry_period, now.random);
                    self.observe_get(&get, observation, now, out);
                }
                Answer::Refused { retry_after, unreached } => self.refused(get.sent, retry_after, unreached, now),
                Answer::Unknown | Answer::Committed(_) | Answer::Conflict => {
                    self.pace.failed(get.sent, self.timing.jittered(self.timing.retry_period, now.random));
                }
            }
        } else if let Some(write) = self.writing.take_if(|write| write.id == id) {
            match answer {
                Answer::Committed(view) => self.committed(write, view, now, out),
                Answer::Conflict => self.get_before_writing(),
                Answer::Refused { retry_after, unreached } => self.refused(write.sent, retry_after, unreached, now),
                Answer::Unknown | Answer::Shown(_) => {
                    self.pace.failed(write.sent, self.timing.jittered(self.timing.retry_period, now.random));
                    self.remember(write);
                    self.get_before_writing();
                }
            }
        } else if let Some(at) = self.given_up.iter().position(|write| write.id == id) {
            // A create that was given up because it could not take effect while the Lease existed.
            let write = self.given_up.remove(at);
            match answer {
                Answer::Committed(view) => self.committed(write, view, now, out),
                Answer::Conflict | Answer::Refused { .. } => {}
                Answer::Unknown | Answer::Shown(_) => self.remember(write),
            }
        }
    }

    /// W1: what this process believes about the Lease may be wrong, so the next step is a get. Otherwise, after the
    /// Lease was once seen to be missing, a create would be repeated and would conflict for ever.
    ///
    /// A get that is already in flight does not count: it may have been served before the write.
    pub(super) fn get_before_writing(&mut self) {
        self.stale = true;
        self.getting = None;
    }

    fn refused(&mut self, sent: Moment, retry_after: Option<Duration>, unreached: bool, now: Now) {
        let period = self.timing.retry_period;
        let wait = match retry_after {
            // Wait as long as the server asks, within what the lease allows: a holder that waits a whole minute loses
            // its lease.
            Some(asked) => asked.clamp(period, self.longest_wait(now).max(period)),
            // The server was not reached, so another attempt costs it nothing. Try more often, to notice soon that the
            // server is back.
            None if unreached => period / 4,
            None => period,
        };
        self.pace.failed(sent, self.timing.jittered(wait, now.random));
    }

    /// How long this process can afford to send nothing: for a holder half of the time that it has left, otherwise a
    /// lease duration.
    fn longest_wait(&self, now: Now) -> Duration {
        match &self.term {
            Some(term) if term.phase != Phase::Expired => term.deadlines(&self.timing).cancel_at.since(now.moment) / 2,
            _ => self.timing.lease_duration,
        }
    }

    fn committed(&mut self, mut write: OutstandingWrite, view: View, now: Now, out: &mut Vec<Action>) {
        // A policy has reverted the whole write: the server then stores nothing and returns the state that it had
        // before.
        let reverted = write.base.as_ref() == Some(&view.version);
        if view.version.revision <= write.floor && !reverted {
            // W3: the token of this term would not be higher than those of earlier terms. A target that checks tokens
            // would refuse the new leader or, worse, accept an old one.
            self.disqualify(view.version.revision, out);
            return;
        }
        let counts = self.compare(&mut write, &view.record, now, out) && !reverted;
        let version = view.version.clone();
        // A watch may have shown this write, or a later one, before the answer to this write arrived.
        if view.version.revision >= self.highest {
            self.learn(Observation::Present(view), now.moment);
        }
        if counts {
            self.took_effect(write, &version, false, now, out);
        }
        self.forget_impossible_writes();
        self.check_ownership(out);
    }

    /// Compares the stored record with the one that was sent. The stored record is what other processes read, so it
    /// must not promise less than this process relies on. A longer duration only makes them wait longer. A coarser time
    /// is as good as the exact one, because only a change of the time matters. In these cases the term rests on the
    /// stored record, and this returns `true`. In all others nothing rests on the write, and the next attempts come at
    /// growing intervals.
    fn compare(&mut self, write: &mut OutstandingWrite, stored: &Record, now: Now, out: &mut Vec<Action>) -> bool {
        if write.purpose == WritePurpose::Release {
            return true;
        }
        let altered = altered(&write.record, stored);
        if altered.is_empty() {
            self.altered = 0;
            write.record = stored.clone();
            return true;
        }
        let pause = (self.timing.retry_period * (1 << self.altered.min(5))).min(LONGEST_PAUSE);
        self.altered = self.altered.saturating_add(1);
        self.pace.failed(now.moment, self.timing.jittered(pause, now.random));
        out.push(Action::Altered(altered));
        false
    }

    /// The write has taken effect: its answer proves it, or an observation that only this write explains. `version` is
    /// the version that the write made, or a later one with the same record.
    pub(super) fn took_effect(
        &mut self,
        write: OutstandingWrite,
        version: &Version,
        by_get: bool,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        if write.base.is_none() && write.from > write.sent && !by_get {
            // A get showed no Lease after the create was sent. The Lease may have been created and deleted before that
            // get. Only if a later get shows the Lease is it certain that it was created after the first get.
            self.remember(write);
            self.get_before_writing();
            return;
        }
        match write.purpose {
            WritePurpose::Acquire => self.begin(&write, version, now, out),
            WritePurpose::Renew => self.extend(&write, out),
            WritePurpose::Release => {}
        }
    }

    fn begin(&mut self, write: &OutstandingWrite, version: &Version, now: Now, out: &mut Vec<Action>) {
        // The token is higher than that of each earlier term, because this write replaced its record, and lower than
        // that of each later term, because that one replaces this record.
        let token = FencingToken::new(version.revision);
        let acquired = write.record.acquired.unwrap_or(WallTime(0));
        let transitions = write.record.transitions.unwrap_or(0);
        let term = HeldTerm {
            token,
            uid: version.uid.clone(),
            transitions,
            duration_seconds: write.record.duration_seconds,
            acquired,
            from: write.from,
            renew_at: write.sent + self.timing.renew_period(),
            renewed: acquired,
            phase: Phase::Running,
            hurry: false,
        };
        let deadlines = term.deadlines(&self.timing);
        // An acquisition begins no term if the answer took too long, if leaving was requested in the meantime, if
        // another process has already overwritten the record, or if another Lease existed in the meantime and is gone
        // (C3). If the record is still ours, it is then acquired again or released.
        let in_time = now.moment < deadlines.cancel_at;
        let still_ours = self.view().is_some_and(|view| self.wrote(&term, view));
        let clear = now.moment >= self.clear_at;
        if in_time && self.contending && still_ours && clear && !self.disqualified && self.term.is_none() {
            self.term = Some(term);
            self.given_up.clear();
            out.push(Action::Begin(Grant { token, transitions, deadlines }));
        }
    }

    fn extend(&mut self, write: &OutstandingWrite, out: &mut Vec<Action>) {
        if let Some(term) = &mut self.term
            && term.phase != Phase::Expired
        {
            let renewed = write.record.renewed.unwrap_or(term.renewed);
            if renewed >= term.renewed {
                // A policy may have been added since the acquisition, so that renewals are stored differently.
                term.renewed = renewed;
                term.acquired = write.record.acquired.unwrap_or(term.acquired);
                term.duration_seconds = write.record.duration_seconds;
            }
            if write.from > term.from {
                term.from = write.from;
                term.renew_at = write.sent + self.timing.renew_period();
                out.push(Action::Extend(term.deadlines(&self.timing)));
            }
        }
    }
}
