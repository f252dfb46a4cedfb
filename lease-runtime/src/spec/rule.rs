//! The rules for names, namespaces and timings of leases, for constants and at run time.

use std::time::Duration;

pub use lease_grammar::Rule;
use lease_grammar::names::{
    broken_by_label, broken_by_leader_label, broken_by_lease_name, broken_by_namespace, broken_by_service,
    namespace_and_lease,
};
use lease_grammar::timing::{Timings, broken_by_takeover_delay};

use super::traffic::Traffic;
use lease_protocol::election::Timing;

/// A name, a namespace or timings that break a [`Rule`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Kubernetes would refuse a Lease with this name.
    #[error("{}, not {lease:?}: {}", rule.sentence(), lease_remedy(lease, *rule))]
    LeaseName {
        /// The name.
        lease: String,
        /// The rule it breaks.
        rule: Rule,
    },
    /// There cannot be a namespace with this name.
    #[error("{}, not {namespace:?}: {}", rule.sentence(), rule.remedy())]
    Namespace {
        /// The name.
        namespace: String,
        /// The rule it breaks.
        rule: Rule,
    },
    /// Kubernetes would refuse a Lease with this label.
    #[error("{}, not {key:?} = {value:?}: {}", rule.sentence(), rule.remedy())]
    Label {
        /// The label's key.
        key: String,
        /// Its value.
        value: String,
        /// The rule that one of them breaks.
        rule: Rule,
    },
    /// The name of a lease does not fit into a label of the leader's pod.
    #[error("{}, not {lease:?}: {}", rule.sentence(), rule.remedy())]
    LeaderLabel {
        /// The name of the lease.
        lease: String,
        /// The rule it breaks.
        rule: Rule,
    },
    /// There cannot be a Service with this name.
    #[error("{}, not {service:?}: {}", rule.sentence(), rule.remedy())]
    LeaderService {
        /// The name.
        service: String,
        /// The rule it breaks.
        rule: Rule,
    },
    /// With these timings two replicas could run at once, or a holder could never renew.
    #[error(
        "{}, but lease_duration is {:?}, renew_deadline {:?}, retry_period {:?}: {}",
        rule.sentence(), timing.lease_duration, timing.renew_deadline, timing.retry_period, rule.remedy()
    )]
    Timing {
        /// The timings.
        timing: Timing,
        /// The rule they break.
        rule: Rule,
    },
    /// The bodies would wait too long.
    #[error("{}, not {delay:?}: {}", rule.sentence(), rule.remedy())]
    TakeoverDelay {
        /// The takeover delay.
        delay: Duration,
        /// The rule it breaks.
        rule: Rule,
    },
}

impl SpecError {
    /// The rule that is broken.
    pub fn rule(&self) -> Rule {
        match self {
            SpecError::LeaseName { rule, .. }
            | SpecError::Namespace { rule, .. }
            | SpecError::Label { rule, .. }
            | SpecError::LeaderLabel { rule, .. }
            | SpecError::LeaderService { rule, .. }
            | SpecError::Timing { rule, .. }
            | SpecError::TakeoverDelay { rule, .. } => *rule,
        }
    }
}

/// What to write instead of the name of a lease.
fn lease_remedy(lease: &str, rule: Rule) -> String {
    match namespace_and_lease(lease) {
        Some((namespace, lease)) => format!("name it {lease:?}, and set its namespace to {namespace:?}"),
        None => rule.remedy().to_owned(),
    }
}

/// Checks the name of a lease that is known only at run time.
///
/// # Errors
///
/// [`SpecError::LeaseName`] where [`LeaseSpec::new`](super::LeaseSpec::new) would panic.
pub fn check_lease_name(lease: &str) -> Result<(), SpecError> {
    match broken_by_lease_name(lease) {
        None => Ok(()),
        Some(rule) => Err(SpecError::LeaseName { lease: lease.to_owned(), rule }),
    }
}

/// Checks a namespace that is known only at run time.
///
/// # Errors
///
/// [`SpecError::Namespace`] where [`LeaseSpec::namespace`](super::LeaseSpec::namespace) would panic.
pub fn check_namespace(namespace: &str) -> Result<(), SpecError> {
    match broken_by_namespace(namespace) {
        None => Ok(()),
        Some(rule) => Err(SpecError::Namespace { namespace: namespace.to_owned(), rule }),
    }
}

/// Checks a label for a Lease.
///
/// # Errors
///
/// [`SpecError::Label`] if Kubernetes would refuse it.
pub(crate) fn check_label(key: &str, value: &str) -> Result<(), SpecError> {
    match broken_by_label(key, value) {
        None => Ok(()),
        Some(rule) => Err(SpecError::Label { key: key.to_owned(), value: value.to_owned(), rule }),
    }
}

/// Checks how traffic is to reach the leader of this lease.
///
/// # Errors
///
/// [`SpecError::LeaderLabel`] or [`SpecError::LeaderService`], where the setters of [`LeaseSpec`](super::LeaseSpec) would panic.
pub(crate) fn check_traffic(lease: &str, traffic: &Traffic) -> Result<(), SpecError> {
    if let Some(rule) = broken_by_leader_label(lease).filter(|_| traffic.label) {
        return Err(SpecError::LeaderLabel { lease: lease.to_owned(), rule });
    }
    match &traffic.service {
        Some(service) => match broken_by_service(service) {
            Some(rule) => Err(SpecError::LeaderService { service: service.to_string(), rule }),
            None => Ok(()),
        },
        None => Ok(()),
    }
}

/// Checks timings that are known only at run time.
///
/// # Errors
///
/// [`SpecError::Timing`] where the setters of [`LeaseSpec`](super::LeaseSpec) would panic.
pub fn check_timing(timing: &Timing) -> Result<(), SpecError> {
    match broken_by_timing(timing) {
        None => Ok(()),
        Some(rule) => Err(SpecError::Timing { timing: *timing, rule }),
    }
}

/// Checks a takeover delay that is known only at run time.
///
/// # Errors
///
/// [`SpecError::TakeoverDelay`] where [`LeaseSpec::takeover_delay`](super::LeaseSpec::takeover_delay) would panic.
pub(crate) fn check_takeover_delay(delay: Duration) -> Result<(), SpecError> {
    match broken_by_takeover_delay(delay) {
        None => Ok(()),
        Some(rule) => Err(SpecError::TakeoverDelay { delay, rule }),
    }
}

/// Panics at the caller's caller, with the rule as the message.
#[track_caller]
pub(super) const fn assert(broken: Option<Rule>) {
    if let Some(rule) = broken {
        panic!("{}", rule.message()) // invariant: documented under `# Panics` of each constructor
    }
}

/// The rule that the timings break.
pub(super) const fn broken_by_timing(timing: &Timing) -> Option<Rule> {
    timings(timing).broken_rule()
}

/// The timings as a type of the grammar.
pub(crate) const fn timings(timing: &Timing) -> Timings {
    let Timing { lease_duration, renew_deadline, retry_period } = *timing;
    Timings { lease_duration, renew_deadline, retry_period }
}
