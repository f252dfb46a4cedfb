//! S6 and S9: a Lease is released when its bodies are gone, and a process has one body of a task at a time. The upper layer of a
//! stack does not run on a lower layer that was asked to end.

use std::collections::BTreeMap;

use super::{Broken, must, released};
use crate::engine::Who;
use crate::journal::{Event, LeaseName};
use crate::program::TickTask;

/// How many bodies of a task are alive in a term.
type Live = BTreeMap<(&'static str, u64), usize>;

/// The bodies that are alive.
pub(super) struct Bodies {
    /// How many runs of a task may be under way at once, if it is more than one.
    most: BTreeMap<&'static str, usize>,
    live: BTreeMap<(Who, LeaseName), Live>,
    /// The term in which the lower layer of a stack was last asked to end.
    asked: BTreeMap<(Who, LeaseName), u64>,
    /// The revision of the last release of a process.
    released: BTreeMap<(Who, LeaseName), u64>,
}

impl Bodies {
    pub(super) fn new(ticks: &[TickTask]) -> Bodies {
        let most = ticks.iter().map(|task| (task.name, task.most())).collect();
        Bodies { most, live: BTreeMap::new(), asked: BTreeMap::new(), released: BTreeMap::new() }
    }

    pub(super) fn see(&mut self, event: &Event) -> Result<(), Broken> {
        match event {
            Event::Started { who, lease, task, token } => self.started(*who, lease, task, *token),
            Event::Dropped { who, lease, task, token } => {
                self.dropped(*who, lease, task, *token);
                Ok(())
            }
            Event::Gone { who } => {
                self.live.retain(|(of, _), _| of != who);
                Ok(())
            }
            Event::Asked { who, lease, token } => {
                self.asked.insert((*who, *lease), *token);
                Ok(())
            }
            Event::Polled { who, lease, task, token, .. } => {
                let on_nothing = *task == "work" && self.asked.get(&(*who, *lease)) == Some(token);
                must!(!on_nothing, "S9: {who} works on {lease} in term {token} on a layer that was asked to end");
                let last = self.released.get(&(*who, *lease)).copied().unwrap_or_default();
                must!(*token > last, "S6: term {token} of {who} is polled after it has released {lease}");
                Ok(())
            }
            Event::Stored(stored) => {
                let Some(who) = released(stored) else { return Ok(()) };
                self.released.insert((who, stored.lease), stored.revision);
                let live = self.live.get(&(who, stored.lease)).filter(|live| !live.is_empty());
                must!(live.is_none(), "S6: {who} releases {} while it has {live:?}", stored.lease);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn started(&mut self, who: Who, lease: LeaseName, task: &'static str, token: u64) -> Result<(), Broken> {
        let live = self.live.entry((who, lease)).or_default();
        *live.entry((task, token)).or_default() += 1;
        let count: usize = live.iter().filter(|((of, _), _)| *of == task).map(|(_, count)| count).sum();
        let most = self.most.get(task).copied().unwrap_or(1);
        must!(count <= most, "S9: {who} has {count} bodies of {task} at once: {live:?}");
        Ok(())
    }

    fn dropped(&mut self, who: Who, lease: LeaseName, task: &'static str, token: u64) {
        let Some(live) = self.live.get_mut(&(who, lease)) else { return };
        if let Some(count) = live.get_mut(&(task, token)) {
            *count -= 1;
        }
        live.retain(|_, count| *count > 0);
    }
}
