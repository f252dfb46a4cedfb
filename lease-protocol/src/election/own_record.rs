//! The records that this process writes, and how it recognizes them.

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
            // Each acquisition is a new term, also if the record before it is our own, from a write whose answer was
            // lost.
            transitions: Some(before.map_or(0, |before| before.saturating_add(1))),
        }
    }

    /// The time of the next record: at least a whole second after the last one, even if the wall clock stands still or
    /// was set back. Other programs compare times at that resolution, and C1 and R1 need that no two records are the
    /// same. The count of transitions alone does not tell them apart: it begins again when the Lease is deleted, and
    /// stops at its maximum.
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

    /// The record of a release, in a form that every known contender takes as free. If the holder were null instead of
    /// empty, some would wait for ever.
    pub(super) fn releasing(&self, now: Now) -> Record {
        Record {
            holder: Some(String::new()),
            duration_seconds: Some(1),
            acquired: Some(now.wall),
            renewed: Some(now.wall),
            transitions: self.view().and_then(|view| view.record.transitions).map(|count| count.max(0)).or(Some(0)),
        }
    }

    /// Whether this term wrote what `view` shows. The same record in another object does not count: the Lease was
    /// deleted in between, and another process may have held it.
    pub(super) fn wrote(&self, term: &HeldTerm, View { version, record, .. }: &View) -> bool {
        version.uid == term.uid
            && record.holder() == Some(self.identity.as_str())
            && record.duration_seconds == term.duration_seconds
            && record.acquired == Some(term.acquired)
            && record.transitions == Some(term.transitions)
            && record.renewed.is_some_and(|at| term.renewed <= at && Some(at) <= self.written)
    }
}
