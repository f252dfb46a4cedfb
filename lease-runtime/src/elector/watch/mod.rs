//! How an election hears of what becomes of its Lease: from a watch by name, or from one that it shares.
//!
//! A watch is how a release is seen in milliseconds. Nothing of an election's safety rests on it: what it shows may come
//! late, and a deaf watch is found out by the election's own look before it takes over.
//!
//! No change is lost between two watches, since each begins at the revision that the last one, or a look, had reached. When
//! the server no longer knows that revision (410), the next watch begins at "now" and shows the state of that instant
//! first. If the Lease was deleted in that very gap, nothing shows it; the look before a takeover does.
//!
//! Nor is one lost between a watch by name and the shared one. An election that turns to the shared watch keeps its own for
//! a while beside it; one that turns away opens its own where the shared one has come to.

mod by_name;
mod event;
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
pub(super) use shared::SharedWatch;
use shared::{Feed, LeaseUpdate, Link};
use stream::StreamStart;

use crate::clock::Clock;
use crate::lease::LeaseId;

/// What an election watches its Lease by. Dropping it closes it, or leaves it to the others.
pub(super) struct Watch {
    shared: Arc<SharedWatch>,
    lease: LeaseId,
    clock: Arc<dyn Clock>,
    feed: watch::Receiver<Feed>,
    /// The watch by name, where there is no shared one to rely on. What it says counts, until it is gone.
    own: Option<ByName>,
    /// The shared watch is open, and the end of this the end of `own`: by then, whatever it might have shown first has come.
    overlap: Option<Pin<Box<Sleep>>>,
    /// From where a watch by name would miss nothing; unknown before the first look.
    from: Option<WatchStart>,
    /// The election has been told that there is a watch.
    open: bool,
    /// And that all is well with it.
    well: bool,
    /// Counts what has been told of the feed.
    reported: u64,
    /// How often a watch by name turned out to be deaf.
    deaf: u32,
}

impl Watch {
    /// Has to come before the election's first look. Nothing counts as open before that has shown something.
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

    /// A look or a write has shown the Lease as it is: a watch from here on misses nothing.
    pub(super) fn looked(&mut self, from: WatchStart) {
        self.from = Some(from);
    }

    /// A look has shown what an open watch had not. Another takes its place.
    pub(super) fn replace(&mut self) {
        match (&self.own, self.from) {
            (Some(_), Some(from)) => {
                self.deaf = self.deaf.saturating_add(1);
                self.own = Some(self.by_name(StreamStart { from, tried: self.deaf, lost: false }));
            }
            _ => self.shared.replace(),
        }
    }

    /// The API server can be reached again, so that what is not open may try at once.
    pub(super) fn retry_now(&mut self) {
        self.deaf = 0;
        match (&self.own, self.from) {
            (Some(_), Some(from)) => self.own = Some(self.by_name(StreamStart { from, tried: 0, lost: !self.open })),
            _ => self.shared.retry_now(),
        }
    }

    /// The next thing it has to tell. Cancel safe.
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
                // The sender stays where it is for as long as this has not left.
                Ok(()) = self.feed.changed() => {}
                () = maybe(self.overlap.as_mut()) => (self.own, self.overlap) = (None, None),
            }
        }
    }

    /// Follows the feed, and returns what of it has not been told.
    fn turn(&mut self) -> Option<WatchEvent> {
        let (link, sight, number) = {
            let feed = self.feed.borrow_and_update();
            (feed.link, feed.sight.clone(), feed.number)
        };
        if std::mem::replace(&mut self.reported, number) != number {
            return sight.map(|sight| match sight {
                LeaseUpdate::Shows(object) => WatchEvent::Shows(object),
                LeaseUpdate::Deleted { revision } => WatchEvent::Deleted { revision },
            });
        }
        if !matches!(link, Link::Open { .. }) {
            self.overlap = None;
        }
        // Before the first look there is nothing to begin at, and no watch would stand for the time until then.
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

/// Waits for the future if there is one, or for ever.
pub(super) async fn maybe<F: Future<Output = ()> + Unpin>(future: Option<&mut F>) {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
