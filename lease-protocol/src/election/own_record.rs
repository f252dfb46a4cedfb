//! The records that this process writes, and how it knows them again.

use super::record::{Record, View};
use super::state::Election;
use super::step::Now;
use super::term::HeldTerm;
use crate::clock::WallTime;

impl Election {
    /// The record of an acquiring write.
    pub(super) fn acquiring(&mut self, now: Now) -> Record {
        let at = self.next_time(now);
        let before = self.view().map(|view| view.record.transitions.unwrap_or(0).max(0));
        Record {
            holder: Some(self.identity.clone()),
            duration_seconds: Some(self.timing.published_seconds()),
            acquired: Some(at),
            renewed: Some(at),
            // Each acquisition is a new term, also one from our own earlier write whose answer was lost.
            transitions: Some(before.map_or(0, |before| before.saturating_add(1))),
        }
    }

    /// The time of the next record: a whole second after the last even if the wall clock stands still or was set back.
    /// Others compare times at that resolution, and no two records may be the same: C1 and R1 rest on it. The count of
    /// transitions does not tell them apart, since it begins anew when the Lease is deleted, and has an end.
    fn next_time(&mut self, now: Now) -> WallTime {
        let at = self.written.map_or(now.wall, |last| now.wall.max(last.plus(std::time::Duration::from_secs(1))));
        self.written = Some(at);
        at
    }

    /// The record of a renewal.
    pub(super) fn renewing(&mut self, now: Now) -> Record {
        let at = self.next_time(now);
        let Some(term) = &mut self.term else { return self.acquiring(now) };
        term.hurry = false;
        Record {
            holder: Some(self.identity.clone()),
            duration_seconds: Some(self.timing.published_seconds()),
            acquired: Some(term.acquired),
            renewed: Some(at),
            transitions: Some(term.transitions),
        }
    }

    /// The record of a release, in the form that every known contender takes for free: null instead of an empty holder
    /// makes some wait for ever.
    pub(super) fn releasing(&self, now: Now) -> Record {
        Record {
            holder: Some(String::new()),
            duration_seconds: Some(1),
            acquired: Some(now.wall),
            renewed: Some(now.wall),
            transitions: self.view().and_then(|view| view.record.transitions).map(|count| count.max(0)).or(Some(0)),
        }
    }

    /// Whether `view` shows what this term has written. The same record in another object is not: the Lease was deleted in
    /// between, and somebody else may have held it.
    pub(super) fn wrote(&self, term: &HeldTerm, View { version, record }: &View) -> bool {
        version.uid == term.uid
            && record.holder() == Some(self.identity.as_str())
            && record.duration_seconds == term.duration_seconds
            && record.acquired == Some(term.acquired)
            && record.transitions == Some(term.transitions)
            && record.renewed.is_some_and(|at| term.renewed <= at && Some(at) <= self.written)
    }
}
