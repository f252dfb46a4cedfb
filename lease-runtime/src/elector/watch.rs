//! The watch of one Lease, by name, kept open.
//!
//! A watch is how a release is seen in milliseconds. Nothing of an election's safety rests on it: what it shows may come
//! late, and a deaf watch is found out by the election's own look before it takes over.
//!
//! No change is lost between two watches, since each begins at the revision that the last one, or a look, had reached. When
//! the server no longer knows that revision (410), the next watch begins at "now" and shows the state of that instant
//! first. If the Lease was deleted in that very gap, nothing shows it; the look before a takeover does.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{WatchEvent, WatchParams};
use tokio::sync::mpsc;
use tokio::time::Sleep;
use tokio::time::error::Elapsed;

use super::classify;
use super::error::ElectorError;
use super::wire;
use crate::clock::Clock;
use crate::lease::LeaseId;

/// The server ends a watch after this long, less up to a sixth. kube refuses anything from 295 s.
const LENGTH: u32 = 290;
/// An API server sends a bookmark about once a minute. Nothing for this long: nobody is there any more.
const SILENCE: Duration = Duration::from_secs(150);
/// How long there may be no watch before it counts as lost. The next one is normally open within milliseconds.
const MOMENT: Duration = Duration::from_secs(1);
/// A watch that lasted this long was a good one, and whatever went wrong before it is forgotten.
const HEALTHY: Duration = Duration::from_secs(60);
/// How long a server may take to accept a watch.
const ACCEPT: Duration = Duration::from_secs(10);
/// The longest pause between two tries. With the pauses 1, 2, 4, 8, 16 s before it, a server that ends every watch at once
/// gets at most seven requests in the first minute and three in each that follows.
const LONGEST: Duration = Duration::from_secs(30);
/// The pause after a refusal by access rules, which somebody has to change.
const FORBIDDEN: Duration = Duration::from_secs(240);

/// Where a watch begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum From {
    /// After this revision: everything that came later is shown.
    Revision(u64),
    /// At the present: the Lease is shown first as it is, if it exists.
    Now,
}

/// What a watch has to tell.
#[derive(Debug)]
pub(super) enum Note {
    /// The server has accepted the watch.
    Opened,
    /// There has been no watch for longer than a moment.
    Lost,
    /// The Lease has this state.
    Shows(Box<Lease>),
    /// The Lease was deleted.
    Deleted { revision: u64 },
    /// Something keeps the watch from being open. Told again for every try.
    Trouble(ElectorError),
}

/// A watch that reopens itself for as long as it is polled. Dropping it closes it.
pub(super) struct Watch {
    work: Pin<Box<dyn Future<Output = Infallible> + Send>>,
    notes: mpsc::Receiver<Note>,
}

impl Watch {
    /// `tried`: how many watches this one replaces that were of no use. A first one has none to replace; a replacement waits
    /// before it opens, for whatever made the last one deaf may do so again.
    pub(super) fn open(api: Api<Lease>, lease: LeaseId, clock: Arc<dyn Clock>, from: From, tried: u32) -> Watch {
        // Few: a flood waits in the connection and not here.
        let (say, notes) = mpsc::channel(16);
        // While a replacement is on its way, the election still believes in the one it replaces.
        let watching = Watching { api, lease, clock, from, tried, lost: tried == 0, say, rng: fastrand::Rng::new() };
        Watch { work: Box::pin(watching.run()), notes }
    }

    /// The next thing it has to tell. Cancel safe.
    pub(super) async fn next(&mut self) -> Note {
        tokio::select! {
            biased;
            Some(note) = self.notes.recv() => note,
            never = &mut self.work => match never {},
        }
    }
}

/// How a watch ended.
enum End {
    /// The server ended it, as it does after a while.
    Closed,
    /// Nothing came for too long.
    Silent,
    /// The server no longer knows the revision it began at.
    Gone,
    /// It broke, or said something that cannot be read.
    Broke(ElectorError),
}

/// What kube makes of one line of a watch.
type Shown = kube::Result<WatchEvent<Lease>>;

struct Watching {
    api: Api<Lease>,
    lease: LeaseId,
    clock: Arc<dyn Clock>,
    from: From,
    /// Tries and short watches since the last good one.
    tried: u32,
    /// The election knows that there is no watch.
    lost: bool,
    say: mpsc::Sender<Note>,
    rng: fastrand::Rng,
}

impl Watching {
    async fn run(mut self) -> Infallible {
        let mut pause = self.pause();
        loop {
            let events = self.reopen(pause).await;
            let opened = self.clock.now();
            let end = self.follow(events).await;
            let lasted = self.clock.now().since(opened);
            self.tried = if lasted >= HEALTHY { 0 } else { self.tried.saturating_add(1) };
            pause = self.pause();
            match end {
                End::Closed if lasted >= HEALTHY => {}
                End::Closed => {
                    let reason = format!("the watch was ended after {lasted:?}");
                    self.tell(Note::Trouble(ElectorError::Unreachable { reason })).await;
                }
                End::Silent => {
                    let reason = format!("the watch was silent for {SILENCE:?}");
                    self.tell(Note::Trouble(ElectorError::Unreachable { reason })).await;
                }
                End::Gone => self.from = From::Now,
                End::Broke(problem) => self.tell(Note::Trouble(problem)).await,
            }
        }
    }

    /// Opens a watch, however long it takes, and says so.
    async fn reopen(&mut self, mut pause: Duration) -> impl Stream<Item = Shown> + use<> {
        let mut moment = pin!(tokio::time::sleep(MOMENT));
        let events = loop {
            let (problem, asked) = match self.attempt(pause, moment.as_mut()).await {
                Ok(Ok(events)) => break events,
                Ok(Err(error)) => {
                    if is_gone(&error) {
                        self.from = From::Now;
                    }
                    classify::watch(&error, &self.lease)
                }
                Err(_) => (ElectorError::Unreachable { reason: format!("no answer within {ACCEPT:?}") }, None),
            };
            self.tried = self.tried.saturating_add(1);
            if matches!(problem, ElectorError::Forbidden(_)) {
                // No need to wait a moment: this one does not come back by itself.
                self.lost = true;
                self.tell(Note::Lost).await;
                pause = self.jittered(FORBIDDEN);
            } else {
                pause = self.pause().max(asked.unwrap_or_default().min(FORBIDDEN));
            }
            self.tell(Note::Trouble(problem)).await;
        };
        self.lost = false;
        self.tell(Note::Opened).await;
        events
    }

    /// One try, after a pause. Says that there is no watch if the moment passes meanwhile.
    async fn attempt(
        &mut self,
        pause: Duration,
        mut moment: Pin<&mut Sleep>,
    ) -> Result<kube::Result<impl Stream<Item = Shown> + use<>>, Elapsed> {
        let params = WatchParams::default()
            .fields(&format!("metadata.name={}", self.lease.name))
            .timeout(LENGTH - self.rng.u32(..LENGTH / 6));
        let from = match self.from {
            From::Revision(revision) => revision.to_string(),
            From::Now => String::new(),
        };
        let mut opened = pin!(async {
            tokio::time::sleep(pause).await;
            tokio::time::timeout(ACCEPT, self.api.watch(&params, &from)).await
        });
        loop {
            tokio::select! {
                biased;
                opened = &mut opened => return opened,
                () = &mut moment, if !self.lost => {
                    self.lost = true;
                    tell(&self.say, Note::Lost).await;
                }
            }
        }
    }

    /// Tells what a watch shows, until it ends.
    async fn follow(&mut self, events: impl Stream<Item = Shown>) -> End {
        let mut events = pin!(events);
        loop {
            let event = match tokio::time::timeout(SILENCE, events.next()).await {
                Ok(Some(Ok(event))) => event,
                Ok(Some(Err(error))) if is_gone(&error) => return End::Gone,
                Ok(Some(Err(error))) => return self.broke(classify::watch(&error, &self.lease).0),
                Ok(None) => return End::Closed,
                Err(_) => return End::Silent,
            };
            match event {
                WatchEvent::Bookmark(bookmark) => {
                    // One that cannot be read tells nothing, and nothing depends on it.
                    if let Ok(revision) = wire::revision(Some(&bookmark.metadata.resource_version)) {
                        self.from = From::Revision(revision);
                    }
                }
                WatchEvent::Error(status) => {
                    let error = kube::Error::Api(status);
                    let (problem, _) = classify::watch(&error, &self.lease);
                    return if is_gone(&error) { End::Gone } else { End::Broke(problem) };
                }
                WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object)
                    if object.metadata.name.as_deref().is_some_and(|name| name != &*self.lease.name) =>
                {
                    // Whoever stands in between has lost the selector. Wasteful, but not wrong.
                }
                WatchEvent::Added(object) | WatchEvent::Modified(object) => match wire::view(&self.lease, &object) {
                    Ok(view) => {
                        self.from = From::Revision(view.version.revision);
                        self.tell(Note::Shows(Box::new(object))).await;
                    }
                    Err(reason) => return self.broke(ElectorError::Unreadable { reason: reason.to_owned() }),
                },
                // The object of a deletion carries the revision of the deletion.
                WatchEvent::Deleted(object) => match wire::revision(object.metadata.resource_version.as_deref()) {
                    Ok(revision) => {
                        self.from = From::Revision(revision);
                        self.tell(Note::Deleted { revision }).await;
                    }
                    Err(reason) => return self.broke(ElectorError::Unreadable { reason: reason.to_owned() }),
                },
            }
        }
    }

    /// After something unreadable the state of the Lease is unknown. The next watch begins at the present and shows it;
    /// should that be unreadable again, the election has been told that there is no watch, and looks for itself.
    fn broke(&mut self, problem: ElectorError) -> End {
        if matches!(problem, ElectorError::Unreadable { .. }) {
            self.from = From::Now;
        }
        End::Broke(problem)
    }

    async fn tell(&self, note: Note) {
        tell(&self.say, note).await;
    }

    /// How long to wait before the next try. Also the first has some: the end of an API server ends the watches of a whole
    /// fleet at once.
    fn pause(&mut self) -> Duration {
        match self.tried {
            0 => Duration::from_millis(self.rng.u64(..MOMENT.as_millis() as u64 / 4)),
            tried => {
                let pause = Duration::from_secs(1 << (tried - 1).min(5)).min(LONGEST);
                self.jittered(pause)
            }
        }
    }

    /// Within a quarter of `pause`.
    fn jittered(&mut self, pause: Duration) -> Duration {
        pause * self.rng.u32(750..1250) / 1000
    }
}

/// Whether the server no longer knows the revision that a watch would begin at.
fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}

/// The receiver is only gone when the watch is being dropped; then nobody polls this any more.
async fn tell(say: &mpsc::Sender<Note>, note: Note) {
    let _ = say.send(note).await;
}
