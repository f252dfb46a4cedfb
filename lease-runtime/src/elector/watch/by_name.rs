//! The watch of one Lease by its name. `resourceNames` in a Role can grant it.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use kube::Api;
use kube::api::DynamicObject;
use tokio::sync::mpsc;

use super::event::{WatchEvent, WatchStart};
use super::stream::{self, Change, Listener, StreamNews, StreamStart, Watching};
use crate::clock::Clock;
use crate::elector::error::ElectorError;
use crate::lease::LeaseId;

/// The pause after a refusal by access rules, which stay the same until somebody changes them.
const FORBIDDEN: Duration = Duration::from_secs(240);

/// A watch that reopens as long as it is polled. Dropping it closes it.
pub(super) struct ByName {
    work: Pin<Box<dyn Future<Output = Infallible> + Send>>,
    notes: mpsc::Receiver<WatchEvent>,
}

impl ByName {
    pub(super) fn open(api: Api<DynamicObject>, lease: LeaseId, clock: Arc<dyn Clock>, start: StreamStart) -> ByName {
        // Few, so that a flood of events waits in the connection and takes no memory here.
        let (say, notes) = mpsc::channel(16);
        let watching = Watching::new(api, clock, start, ByNameListener { lease, say });
        ByName { work: Box::pin(watching.run()), notes }
    }

    /// The next event. Cancel safe.
    pub(super) async fn next(&mut self) -> WatchEvent {
        tokio::select! {
            biased;
            Some(note) = self.notes.recv() => note,
            never = &mut self.work => match never {},
        }
    }
}

/// The listener of a watch by name.
struct ByNameListener {
    lease: LeaseId,
    say: mpsc::Sender<WatchEvent>,
}

impl ByNameListener {
    /// Sends an event. The receiver is only gone while the watch is being dropped, and then this is not polled any more.
    async fn say(&self, note: WatchEvent) {
        let _ = self.say.send(note).await;
    }
}

impl Listener for ByNameListener {
    type StreamEnd = Infallible;

    fn lease(&self) -> &LeaseId {
        &self.lease
    }

    fn selector(&self) -> Option<String> {
        Some(format!("metadata.name={}", self.lease.name))
    }

    async fn tell(&mut self, news: StreamNews) {
        self.say(match news {
            StreamNews::Opened => WatchEvent::Opened,
            StreamNews::Lost => WatchEvent::Lost,
            StreamNews::Well => WatchEvent::Well,
            StreamNews::Trouble(problem) => WatchEvent::Trouble(Box::new(problem)),
        })
        .await;
    }

    async fn take(&mut self, change: Change) -> Result<Option<u64>, ElectorError> {
        if change.object().metadata.name.as_deref().is_some_and(|name| name != &*self.lease.name) {
            // Something between us and the server has dropped the field selector. That costs traffic, and is not wrong.
            return Ok(None);
        }
        let revision = stream::revision(change.object())?;
        let note = match change {
            Change::Added(object) | Change::Modified(object) => {
                WatchEvent::Shows(Arc::new(stream::read(&self.lease, object)?))
            }
            Change::Deleted(_) => WatchEvent::Deleted { revision },
        };
        self.say(note).await;
        Ok(Some(revision))
    }

    fn reached(&mut self, _: WatchStart) {}

    fn goes_on(&mut self, _: WatchStart) -> ControlFlow<Infallible> {
        ControlFlow::Continue(())
    }

    fn gives_up(&mut self, problem: &ElectorError, _: u32) -> Option<Duration> {
        matches!(problem, ElectorError::Forbidden(_)).then_some(FORBIDDEN)
    }
}
