//! The processes that are proven dead, by their identities (rule D1).

use super::record::View;
use super::state::Election;
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
    fn add(&mut self, identity: String, now: Moment) {
        if self.since(&identity).is_some() {
            return;
        }
        if self.0.len() == REMEMBERED {
            self.0.remove(0);
        }
        self.0.push((identity, now));
    }

    /// When this identity was proven dead.
    fn since(&self, identity: &str) -> Option<Moment> {
        self.0.iter().find(|(dead, _)| dead == identity).map(|(_, since)| *since)
    }

    /// The instants of the proofs.
    pub(super) fn instants(&mut self) -> impl Iterator<Item = &mut Moment> {
        self.0.iter_mut().map(|(_, since)| since)
    }
}

impl Election {
    /// D1: notes a proof. One about this process itself is wrong, because this process is not dead, so it is ignored.
    pub(super) fn note_dead(&mut self, identity: String, now: Moment) {
        if identity != self.identity {
            self.dead.add(identity, now);
        }
    }

    /// Whether this identity was [proven dead](super::Event::Dead), as far as this election remembers.
    pub fn is_proven_dead(&self, identity: &str) -> bool {
        self.dead.since(identity).is_some()
    }

    /// C6: when the holder of this record was proven dead. `None` if it was not, or if there is no holder.
    pub(super) fn holder_dead_since(&self, view: &View) -> Option<Moment> {
        self.dead.since(view.record.holder()?)
    }
}
