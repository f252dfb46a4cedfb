//! One process: the production core, its term, its bodies, and the write that it has sent.

use lease_protocol::ticks::{Annotations, Edits, RunStart, Ticks};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Replica {
    pub(crate) ticks: Ticks,
    pub(crate) term: Standing,
    pub(crate) runs: Vec<Run>,
    pub(crate) write: Option<Write>,
    /// The state of the Lease that the term rests on.
    pub(crate) view: Annotations,
    /// That state is the newest one.
    pub(crate) fresh: bool,
    /// The next write needs a new get first.
    pub(crate) stale: bool,
    /// How often the process was started.
    pub(crate) starts: u8,
    /// How many writes it has composed.
    pub(crate) composed: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Standing {
    /// It does not hold the lease.
    Out,
    Leading,
    /// The bodies were asked to end. The lease is still held.
    Draining,
}

/// A run that was handed to its body.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Run {
    pub(crate) start: RunStart,
    pub(crate) progress: Progress,
    pub(crate) asked: Option<Asked>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Progress {
    /// It waits for the end of the run that it replaces.
    Waiting,
    /// Its body was not polled yet.
    Handed,
    Begun,
}

/// Why a run was asked to end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Asked {
    Replaced,
    TermOver,
}

/// A write that has not been answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Write {
    pub(crate) number: u64,
    pub(crate) edits: Edits,
    /// When it was composed, the term was held and the bodies had not been asked to end.
    pub(crate) may_take: bool,
    /// The state that it names is the newest one, so it can still take effect.
    pub(crate) possible: bool,
    /// The state that it made.
    pub(crate) stored: Option<Annotations>,
    /// That state is the newest one.
    pub(crate) newest: bool,
}

impl Replica {
    pub(crate) fn new(starts: u8) -> Replica {
        Replica {
            ticks: Ticks::default(),
            term: Standing::Out,
            runs: Vec::new(),
            write: None,
            view: Annotations::new(),
            fresh: false,
            stale: false,
            starts,
            composed: 0,
        }
    }

    pub(crate) fn holds(&self) -> bool {
        self.term != Standing::Out
    }

    /// A number from which the core makes the ids of attempts. It is unique over all replicas and all times, also if
    /// the core makes several ids from it.
    pub(crate) fn random(&self, index: usize) -> u64 {
        16 * (index as u64 + 2 * (u64::from(self.starts) + 256 * u64::from(self.composed)))
    }
}

/// The annotations after these changes.
pub(crate) fn edited(annotations: &Annotations, edits: &Edits) -> Annotations {
    let mut annotations = annotations.clone();
    for (name, value) in edits {
        match value {
            Some(value) => drop(annotations.insert(name.clone(), value.clone())),
            None => drop(annotations.remove(name)),
        }
    }
    annotations
}
