//! How requests end.

use std::time::Duration;

use super::altered::altered;
use super::outstanding::{OutstandingWrite, WritePurpose};
use super::record::{FencingToken, Observation, Record, Version, View};
use super::state::Election;
use super::step::{Action, Answer, Grant, Now, RequestId};
use super::term::{HeldTerm, Phase};
use crate::clock::{Moment, WallTime};

/// Tries pause for twice as long after each that was altered, and no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Election {
    /// H1: an answer belongs to the request it answers, by id. Taking the answer of one attempt for that of a later one
    /// would count the term from an instant at which nothing was proved.
    pub(super) fn take_answer(&mut self, id: RequestId, answer: Answer, now: Now, out: &mut Vec<Action>) {
        if let Some(get) = self.getting.take_if(|get| get.id == id) {
            match answer {
                Answer::Shown(observation) => {
                    self.stale = false;
                    self.poll_at = now.moment + self.timing.jittered(self.timing.retry_period, now.dice);
                    self.observe_get(&get, observation, now, out);
                }
                Answer::Refused { retry_after, unreached } => self.refused(get.sent, retry_after, unreached, now),
                Answer::Unknown | Answer::Committed(_) | Answer::Conflict => {
                    self.pace.failed(get.sent, self.timing.jittered(self.timing.retry_period, now.dice));
                }
            }
        } else if let Some(write) = self.writing.take_if(|write| write.id == id) {
            match answer {
                Answer::Committed(view) => self.committed(write, view, now, out),
                Answer::Conflict => self.get_before_writing(),
                Answer::Refused { retry_after, unreached } => self.refused(write.sent, retry_after, unreached, now),
                Answer::Unknown | Answer::Shown(_) => {
                    self.pace.failed(write.sent, self.timing.jittered(self.timing.retry_period, now.dice));
                    self.remember(write);
                    self.get_before_writing();
                }
            }
        } else if let Some(at) = self.given_up.iter().position(|write| write.id == id) {
            // A create that was doomed, as things stood.
            let write = self.given_up.remove(at);
            match answer {
                Answer::Committed(view) => self.committed(write, view, now, out),
                Answer::Conflict | Answer::Refused { .. } => {}
                Answer::Unknown | Answer::Shown(_) => self.remember(write),
            }
        }
    }

    /// W1: what we believe about the Lease may be wrong, so the next step is a look. A create that is tried again and
    /// again because the Lease was once seen to be missing would conflict for ever.
    ///
    /// A look that is already on its way does not count: it may have been served before the write.
    pub(super) fn get_before_writing(&mut self) {
        self.stale = true;
        self.getting = None;
    }

    fn refused(&mut self, sent: Moment, retry_after: Option<Duration>, unreached: bool, now: Now) {
        let period = self.timing.retry_period;
        let wait = match retry_after {
            // What the server asks for, as long as the lease allows: a holder that obeys a minute's wait has lost.
            Some(asked) => asked.clamp(period, self.longest_wait(now).max(period)),
            // Nobody was there to be bothered: knock more often, to be back soon after the server is.
            None if unreached => period / 4,
            None => period,
        };
        self.pace.failed(sent, self.timing.jittered(wait, now.dice));
    }

    /// How long this process can afford to be quiet: a holder half of what is left to it, others a lease duration.
    fn longest_wait(&self, now: Now) -> Duration {
        match &self.term {
            Some(term) if term.phase != Phase::Expired => term.deadlines(&self.timing).cancel_at.since(now.moment) / 2,
            _ => self.timing.lease_duration,
        }
    }

    fn committed(&mut self, mut write: OutstandingWrite, view: View, now: Now, out: &mut Vec<Action>) {
        // A policy has reverted the write as a whole: the server then stores nothing, and shows the state that it had.
        let reverted = write.base.as_ref() == Some(&view.version);
        if view.version.revision <= write.floor && !reverted {
            // W3: the token of this term would not be above those of earlier terms, and a target that checks tokens would
            // refuse the new leader, or worse, accept an old one.
            self.disqualify(view.version.revision, out);
            return;
        }
        let counts = self.compare(&mut write, &view.record, now, out) && !reverted;
        let version = view.version.clone();
        // A watch may have shown this write, or one after it, before its answer came.
        if view.version.revision >= self.highest {
            self.learn(Observation::Present(view), now.moment);
        }
        if counts {
            self.took_effect(write, &version, false, now, out);
        }
        self.forget_doomed_writes();
        self.check_ownership(out);
    }

    /// Compares what was stored with what was sent. What others are told by it must not promise less than this process relies
    /// on: a longer duration keeps them waiting for longer, and a coarser time is as good, since all that counts is that it
    /// changes. The term then rests on what is stored. Nothing rests on
    /// anything else, which is tried again more and more rarely. Tells which.
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
        self.pace.failed(now.moment, self.timing.jittered(pause, now.dice));
        out.push(Action::Altered(altered));
        false
    }

    /// The answer to a write, or a sight that only this write explains, proves that it has taken effect; `version` is what it
    /// made, or the same record under a later version.
    pub(super) fn took_effect(
        &mut self,
        write: OutstandingWrite,
        version: &Version,
        by_get: bool,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        if write.base.is_none() && write.from > write.sent && !by_get {
            // A look showed no Lease after the create was sent. It may have been made and deleted before: only a look that
            // shows it, sent after that one, tells that it was made later.
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
        // Higher than the token of each earlier term, whose record this write has replaced, and lower than that of each later
        // one, which replaces this record.
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
        // Four reasons to have acquired for nothing: the answer took too long, leaving was asked for meanwhile, somebody has
        // overwritten it already, or meanwhile there was another Lease, which is gone (C3). The record, if it is ours, is then
        // acquired anew or released.
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
                // A policy may have come meanwhile by which it is stored otherwise than the acquisition was.
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
