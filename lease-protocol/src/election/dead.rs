//! The processes that are proven dead, by their identities (rule D1).

use crate::clock::Moment;

/// How many dead identities are remembered. A holder whose proof was forgotten is waited out, or proven dead again.
const REMEMBERED: usize = 8;

/// Identities of which no body will ever be polled again, oldest first, and when each was proven dead.
///
/// D1: an identity belongs to one start of one process, so a proof about it never becomes false. It holds for each record
/// that names this identity, also for one that lands after the proof. It says nothing about any other identity.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct Dead(Vec<(String, Moment)>);

impl Dead {
    /// A repeated proof changes nothing. So an identity whose death is reported again and again displaces no other, and the
    /// first proof says since when its leases are free.
    pub(super) fn add(&mut self, identity: String, now: Moment) {
        if self.since(&identity).is_some() {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.remove(0);
        }
        self.0.push((identity, now));
    }

    /// When this identity was proven dead.
    pub(super) fn since(&self, identity: &str) -> Option<Moment> {
        self.0.iter().find(|(dead, _)| dead == identity).map(|(_, since)| *since)
    }

    /// Forgets all identities but these.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(dead, _)| keep(dead));
    }

    /// The instants of the proofs.
    pub(super) fn instants(&mut self) -> impl Iterator<Item = &mut Moment> {
        self.0.iter_mut().map(|(_, since)| since)
    }
}
