//! The scope of one run: how many of what.

use std::time::Duration;

use lease_protocol::election::Timing;

use super::mutant::Mutant;
use super::server::Lenience;

/// The longest that a clock advances in one tick. The other node's clock advances by four fifths of it: the largest ratio
/// of speeds that is tolerated. With these two, the slow node's hard stop and the fast node's wait end in the same tick.
pub(crate) const FAST: Duration = Duration::from_secs(1);
pub(crate) const SLOW: Duration = Duration::from_millis(800);

/// Of unknown outcomes: any number.
pub(crate) const EVER: u8 = u8::MAX;

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) name: &'static str,
    /// The lease duration of each node, in whole seconds.
    pub(crate) duration: [u64; 2],
    /// By how much each node's clock advances in a tick.
    pub(crate) rate: [Duration; 2],
    /// How often somebody deletes the Lease.
    pub(crate) deletions: u8,
    /// How often a node is told to leave, or its bodies end by themselves.
    pub(crate) withdrawals: u8,
    /// How often a node that was told to leave is told to come back.
    pub(crate) returns: u8,
    /// How often somebody labels the Lease.
    pub(crate) labels: u8,
    /// How often a process is killed and another started in its place.
    pub(crate) crashes: u8,
    /// How often the outcome of a write is unknown to its sender.
    pub(crate) unknowns: u8,
    /// How many writes may be under way that their senders have given up.
    pub(crate) orphans: usize,
    /// Which nodes have a watch, which may be late, deaf, or repeat itself. The others look.
    pub(crate) watch: [bool; 2],
    /// What a look shows may arrive later than it was true.
    pub(crate) late_gets: bool,
    /// A look may be served while a write of the same node is under way.
    pub(crate) gets_beside_writes: bool,
    /// The answer to a write may arrive later than it took effect.
    pub(crate) late_answers: bool,
    /// News of a conflict may be late.
    pub(crate) late_conflicts: bool,
    /// A request may be refused.
    pub(crate) refusals: bool,
    pub(crate) mutant: Option<Mutant>,
    /// Ticks of fair weather after which a leader must be there.
    pub(crate) heal_within: u32,
    /// More states than this are a mistake in the model.
    pub(crate) cap: usize,
}

impl Config {
    pub(crate) fn new(name: &'static str) -> Config {
        Config {
            name,
            duration: [3, 3],
            rate: [SLOW, FAST],
            deletions: 0,
            withdrawals: 0,
            returns: 0,
            labels: 0,
            crashes: 0,
            unknowns: 1,
            orphans: 0,
            watch: [false; 2],
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
            // Two ticks of the slow node, three of it with the bigger durations: bodies have a grace before the stop.
            renew_deadline: lease_duration * 8 / 15,
            // None: a candidate without a watch always has a look on its way, and a failed request is tried again at once. That
            // is every pace at once, since a request may be served at any time. The cap on requests (W2) is not checked here.
            retry_period: Duration::ZERO,
        }
    }

    pub(crate) fn identity(&self, node: usize) -> &'static str {
        if self.is(Mutant::SameIdentity) { "a" } else { ["a", "b"][node] }
    }

    pub(crate) fn lenience(&self) -> Lenience {
        Lenience { upsert: self.is(Mutant::PutWithoutUid), any_version: self.is(Mutant::PutWithoutVersion) }
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_secs(self.duration[0].max(self.duration[1]))
    }
}
