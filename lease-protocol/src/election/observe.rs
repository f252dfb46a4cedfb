//! What is seen of the Lease, and what it means for a term.

use super::outstanding::OutstandingGet;
use super::record::{Observation, View};
use super::state::{Election, SeenState};
use super::step::{Action, LossReason, Now, StopReason};
use super::term::HeldTerm;
use crate::clock::Moment;

impl Election {
    /// A watch showed something, possibly late.
    pub(super) fn observe_watched(&mut self, observation: Observation, now: Now, out: &mut Vec<Action>) {
        let late = match &observation {
            Observation::Present(view) => view.version.revision < self.highest,
            Observation::Missing { revision } => revision.is_some_and(|revision| revision < self.highest),
        };
        if !late {
            self.note_deletion(&observation, now.moment);
            self.learn(observation, now.moment);
            self.acknowledge(false, now, out);
            self.check_ownership(out);
        }
    }

    /// A look showed something. A look reads from the quorum: what it shows was true at some instant after it was sent.
    pub(super) fn observe_get(
        &mut self,
        get: &OutstandingGet,
        observation: Observation,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let known_when_sent = self.seen.as_ref().is_some_and(|seen| seen.confirmed <= get.sent);
        match &observation {
            Observation::Present(view) if view.version.revision < self.highest => {
                if self.seen.as_ref().is_some_and(|seen| seen.confirmed < get.sent) {
                    // The quorum knew a higher revision before the look was sent and shows a lower one now. At the same
                    // instant, nobody can tell which came first.
                    self.disqualify(view.version.revision, out);
                }
                return;
            }
            // Something newer was learned while the look was on its way; "missing" carries no revision to compare.
            Observation::Missing { .. } if self.view().is_some() && !known_when_sent => return,
            _ => {}
        }
        let before = self.view().map(|view| view.version.revision);
        self.note_not_yet_effective(get, &observation, now.moment);
        if matches!(observation, Observation::Missing { .. }) && self.has_gap(now.moment) {
            // C3: there may have been another meanwhile. That it is missing now says nothing about its holder.
            self.restart_wait(now.moment);
        }
        self.learn(observation, now.moment);
        if get.probe && self.watching && self.view().map(|view| view.version.revision) != before {
            out.push(Action::Rewatch);
        }
        self.acknowledge(true, now, out);
        self.check_ownership(out);
    }

    /// Takes `sight` for the newest state.
    pub(super) fn learn(&mut self, observation: Observation, now: Moment) {
        self.note_uid(&observation, now);
        match &observation {
            Observation::Present(view) => {
                let own = self.timing.lease_duration;
                self.last_duration = own.max(view.record.duration_or(own));
                self.highest = self.highest.max(view.version.revision);
            }
            Observation::Missing { revision } => self.highest = self.highest.max(revision.unwrap_or(0)),
        }
        // C1: the wait begins when a record is first *received*, by our own clock, and begins anew with every other
        // record. What counts is the record, not the version: somebody who labels the Lease every second would
        // otherwise keep everybody from ever taking over. Records never repeat, so an equal one is the same one.
        let since = match &self.seen {
            Some(seen) if same_record(&seen.observation, &observation) => seen.since,
            _ => now,
        };
        self.blind_at = match &observation {
            // Counted from the end of the wait: a look at its end, a little late, is in time.
            Observation::Missing { .. } if self.existed => self.clear_at.max(now) + self.last_duration,
            _ => Moment::ZERO,
        };
        self.seen = Some(SeenState { observation, since, confirmed: now });
    }

    /// C3: a watch tells of a deletion, so that there was a Lease, though this process has never seen it.
    fn note_deletion(&mut self, observation: &Observation, now: Moment) {
        if matches!(observation, Observation::Missing { revision: Some(_) }) && self.known.is_none() {
            self.existed = true;
            self.restart_wait(now);
        }
    }

    /// C3: the holder of a Lease that is gone may not have heard of it. A second one that is gone does not shorten the wait for
    /// the first.
    fn restart_wait(&mut self, now: Moment) {
        self.clear_at = self.clear_at.max(now + self.last_duration);
    }

    /// C3: the Lease that was known is gone, whether there is another by now or not. Its holder may not have heard of it yet,
    /// and the new one may have been made by somebody who never saw the old, or by a create of our own that was on its way
    /// for long. So nothing is acquired before that holder's time is up.
    fn note_uid(&mut self, observation: &Observation, now: Moment) {
        let uid = match observation {
            Observation::Present(view) => Some(view.version.uid.clone()),
            Observation::Missing { .. } => None,
        };
        if self.known.is_some() && self.known != uid {
            self.restart_wait(now);
        }
        self.existed |= uid.is_some();
        self.known = uid;
    }

    /// H3: what the Lease says decides over the term, and at once: whoever wrote it may have started already.
    ///
    /// H4: it decides only against the term. Our own name in it extends nothing, since it does not tell when it was
    /// written: what does is a record that only one of our writes can have written (rule R1).
    pub(super) fn check_ownership(&mut self, out: &mut Vec<Action>) {
        let (Some(seen), Some(term)) = (&self.seen, &self.term) else { return };
        let loss = match &seen.observation {
            Observation::Missing { .. } => StopReason::Lost(LossReason::Deleted),
            Observation::Present(view) if self.wrote(term, view) => return,
            Observation::Present(view) => self.why_lost(term, view),
        };
        if let Some(term) = &mut self.term {
            term.expire(loss, out);
        }
    }

    fn why_lost(&self, term: &HeldTerm, View { version, record }: &View) -> StopReason {
        match record.holder() {
            None => StopReason::Lost(LossReason::HolderCleared),
            Some(holder) if holder == self.identity && version.uid != term.uid => StopReason::Lost(LossReason::Deleted),
            Some(holder) if holder == self.identity => StopReason::Lost(LossReason::Overwritten),
            Some(holder) => StopReason::Lost(LossReason::TakenBy(holder.to_owned())),
        }
    }

    /// W3, also for reads: tokens of a cluster that was set back do not grow any more.
    pub(super) fn disqualify(&mut self, shown: u64, out: &mut Vec<Action>) {
        if self.disqualified {
            return;
        }
        (self.disqualified, self.disqualified_by) = (true, shown);
        if let Some(term) = &mut self.term {
            term.expire(StopReason::Lost(LossReason::WentBackwards), out);
        }
        out.push(Action::Disqualified { highest: self.highest, shown });
    }
}

fn same_record(a: &Observation, b: &Observation) -> bool {
    match (a, b) {
        (Observation::Missing { .. }, Observation::Missing { .. }) => true,
        (Observation::Present(a), Observation::Present(b)) => a.version.uid == b.version.uid && a.record == b.record,
        _ => false,
    }
}
