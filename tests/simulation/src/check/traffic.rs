//! R1: the fencing token of an EndpointSlice never decreases. R2: some time after the last fault, the slice leads to the leader of its
//! Lease, and the pod of the leader alone has the label.

use std::collections::BTreeMap;

use super::{Broken, must};
use crate::engine::Who;
use crate::journal::{Event, LeaseName};
use crate::tally::Tally;

/// The signs of leadership in the cluster.
#[derive(Default)]
pub(super) struct TrafficCheck {
    slices: BTreeMap<LeaseName, (u64, Option<String>)>,
    labels: BTreeMap<u8, Vec<LeaseName>>,
}

impl TrafficCheck {
    pub(super) fn see(&mut self, event: &Event, tally: &mut Tally) -> Result<(), Broken> {
        match event {
            Event::Led { lease, token, pod } => {
                let (before, _) = self.slices.insert(lease, (*token, pod.clone())).unwrap_or_default();
                must!(before <= *token, "R1: the slice of {lease} has the token {token} after {before}");
                tally.add(if pod.is_some() { "slices led to a leader" } else { "slices emptied" });
            }
            Event::Labelled { node, leases } => {
                let before = self.labels.insert(*node, leases.clone()).unwrap_or_default();
                tally.add(if before.len() < leases.len() { "pods labelled" } else { "labels removed" });
            }
            _ => {}
        }
        Ok(())
    }

    /// At the end of a run, with the leader of a Lease and its fencing token.
    pub(super) fn conclude(&self, lease: LeaseName, who: Who, token: u64) -> Result<(), Broken> {
        let led = self.slices.get(lease);
        let wanted = (token, Some(who.pod()));
        must!(led == Some(&wanted), "R2: the slice of {lease} is {led:?}, and its leader {wanted:?}");
        let labelled = self.labels.iter().filter(|(_, leases)| leases.contains(&lease));
        let labelled: Vec<u8> = labelled.map(|(node, _)| *node).collect();
        must!(labelled == [who.node], "R2: the pods of {labelled:?} have the label of {lease}, which {who} leads");
        Ok(())
    }
}
