//! One watch that is kept open. Its listener decides which Leases it shows, and to which elections.

use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{DynamicObject, WatchEvent, WatchParams};
use tokio::time::Sleep;
use tokio::time::error::Elapsed;

use super::event::{HEALTHY, MOMENT, WatchStart};
use crate::clock::Clock;
use crate::elector::error::ElectorError;
use crate::elector::text::chain;
use crate::elector::{classify, wire};
use crate::lease::LeaseId;

/// The server ends a watch after this long, less up to a sixth. kube refuses anything from 295 s.
const LENGTH: u32 = 290;
/// An API server sends a bookmark about once a minute. After so long without anything, the watch counts as broken.
const SILENCE: Duration = Duration::from_secs(150);
/// After two watches that failed early, the next counts as open only when it has lasted this long. The election polls until
/// then. Otherwise it would stop and start polling with every watch that does not last.
const TRUST: Duration = Duration::from_secs(5);
/// How long a server may take to accept a watch.
const ACCEPT: Duration = Duration::from_secs(10);
/// The longest pause between two tries. With the pauses 1, 2, 4, 8, 16 s before it, a server that ends every watch at once
/// gets at most seven requests in the first minute and three in each that follows.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest pause that a server may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(240);

/// Receives what a watch shows.
pub(super) trait Listener {
    /// The result of the watch when the listener wants no other.
    type StreamEnd;

    /// Names the Leases to watch: all in the namespace of this one, or only this one.
    fn lease(&self) -> &LeaseId;

    /// The field selector for them.
    fn selector(&self) -> Option<String>;

    /// The watch has opened, was lost, and so on.
    async fn tell(&mut self, news: StreamNews);

    /// An object has changed. Returns the revision up to which everything has been shown, unless the object does not concern this listener.
    async fn take(&mut self, change: Change) -> Result<Option<u64>, ElectorError>;

    /// The server has accepted a watch, or everything up to here has been shown.
    fn reached(&mut self, from: WatchStart);

    /// Whether another watch is wanted. It would begin here.
    fn goes_on(&mut self, from: WatchStart) -> ControlFlow<Self::StreamEnd>;

    /// How long to do without a watch after this problem, which is the last of so many. `None` for the usual pause.
    fn gives_up(&mut self, problem: &ElectorError, tried: u32) -> Option<Duration>;
}

/// What happens to a watch.
pub(super) enum StreamNews {
    /// The watch is open, again or for the first time.
    Opened,
    /// There has been no watch for longer than a moment.
    Lost,
    /// The watch has lasted, so what was wrong with it is over.
    Well,
    /// The watch is not open, for this reason. Sent for every try.
    Trouble(ElectorError),
}

/// A change of an object. The object is not read as a Lease yet. Most Leases of others need not be read, and one that cannot
/// be read must not break the watch.
pub(super) enum Change {
    /// The object was created, or was there when the watch began.
    Added(DynamicObject),
    Modified(DynamicObject),
    /// The last state of the object, with the revision of its deletion.
    Deleted(DynamicObject),
}

impl Change {
    pub(super) fn object(&self) -> &DynamicObject {
        match self {
            Change::Added(object) | Change::Modified(object) | Change::Deleted(object) => object,
        }
    }
}

/// How a watch begins.
pub(super) struct StreamStart {
    pub(super) from: WatchStart,
    /// How many watches before this one failed early. The first one has none to replace. A replacement waits before it opens,
    /// because it may fail for the same reason.
    pub(super) tried: u32,
    /// The listener knows that there is no watch. Otherwise it relies on the one that this replaces.
    pub(super) lost: bool,
}

/// How a watch ended.
enum WatchEnd {
    /// The server ended it, as it does after a while.
    Closed,
    /// Nothing came for too long.
    Silent,
    /// The server no longer knows the revision at which it began.
    Gone,
    /// It broke, or showed something that cannot be read.
    Broke(ElectorError),
}

/// One line of a watch, as kube reads it.
type Shown = kube::Result<WatchEvent<DynamicObject>>;

pub(super) struct Watching<L> {
    api: Api<DynamicObject>,
    clock: Arc<dyn Clock>,
    listener: L,
    from: WatchStart,
    /// Tries and short watches since the last healthy one.
    tried: u32,
    /// The listener knows that there is no watch.
    lost: bool,
    /// What ended the last watch. It is reported only if the next one does not open within a moment.
    trouble: Option<ElectorError>,
    /// Nothing was wrong lately.
    well: bool,
    rng: fastrand::Rng,
}

impl<L: Listener> Watching<L> {
    pub(super) fn new(api: Api<DynamicObject>, clock: Arc<dyn Clock>, start: StreamStart, listener: L) -> Watching<L> {
        let StreamStart { from, tried, lost } = start;
        let rng = fastrand::Rng::new();
        // The watch before this one may have had a problem. It is over when this one has lasted.
        Watching { api, clock, listener, from, tried, lost, trouble: None, well: false, rng }
    }

    /// Keeps the watch open as long as the listener wants it.
    pub(super) async fn run(mut self) -> L::StreamEnd {
        let mut pause = self.pause();
        loop {
            let events = match self.reopen(pause).await {
                ControlFlow::Continue(events) => events,
                ControlFlow::Break(end) => return end,
            };
            let opened = self.clock.now();
            let end = self.follow(events).await;
            let lasted = self.clock.now().since(opened);
            self.tried = if lasted >= HEALTHY { 0 } else { self.tried.saturating_add(1) };
            let unreachable = |reason| Some(ElectorError::Unreachable { reason });
            self.trouble = match end {
                WatchEnd::Closed if lasted >= HEALTHY => None,
                WatchEnd::Closed => unreachable(format!("the watch was ended after {lasted:.1?}")),
                WatchEnd::Silent => unreachable(format!("the watch was silent for {SILENCE:?}")),
                WatchEnd::Gone => {
                    self.from = WatchStart::Now;
                    unreachable("the watch was ended, for its revision is too old".to_owned())
                }
                WatchEnd::Broke(problem) => Some(problem),
            };
            let gives_up = self.trouble.as_ref().and_then(|trouble| self.listener.gives_up(trouble, self.tried));
            pause = match gives_up {
                Some(pause) => {
                    self.lose().await;
                    self.jittered(pause)
                }
                None => self.pause(),
            };
        }
    }

    /// Opens a watch, however long it takes.
    async fn reopen(&mut self, mut pause: Duration) -> ControlFlow<L::StreamEnd, impl Stream<Item = Shown> + use<L>> {
        let mut moment = pin!(tokio::time::sleep(MOMENT));
        let events = loop {
            if let ControlFlow::Break(end) = self.listener.goes_on(self.from) {
                return ControlFlow::Break(end);
            }
            let (problem, retry_after) = match self.attempt(pause, moment.as_mut()).await {
                Ok(Ok(events)) => break events,
                Ok(Err(error)) => {
                    // The server may also not have reached the revision, as after restoring a backup. By the third try the election
                    // polls, so that beginning at the present misses nothing.
                    if is_gone(&error) || self.tried >= 3 {
                        self.from = WatchStart::Now;
                    }
                    classify::watch(&error, self.listener.lease())
                }
                Err(_) => (ElectorError::Unreachable { reason: format!("no answer within {ACCEPT:?}") }, None),
            };
            self.tried = self.tried.saturating_add(1);
            // For such a problem there is no need to wait a moment: it does not go away by itself.
            let gives_up = self.listener.gives_up(&problem, self.tried);
            pause = match gives_up {
                Some(pause) => self.jittered(pause),
                None => self.pause().max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER)),
            };
            self.trouble = Some(problem);
            if gives_up.is_some() || self.lost {
                self.lose().await;
            }
        };
        self.trouble = None;
        self.listener.reached(self.from);
        ControlFlow::Continue(events)
    }

    /// Reports that there is no watch, and why.
    async fn lose(&mut self) {
        if !self.lost {
            self.lost = true;
            self.listener.tell(StreamNews::Lost).await;
        }
        if let Some(trouble) = self.trouble.take() {
            self.well = false;
            self.listener.tell(StreamNews::Trouble(trouble)).await;
        }
    }

    /// One try, after a pause. Reports that there is no watch if the moment passes meanwhile.
    async fn attempt(
        &mut self,
        pause: Duration,
        mut moment: Pin<&mut Sleep>,
    ) -> Result<kube::Result<impl Stream<Item = Shown> + use<L>>, Elapsed> {
        let params = WatchParams {
            field_selector: self.listener.selector(),
            timeout: Some(LENGTH - self.rng.u32(..LENGTH / 6)),
            ..WatchParams::default()
        };
        let from = match self.from {
            WatchStart::Revision(revision) => revision.to_string(),
            WatchStart::Now => String::new(),
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

    /// Reports what a watch shows, until it ends.
    async fn follow(&mut self, events: impl Stream<Item = Shown>) -> WatchEnd {
        let mut events = pin!(events);
        let mut trusted = pin!(tokio::time::sleep(if self.tried < 2 { Duration::ZERO } else { TRUST }));
        let mut lasted = pin!(tokio::time::sleep(HEALTHY));
        let mut silence = pin!(tokio::time::sleep(SILENCE));
        loop {
            let shown = tokio::select! {
                biased;
                () = &mut trusted, if self.lost => {
                    self.lost = false;
                    self.listener.tell(StreamNews::Opened).await;
                    continue;
                }
                shown = events.next() => shown,
                () = &mut lasted, if !self.well => {
                    self.well = true;
                    self.listener.tell(StreamNews::Well).await;
                    continue;
                }
                () = &mut silence => return WatchEnd::Silent,
            };
            silence.set(tokio::time::sleep(SILENCE));
            let event = match shown {
                Some(Ok(event)) => event,
                Some(Err(error)) if is_gone(&error) => return WatchEnd::Gone,
                Some(Err(error)) => return self.broke(classify::watch(&error, self.listener.lease()).0),
                None => return WatchEnd::Closed,
            };
            let change = match event {
                WatchEvent::Bookmark(bookmark) => {
                    // A bookmark that cannot be read is skipped. Nothing depends on it.
                    if let Ok(revision) = wire::revision(Some(&bookmark.metadata.resource_version)) {
                        self.reach(revision);
                    }
                    continue;
                }
                WatchEvent::Error(status) => {
                    let error = kube::Error::Api(status);
                    let (problem, _) = classify::watch(&error, self.listener.lease());
                    return if is_gone(&error) { WatchEnd::Gone } else { WatchEnd::Broke(problem) };
                }
                WatchEvent::Added(object) => Change::Added(object),
                WatchEvent::Modified(object) => Change::Modified(object),
                WatchEvent::Deleted(object) => Change::Deleted(object),
            };
            // A watch of many objects that begins at the present first shows what is there, in no order of revisions. If it broke
            // in the middle, a watch from the last revision would never show the rest. All of them have been shown as soon as
            // something else comes.
            let one_of_many = matches!(change, Change::Added(_)) && self.from == WatchStart::Now;
            let one_of_many = one_of_many && self.listener.selector().is_none();
            match self.listener.take(change).await {
                Ok(Some(revision)) if !one_of_many => self.reach(revision),
                Ok(_) => {}
                Err(problem) => return self.broke(problem),
            }
        }
    }

    fn reach(&mut self, revision: u64) {
        self.from = WatchStart::Revision(revision);
        self.listener.reached(self.from);
    }

    /// After something unreadable, the state of the Lease is unknown. The next watch begins at the present and shows it. If it
    /// is unreadable again, the election knows that there is no watch, and polls.
    fn broke(&mut self, problem: ElectorError) -> WatchEnd {
        if matches!(problem, ElectorError::Unreadable { .. }) {
            self.from = WatchStart::Now;
        }
        WatchEnd::Broke(problem)
    }

    /// How long to wait before the next try. There is a pause even before the first one, because the end of an API server ends the
    /// watches of a whole fleet at once.
    fn pause(&mut self) -> Duration {
        match self.tried {
            0 => Duration::from_millis(self.rng.u64(..MOMENT.as_millis() as u64 / 4)),
            tried => {
                let pause = Duration::from_secs(1 << (tried - 1).min(5)).min(LONGEST);
                self.jittered(pause)
            }
        }
    }

    /// `pause`, changed at random by up to a quarter.
    fn jittered(&mut self, pause: Duration) -> Duration {
        pause * self.rng.u32(750..1250) / 1000
    }
}

/// Whether the server no longer knows the revision at which a watch would begin.
fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}

/// The revision of an object that a watch shows. For a deletion, it is the revision of the deletion.
pub(super) fn revision(object: &DynamicObject) -> Result<u64, ElectorError> {
    wire::revision(object.metadata.resource_version.as_deref()).map_err(unreadable)
}

/// Reads an object that a watch shows as a state of `lease`.
pub(super) fn read(lease: &LeaseId, object: DynamicObject) -> Result<Lease, ElectorError> {
    let mut object: Lease = wire::lease(object).map_err(|error| ElectorError::Unreadable { reason: chain(&error) })?;
    match wire::view(lease, &object) {
        Ok(_) => {
            // Managed fields are not used, and the last state of each Lease is kept here.
            object.metadata.managed_fields = None;
            Ok(object)
        }
        Err(reason) => Err(unreadable(reason)),
    }
}

fn unreadable(reason: &str) -> ElectorError {
    ElectorError::Unreadable { reason: reason.to_owned() }
}
