//! The changes that requests make to the annotations of a Lease, without I/O.

use jiff::Timestamp;

use super::TickAdminError;
use crate::lease::LeaseId;
use lease_grammar::names::broken_by_task_name;
use lease_protocol::ticks::names::{BACKFILL, PAUSE, TRIGGER};
use lease_protocol::ticks::{Annotations, TaskTicks, backfill_text, check_trigger};

/// A request to one task.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AdminRequest<'a> {
    Pause { why: &'a str },
    Resume,
    Trigger { id: &'a str },
    Backfill { from: Timestamp, to: Timestamp },
}

/// The task that a request is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestTarget<'a> {
    pub(crate) lease: &'a LeaseId,
    pub(crate) task: &'a str,
    /// The task need not have a record.
    pub(crate) accept_unrecorded: bool,
}

/// A change of one annotation.
#[derive(Debug)]
pub(crate) struct Edit {
    pub(crate) annotation: String,
    /// `None` removes it.
    pub(crate) value: Option<String>,
}

impl Edit {
    /// Makes the change, and returns whether the annotations were different before.
    pub(crate) fn apply(self, annotations: &mut Annotations) -> bool {
        let Edit { annotation, value } = self;
        if annotations.get(&annotation) == value.as_ref() {
            return false;
        }
        match value {
            Some(value) => drop(annotations.insert(annotation, value)),
            None => drop(annotations.remove(&annotation)),
        }
        true
    }
}

impl AdminRequest<'_> {
    /// What is wrong with the request, whatever the Lease says.
    pub(crate) fn check(&self, task: &str) -> Result<(), TickAdminError> {
        if let Some(rule) = broken_by_task_name(task) {
            return Err(TickAdminError::TaskName { task: task.to_owned(), rule });
        }
        match *self {
            AdminRequest::Pause { .. } | AdminRequest::Resume => Ok(()),
            AdminRequest::Trigger { id } => {
                check_trigger(id).map_err(|rule| TickAdminError::TriggerId { id: id.to_owned(), rule })
            }
            AdminRequest::Backfill { from, to } => {
                backfill_text(from, to).map(drop).ok_or(TickAdminError::BackfillOrder { from, to })
            }
        }
    }

    /// The change that it makes to these annotations.
    pub(crate) fn edit(&self, target: RequestTarget<'_>, annotations: &Annotations) -> Result<Edit, TickAdminError> {
        let RequestTarget { lease, task, .. } = target;
        let named = |purpose: &str| format!("{purpose}{task}");
        match *self {
            AdminRequest::Pause { why } => {
                target.check_known(annotations)?;
                Ok(Edit { annotation: named(PAUSE), value: Some(why.to_owned()) })
            }
            AdminRequest::Resume => {
                let annotation = named(PAUSE);
                if !annotations.contains_key(&annotation) {
                    target.check_known(annotations)?;
                }
                Ok(Edit { annotation, value: None })
            }
            AdminRequest::Trigger { id } => {
                target.check_known(annotations)?;
                let annotation = named(TRIGGER);
                let waiting = annotations.get(&annotation);
                if let Some(waiting) = waiting.filter(|waiting| *waiting != id) {
                    let (task, waiting) = (task.to_owned(), waiting.clone());
                    return Err(TickAdminError::TriggerWaiting { task, lease: lease.clone(), waiting });
                }
                let done = TaskTicks::of(annotations, task).is_some_and(|ticks| ticks.last_trigger() == Some(id));
                // If it waits or was carried out already, nothing changes.
                let value = waiting.cloned().or((!done).then(|| id.to_owned()));
                Ok(Edit { annotation, value })
            }
            AdminRequest::Backfill { from, to } => {
                target.check_known(annotations)?;
                let text = backfill_text(from, to).ok_or(TickAdminError::BackfillOrder { from, to })?;
                let annotation = named(BACKFILL);
                if let Some(waiting) = annotations.get(&annotation).filter(|waiting| **waiting != text) {
                    let (task, waiting) = (task.to_owned(), waiting.clone());
                    return Err(TickAdminError::BackfillWaiting { task, lease: lease.clone(), waiting });
                }
                Ok(Edit { annotation, value: Some(text) })
            }
        }
    }
}

impl RequestTarget<'_> {
    fn check_known(&self, annotations: &Annotations) -> Result<(), TickAdminError> {
        if self.accept_unrecorded || TaskTicks::of(annotations, self.task).is_some() {
            return Ok(());
        }
        let known = TaskTicks::all(annotations).into_keys().collect();
        Err(TickAdminError::UnknownTask { task: self.task.to_owned(), lease: self.lease.clone(), known })
    }
}
