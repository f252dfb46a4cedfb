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
/// After two that were of no use, a watch counts as open only when it has lasted this long. The election polls until then,
/// rather than to stop and start with every watch that does not last.
const TRUST: Duration = Duration::from_secs(5);
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
    /// There is a watch again, or for the first time.
    Opened,
    /// There has been no watch for longer than a moment.
    Lost,
    /// The watch has lasted, and what was wrong with it is over.
    Well,
    /// The Lease has this state.
    Shows(Box<Lease>),
    /// The Lease was deleted.
    Deleted { revision: u64 },
    /// This keeps the watch from being open. Told again for every try.
    Trouble(Box<ElectorError>),
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
        let rng = fastrand::Rng::new();
        let watching =
            Watching { api, lease, clock, from, tried, lost: tried == 0, trouble: None, well: true, say, rng };
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
    /// What ended the last watch, until it turns out to be worth a word: one that is open again in a moment is not.
    trouble: Option<ElectorError>,
    /// Nothing was wrong lately.
    well: bool,
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
            let unreachable = |reason| Some(ElectorError::Unreachable { reason });
            self.trouble = match end {
                End::Closed if lasted >= HEALTHY => None,
                End::Closed => unreachable(format!("the watch was ended after {lasted:.1?}")),
                End::Silent => unreachable(format!("the watch was silent for {SILENCE:?}")),
                End::Gone => {
                    self.from = From::Now;
                    unreachable("the watch was ended, for its revision is too old".to_owned())
                }
                End::Broke(problem) => Some(problem),
            };
        }
    }

    /// Opens a watch, however long it takes, and says so.
    async fn reopen(&mut self, mut pause: Duration) -> impl Stream<Item = Shown> + use<> {
        let mut moment = pin!(tokio::time::sleep(MOMENT));
        let events = loop {
            let (problem, asked) = match self.attempt(pause, moment.as_mut()).await {
                Ok(Ok(events)) => break events,
                Ok(Err(error)) => {
                    // A revision may also be one that the server has not reached, as after restoring a backup. By the third
                    // try the election polls, so that beginning at the present misses nothing.
                    if is_gone(&error) || self.tried >= 3 {
                        self.from = From::Now;
                    }
                    classify::watch(&error, &self.lease)
                }
                Err(_) => (ElectorError::Unreachable { reason: format!("no answer within {ACCEPT:?}") }, None),
            };
            self.tried = self.tried.saturating_add(1);
            // No need to wait a moment for leave to watch: that does not come back by itself.
            let forbidden = matches!(problem, ElectorError::Forbidden(_));
            pause = match forbidden {
                true => self.jittered(FORBIDDEN),
                false => self.pause().max(asked.unwrap_or_default().min(FORBIDDEN)),
            };
            self.trouble = Some(problem);
            if forbidden || self.lost {
                self.lose().await;
            }
        };
        self.trouble = None;
        events
    }

    /// Tells that there is no watch, and why.
    async fn lose(&mut self) {
        if !self.lost {
            self.lost = true;
            self.tell(Note::Lost).await;
        }
        if let Some(trouble) = self.trouble.take() {
            self.well = false;
            self.tell(Note::Trouble(Box::new(trouble))).await;
        }
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
        let api = self.api.clone();
        let mut opened = pin!(async move {
            tokio::time::sleep(pause).await;
            tokio::time::timeout(ACCEPT, api.watch(&params, &from)).await
        });
        loop {
            tokio::select! {
                biased;
                opened = &mut opened => return opened,
                () = &mut moment, if !self.lost => self.lose().await,
            }
        }
    }

    /// Tells what a watch shows, until it ends.
    async fn follow(&mut self, events: impl Stream<Item = Shown>) -> End {
        let mut events = pin!(events);
        let mut trusted = pin!(tokio::time::sleep(if self.tried < 2 { Duration::ZERO } else { TRUST }));
        let mut lasted = pin!(tokio::time::sleep(HEALTHY));
        let mut silence = pin!(tokio::time::sleep(SILENCE));
        loop {
            let shown = tokio::select! {
                biased;
                () = &mut trusted, if self.lost => {
                    self.lost = false;
                    self.tell(Note::Opened).await;
                    continue;
                }
                shown = events.next() => shown,
                () = &mut lasted, if !self.well => {
                    self.well = true;
                    self.tell(Note::Well).await;
                    continue;
                }
                () = &mut silence => return End::Silent,
            };
            silence.set(tokio::time::sleep(SILENCE));
            let event = match shown {
                Some(Ok(event)) => event,
                Some(Err(error)) if is_gone(&error) => return End::Gone,
                Some(Err(error)) => return self.broke(classify::watch(&error, &self.lease).0),
                None => return End::Closed,
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
