//! D1: each write of a process leaves the labels of the program and of the deployment on the Lease. D2: a Lease that a process creates
//! has the owner that the program names, or none. D3: without an election, no process sends or writes anything.

use super::{Broken, must};
use crate::journal::{Event, Stored};
use crate::program::{OWNER, Work};
use crate::tally::Tally;

/// What the deployment of a run sets.
pub(super) struct Deployed {
    work: Work,
}

impl Deployed {
    pub(super) fn new(work: &Work) -> Deployed {
        Deployed { work: work.clone() }
    }

    pub(super) fn elects(&self) -> bool {
        self.work.deployment.elects
    }

    pub(super) fn see(&self, event: &Event, tally: &mut Tally) -> Result<(), Broken> {
        match event {
            Event::Process { .. } if !self.elects() => tally.add("processes without an election"),
            Event::Process { .. } if self.work.deployment.timings => {
                tally.add("processes with timings of the deployment")
            }
            Event::Tick { .. } if !self.elects() => tally.add("runs without an election"),
            Event::Sent { who, .. } => must!(self.elects(), "D3: {who} sends a request, and the election is off"),
            Event::Stored(stored) => return self.stored(stored, tally),
            _ => {}
        }
        Ok(())
    }

    fn stored(&self, stored: &Stored, tally: &mut Tally) -> Result<(), Broken> {
        let (Some((by, _)), Some(after)) = (stored.by, &stored.after) else { return Ok(()) };
        let lease = stored.lease;
        must!(self.elects(), "D3: {by} has written {lease}, and the election is off");
        let has = |(name, value): &(&str, &str)| after.labels.iter().any(|(key, set)| key == name && set == value);
        let wanted = self.work.labels();
        must!(
            wanted.iter().all(has) && after.labels.len() == wanted.len(),
            "D1: {by} leaves the labels {:?} on {lease}, and not {wanted:?}",
            after.labels
        );
        if self.work.deployment.labels {
            tally.add("writes with labels of the deployment");
        }
        if stored.before.is_none() {
            let owners = if self.work.deployment.owner { vec![OWNER] } else { Vec::new() };
            must!(
                after.owners == owners,
                "D2: {by} creates {lease} with the owners {:?}, and not {owners:?}",
                after.owners
            );
            if self.work.deployment.owner {
                tally.add("Leases created with an owner");
            }
        }
        Ok(())
    }
}
