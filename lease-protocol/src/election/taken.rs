//! In which state a lease was taken, and since when it was free.

use std::fmt;

use super::record::Observation;
use super::state::{Election, SeenState};
use crate::clock::Moment;

/// In which state a process took a lease.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Taken {
    /// There was no Lease, so the process created it.
    Created,
    /// The lease had no holder: the last one had released it. Or it still named this process.
    Released,
    /// The lease had no holder, and the last one had named this process as its successor.
    Transferred,
    /// The last holder had not renewed the lease, and its duration had passed.
    RanOut,
    /// The last holder was [proven dead](super::Event::Dead), before its lease had run out.
    ProvenDead,
}

impl Taken {
    /// Its name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Taken::Created => "created",
            Taken::Released => "released",
            Taken::Transferred => "transferred",
            Taken::RanOut => "ran_out",
            Taken::ProvenDead => "proven_dead",
        }
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Election {
    /// In which state this process would take the lease now, and since when the lease is free. For a lease that has another
    /// holder, this is when it will have run out, or when this process learned that the holder is dead, whichever is earlier.
    /// `None` if nothing was seen yet.
    pub fn vacancy(&self) -> Option<(Taken, Moment)> {
        let SeenState { observation, since, .. } = self.seen.as_ref()?;
        Some(match observation {
            Observation::Missing { .. } => (Taken::Created, *since),
            Observation::Present(view) if self.is_successor(view) => (Taken::Transferred, *since),
            Observation::Present(view) if view.record.holder().is_none() || self.is_mine() => (Taken::Released, *since),
            Observation::Present(view) => {
                let ran_out = *since + view.record.duration_or(self.timing.lease_duration);
                match self.holder_dead_since(view).map(|proven| proven.max(*since)) {
                    Some(proven) if proven < ran_out => (Taken::ProvenDead, proven),
                    _ => (Taken::RanOut, ran_out),
                }
            }
        })
    }
}
