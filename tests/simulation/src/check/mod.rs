//! What must hold at every event of a run, in global time. Nothing here asks the processes.

mod bodies;
mod deaths;
mod deployed;
mod exclusion;
mod guard;
mod health;
mod ledger;
mod patience;
mod storm;
mod told;
mod traffic;

use std::collections::BTreeMap;

use crate::engine::{Nanos, Who};
use crate::journal::{Event, Holder, LeaseName, LeaseState, Stamp, Stored};
use crate::plan::Plan;
use crate::program::LEASES;
use crate::tally::Tally;

/// A rule that does not hold, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Broken(pub(crate) String);

/// Fails with [`Broken`] unless something holds.
macro_rules! must {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err($crate::check::Broken(format!($($text)+)));
        }
    };
}
use must;

/// All checks of a run.
pub(crate) struct Checks {
    leases: BTreeMap<LeaseName, exclusion::Exclusion>,
    guard: guard::Guard,
    patience: patience::Patience,
    bodies: bodies::Bodies,
    storm: storm::Storm,
    ledgers: Vec<ledger::Ledger>,
    health: health::Health,
    /// If the run has signs of leadership.
    traffic: Option<traffic::TrafficCheck>,
    observers: told::Observers,
    deployed: deployed::Deployed,
    known: Known,
}

/// What the processes know, as far as messages tell.
#[derive(Default)]
pub(crate) struct Known {
    /// The revision that has this renew time.
    stamps: BTreeMap<Stamp, u64>,
    /// The newest revision of a Lease that has reached a process.
    reached: BTreeMap<(Who, LeaseName), u64>,
}

impl Known {
    fn see(&mut self, event: &Event) {
        match event {
            Event::Stored(stored) => {
                if let Some(time) = stored.after.as_ref().and_then(|after| after.stamp.clone()) {
                    self.stamps.insert(Stamp { lease: stored.lease, time }, stored.revision);
                }
            }
            Event::Arrived { who, stamps, .. } => {
                for stamp in stamps {
                    let Some(revision) = self.stamps.get(stamp) else { continue };
                    let reached = self.reached.entry((*who, stamp.lease)).or_default();
                    *reached = (*reached).max(*revision);
                }
            }
            _ => {}
        }
    }

    fn reached(&self, who: Who, lease: LeaseName) -> Option<u64> {
        self.reached.get(&(who, lease)).copied()
    }
}

impl Checks {
    pub(crate) fn new(plan: &Plan) -> Checks {
        let timing = plan.work.timing();
        let leases = LEASES.into_iter().take(plan.work.leases);
        Checks {
            leases: leases.clone().map(|lease| (lease, exclusion::Exclusion::new(timing))).collect(),
            guard: guard::Guard::new(timing, plan.rates.clone()),
            patience: patience::Patience::new(plan.work.lease_duration, plan.rates.clone(), plan.machines.clone()),
            bodies: bodies::Bodies::new(&plan.work.ticks),
            storm: storm::Storm::new(timing),
            ledgers: (plan.work.ticks.iter())
                .map(|task| ledger::Ledger::new(task.clone(), plan.edits, ledger::tolerated(&plan.rates)))
                .collect(),
            health: health::Health::new(leases.collect(), plan.work.beat),
            traffic: plan.work.traffic.then(traffic::TrafficCheck::default),
            observers: told::Observers::default(),
            deployed: deployed::Deployed::new(&plan.work),
            known: Known::default(),
        }
    }

    /// Something has happened.
    pub(crate) fn see(&mut self, at: Nanos, event: &Event, tally: &mut Tally) -> Result<(), Broken> {
        self.bodies.see(event)?;
        self.observers.see(event, tally)?;
        self.health.see(at, event);
        self.deployed.see(event, tally)?;
        if !self.deployed.elects() {
            // What the other checks compare is in Leases that only the process has.
            return Ok(());
        }
        self.known.see(event);
        self.guard.see(at, event)?;
        self.patience.see(at, event, tally)?;
        self.storm.see(at, event)?;
        self.traffic.iter_mut().try_for_each(|traffic| traffic.see(event, tally))?;
        if let Event::Gone { who } = event {
            self.leases.values_mut().for_each(|exclusion| exclusion.gone(at, *who));
        }
        if let Some(exclusion) = lease_of(event).and_then(|lease| self.leases.get_mut(lease)) {
            exclusion.see(at, event, &self.known, tally)?;
        }
        for ledger in &mut self.ledgers {
            ledger.see(at, event, &self.known, tally)?;
        }
        Ok(())
    }

    /// From now on, one process leads each Lease, and continues to lead.
    pub(crate) fn expect_health(&mut self, from: Nanos) {
        self.health.begins(from);
    }

    /// The end of a run, at this time. `state` returns the state of a Lease.
    pub(crate) fn conclude(
        &self,
        at: Nanos,
        state: impl Fn(LeaseName) -> Option<LeaseState>,
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        self.health.conclude(at)?;
        if !self.deployed.elects() {
            return Ok(());
        }
        for ((lease, who, token), traffic) in self.health.leaders().zip(self.traffic.iter().cycle()) {
            traffic.conclude(lease, who, token)?;
        }
        self.ledgers.iter().try_for_each(|ledger| ledger.conclude(at, state(ledger.task.lease), tally))
    }
}

fn lease_of(event: &Event) -> Option<LeaseName> {
    match event {
        Event::Stored(stored) => Some(stored.lease),
        Event::Started { lease, .. } | Event::Polled { lease, .. } | Event::Dropped { lease, .. } => Some(lease),
        _ => None,
    }
}

/// The process whose record a write has replaced by one without a holder, if it was that process itself.
fn released(stored: &Stored) -> Option<Who> {
    let holder = |state: &Option<LeaseState>| state.as_ref().map(|state| state.holder);
    match (stored.by, holder(&stored.before), holder(&stored.after)) {
        (Some((by, _)), Some(Holder::Process(who)), Some(Holder::Nobody)) if by == who => Some(who),
        _ => None,
    }
}
