//! What a task says about its lease, with what the deployment sets in its place.

use std::sync::Arc;
use std::time::Duration;

use super::member::MemberTicks;
use super::policy::Policy;
use super::resolve::Scheduling;
use crate::error::Error;
use crate::lease::{LeaseId, prefixed};
use crate::spec::{self, Deployment, Traffic, check_lease_name};
use lease_protocol::election::Timing;

/// The lease in the cluster of a task that calls it `own`.
pub(super) fn lease(own: LeaseId, task: &str, deployment: &Deployment) -> Result<LeaseId, Error> {
    let name = prefixed(deployment.overrides.lease_prefix(), Arc::clone(&own.name));
    match check_lease_name(&name) {
        Ok(()) => Ok(LeaseId::new(own.namespace, name)),
        Err(cause) => {
            let error = Error::Spec { task: task.to_owned(), cause };
            Err(blame(deployment.overrides.prefix_in_words(), &own, error))
        }
    }
}

/// Checks the timings of a task's lease. `own` are those without the settings of the deployment.
pub(super) fn check_timing(
    timing: &Timing,
    own: &Timing,
    lease: &LeaseId,
    task: &str,
    deployment: &Deployment,
) -> Result<(), Error> {
    spec::check_timing(timing).map_err(|cause| {
        let error = Error::Spec { task: task.to_owned(), cause };
        let fits_alone = spec::check_timing(own).is_ok();
        blame(deployment.overrides.timings_in_words().filter(|_| fits_alone), lease, error)
    })
}

/// Checks how traffic reaches the leader. The prefix of the deployment may make a name too long for a label.
pub(super) fn check_traffic(
    traffic: &Traffic,
    lease: &LeaseId,
    task: &str,
    deployment: &Deployment,
) -> Result<(), Error> {
    spec::check_traffic(&lease.name, traffic).map_err(|cause| {
        let is_long = matches!(cause, spec::SpecError::LeaderLabel { .. });
        let error = Error::Spec { task: task.to_owned(), cause };
        blame(deployment.overrides.prefix_in_words().filter(|_| is_long), lease, error)
    })
}

/// The schedule of a task or group, checked with the timings of its lease.
pub(super) fn ticking(
    scheduling: &Scheduling,
    task: &str,
    policy: &Policy,
    (lease, timing): (&LeaseId, &Timing),
    deployment: &Deployment,
) -> Result<Option<MemberTicks>, Error> {
    scheduling.resolve(task, policy, timing).map_err(|error| {
        // With these timings, a failover takes no time. So an error that stays has nothing to do with timings.
        let instant =
            Timing { lease_duration: Duration::ZERO, renew_deadline: Duration::ZERO, retry_period: Duration::ZERO };
        let by_timing = scheduling.resolve(task, policy, &instant).is_ok();
        blame(deployment.overrides.timings_in_words().filter(|_| by_timing), lease, error)
    })
}

/// Names the settings of the deployment that are part of a problem.
fn blame(settings: Option<String>, lease: &LeaseId, error: Error) -> Error {
    match settings {
        Some(settings) => Error::Overridden { settings, lease: lease.clone(), cause: Arc::new(error) },
        None => error,
    }
}
