//! What an observation of the Lease means for the term.

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

    /// A get showed something. A get reads from the quorum, so what it shows was true at some instant after it was
    /// sent.
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
                    // The quorum knew a higher revision before the get was sent and shows a lower one now. If both
                    // happened at the same instant, the order is unknown, so nothing is proved.
                    self.disqualify(view.version.revision, out);
                }
                return;
            }
            // A newer state was learned while the get was under way. A missing Lease carries no revision to compare.
            Observation::Missing { .. } if self.view().is_some() && !known_when_sent => return,
            _ => {}
        }
        let before = self.view().map(|view| view.version.revision);
        self.note_not_yet_effective(get, &observation, now.moment);
        if matches!(observation, Observation::Missing { .. }) && self.has_gap(now.moment) {
            // C3: another Lease may have existed in the meantime. That it is missing now says nothing about its holder.
            self.restart_wait(now.moment);
        }
        self.learn(observation, now.moment);
        if get.probe && self.watching && self.view().map(|view| view.version.revision) != before {
            out.push(Action::Rewatch);
        }
        self.acknowledge(true, now, out);
        self.check_ownership(out);
    }

    /// Takes `observation` as the newest state.
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
        // C1: the wait begins when a record is first *received*, by our own clock, and begins again with every other
        // record. The record counts, not the version. Otherwise a label that changes every second would keep all
        // candidates from taking over. Records never repeat, so an equal record is the same record.
        let since = match &self.seen {
            Some(seen) if same_record(&seen.observation, &observation) => seen.since,
            _ => now,
        };
        self.blind_at = match &observation {
            // Counted from the end of the wait, so that a get at the end of the wait is in time even if it is a little
            // late.
            Observation::Missing { .. } if self.existed => self.clear_at.max(now) + self.last_duration,
            _ => Moment::ZERO,
        };
        self.seen = Some(SeenState { observation, since, confirmed: now });
    }

    /// C3: a watch reports a deletion, so there was a Lease, even if this process never saw it.
    fn note_deletion(&mut self, observation: &Observation, now: Moment) {
        if matches!(observation, Observation::Missing { revision: Some(_) }) && self.known.is_none() {
            self.existed = true;
            self.restart_wait(now);
        }
    }

    /// C3: the holder of a deleted Lease may not know of the deletion yet. The deletion of a second Lease does not
    /// shorten the wait for the holder of the first.
    fn restart_wait(&mut self, now: Moment) {
        self.clear_at = self.clear_at.max(now + self.last_duration);
    }

    /// C3: the Lease that was known is gone, whether there is another Lease now or not. Its holder may not know of the
    /// deletion yet. The new Lease may have been created by a process that never saw the old one, or by a create of our
    /// own that was under way for a long time. So this process acquires nothing until that holder's time has passed.
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

    /// H3: what the Lease says can end the term, and does so at once, because the process that wrote it may have
    /// started its bodies already.
    ///
    /// H4: an observation can only end the term. Our own name in the Lease extends nothing, because it does not say
    /// when it was written. Only a record that exactly one of our writes can have written extends the term (rule R1).
    pub(super) fn check_ownership(&mut self, out: &mut Vec<Action>) {
        let (Some(seen), Some(term)) = (&self.seen, &self.term) else { return };
        let reason = match &seen.observation {
            Observation::Missing { .. } => StopReason::Lost(LossReason::Deleted),
            Observation::Present(view) if self.wrote(term, view) => return,
            Observation::Present(view) => self.why_lost(term, view),
        };
        if let Some(term) = &mut self.term {
            term.expire(reason, out);
        }
    }

    fn why_lost(&self, term: &HeldTerm, View { version, record, .. }: &View) -> StopReason {
        match record.holder() {
            None => StopReason::Lost(LossReason::HolderCleared),
            Some(holder) if holder == self.identity && version.uid != term.uid => StopReason::Lost(LossReason::Deleted),
            Some(holder) if holder == self.identity => StopReason::Lost(LossReason::Overwritten),
            Some(holder) => StopReason::Lost(LossReason::TakenBy(holder.to_owned())),
        }
    }

    /// W3, for reads too: in a cluster that was set back, tokens do not grow any more.
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
