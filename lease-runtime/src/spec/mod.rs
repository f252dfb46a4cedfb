//! The name of a lease, how fast it changes hands, and how traffic reaches its leader.

mod deployment;
mod overrides;
mod pod;
mod rule;
mod traffic;

use std::time::Duration;

use lease_grammar::names;
use lease_grammar::timing::{Timings, broken_by_takeover_delay};

pub(crate) use deployment::Deployment;
pub use overrides::{OverrideError, Overrides};
pub use pod::OwnPod;
pub(crate) use pod::PodFacts;
pub use rule::{Rule, SpecError, check_lease_name, check_namespace, check_timing};
pub(crate) use rule::{check_label, check_takeover_delay, check_traffic, timings};
pub use traffic::TrafficError;
pub(crate) use traffic::{LABEL_DOMAIN, Traffic, label_key, slice_name};

#[doc(inline)]
pub use lease_protocol::election::Timing;

/// A lease as a task names it: name, namespace, timings.
///
/// `#[leader_only(lease = "ledger", lease_duration = "30s")]` generates this constant:
///
/// ```
/// use std::time::Duration;
/// use lease_runtime::LeaseSpec;
///
/// const LEDGER: LeaseSpec = LeaseSpec::new("ledger").lease_duration(Duration::from_secs(30));
/// ```
///
/// Every `LeaseSpec` is valid. Each step checks its argument against the earlier ones, and panics at its caller. In a constant,
/// this is a compile error at the line to change:
///
/// ```compile_fail,E0080
/// # use std::time::Duration;
/// # use lease_runtime::LeaseSpec;
/// // The holder would continue longer than the candidates wait.
/// const LEDGER: LeaseSpec = LeaseSpec::new("ledger").renew_deadline(Duration::from_secs(20));
/// ```
///
/// So set the lease duration first: timings that are not set follow it.
///
/// | timing | what it is | when not set |
/// |---|---|---|
/// | [`lease_duration`](Self::lease_duration) | how long the others wait for a holder that is silent | 15 s |
/// | [`renew_deadline`](Self::renew_deadline) | how long a holder that cannot renew goes on | ⅔ of the lease duration: 10 s |
/// | [`retry_period`](Self::retry_period) | how long to wait after a failed request | 2⁄15 of the lease duration: 2 s |
///
/// For a name, a namespace or timings that are known only at run time, [`check_lease_name`], [`check_namespace`] and
/// [`check_timing`] check the same rules and return an error.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[must_use = "a spec does nothing by itself: give it to a `LeaderTask`"]
pub struct LeaseSpec {
    lease: Option<&'static str>,
    namespace: Option<&'static str>,
    lease_duration: Option<Duration>,
    renew_deadline: Option<Duration>,
    retry_period: Option<Duration>,
    takeover_delay: Duration,
    leader_label: bool,
    leader_service: Option<&'static str>,
}

impl LeaseSpec {
    /// The lease called `lease`, in the candidate's namespace, with the default timings.
    ///
    /// # Panics
    ///
    /// If Kubernetes would not accept `lease` as the name of a Lease. A name has at most 253 characters: lower-case letters,
    /// digits, `-` and `.`. Each part between dots starts and ends with a letter or digit.
    #[track_caller]
    pub const fn new(lease: &'static str) -> LeaseSpec {
        rule::assert(names::broken_by_lease_name(lease));
        LeaseSpec { lease: Some(lease), ..LeaseSpec::unnamed() }
    }

    /// A lease whose name is made at run time, and set by [`LeaderTask::lease`](crate::LeaderTask::lease), with the default
    /// timings. If the name is not set, the task is refused when it is added.
    ///
    /// `#[leader_only(lease = "shard-{shard}")]` uses this.
    pub const fn unnamed() -> LeaseSpec {
        LeaseSpec {
            lease: None,
            namespace: None,
            lease_duration: None,
            renew_deadline: None,
            retry_period: None,
            takeover_delay: Duration::ZERO,
            leader_label: false,
            leader_service: None,
        }
    }

    /// Puts the lease into `namespace` instead of the candidate's own.
    ///
    /// # Panics
    ///
    /// If Kubernetes would not accept `namespace` as the name of a namespace. A name has at most 63 lower-case letters, digits and
    /// `-`. It starts and ends with a letter or digit.
    #[track_caller]
    pub const fn namespace(mut self, namespace: &'static str) -> LeaseSpec {
        rule::assert(names::broken_by_namespace(namespace));
        self.namespace = Some(namespace);
        self
    }

    /// How long the other candidates wait for a holder that is silent, before one of them takes over: the time without a leader
    /// after a crash. It must be whole seconds, because the Lease stores seconds. 15 seconds if not set.
    ///
    /// # Panics
    ///
    /// If it is zero, not in whole seconds, or too short for the renew deadline or retry period set before.
    #[track_caller]
    pub const fn lease_duration(mut self, lease_duration: Duration) -> LeaseSpec {
        self.lease_duration = Some(lease_duration);
        rule::assert(rule::broken_by_timing(&self.timing()));
        self
    }

    /// How long a holder that cannot renew continues, counted from its last renewal. Then its bodies are asked to end. Two thirds
    /// of the lease duration if not set.
    ///
    /// # Panics
    ///
    /// If it is zero, not less than the lease duration / 1.25 (the point at which running bodies are stopped), or too short for
    /// the retry period.
    #[track_caller]
    pub const fn renew_deadline(mut self, renew_deadline: Duration) -> LeaseSpec {
        self.renew_deadline = Some(renew_deadline);
        rule::assert(rule::broken_by_timing(&self.timing()));
        self
    }

    /// How long to wait after a failed request before the next one. 2/15 of the lease duration if not set.
    ///
    /// # Panics
    ///
    /// If it is zero, or if the retry period with a jitter of a fifth is longer than the renew deadline allows.
    #[track_caller]
    pub const fn retry_period(mut self, retry_period: Duration) -> LeaseSpec {
        self.retry_period = Some(retry_period);
        rule::assert(rule::broken_by_timing(&self.timing()));
        self
    }

    /// How long the bodies of a term wait if the holder before it has not released the lease, because it crashed or was cut off.
    /// Counted from when the write that took the lease was sent. Zero if not set: they start at once.
    ///
    /// What a dead holder has sent may still be on its way. This gives it time to arrive before the next bodies begin, for targets
    /// that cannot check a [fencing token](crate::FencingToken). It is a hope with a number and not a fence: nothing bounds how late a
    /// request arrives.
    ///
    /// Meanwhile the lease is held and renewed, no tick is taken, and a Service with the address or label of the leader leads to this
    /// process already. A term that ends in this time starts no body. If the tasks of a lease set different delays, the longest counts
    /// for all of them.
    ///
    /// # Panics
    ///
    /// If it is longer than an hour.
    #[track_caller]
    pub const fn takeover_delay(mut self, takeover_delay: Duration) -> LeaseSpec {
        rule::assert(broken_by_takeover_delay(takeover_delay));
        self.takeover_delay = takeover_delay;
        self
    }

    /// While this process leads, its own Pod has the label `leader.lease-runtime.dev/LEASE: "true"`, so that a Service can select it:
    /// see [`LeaderTask::leader_label`](crate::LeaderTask::leader_label).
    ///
    /// # Panics
    ///
    /// If the name of the lease has more than 63 characters.
    #[track_caller]
    pub const fn leader_label(mut self) -> LeaseSpec {
        if let Some(lease) = self.lease {
            rule::assert(names::broken_by_leader_label(lease));
        }
        self.leader_label = true;
        self
    }

    /// The leader puts its own address behind the Service `service`, which has no selector: see
    /// [`LeaderTask::leader_service`](crate::LeaderTask::leader_service).
    ///
    /// # Panics
    ///
    /// If Kubernetes would not accept `service` as the name of a Service. A name has 1 to 63 lower-case letters, digits and `-`. It
    /// starts and ends with a letter or digit.
    #[track_caller]
    pub const fn leader_service(mut self, service: &'static str) -> LeaseSpec {
        rule::assert(names::broken_by_service(service));
        self.leader_service = Some(service);
        self
    }

    /// The lease's name; `None` if it is made at run time.
    pub const fn lease_name(&self) -> Option<&'static str> {
        self.lease
    }

    /// The lease's namespace; `None` means the candidate's own.
    pub const fn namespace_name(&self) -> Option<&'static str> {
        self.namespace
    }

    /// What the leader does so that traffic reaches it, with what was set at run time. It is not checked.
    pub(crate) fn traffic_with(&self, label: bool, service: Option<&str>) -> Traffic {
        Traffic { label: label || self.leader_label, service: service.or(self.leader_service).map(Into::into) }
    }

    /// The takeover delay.
    pub(crate) const fn own_takeover_delay(&self) -> Duration {
        self.takeover_delay
    }

    /// The timings, with those that were set at run time in place of the spec's own. They are not checked.
    pub(crate) fn timing_with(
        mut self,
        lease_duration: Option<Duration>,
        renew_deadline: Option<Duration>,
        retry_period: Option<Duration>,
    ) -> Timing {
        self.lease_duration = lease_duration.or(self.lease_duration);
        self.renew_deadline = renew_deadline.or(self.renew_deadline);
        self.retry_period = retry_period.or(self.retry_period);
        self.timing()
    }

    /// The timings. Those that are not set follow the lease duration.
    pub const fn timing(&self) -> Timing {
        let Timings { lease_duration, renew_deadline, retry_period } =
            Timings::new(self.lease_duration, self.renew_deadline, self.retry_period);
        Timing { lease_duration, renew_deadline, retry_period }
    }
}

#[cfg(test)]
mod tests;
