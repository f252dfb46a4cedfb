//! What the state of the Lease proves about writes that have not been answered.
//!
//! A slow server answers late, and a broken connection never answers. Neither must cost a term. The state of the Lease
//! proves as much as the answer would, if only this write can have made it, or if it shows that the write has not taken
//! effect yet.

use super::outstanding::{OutstandingGet, OutstandingWrite, WritePurpose};
use super::record::Observation;
use super::state::{Election, SeenState};
use super::step::{Action, Now};
use crate::clock::Moment;

/// How many writes with an unknown outcome are remembered. No more attempts than this fit into a renew deadline.
const REMEMBERED: usize = 4;

impl Election {
    /// R1: the state that was just learned acknowledges the write that made it, just as the answer would, and the proof
    /// counts from the same instant. Writes that were to replace another state can no longer take effect.
    pub(super) fn acknowledge(&mut self, by_get: bool, now: Now, out: &mut Vec<Action>) {
        if let Some(view) = self.view().cloned() {
            // A term begins with the answer to a write or to a get, but not with a watch event. Answers carry the time
            // of the server. Without it, the ticks would follow a local clock that may be wrong.
            let counts =
                |write: &OutstandingWrite| write.wrote(&view) && (by_get || write.purpose != WritePurpose::Acquire);
            let write = match self.writing.take_if(|write| counts(write)) {
                None => self.given_up.iter().position(counts).map(|at| self.given_up.remove(at)),
                some => some,
            };
            if let Some(mut write) = write {
                write.record = view.record;
                self.took_effect(write, &view.version, by_get, now, out);
            }
        }
        self.forget_impossible_writes();
    }

    /// A write that names a state which is gone can never take effect, so its answer is not awaited. A create can still
    /// take effect if the Lease is deleted, so it is remembered.
    pub(super) fn forget_impossible_writes(&mut self) {
        let Some(SeenState { observation, .. }) = &self.seen else { return };
        let (current, view) = match observation {
            Observation::Present(view) => (Some(view.version.clone()), Some(view.clone())),
            Observation::Missing { .. } => (None, None),
        };
        let made_it = |write: &OutstandingWrite| view.as_ref().is_some_and(|view| write.wrote(view));
        self.given_up.retain(|write| write.base.is_none() || write.base == current || made_it(write));
        if let Some(write) = self.writing.take_if(|write| write.base != current && !made_it(write))
            && write.base.is_none()
        {
            self.remember(write);
        }
    }

    /// Remembers a write that may have taken effect or may still do so.
    pub(super) fn remember(&mut self, mut write: OutstandingWrite) {
        write.get_at = None;
        if self.given_up.len() == REMEMBERED {
            self.given_up.remove(0);
        }
        self.given_up.push(write);
    }

    /// Forgets writes that are so old that a term based on them would already be over.
    pub(super) fn forget_old_writes(&mut self, now: Moment) {
        let matters = self.timing.cancel_after();
        self.given_up.retain(|write| now < write.from + matters);
    }

    /// R2: a get that was *sent* while a write was outstanding, and shows the state before the write, proves that the
    /// write had not taken effect when the get was sent. If the write takes effect later, it counts from that instant.
    ///
    /// A watch proves nothing of this kind, because it may show the past.
    pub(super) fn note_not_yet_effective(&mut self, get: &OutstandingGet, observation: &Observation, now: Moment) {
        let Some(asked) = get.evidence else { return };
        let shown = match observation {
            Observation::Present(view) => Some(&view.version),
            Observation::Missing { .. } => None,
        };
        for write in self.writing.iter_mut().chain(&mut self.given_up) {
            if write.base.as_ref() == shown {
                write.from = write.from.max(asked);
            }
        }
        if let Some(mut write) = self.writing.take() {
            write.get_at = self.next_get(write.sent, now);
            self.writing = Some(write);
        }
    }

    /// When to get the Lease to see whether a write that was sent at `sent` has taken effect: after two fifths of the
    /// time that is left until the answer would come too late. So a quick answer costs no get and a slow one costs a
    /// few. The last get comes shortly before the end, when it proves the most.
    pub(super) fn next_get(&self, sent: Moment, now: Moment) -> Option<Moment> {
        let end = sent + self.timing.cancel_after();
        let end = self.term.as_ref().map_or(end, |term| end.min(term.deadlines(&self.timing).cancel_at));
        let rest = end.since(now);
        (rest > self.timing.cancel_after() / 20).then(|| now + rest * 2 / 5)
    }
}
