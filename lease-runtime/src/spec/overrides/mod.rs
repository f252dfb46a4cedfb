//! What a deployment sets in place of what a program says about its leases.

mod setting;
mod value;

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lease_grammar::Rule;
use lease_grammar::names::{broken_by_label, broken_by_lease_name, broken_by_namespace};
use lease_grammar::timing::{Timings, broken_by_takeover_delay};
use lease_protocol::election::shown;

pub use self::setting::OverrideError;
use self::setting::Setting;
use self::value::{death_reports, labels, prefix_remedy, span, switch};

/// What a deployment sets in place of what a program says about its leases.
///
/// A candidate reads this from its environment. To read it from elsewhere, such as flags of the program, give an `Overrides` to
/// [`CandidateBuilder::overrides`](crate::CandidateBuilder::overrides), which replaces the environment:
///
/// ```
/// use lease_runtime::{OverrideError, Overrides};
///
/// # fn f(prefix_flag: Option<String>) -> Result<Overrides, OverrideError> {
/// let mut overrides = Overrides::from_env()?;
/// if let Some(prefix) = prefix_flag {
///     overrides = overrides.prefix(prefix);
/// }
/// # Ok(overrides) }
/// # f(Some("blue".to_owned())).unwrap();
/// ```
///
/// | variable | method | what it sets |
/// |---|---|---|
/// | `LEASE_PREFIX` | [`prefix`](Self::prefix) | the beginning of the name of every lease: `blue` makes `blue-ledger` of `ledger` |
/// | `LEASE_NAMESPACE` | [`namespace`](Self::namespace) | the namespace of the leases that name none |
/// | `LEASE_DURATION` | [`lease_duration`](Self::lease_duration) | the lease duration of every lease, as in `15s` |
/// | `LEASE_RENEW_DEADLINE` | [`renew_deadline`](Self::renew_deadline) | the renew deadline of every lease |
/// | `LEASE_RETRY_PERIOD` | [`retry_period`](Self::retry_period) | the retry period of every lease |
/// | `LEASE_TAKEOVER_DELAY` | [`takeover_delay`](Self::takeover_delay) | the takeover delay of every lease |
/// | `LEASE_ELECTION` | [`election`](Self::election) | `off`: bodies run without an election |
/// | `LEASE_EVENTS` | [`kubernetes_events`](Self::kubernetes_events) | `off`: no Kubernetes Events are written, `on`: they are |
/// | `LEASE_STATE_DIR` | [`state_dir`](Self::state_dir) | the [state directory](crate::CandidateBuilder::state_dir), as in `/run/lease-runtime` |
/// | `LEASE_DEATH_REPORTS` | [`death_reports`](Self::death_reports) | `pods`: the reports of the kubelet prove that a holder is dead, `off`: they do not |
/// | `LEASE_LABELS` | [`label`](Self::label) | labels of every Lease, as in `team=billing,tier=3` |
///
/// An empty or blank variable counts as not set. All replicas of a service need the same values.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Overrides {
    prefix: Option<Setting<String>>,
    namespace: Option<Setting<String>>,
    lease_duration: Option<Setting<Duration>>,
    renew_deadline: Option<Setting<Duration>>,
    retry_period: Option<Setting<Duration>>,
    takeover_delay: Option<Setting<Duration>>,
    election: Option<Setting<bool>>,
    kubernetes_events: Option<Setting<bool>>,
    state_dir: Option<PathBuf>,
    death_reports: Option<Setting<bool>>,
    labels: BTreeMap<String, Setting<String>>,
}

impl Overrides {
    /// Reads the variables of the environment.
    ///
    /// # Errors
    ///
    /// If a variable is not a value of its kind. The error names it.
    pub fn from_env() -> Result<Overrides, OverrideError> {
        Overrides::read(|variable| env::var_os(variable))
    }

    fn read(get: impl Fn(&str) -> Option<OsString>) -> Result<Overrides, OverrideError> {
        let text = |by: &'static str| match get(by).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => {
                let text = text.trim();
                Ok((!text.is_empty()).then(|| Setting::new(text.to_owned(), by)))
            }
            Some(Err(bytes)) => {
                let (rule, remedy) = ("it is not Unicode", "write it in ASCII");
                Err(OverrideError::new(by, &bytes.to_string_lossy(), rule, remedy))
            }
        };
        let span = |by| text(by)?.map(|Setting { value, by }| Ok(Setting::new(span(&value, by)?, by))).transpose();
        let overrides = Overrides {
            prefix: text("LEASE_PREFIX")?,
            namespace: text("LEASE_NAMESPACE")?,
            lease_duration: span("LEASE_DURATION")?,
            renew_deadline: span("LEASE_RENEW_DEADLINE")?,
            retry_period: span("LEASE_RETRY_PERIOD")?,
            takeover_delay: span("LEASE_TAKEOVER_DELAY")?,
            election: text("LEASE_ELECTION")?.map(switch).transpose()?,
            kubernetes_events: text("LEASE_EVENTS")?.map(switch).transpose()?,
            state_dir: text("LEASE_STATE_DIR")?.map(|Setting { value, .. }| value.into()),
            death_reports: text("LEASE_DEATH_REPORTS")?.map(death_reports).transpose()?,
            labels: text("LEASE_LABELS")?.map(labels).transpose()?.unwrap_or_default(),
        };
        overrides.check()?;
        Ok(overrides)
    }

    /// Begins the name of every lease with `prefix` and a `-`, so that two releases of one program in one namespace have leases of
    /// their own. The manifest can take it from the label `app.kubernetes.io/instance` of the pod.
    ///
    /// The program uses the names without the prefix: in its tasks, and in the text that it gives to
    /// [`Candidate::status`](crate::Candidate::status), [`Candidate::step_down`](crate::Candidate::step_down) and
    /// [`Candidate::admin`](crate::Candidate::admin), with or without a namespace. The cluster, the log,
    /// [`Term::lease`](crate::Term::lease) and [`LeaseStatus::lease`](crate::LeaseStatus::lease) use the whole name. A
    /// [`LeaseId`](crate::LeaseId) contains the whole name, so it is taken as it is.
    #[must_use = "it returns the changed overrides"]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Overrides {
        self.prefix = Some(Setting::new(prefix.into(), "Overrides::prefix"));
        self
    }

    /// The namespace of the leases that name none. It replaces the one of
    /// [`CandidateBuilder::namespace`](crate::CandidateBuilder::namespace), of `POD_NAMESPACE` and of the connection. A task that
    /// names a namespace keeps it.
    #[must_use = "it returns the changed overrides"]
    pub fn namespace(mut self, namespace: impl Into<String>) -> Overrides {
        self.namespace = Some(Setting::new(namespace.into(), "Overrides::namespace"));
        self
    }

    /// The lease duration of every lease, in whole seconds. It replaces what a task sets. Timings that are set nowhere follow it, as
    /// [`LeaseSpec`](crate::LeaseSpec) says.
    #[must_use = "it returns the changed overrides"]
    pub fn lease_duration(mut self, lease_duration: Duration) -> Overrides {
        self.lease_duration = Some(Setting::new(lease_duration, "Overrides::lease_duration"));
        self
    }

    /// The renew deadline of every lease. It replaces what a task sets.
    #[must_use = "it returns the changed overrides"]
    pub fn renew_deadline(mut self, renew_deadline: Duration) -> Overrides {
        self.renew_deadline = Some(Setting::new(renew_deadline, "Overrides::renew_deadline"));
        self
    }

    /// The retry period of every lease. It replaces what a task sets.
    #[must_use = "it returns the changed overrides"]
    pub fn retry_period(mut self, retry_period: Duration) -> Overrides {
        self.retry_period = Some(Setting::new(retry_period, "Overrides::retry_period"));
        self
    }

    /// The takeover delay of every lease: see [`LeaseSpec::takeover_delay`](crate::LeaseSpec::takeover_delay). It replaces what a task
    /// sets. Zero means none, whatever a task says.
    #[must_use = "it returns the changed overrides"]
    pub fn takeover_delay(mut self, takeover_delay: Duration) -> Overrides {
        self.takeover_delay = Some(Setting::new(takeover_delay, "Overrides::takeover_delay"));
        self
    }

    /// `false`: bodies run without an election, for a laptop, or for one replica that is stopped before the next one starts
    /// (`strategy: Recreate`). No cluster is needed, and no request is sent. The candidate says so with a warning, and by
    /// [`Candidate::elects`](crate::Candidate::elects).
    ///
    /// The Leases are kept in this process. So terms begin at once, ticks are remembered as long as the process lives, and a
    /// fencing token is a small number. A target that has seen a token of a cluster refuses it.
    ///
    /// **Every replica runs the bodies**, whatever the others do.
    #[must_use = "it returns the changed overrides"]
    pub fn election(mut self, election: bool) -> Overrides {
        self.election = Some(Setting::new(election, "Overrides::election"));
        self
    }

    /// Whether elections are reported as Kubernetes Events. It replaces what
    /// [`CandidateBuilder::kubernetes_events`](crate::CandidateBuilder::kubernetes_events) says.
    #[must_use = "it returns the changed overrides"]
    pub fn kubernetes_events(mut self, on: bool) -> Overrides {
        self.kubernetes_events = Some(Setting::new(on, "Overrides::kubernetes_events"));
        self
    }

    /// The state directory. It replaces the one of [`CandidateBuilder::state_dir`](crate::CandidateBuilder::state_dir).
    #[must_use = "it returns the changed overrides"]
    pub fn state_dir(mut self, path: impl Into<PathBuf>) -> Overrides {
        self.state_dir = Some(path.into());
        self
    }

    /// Ignores `LEASE_STATE_DIR`. For programs whose work goes on after the process has died, as in a child: that the process is dead
    /// proves nothing then.
    #[must_use = "it returns the changed overrides"]
    pub fn without_state_dir(mut self) -> Overrides {
        self.state_dir = None;
        self
    }

    /// Whether the reports of the kubelet prove that a holder is dead. It replaces what
    /// [`CandidateBuilder::death_reports`](crate::CandidateBuilder::death_reports) says.
    #[must_use = "it returns the changed overrides"]
    pub fn death_reports(mut self, on: bool) -> Overrides {
        self.death_reports = Some(Setting::new(on, "Overrides::death_reports"));
        self
    }

    /// Adds this label to every Lease, as [`CandidateBuilder::lease_label`](crate::CandidateBuilder::lease_label) does, whose label
    /// with the same key it replaces.
    #[must_use = "it returns the changed overrides"]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Overrides {
        self.labels.insert(key.into(), Setting::new(value.into(), "Overrides::label"));
        self
    }

    /// Checks each value by itself. How the timings fit together depends on the task.
    pub(crate) fn check(&self) -> Result<(), OverrideError> {
        if let Some(Setting { value, by }) = &self.prefix
            && let Some(rule) = broken_by_lease_name(value)
        {
            return Err(OverrideError::new(by, value, rule.sentence(), prefix_remedy(rule)));
        }
        if let Some(Setting { value, by }) = &self.namespace
            && let Some(rule) = broken_by_namespace(value)
        {
            return Err(OverrideError::broken(by, value, rule));
        }
        // The other timings follow the lease duration, so only its own rules can be broken.
        if let Some(Setting { value, by }) = self.lease_duration
            && let Some(rule) = Timings::new(Some(value), None, None).broken_rule()
        {
            return Err(OverrideError::broken(by, &format!("{value:?}"), rule));
        }
        let zeros = [(self.renew_deadline, Rule::RenewDeadlineZero), (self.retry_period, Rule::RetryPeriodZero)];
        if let Some((by, rule)) = zeros.into_iter().find_map(|(setting, rule)| {
            setting.filter(|setting| setting.value.is_zero()).map(|setting| (setting.by, rule))
        }) {
            return Err(OverrideError::broken(by, "0s", rule));
        }
        if let Some(Setting { value, by }) = self.takeover_delay
            && let Some(rule) = broken_by_takeover_delay(value)
        {
            return Err(OverrideError::broken(by, &format!("{value:?}"), rule));
        }
        for (key, Setting { value, by }) in &self.labels {
            if let Some(rule) = broken_by_label(key, value) {
                return Err(OverrideError::broken(by, &format!("{key}={value}"), rule));
            }
        }
        Ok(())
    }

    /// The prefix of the names of leases.
    pub(crate) fn lease_prefix(&self) -> Option<&str> {
        self.prefix.as_ref().map(|prefix| prefix.value.as_str())
    }

    /// The namespace of the leases that name none.
    pub(crate) fn own_namespace(&self) -> Option<&str> {
        self.namespace.as_ref().map(|namespace| namespace.value.as_str())
    }

    /// The lease duration, the renew deadline and the retry period.
    pub(crate) fn timings(&self) -> [Option<Duration>; 3] {
        self.set_timings().map(|timing| timing.map(|timing| timing.value))
    }

    /// The takeover delay of every lease, if the deployment sets one.
    pub(crate) fn own_takeover_delay(&self) -> Option<Duration> {
        self.takeover_delay.map(|setting| setting.value)
    }

    /// Whether bodies run only while a Lease is held.
    pub(crate) fn elects(&self) -> bool {
        self.election.as_ref().is_none_or(|election| election.value)
    }

    /// Whether elections are reported as Kubernetes Events, if the deployment says so.
    pub(crate) fn writes_events(&self) -> Option<bool> {
        self.kubernetes_events.as_ref().map(|events| events.value)
    }

    /// Whether the pods of holders are asked after, if the deployment says so.
    pub(crate) fn reads_death_reports(&self) -> Option<bool> {
        self.death_reports.as_ref().map(|reports| reports.value)
    }

    /// The state directory, if the deployment names one.
    pub(crate) fn own_state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref()
    }

    /// What turned the election off, as users know it.
    pub(crate) fn election_set_by(&self) -> &'static str {
        self.election.as_ref().map_or("Overrides::election", |election| election.by)
    }

    /// The labels of every Lease.
    pub(crate) fn lease_labels(&self) -> impl Iterator<Item = (&String, &String)> {
        self.labels.iter().map(|(key, setting)| (key, &setting.value))
    }

    /// The setting of the prefix with its value, for errors.
    pub(crate) fn prefix_in_words(&self) -> Option<String> {
        self.prefix.as_ref().map(|prefix| format!("`{}` = `{}`", prefix.by, shown(&prefix.value)))
    }

    /// The settings of timings with their values, for errors.
    pub(crate) fn timings_in_words(&self) -> Option<String> {
        let set = self.set_timings().into_iter().flatten();
        let words: Vec<_> = set.map(|timing| format!("`{}` = `{:?}`", timing.by, timing.value)).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    fn set_timings(&self) -> [Option<Setting<Duration>>; 3] {
        [self.lease_duration, self.renew_deadline, self.retry_period]
    }
}

#[cfg(test)]
mod tests;
