//! The elector of a replica whose elections a test decides. It handles ticks and terms with the code of production.

use std::sync::Arc;

use super::lease_ticks::LeaseTicks;
use super::log::ElectionLog;
use crate::clock::{Clock, Moment, WallTime};
use crate::lease::LeaseId;
use crate::term::{DrainToken, TaskMessage, Term, TermState};
use lease_protocol::election::{Grant, RequestId, StopReason, Taken, Version};
use lease_protocol::ticks::{Annotations, TickTime};

/// A Lease of which only the annotations matter.
#[derive(Debug, Default)]
pub(crate) struct SimulatedLease {
    pub(crate) annotations: Annotations,
    /// Grows with each write.
    pub(crate) revision: u64,
}

impl SimulatedLease {
    fn version(&self) -> Version {
        Version { uid: "simulated".to_owned(), revision: self.revision }
    }
}

/// Takes the ticks of one replica.
pub(crate) struct SimulatedElector {
    lease: LeaseId,
    identity: Arc<str>,
    ticking: LeaseTicks,
    log: ElectionLog,
    writes: u32,
}

impl SimulatedElector {
    pub(crate) fn new(lease: LeaseId, identity: Arc<str>) -> SimulatedElector {
        let log = ElectionLog::new(lease.clone(), identity.clone());
        SimulatedElector { lease, identity, ticking: LeaseTicks::default(), log, writes: 0 }
    }

    /// Begins a term.
    pub(crate) fn begin(&mut self, grant: &Grant, clock: Arc<dyn Clock>, time: TickTime) -> (Term, DrainToken) {
        // Nobody dies in this cluster.
        self.log.began(grant, Taken::Released, &*clock);
        let (term_state, alive) = TermState::begin(self.lease.clone(), self.identity.clone(), grant, clock);
        self.ticking.begin(grant, &term_state, time);
        (Term::new(term_state), alive)
    }

    /// Asks the bodies to end, for this reason if they were not asked before. No tick is taken from now on.
    pub(crate) fn cancel(&mut self, term: &Term, reason: StopReason) {
        self.log.cancelled(term.fencing_token(), &reason);
        self.ticking.drain();
        term.state().cancel(reason);
    }

    /// Nothing of the term is left.
    pub(crate) fn drained(&mut self, term: &Term, at: WallTime) {
        self.ticking.drained();
        self.log.drained(term.fencing_token(), at);
    }

    /// The next message of a task. Cancel safe.
    pub(crate) async fn next_message(&mut self) -> TaskMessage {
        self.ticking.next_message().await
    }

    pub(crate) fn hear(&mut self, message: TaskMessage, wall: WallTime) {
        self.ticking.hear(message, wall);
    }

    /// Shows the Lease, and starts the runs that it shows as taken.
    pub(crate) fn show(&mut self, lease: &SimulatedLease, time: TickTime) {
        self.ticking.show(&lease.version(), &lease.annotations, time, &self.log);
    }

    /// Starts runs that need no record, and returns whether a write is wanted now.
    pub(crate) fn turn(&mut self, time: TickTime, now: Moment) -> bool {
        self.ticking.turn(time, now, &self.log)
    }

    pub(crate) fn wake_at(&self) -> Option<WallTime> {
        self.ticking.wake_at()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.ticking.is_running()
    }

    /// Writes the Lease, which takes no time. `renews`: it may take runs.
    pub(crate) fn write(&mut self, lease: &mut SimulatedLease, time: TickTime, now: Moment, renews: bool) {
        self.writes = self.writes.wrapping_add(1);
        let id = RequestId(self.writes);
        for (name, value) in self.ticking.compose(id, &lease.annotations, time, now, renews) {
            match value {
                Some(value) => drop(lease.annotations.insert(name, value)),
                None => drop(lease.annotations.remove(&name)),
            }
        }
        lease.revision += 1;
        self.ticking.committed(id, Some(&lease.annotations), now, &self.log);
    }
}
