//! Known mistakes, made around the core: in the guard, in the driver, in the server, or by changing what the core
//! observes.

use lease_protocol::election::{Observation, View};

use super::config::{Config, NAMES};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mutant {
    /// The guard counts from the answer instead of from when the write was sent (H1).
    CountsFromReceipt,
    /// A late answer is taken for that of the newer request (H1).
    StaleAnswer,
    /// The guard knows whether the term was ended, but does not read the clock (H2).
    ClockNotRead,
    /// The holder stops when the candidates' wait is over, on its own clock (no margin for drift).
    StopsAtLeaseDuration,
    /// A get that shows the node's own name extends the term (H4).
    BelievesOwnName,
    /// Bodies that were asked to end count as gone (H5).
    ReleasesBeforeStop,
    /// Bodies that are not polled any more count as gone (H6).
    ForgetsBlockedBodies,
    /// The wait is counted from sending the get instead of from its answer (C1).
    CountsFromAsking,
    /// Only another holder restarts the wait. A renewal does not (C1).
    WatchesHolderOnly,
    /// A candidate waits for its own duration instead of the one in the record (C2).
    OwnDuration,
    /// Writes name no version (C2).
    PutWithoutVersion,
    /// Writes name no uid (C2).
    PutWithoutUid,
    /// A deleted Lease is created again at once (C3).
    CreatesWhenMissing,
    /// `leaseTransitions` as the fencing token (W3).
    TokenIsTransitions,
    /// Both processes have the same identity.
    SameIdentity,
    /// A process takes the record of its predecessor for its own.
    TrustsPredecessor,
    /// A process that comes back with a new election has forgotten that there was a Lease (C3).
    RemembersNothing,
    /// A holder that asks for an early renewal counts from the asking (H1).
    CountsFromHurry,
    /// A process that still runs is reported as dead (D1).
    ProofOfTheLiving,
    /// Once one holder of the Lease was proven dead, the next is taken for dead too (D1).
    ProofAboutTheLease,
    /// A proof ends the wait for a Lease that is gone (C3).
    ProofEndsTheWait,
}

impl Config {
    /// An observation in the form in which it reaches the core of `node`.
    pub(crate) fn seen_by(&self, node: usize, name: &'static str, mut observation: Observation) -> Observation {
        if let Observation::Present(view) = &mut observation {
            self.distort(node, name, view);
        }
        observation
    }

    /// To the mutant, a proof says something about other records than those of the dead.
    pub(crate) fn confuses_the_dead(&self) -> bool {
        self.is(Mutant::ProofAboutTheLease) || self.is(Mutant::ProofEndsTheWait)
    }

    fn distort(&self, node: usize, name: &'static str, view: &mut View) {
        let Some(holder) = view.record.holder().filter(|holder| *holder != name) else { return };
        let is_predecessor = NAMES[node].contains(&holder);
        match self.mutant {
            Some(Mutant::OwnDuration) => view.record.duration_seconds = Some(self.timing(node).published_seconds()),
            Some(Mutant::TrustsPredecessor) if is_predecessor => view.record.holder = Some(name.to_owned()),
            Some(Mutant::WatchesHolderOnly) => view.record.renewed = view.record.acquired,
            _ => {}
        }
    }
}
