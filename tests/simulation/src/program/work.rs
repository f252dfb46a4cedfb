//! How the bodies of a run behave.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use lease_protocol::election::Timing;
use lease_runtime::{CandidateBuilder, LeaseSpec, Overrides};

use super::ticking::TickTask;
use crate::journal::LeaseName;

/// The Service of each Lease. Its name is not that of a Lease, so that requests about it are not taken for requests about the Lease.
pub(crate) const SERVICES: [(LeaseName, &str); 3] =
    [("acme-ledger", "to-ledger"), ("acme-billing", "to-billing"), ("acme-orders", "to-orders")];

/// The tasks of a replica, and the behaviour of their bodies. Chances are in thousandths for each beat.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// How many Leases there are.
    pub(crate) leases: usize,
    pub(crate) lease_duration: Duration,
    /// The work on the first Lease is the top of a stack.
    pub(crate) stack: bool,
    pub(crate) beat: Duration,
    pub(crate) grace: Duration,
    /// Bodies do not end when they are asked to end.
    pub(crate) stubborn: bool,
    pub(crate) failing: u32,
    pub(crate) panicking: u32,
    pub(crate) stepping_down: u32,
    /// A poll lasts up to [`longest_block`](Self::longest_block).
    pub(crate) blocking: u32,
    pub(crate) longest_block: Duration,
    pub(crate) ticks: Vec<TickTask>,
    /// The leader of each Lease has a label on its pod, and is the endpoint of a Service.
    pub(crate) traffic: bool,
    /// The deployment sets the first part of the names of the Leases.
    pub(crate) prefixed: bool,
    /// The candidate has an observer.
    pub(crate) observed: bool,
    /// The candidates write Events of Kubernetes.
    pub(crate) events: bool,
    pub(crate) deployment: Deployment,
}

/// What a deployment configures, beside a prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Deployment {
    /// It sets the timings, and the program says others.
    pub(crate) timings: bool,
    /// The renew deadline and the retry period are set, and do not follow the lease duration.
    pub(crate) all_timings: bool,
    /// The program and the deployment set labels of the Leases.
    pub(crate) labels: bool,
    /// The Leases have an owner.
    pub(crate) owner: bool,
    /// Bodies run only while a Lease is held.
    pub(crate) elects: bool,
}

impl Deployment {
    /// Nothing is configured.
    pub(crate) const PLAIN: Deployment =
        Deployment { timings: false, all_timings: false, labels: false, owner: false, elects: true };
}

/// The first part of the names of the Leases.
const PREFIX: &str = "acme";
/// What a program says whose deployment says something else.
const OF_PROGRAM: Duration = Duration::from_secs(60);
/// The uid of the owner of the Leases.
pub(crate) const OWNER: &str = "uid-owner";

impl Work {
    /// What the deployment sets.
    pub(super) fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        if self.prefixed {
            overrides = overrides.prefix(PREFIX);
        }
        if self.deployment.timings {
            overrides = overrides.lease_duration(self.lease_duration);
            if let Some((renew, retry)) = self.other_timings(self.lease_duration) {
                overrides = overrides.renew_deadline(renew).retry_period(retry);
            }
        }
        if self.deployment.labels {
            overrides = overrides.label("team", "billing");
        }
        if self.deployment.elects { overrides } else { overrides.election(false) }
    }

    /// What the program says about all of its leases.
    pub(super) fn describe(&self, mut candidate: CandidateBuilder) -> CandidateBuilder {
        if self.deployment.labels {
            candidate = candidate.lease_label("team", "shop").lease_label("tier", "3");
        }
        if self.deployment.owner {
            candidate = candidate.lease_owner(OwnerReference {
                api_version: "apps/v1".to_owned(),
                kind: "Deployment".to_owned(),
                name: "acme".to_owned(),
                uid: OWNER.to_owned(),
                ..OwnerReference::default()
            });
        }
        candidate
    }

    /// The labels of each Lease that a process has written. The deployment replaces what the program says.
    pub(crate) fn labels(&self) -> Vec<(&'static str, &'static str)> {
        let own = [("app.kubernetes.io/managed-by", "lease-runtime")];
        let others = [("team", "billing"), ("tier", "3")].into_iter().filter(|_| self.deployment.labels);
        own.into_iter().chain(others).collect()
    }

    /// The timings that hold: those of the overrides, or else those of the tasks.
    pub(crate) fn timing(&self) -> Timing {
        self.timed(LeaseSpec::unnamed(), self.lease_duration).timing()
    }

    fn timed(&self, spec: LeaseSpec, lease_duration: Duration) -> LeaseSpec {
        let spec = spec.lease_duration(lease_duration);
        match self.other_timings(lease_duration) {
            Some((renew, retry)) => spec.renew_deadline(renew).retry_period(retry),
            None => spec,
        }
    }

    /// The renew deadline and the retry period, if they are set.
    fn other_timings(&self, lease_duration: Duration) -> Option<(Duration, Duration)> {
        self.deployment.all_timings.then(|| (lease_duration / 2, lease_duration / 10))
    }

    /// The name of a Lease as the program writes it.
    pub(crate) fn name(&self, lease: LeaseName) -> &'static str {
        let rest = lease.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('-'));
        rest.filter(|_| self.prefixed).unwrap_or(lease)
    }

    pub(crate) fn spec(&self, lease: LeaseName) -> LeaseSpec {
        let said = if self.deployment.timings { OF_PROGRAM } else { self.lease_duration };
        let spec = self.timed(LeaseSpec::new(self.name(lease)), said);
        let service = SERVICES.iter().find(|(of, _)| *of == lease).filter(|_| self.traffic);
        service.map_or(spec, |(_, service)| spec.leader_label().leader_service(service))
    }
}
