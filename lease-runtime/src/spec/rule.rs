//! What makes a lease's name, namespace and timings valid: each rule once, for constants and for run time.

use lease_protocol::election::Timing;

/// A rule that names and timings must keep, and what to do about it.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident: $sentence:literal, $remedy:literal;)*) => {
        /// What a name, a namespace or a timing must be.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// The rule, as half a sentence.
            const fn sentence(self) -> &'static str {
                match self { $(Rule::$rule => $sentence,)* }
            }

            /// How to keep it.
            const fn remedy(self) -> &'static str {
                match self { $(Rule::$rule => $remedy,)* }
            }

            /// Both. Constants cannot format, so that the numbers are missing here: they are in the code at the caret.
            const fn message(self) -> &'static str {
                match self { $(Rule::$rule => concat!($sentence, ": ", $remedy),)* }
            }
        }
    };
}

rules! {
    /// A lease has a name.
    LeaseNameEmpty: "a lease must have a name", "name it after the work, as in \"ledger\"";
    /// A lease's name has at most 253 characters.
    LeaseNameLength: "a lease's name must have at most 253 characters", "shorten it";
    /// A lease's name is a DNS subdomain.
    LeaseNameForm:
        "a lease's name must consist of lower-case letters, digits, `-` and `.`, a letter or digit at both ends of each part",
        "write it as in \"ledger-sync\"";
    /// A namespace has a name.
    NamespaceEmpty: "a namespace must have a name", "leave it out to use the candidate's own";
    /// A namespace's name has at most 63 characters.
    NamespaceLength: "a namespace must have at most 63 characters", "check the name with `kubectl get namespaces`";
    /// A namespace's name is a DNS label.
    NamespaceForm:
        "a namespace must consist of lower-case letters, digits and `-`, a letter or digit at both ends",
        "check the name with `kubectl get namespaces`";
    /// A label's key is a name, with or without a domain before it.
    LabelKey:
        "a label's key must be a name of at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends, which a \
         domain and a `/` may precede",
        "write it as in \"team\" or \"example.com/team\"";
    /// A label's value has at most 63 characters of a few kinds.
    LabelValue:
        "a label's value must consist of at most 63 letters, digits, `-`, `_` and `.`, a letter or digit at both ends",
        "shorten it, or put what is longer into an annotation of the pod";
    /// The lease duration is not zero.
    LeaseDurationZero: "lease_duration must be at least one second", "15s is usual";
    /// The lease duration is in whole seconds.
    LeaseDurationWhole: "lease_duration must be in whole seconds, as the Lease carries it", "round it up";
    /// The lease duration fits the Lease's field.
    LeaseDurationLength: "lease_duration must be at most 2147483647 seconds, as the Lease carries it", "15s is usual";
    /// The renew deadline is not zero.
    RenewDeadlineZero: "renew_deadline must not be zero", "two thirds of lease_duration is usual";
    /// A holder's bodies are asked to end before they are stopped.
    RenewDeadlineLength:
        "renew_deadline must be less than lease_duration / 1.25, the point at which the holder stops hard",
        "lower renew_deadline, or raise lease_duration";
    /// The retry period is not zero.
    RetryPeriodZero: "retry_period must not be zero", "2/15 of lease_duration is usual";
    /// A failed renewal is tried again before the renew deadline.
    RetryPeriodLength:
        "retry_period * 1.2 must be less than renew_deadline, or a failed renewal is not tried again in time",
        "lower retry_period, or raise renew_deadline";
}

/// A name, a namespace or timings that break a [`Rule`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Kubernetes would refuse a Lease of this name.
    #[error("{}, not {lease:?}: {}", rule.sentence(), rule.remedy())]
    LeaseName {
        /// The name.
        lease: String,
        /// The rule it breaks.
        rule: Rule,
    },
    /// There cannot be a namespace of this name.
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
}

impl SpecError {
    /// The rule that is broken.
    pub fn rule(&self) -> Rule {
        match self {
            SpecError::LeaseName { rule, .. }
            | SpecError::Namespace { rule, .. }
            | SpecError::Label { rule, .. }
            | SpecError::Timing { rule, .. } => *rule,
        }
    }
}

/// Checks a lease's name that is known at run time only.
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

/// Checks a namespace that is known at run time only.
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

/// Checks timings that are known at run time only.
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

/// Panics at the caller's caller, with the rule as the message.
#[track_caller]
pub(super) const fn assert(broken: Option<Rule>) {
    if let Some(rule) = broken {
        panic!("{}", rule.message()) // invariant: documented under `# Panics` of each constructor
    }
}

pub(super) const fn broken_by_lease_name(lease: &str) -> Option<Rule> {
    if lease.is_empty() {
        Some(Rule::LeaseNameEmpty)
    } else if lease.len() > 253 {
        Some(Rule::LeaseNameLength)
    } else if !is_dns(lease.as_bytes(), true) {
        Some(Rule::LeaseNameForm)
    } else {
        None
    }
}

pub(super) const fn broken_by_namespace(namespace: &str) -> Option<Rule> {
    if namespace.is_empty() {
        Some(Rule::NamespaceEmpty)
    } else if namespace.len() > 63 {
        Some(Rule::NamespaceLength)
    } else if !is_dns(namespace.as_bytes(), false) {
        Some(Rule::NamespaceForm)
    } else {
        None
    }
}

fn broken_by_label(key: &str, value: &str) -> Option<Rule> {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    let domain_fits = domain.is_none_or(|domain| broken_by_lease_name(domain).is_none());
    if !domain_fits || !is_label_text(name) {
        Some(Rule::LabelKey)
    } else if !value.is_empty() && !is_label_text(value) {
        Some(Rule::LabelValue)
    } else {
        None
    }
}

fn is_label_text(text: &str) -> bool {
    let is_edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && is_edge(text.bytes().next())
        && is_edge(text.bytes().last())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

pub(super) const fn broken_by_timing(timing: &Timing) -> Option<Rule> {
    let lease = timing.lease_duration.as_nanos();
    let renew = timing.renew_deadline.as_nanos();
    let retry = timing.retry_period.as_nanos();
    if timing.lease_duration.subsec_nanos() != 0 {
        Some(Rule::LeaseDurationWhole)
    } else if lease == 0 {
        Some(Rule::LeaseDurationZero)
    } else if timing.lease_duration.as_secs() > i32::MAX as u64 {
        Some(Rule::LeaseDurationLength)
    } else if renew == 0 {
        Some(Rule::RenewDeadlineZero)
    } else if renew * 5 >= lease * 4 {
        Some(Rule::RenewDeadlineLength)
    } else if retry == 0 {
        Some(Rule::RetryPeriodZero)
    } else if retry * 6 >= renew * 5 {
        Some(Rule::RetryPeriodLength)
    } else {
        None
    }
}

/// Whether `name` is a DNS label of RFC 1123, or several of them between dots if `dots`.
const fn is_dns(name: &[u8], dots: bool) -> bool {
    // True where a label begins or ends: before the first byte, at each dot, and after the last byte.
    let mut at_edge = true;
    let mut after_dash = false;
    let mut i = 0;
    while i < name.len() {
        match name[i] {
            b'a'..=b'z' | b'0'..=b'9' => {
                at_edge = false;
                after_dash = false;
            }
            b'-' if !at_edge => after_dash = true,
            b'.' if dots && !at_edge && !after_dash => at_edge = true,
            _ => return false,
        }
        i += 1;
    }
    !at_edge && !after_dash
}
