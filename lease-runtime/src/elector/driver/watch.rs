//! Handles the watch of an election and its events.

use std::sync::Arc;

use super::ElectionDriver;
use crate::elector::watch::{Watch, WatchEvent};
use lease_protocol::election::{Event, Observation, Role};

impl ElectionDriver {
    pub(super) fn handle_watch_event(&mut self, note: WatchEvent) {
        match note {
            WatchEvent::Opened => {
                self.watching = true;
                self.step(Event::WatchOpened);
            }
            WatchEvent::Lost => {
                self.watching = false;
                self.step(Event::WatchLost);
            }
            WatchEvent::Well => self.watch_problems.over(&self.log),
            WatchEvent::Trouble(problem) => self.watch_problems.record(&problem, &self.log),
            WatchEvent::Deleted { revision } => {
                self.step(Event::Seen(Observation::Missing { revision: Some(revision) }))
            }
            // The watch has read the object already. An object that it cannot read does not come here.
            WatchEvent::Shows(object) => {
                if let Some(view) = self.requests.read(Arc::unwrap_or_clone(object)) {
                    self.step(Event::Seen(Observation::Present(view)));
                }
            }
        }
    }

    /// Keeps a watch as long as this process takes part, or looks on.
    pub(super) fn keep_watch(&mut self) {
        if self.election.role() != Role::Out || self.looks_on() {
            self.join_watch();
        } else if self.watch.take().is_some() {
            // The watch misses what happens from here on, and an answer to an earlier request would not show it.
            self.requests.clear();
            self.watching = false;
            self.step(Event::WatchLost);
        }
    }

    /// This process takes no part, and its status still follows the lease: after it has stepped down, while a condition does not
    /// hold, or because the program only observes the lease.
    pub(super) fn looks_on(&self) -> bool {
        self.looking && !self.alone && self.election.role() == Role::Out
    }

    /// Must come before the read that a watch completes.
    pub(super) fn join_watch(&mut self) {
        let (lease, clock) = (&self.out.lease, &self.out.clock);
        self.watch.get_or_insert_with(|| Watch::join(&self.shared, lease.clone(), Arc::clone(clock)));
    }
}
