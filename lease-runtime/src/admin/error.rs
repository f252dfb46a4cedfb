//! Why a request about a scheduled task was not made.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use super::objects::ObjectError;
use crate::elector::ElectorError;
use crate::lease::LeaseId;
use crate::spec::SpecError;

/// Why an operation of a [`TickAdmin`](crate::TickAdmin) failed. Unless it says otherwise, nothing was changed.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TickAdminError {
    /// The lease's name, or its namespace, is not valid.
    #[error(transparent)]
    Spec(#[from] SpecError),

    /// The task's name is not valid.
    #[error("a task's name {rule}, not {task:?}: name it as the program does, or as `ticks` lists it")]
    TaskName {
        /// The name.
        task: String,
        /// The rule it breaks, as half a sentence.
        rule: &'static str,
    },

    /// There is no such Lease.
    #[error(
        "there is no lease `{lease}`: no candidate has led it yet, or it is in another namespace; the first leader creates it"
    )]
    LeaseMissing {
        /// The lease.
        lease: LeaseId,
    },

    /// The Lease has no record of the task.
    #[error("lease `{lease}` has no record of a task `{task}`, {}", in_words(known))]
    UnknownTask {
        /// The name.
        task: String,
        /// The lease.
        lease: LeaseId,
        /// The tasks that it has records of.
        known: Vec<String>,
    },

    /// The id of a trigger is not valid.
    #[error("the trigger's id {id:?} cannot be used: {rule}")]
    TriggerId {
        /// The id.
        id: String,
        /// What it must be.
        rule: &'static str,
    },

    /// The task was triggered with another id, and that run has not begun.
    #[error(
        "task `{task}` of lease `{lease}` was triggered as `{waiting}` and has not begun that run yet: wait for it, or remove \
         the annotation `trigger.lease-runtime.dev/{task}`"
    )]
    TriggerWaiting {
        /// The task.
        task: String,
        /// The lease.
        lease: LeaseId,
        /// The id that waits.
        waiting: String,
    },

    /// A backfill ends before it begins.
    #[error("a backfill goes from the earlier to the later time, not from {from} to {to}: swap them")]
    BackfillOrder {
        /// Its first time.
        from: Timestamp,
        /// Its last time.
        to: Timestamp,
    },

    /// Another backfill of the task is not over.
    #[error(
        "a backfill of task `{task}` of lease `{lease}` is not over, {waiting} is left: wait for it, or remove the annotation \
         `backfill.lease-runtime.dev/{task}`"
    )]
    BackfillWaiting {
        /// The task.
        task: String,
        /// The lease.
        lease: LeaseId,
        /// What is left of it, as in the annotation.
        waiting: String,
    },

    /// Others wrote the Lease between each read and the write that followed.
    #[error("lease `{lease}` was changed by others at each of {tried} tries: try again")]
    Contended {
        /// The lease.
        lease: LeaseId,
        /// How often it was tried.
        tried: u32,
    },

    /// The API server refuses, cannot be reached, or does not answer. If it does not answer, the request may have taken effect.
    /// It is safe to repeat it.
    #[error("lease `{lease}` cannot be read or changed: {cause}")]
    Request {
        /// The lease.
        lease: LeaseId,
        /// Why not, and what to do.
        cause: Arc<ElectorError>,
    },
}

impl From<ObjectError> for TickAdminError {
    fn from(error: ObjectError) -> TickAdminError {
        match error {
            ObjectError::Missing(lease) => TickAdminError::LeaseMissing { lease },
            ObjectError::Contended(lease, tried) => TickAdminError::Contended { lease, tried },
            ObjectError::Request(lease, cause) => TickAdminError::Request { lease, cause },
        }
    }
}

/// The tasks that the Lease has instead of an unknown one, and what to do.
fn in_words(known: &[String]) -> String {
    let remedy = "for a task that no leader has seen yet, use `TickAdmin::allow_unrecorded`";
    match known {
        [] => format!("and of no other task: check that its program leads; {remedy}"),
        known => format!("only of {}: check the spelling; {remedy}", quoted(known)),
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl TickAdminError {
    fn variant(&self) -> &'static str {
        match self {
            TickAdminError::Spec(..) => "Spec",
            TickAdminError::TaskName { .. } => "TaskName",
            TickAdminError::LeaseMissing { .. } => "LeaseMissing",
            TickAdminError::UnknownTask { .. } => "UnknownTask",
            TickAdminError::TriggerId { .. } => "TriggerId",
            TickAdminError::TriggerWaiting { .. } => "TriggerWaiting",
            TickAdminError::BackfillOrder { .. } => "BackfillOrder",
            TickAdminError::BackfillWaiting { .. } => "BackfillWaiting",
            TickAdminError::Contended { .. } => "Contended",
            TickAdminError::Request { .. } => "Request",
        }
    }
}

/// The variant and the text of `Display`, because a `main` that returns the error prints this.
impl fmt::Debug for TickAdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.variant())
    }
}
