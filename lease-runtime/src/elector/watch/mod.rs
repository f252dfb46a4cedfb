//! The watch through which an election learns of changes of its Lease: a watch by name, or one that it shares with others.
//!
//! A watch shows a release within milliseconds. The safety of an election does not depend on it. What it shows may come late,
//! and a deaf watch is detected before a takeover, when the election reads the Lease.
//!
//! No change is lost between two watches: each begins at the revision that the last watch or read had reached. When the server
//! no longer knows that revision (410), the next watch begins at the present and shows the state of that instant first. If the
//! Lease was deleted in that gap, no watch shows it. The read before a takeover does.
//!
//! No change is lost between a watch by name and the shared one either. An election that changes to the shared watch keeps its
//! own for a while. One that leaves the shared watch opens its own at the revision that the shared one had reached.

mod by_name;
mod event;
#[cfg(test)]
mod fuzz;
mod shared;
mod stream;

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Sleep;

use by_name::ByName;
use event::MOMENT;
pub(super) use event::{OUTAGE, WatchEvent, WatchStart};
pub(crate) use shared::MOST_BY_NAME;
pub(super) use shared::SharedWatch;
use shared::{Feed, LeaseUpdate, Link};
use stream::StreamStart;

use crate::clock::Clock;
use crate::lease::LeaseId;

/// The watch of one election. Dropping it closes a watch by name, and leaves a shared watch to the other elections.
pub(super) struct Watch {
    shared: Arc<SharedWatch>,
    lease: LeaseId,
    clock: Arc<dyn Clock>,
    feed: watch::Receiver<Feed>,
    /// The watch by name, if there is no shared one to rely on. As long as it exists, its events count.
    own: Option<ByName>,
    /// When `own` ends after the shared watch has opened. By then the shared watch has shown what `own` may have shown first.
    overlap: Option<Pin<Box<Sleep>>>,
    /// The revision from which a watch by name would miss nothing; unknown before the first read.
    from: Option<WatchStart>,
    /// The election knows that there is a watch.
    open: bool,
    /// The election knows that the watch is healthy.
    well: bool,
    /// The number of the last state of the feed that the election was given.
    reported: u64,
    /// How often in a row a watch by name was deaf.
    deaf: u32,
}

impl Watch {
    /// Must come before the first read of the election. No watch counts as open before that read has shown something.
    pub(super) fn join(shared: &Arc<SharedWatch>, lease: LeaseId, clock: Arc<dyn Clock>) -> Watch {
        Watch {
            shared: Arc::clone(shared),
            feed: shared.join(&lease.name),
            lease,
            clock,
            own: None,
            overlap: None,
            from: None,
            open: false,
            well: false,
            reported: 0,
            deaf: 0,
        }
    }

    /// A read or a write has shown the current Lease: a watch from here on misses nothing.
    pub(super) fn looked(&mut self, from: WatchStart) {
        self.from = Some(from);
    }

    /// A read has shown a change that an open watch did not show. Replaces the watch.
    pub(super) fn replace(&mut self) {
        match (&self.own, self.from) {
            (Some(_), Some(from)) => {
                self.deaf = self.deaf.saturating_add(1);
                self.own = Some(self.by_name(StreamStart { from, tried: self.deaf, lost: false }));
            }
            _ => self.shared.replace(),
        }
    }

    /// The API server can be reached again, so a watch that is not open may try at once.
    pub(super) fn retry_now(&mut self) {
        self.deaf = 0;
        match (&self.own, self.from) {
            (Some(_), Some(from)) => self.own = Some(self.by_name(StreamStart { from, tried: 0, lost: !self.open })),
            _ => self.shared.retry_now(),
        }
    }

    /// The next event. Cancel safe.
    pub(super) async fn next(&mut self) -> WatchEvent {
        loop {
            if let Some(note) = self.turn() {
                return note;
            }
            tokio::select! {
                biased;
                note = noted(self.own.as_mut()) => {
                    match note {
                        WatchEvent::Opened => self.open = true,
                        WatchEvent::Lost => self.open = false,
                        _ => {}
                    }
                    return note;
                }
                // The sender exists as long as this watch has not left the shared one.
                Ok(()) = self.feed.changed() => {}
                () = maybe(self.overlap.as_mut()) => (self.own, self.overlap) = (None, None),
            }
        }
    }

    /// Follows the feed, and returns the event that the election has not been given yet.
    fn turn(&mut self) -> Option<WatchEvent> {
        let (link, update, number) = {
            let feed = self.feed.borrow_and_update();
            (feed.link, feed.update.clone(), feed.number)
        };
        if std::mem::replace(&mut self.reported, number) != number {
            return update.map(|update| match update {
                LeaseUpdate::Shows(object) => WatchEvent::Shows(object),
                LeaseUpdate::Deleted { revision } => WatchEvent::Deleted { revision },
            });
        }
        if !matches!(link, Link::Open { .. }) {
            self.overlap = None;
        }
        // Before the first read, there is no revision to begin at, and a watch would not cover the time until that read.
        let known = self.from?;
        match link {
            Link::ByName(from) => {
                if self.own.is_none() {
                    let start = StreamStart { from: from.unwrap_or(known), tried: 0, lost: !self.open };
                    (self.own, self.well) = (Some(self.by_name(start)), false);
                }
                None
            }
            Link::Open { .. } if self.own.is_some() => {
                self.overlap.get_or_insert_with(|| Box::pin(tokio::time::sleep(MOMENT)));
                None
            }
            Link::Open { .. } if !self.open => {
                self.open = true;
                Some(WatchEvent::Opened)
            }
            Link::Open { well } => {
                let news = well && !self.well;
                self.well = well;
                news.then_some(WatchEvent::Well)
            }
            Link::Down if self.own.is_none() && self.open => {
                self.open = false;
                Some(WatchEvent::Lost)
            }
            Link::Down => None,
        }
    }

    fn by_name(&self, start: StreamStart) -> ByName {
        ByName::open(self.shared.api(), self.lease.clone(), Arc::clone(&self.clock), start)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.leave(&self.lease.name, &self.feed);
    }
}

async fn noted(watch: Option<&mut ByName>) -> WatchEvent {
    match watch {
        Some(watch) => watch.next().await,
        None => pending().await,
    }
}

/// Waits for the future, or forever without one.
pub(super) async fn maybe<F: Future<Output = ()> + Unpin>(future: Option<&mut F>) {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

/// The next event of the watch, if there is one. Cancel safe.
pub(super) async fn next_of(watch: Option<&mut Watch>) -> WatchEvent {
    match watch {
        Some(watch) => watch.next().await,
        None => pending().await,
    }
}
