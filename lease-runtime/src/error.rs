//! What can go wrong with a task or a candidate.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::elector::ElectorError;
use crate::lease::LeaseId;
use crate::spec::{OverrideError, SpecError, TrafficError};
use lease_protocol::election::Timing;
use lease_protocol::schedule::ScheduleError;

/// Why a candidate, or a task, could not do what it was asked to.
///
/// A body's own error is not here: it is logged and the body runs again, and where it is the last word it is part of what
/// [`TaskHandle`](crate::TaskHandle) gives.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A task's lease, namespace or timings, set at run time, are not valid.
    #[error("task `{task}` cannot run: {cause}")]
    Spec {
        /// The task.
        task: String,
        /// The rule it breaks.
        cause: SpecError,
    },

    /// A task does not fit what the deployment sets.
    #[error("{settings} does not fit lease `{lease}`: {cause}")]
    Overridden {
        /// The variables or methods of [`Overrides`](crate::Overrides), with their values.
        settings: String,
        /// The lease: with the name that the program uses if its prefix does not fit.
        lease: LeaseId,
        /// What is wrong, as it is said of a task that sets these values itself.
        cause: Arc<Error>,
    },

    /// The deployment sets a value that cannot be.
    #[error(transparent)]
    Overrides(#[from] OverrideError),

    /// A scheduled task runs under a lease that would be owned, and with the owner its record would be deleted.
    #[error(
        "lease `{lease}` has the scheduled task `{task}`, so it must have no owner: with the owner, its record of ticks would be \
         deleted, and ticks would be lost or run again. Remove `lease_owner`, or add the task to a candidate without it"
    )]
    OwnedRecord {
        /// The task.
        task: String,
        /// Its lease.
        lease: LeaseId,
    },

    /// The owner of the candidate's Leases is not complete.
    #[error(
        "the owner of the candidate's Leases has no {missing}: copy apiVersion, kind, name and uid from the object itself"
    )]
    Owner {
        /// The field that is empty.
        missing: &'static str,
    },

    /// A task's name, set at run time, is not valid.
    #[error("a task's name {rule}, not {task:?}: rename it with `.name(..)`")]
    TaskName {
        /// The name.
        task: String,
        /// The rule it breaks, as half a sentence.
        rule: &'static str,
    },

    /// A task's lease has no name.
    #[error("task `{task}` has no lease to run under: name one with `.lease(..)`")]
    NoLease {
        /// The task.
        task: String,
    },

    /// A task's settings, made at run time, are not valid.
    #[error("task `{task}` cannot run: {rule}")]
    Policy {
        /// The task.
        task: String,
        /// The rule that they break, and how to keep it.
        rule: &'static str,
    },

    /// A task's schedule, made at run time, is not valid.
    #[error("task `{task}` cannot run: {cause}")]
    Schedule {
        /// The task.
        task: String,
        /// What is wrong with it.
        cause: ScheduleError,
    },

    /// A task whose body takes a tick has nothing that would give it one.
    #[error(
        "task `{task}` was made by `LeaderTask::scheduled` and has no schedule: set one of `.cron(..)`, `.every(..)`, `.delay(..)` \
         and `.once()`, or put it into a group that has one"
    )]
    NoSchedule {
        /// The task.
        task: String,
    },

    /// A lease has more scheduled tasks than its object has room for.
    #[error("lease `{lease}` has {most} scheduled tasks already, and room for no more: give `{task}` another lease")]
    TooManyTasks {
        /// The task.
        task: String,
        /// The lease.
        lease: LeaseId,
        /// How many there may be.
        most: usize,
    },

    /// Two tasks of one lease have the same name.
    #[error(
        "lease `{lease}` has a task `{task}` already: name one of them with `.name(..)`, or give it a lease of its own with \
         `.lease(..)`"
    )]
    DuplicateTask {
        /// The name.
        task: String,
        /// The lease.
        lease: LeaseId,
    },

    /// Two tasks of one lease ask for different timings.
    #[error(
        "task `{task}` asks for {}, but task `{other}` of the same lease `{lease}` for {}: give both the same timings, or a \
         lease each",
        in_words(timing),
        in_words(other_timing)
    )]
    TimingsDiffer {
        /// The lease.
        lease: LeaseId,
        /// The task that was added.
        task: String,
        /// Its timings.
        timing: Box<Timing>,
        /// The one that was there.
        other: String,
        /// Its timings.
        other_timing: Box<Timing>,
    },

    /// Traffic cannot be led to the leader as a task asks for it.
    #[error(transparent)]
    Traffic(#[from] TrafficError),

    /// The members of a group ask for different leases.
    #[error(
        "group `{group}` has task `{task}` of lease `{lease}` and `{other}` of lease `{other_lease}`: give the group a lease \
         with `.lease(..)`, or take one of them out"
    )]
    LeasesDiffer {
        /// The group.
        group: String,
        /// A member.
        task: String,
        /// Its lease.
        lease: Box<LeaseId>,
        /// The first member.
        other: String,
        /// Its lease.
        other_lease: Box<LeaseId>,
    },

    /// A group has no members, and so no lease.
    #[error("group `{group}` is empty: add tasks to it with `.with(..)`")]
    EmptyGroup {
        /// The group.
        group: String,
    },

    /// A body ended without a value, and does not run again.
    #[error("task `{task}` of lease `{lease}` {failure}, and is not to run again")]
    Failed {
        /// The task.
        task: String,
        /// Its lease.
        lease: LeaseId,
        /// What went wrong, as half a sentence.
        failure: String,
    },

    /// A body failed more often than it was allowed to.
    #[error(
        "task `{task}` of lease `{lease}` keeps failing, its restarts are used up ({restarts} in {within:?}), and it {failure}: \
         fix it, or allow more with `max_restarts`"
    )]
    Exhausted {
        /// The task.
        task: String,
        /// Its lease.
        lease: LeaseId,
        /// How often it was allowed to run again.
        restarts: u32,
        /// Within this time.
        within: Duration,
        /// What went wrong at last, as half a sentence.
        failure: String,
    },

    /// The candidate's own namespace is not valid.
    #[error("the candidate's namespace is not valid: {cause}")]
    Namespace {
        /// The rule it breaks.
        cause: SpecError,
    },

    /// A label for the candidate's Leases is not valid.
    #[error("the candidate's Leases cannot be labelled: {cause}")]
    Label {
        /// The rule it breaks.
        cause: SpecError,
    },

    /// The candidate could not be set up: there is no cluster, or no connection to it.
    #[error(transparent)]
    Connect(Arc<ElectorError>),

    /// The candidate cannot take part in the election of a lease, and trying again would not help.
    #[error("cannot take part in the election of lease `{lease}`: {cause}")]
    Election {
        /// The lease.
        lease: LeaseId,
        /// Why not.
        cause: Arc<ElectorError>,
    },

    /// A body waits for a task that cannot run before the body has ended.
    #[error("task `{task}` of lease `{lease}` waits for {}", in_vain(task, awaited))]
    WaitsForItself {
        /// The task whose body waits.
        task: String,
        /// The task that it waits for; itself, if a body waits for its own end.
        awaited: String,
        /// The lease of both.
        lease: LeaseId,
    },

    /// The candidate shut down, or the task was given up, before the task was done.
    #[error("task `{task}` of lease `{lease}` was stopped before it was done: another replica goes on with it")]
    Stopped {
        /// The task.
        task: String,
        /// Its lease.
        lease: LeaseId,
    },

    /// The candidate was dropped, or the tokio runtime it ran on, before the task was done.
    #[error(
        "task `{task}` was not done when its candidate went away: let the candidate run, with `run_until`, and keep its runtime until it is"
    )]
    CandidateGone {
        /// The task.
        task: String,
    },

    /// The candidate runs, or has run.
    #[error("this candidate runs already, or has been shut down: build another one")]
    AlreadyRun,

    /// There is no tokio runtime to run bodies on.
    #[error("there is no tokio runtime here to run bodies on: call this from within one, as under `#[tokio::main]`")]
    NoRuntime,

    /// The operating system gives no random numbers, which an identity needs.
    #[error(
        "the operating system gives no random numbers ({0}), and without them two processes could have one identity: see \
         that the process may call getrandom(2) or read /dev/urandom"
    )]
    Random(Arc<io::Error>),

    /// The signal to shut down by could not be waited for.
    #[error(
        "cannot wait for a signal to shut down by ({0}): enable I/O in the tokio runtime, as `#[tokio::main]` does"
    )]
    Signal(Arc<io::Error>),
}

impl From<ElectorError> for Error {
    fn from(error: ElectorError) -> Error {
        Error::Connect(Arc::new(error))
    }
}

fn in_vain(task: &str, awaited: &str) -> String {
    if task == awaited {
        return "its own end, which cannot come as long as it waits: wait for it outside of its body".to_owned();
    }
    format!(
        "task `{awaited}` of the same lease, which cannot run before `{task}` has ended: give one of them a lease of its own \
         with `.lease(..)`, add both to one candidate, or put them into a `TaskGroup::sequence`"
    )
}

fn in_words(timing: &Timing) -> String {
    format!(
        "lease_duration {:?}, renew_deadline {:?}, retry_period {:?}",
        timing.lease_duration, timing.renew_deadline, timing.retry_period
    )
}

impl Error {
    fn variant(&self) -> &'static str {
        match self {
            Error::Spec { .. } => "Spec",
            Error::Overridden { .. } => "Overridden",
            Error::Overrides(..) => "Overrides",
            Error::OwnedRecord { .. } => "OwnedRecord",
            Error::Owner { .. } => "Owner",
            Error::TaskName { .. } => "TaskName",
            Error::NoLease { .. } => "NoLease",
            Error::Policy { .. } => "Policy",
            Error::Schedule { .. } => "Schedule",
            Error::NoSchedule { .. } => "NoSchedule",
            Error::TooManyTasks { .. } => "TooManyTasks",
            Error::DuplicateTask { .. } => "DuplicateTask",
            Error::TimingsDiffer { .. } => "TimingsDiffer",
            Error::Traffic(..) => "Traffic",
            Error::LeasesDiffer { .. } => "LeasesDiffer",
            Error::EmptyGroup { .. } => "EmptyGroup",
            Error::Failed { .. } => "Failed",
            Error::Exhausted { .. } => "Exhausted",
            Error::Namespace { .. } => "Namespace",
            Error::Label { .. } => "Label",
            Error::Connect(..) => "Connect",
            Error::Election { .. } => "Election",
            Error::WaitsForItself { .. } => "WaitsForItself",
            Error::Stopped { .. } => "Stopped",
            Error::CandidateGone { .. } => "CandidateGone",
            Error::AlreadyRun => "AlreadyRun",
            Error::NoRuntime => "NoRuntime",
            Error::Random(..) => "Random",
            Error::Signal(..) => "Signal",
        }
    }
}

/// The variant, and the sentence: a `main` that returns the error prints this.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.variant())
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    /// `Debug` is what a failed `unwrap` and a `main` that returns the error print: a program's author needs the variant to match
    /// on, an operator needs the sentence.
    #[test]
    fn debug_names_the_variant_and_says_the_sentence() {
        let error = Error::NoLease { task: "sync".to_owned() };
        assert_eq!(format!("{error:?}"), "NoLease: task `sync` has no lease to run under: name one with `.lease(..)`");
    }
}
