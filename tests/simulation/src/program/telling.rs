//! Writes into the journal what an observer of the candidate is told.

use std::sync::Arc;

use lease_runtime::LeaseEvent;

use super::LEASES;
use crate::engine::Here;
use crate::journal::{Event, Told};

/// An observer of a candidate of this process.
pub(super) fn observer(here: Arc<Here>) -> impl Fn(&LeaseEvent) + Send + Sync + 'static {
    move |event| {
        let (lease, told) = match event {
            LeaseEvent::TermBegan { lease, token, .. } => (lease, Told::TermBegan(token.get())),
            LeaseEvent::TermCancelled { lease, token, .. } => (lease, Told::TermCancelled(token.get())),
            LeaseEvent::TermEnded { lease, token, .. } => (lease, Told::TermEnded(token.get())),
            LeaseEvent::RunBegan { lease, task, .. } => (lease, Told::RunBegan(task.to_string())),
            LeaseEvent::RunEnded { lease, task, .. } => (lease, Told::RunEnded(task.to_string())),
            _ => return,
        };
        if let Some(lease) = LEASES.into_iter().find(|name| **name == *lease.name()) {
            here.write(Event::Told { who: here.who, lease, told });
        }
    }
}
