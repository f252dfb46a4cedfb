//! Leads traffic to the leader: a label of its own Pod, and an EndpointSlice of a Service.
//!
//! Each of the two is kept by a task of its own, which is told only whether this process leads and with which token. So nothing here
//! can delay an election, and whatever goes wrong here is a line in the log and a text in the status.

mod endpoints;
mod keeper;
mod label;
mod problem;
mod requests;
mod slice;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio_util::task::TaskTracker;

use self::keeper::Keeper;
use self::label::PodLabel;
use self::requests::PodRequests;
use self::slice::LeaderSlice;
use super::inflight::InFlight;
use super::log::ElectionLog;
use crate::lease::LeaseId;
use crate::spec::{PodFacts, Traffic};
use lease_protocol::election::FencingToken;

/// How long what was shown may still be removed after all elections have ended. It is tried in the background.
const LINGER: Duration = Duration::from_secs(60);

/// What a process does for the traffic of a lease while it leads, and the pod that it does it for.
#[derive(Clone, Debug)]
pub(crate) struct TrafficPlan {
    pub(crate) traffic: Traffic,
    pub(crate) pod: PodFacts,
}

/// The keepers of one lease, as an election and its candidate see them.
#[derive(Clone, Default)]
pub(super) struct ElectionTraffic(Vec<Arc<Keeper>>);

impl ElectionTraffic {
    /// A term has begun.
    pub(super) fn lead(&self, token: FencingToken) {
        self.0.iter().for_each(|keeper| keeper.want(Some(token)));
    }

    /// The term begins to end.
    pub(super) fn end(&self) {
        self.0.iter().for_each(|keeper| keeper.want(None));
    }

    /// What keeps traffic from being led as it should be.
    pub(super) fn problem(&self) -> Option<Arc<str>> {
        self.0.iter().find_map(|keeper| keeper.problem())
    }

    /// Resolves when nothing says any more that this process leads. Cancel safe.
    pub(super) async fn hidden(&self) {
        for keeper in &self.0 {
            keeper.hidden().await;
        }
    }
}

/// The keepers of all leases. A keeper outlives its election until what it has shown is removed. Then two elections of one lease, one
/// after the other, never have two keepers that undo each other's work.
pub(super) struct TrafficKeepers {
    client: Client,
    in_flight: Arc<InFlight>,
    /// By lease, and by Service; without one for the label.
    keepers: BTreeMap<(LeaseId, Option<Arc<str>>), Arc<Keeper>>,
    running: TaskTracker,
}

impl TrafficKeepers {
    pub(super) fn new(client: Client, in_flight: Arc<InFlight>) -> TrafficKeepers {
        TrafficKeepers { client, in_flight, keepers: BTreeMap::new(), running: TaskTracker::new() }
    }

    /// The keepers for an election of this lease. Call it on the runtime of the elector.
    pub(super) fn join(&mut self, lease: &LeaseId, identity: &Arc<str>, plan: TrafficPlan) -> ElectionTraffic {
        self.keepers.retain(|_, keeper| Arc::strong_count(keeper) > 1 || !keeper.is_at_rest());
        let TrafficPlan { traffic, pod } = plan;
        let requests =
            || PodRequests::new(self.client.clone(), Arc::clone(&self.in_flight), pod.clone(), &traffic, lease);
        let log = || ElectionLog::new(lease.clone(), Arc::clone(identity));
        let mut keepers = Vec::new();
        if traffic.label {
            let label = self.keepers.entry((lease.clone(), None)).or_insert_with(|| {
                let (keeper, keeping) = keeper::keeper(PodLabel::new(requests(), lease), log());
                drop(self.running.spawn(keeping));
                Arc::new(keeper)
            });
            keepers.push(Arc::clone(label));
        }
        if let Some(service) = &traffic.service {
            let slice = self.keepers.entry((lease.clone(), Some(Arc::clone(service)))).or_insert_with(|| {
                let (keeper, keeping) = keeper::keeper(LeaderSlice::new(requests(), service), log());
                drop(self.running.spawn(keeping));
                Arc::new(keeper)
            });
            keepers.push(Arc::clone(slice));
        }
        ElectionTraffic(keepers)
    }

    /// Waits until everything that was shown is removed, within reason. All elections have ended.
    pub(super) async fn finish(self) {
        drop(self.keepers);
        self.running.close();
        let _ = tokio::time::timeout(LINGER, self.running.wait()).await;
    }
}
