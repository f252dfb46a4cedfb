//! The scope of one run: which events occur, and how often.

use std::time::Duration;

use lease_protocol::election::Timing;

use super::mutant::Mutant;
use super::server::Lenience;

/// The furthest that a clock advances in one tick. The other node's clock advances by four fifths of it, which is the
/// largest tolerated ratio of speeds. With these two, the slow node's hard stop and the fast node's wait end in the
/// same tick.
pub(crate) const FAST: Duration = Duration::from_secs(1);
pub(crate) const SLOW: Duration = Duration::from_millis(800);

/// The names of the processes that follow each other in one place.
pub(crate) const NAMES: [[&str; 3]; 3] = [["a", "a2", "a3"], ["b", "b2", "b3"], ["c", "c2", "c3"]];

/// Any number of unknown outcomes.
pub(crate) const EVER: u8 = u8::MAX;

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) name: &'static str,
    /// The lease duration of each node, in whole seconds. There are as many nodes as durations.
    pub(crate) duration: &'static [u64],
    /// How far each node's clock advances in a tick.
    pub(crate) rate: &'static [Duration],
    /// How often the Lease is deleted.
    pub(crate) deletions: u8,
    /// How often a node is asked to leave, or its bodies end without being asked.
    pub(crate) withdrawals: u8,
    /// How often a node that was asked to leave is asked to come back.
    pub(crate) returns: u8,
    /// It comes back with a new election, which remembers what the process knows of the Lease.
    pub(crate) anew: bool,
    /// How often the Lease is labelled.
    pub(crate) labels: u8,
    /// How often a process is killed and another started in its place.
    pub(crate) crashes: u8,
    /// Nodes learn that a process was killed, at any time after it.
    pub(crate) proofs: bool,
    /// They may learn it before they see a record of the process.
    pub(crate) early_proofs: bool,
    /// How often a process is cut off, and another started in its place, while its bodies still run.
    pub(crate) replacements: u8,
    /// How often a holder has something to write, and renews early.
    pub(crate) hurries: u8,
    /// After a deletion, the next Lease may be deleted before all processes have seen it. Rule C3 does not allow for
    /// that.
    pub(crate) unseen_deletions: bool,
    /// How often the outcome of a write is unknown to its sender.
    pub(crate) unknowns: u8,
    /// How many writes that their senders have given up may be in flight.
    pub(crate) orphans: usize,
    /// Which nodes have a watch. A watch may be late, broken, or repeat itself. Nodes without a watch get the Lease.
    pub(crate) watch: &'static [bool],
    /// The answer to a get may arrive after the state that it shows is gone.
    pub(crate) late_gets: bool,
    /// A get may be served while a write of the same node is in flight.
    pub(crate) gets_beside_writes: bool,
    /// The answer to a write may arrive later than the write took effect.
    pub(crate) late_answers: bool,
    /// The answer to a write that conflicts may be late.
    pub(crate) late_conflicts: bool,
    /// A request may be refused.
    pub(crate) refusals: bool,
    pub(crate) mutant: Option<Mutant>,
    /// Without further faults, there must be a leader within this many ticks.
    pub(crate) heal_within: u32,
    /// If there are more states than this, the model has a mistake.
    pub(crate) cap: usize,
}

impl Config {
    pub(crate) fn new(name: &'static str) -> Config {
        Config {
            name,
            duration: &[3, 3],
            rate: &[SLOW, FAST],
            deletions: 0,
            withdrawals: 0,
            returns: 0,
            anew: false,
            labels: 0,
            crashes: 0,
            proofs: false,
            early_proofs: false,
            replacements: 0,
            hurries: 0,
            unseen_deletions: false,
            unknowns: 1,
            orphans: 0,
            watch: &[false; 3],
            late_gets: false,
            gets_beside_writes: false,
            late_answers: true,
            late_conflicts: false,
            refusals: false,
            mutant: None,
            heal_within: 40,
            cap: 3_000_000,
        }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn timing(&self, node: usize) -> Timing {
        let lease_duration = Duration::from_secs(self.duration[node]);
        Timing {
            lease_duration,
            // Two ticks of the slow node, or three with the longer durations, so that bodies have a grace period before
            // the hard stop.
            renew_deadline: lease_duration * 8 / 15,
            // Without pauses, a candidate without a watch always has a get in flight, and a failed request is tried
            // again at once. This includes every slower pace, because a request may be served at any time. The cap on
            // requests (W2) is not checked here.
            retry_period: Duration::ZERO,
        }
    }

    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> usize {
        self.duration.len()
    }

    /// The name of a process: that of the first in its place, or of one that was started after it.
    pub(crate) fn identity(&self, node: usize, start: u8) -> &'static str {
        let node = if self.is(Mutant::SameIdentity) { 0 } else { node };
        NAMES[node][usize::from(start)]
    }

    pub(crate) fn lenience(&self) -> Lenience {
        Lenience { upsert: self.is(Mutant::PutWithoutUid), any_version: self.is(Mutant::PutWithoutVersion) }
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_secs(self.duration.iter().copied().max().unwrap_or_default())
    }
}
