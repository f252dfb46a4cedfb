//! One watch, kept open: whom it tells, and of which Leases, is its listener's business.

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
/// An API server sends a bookmark about once a minute. Nothing for this long: nobody is there any more.
const SILENCE: Duration = Duration::from_secs(150);
/// After two that were of no use, a watch counts as open only when it has lasted this long. The election polls until then,
/// rather than to stop and start with every watch that does not last.
const TRUST: Duration = Duration::from_secs(5);
/// How long a server may take to accept a watch.
const ACCEPT: Duration = Duration::from_secs(10);
/// The longest pause between two tries. With the pauses 1, 2, 4, 8, 16 s before it, a server that ends every watch at once
/// gets at most seven requests in the first minute and three in each that follows.
const LONGEST: Duration = Duration::from_secs(30);
/// The longest pause that a server may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(240);

/// Who hears of what a watch shows.
pub(super) trait Listener {
    /// What a watch is ended with when the listener wants no other.
    type StreamEnd;

    /// The Leases to watch: of the namespace of this one, and all that are there or the one of its name.
    fn lease(&self) -> &LeaseId;

    /// The field selector for them.
    fn selector(&self) -> Option<String>;

    /// There is a watch again, or no more, and so on.
    async fn tell(&mut self, news: StreamNews);

    /// An object has changed. Tells the revision up to which all is told by now, unless the object is none of the listener's.
    async fn take(&mut self, change: Change) -> Result<Option<u64>, ElectorError>;

    /// The server has accepted a watch, or all up to here has been told.
    fn reached(&mut self, from: WatchStart);

    /// Whether another watch is wanted, which would begin here.
    fn goes_on(&mut self, from: WatchStart) -> ControlFlow<Self::StreamEnd>;

    /// How long to do without a watch after this problem, the last of so many; `None` for the usual pause.
    fn gives_up(&mut self, problem: &ElectorError, tried: u32) -> Option<Duration>;
}

/// What becomes of a watch.
pub(super) enum StreamNews {
    /// There is one again, or for the first time.
    Opened,
    /// There has been none for longer than a moment.
    Lost,
    /// It has lasted, and what was wrong with it is over.
    Well,
    /// This keeps it from being open. Told again for every try.
    Trouble(ElectorError),
}

/// What a watch shows of an object. Not yet read as a Lease: what another program has put into a Lease of its own is neither
/// worth the effort, nor may it be what breaks the watch.
pub(super) enum Change {
    /// It appeared, or was there when the watch began.
    Added(DynamicObject),
    Modified(DynamicObject),
    /// As it was at last, with the revision of its deletion.
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
    /// How many it replaces that were of no use. A first one has none to replace; a replacement waits before it opens, for
    /// whatever made the last one useless may do so again.
    pub(super) tried: u32,
    /// The listener knows that there is no watch; else it believes in the one that this replaces.
    pub(super) lost: bool,
}

/// How a watch ended.
enum WatchEnd {
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
type Shown = kube::Result<WatchEvent<DynamicObject>>;

pub(super) struct Watching<L> {
    api: Api<DynamicObject>,
    clock: Arc<dyn Clock>,
    listener: L,
    from: WatchStart,
    /// Tries and short watches since the last good one.
    tried: u32,
    /// The listener knows that there is no watch.
    lost: bool,
    /// What ended the last watch, until it turns out to be worth a word: one that is open again in a moment is not.
    trouble: Option<ElectorError>,
    /// Nothing was wrong lately.
    well: bool,
    rng: fastrand::Rng,
}

impl<L: Listener> Watching<L> {
    pub(super) fn new(api: Api<DynamicObject>, clock: Arc<dyn Clock>, start: StreamStart, listener: L) -> Watching<L> {
        let StreamStart { from, tried, lost } = start;
        let rng = fastrand::Rng::new();
        // Whatever this one replaces may have been in trouble: it is over when this one has lasted.
        Watching { api, clock, listener, from, tried, lost, trouble: None, well: false, rng }
    }

    /// Keeps the watch open for as long as the listener wants.
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

    /// Opens a watch, however long it takes, and says so.
    async fn reopen(&mut self, mut pause: Duration) -> ControlFlow<L::StreamEnd, impl Stream<Item = Shown> + use<L>> {
        let mut moment = pin!(tokio::time::sleep(MOMENT));
        let events = loop {
            if let ControlFlow::Break(end) = self.listener.goes_on(self.from) {
                return ControlFlow::Break(end);
            }
            let (problem, retry_after) = match self.attempt(pause, moment.as_mut()).await {
                Ok(Ok(events)) => break events,
                Ok(Err(error)) => {
                    // A revision may also be one that the server has not reached, as after restoring a backup. By the third
                    // try the election polls, so that beginning at the present misses nothing.
                    if is_gone(&error) || self.tried >= 3 {
                        self.from = WatchStart::Now;
                    }
                    classify::watch(&error, self.listener.lease())
                }
                Err(_) => (ElectorError::Unreachable { reason: format!("no answer within {ACCEPT:?}") }, None),
            };
            self.tried = self.tried.saturating_add(1);
            // No need to wait a moment for what does not come back by itself.
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

    /// Tells that there is no watch, and why.
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

    /// One try, after a pause. Says that there is no watch if the moment passes meanwhile.
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

    /// Tells what a watch shows, until it ends.
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
                    // One that cannot be read tells nothing, and nothing depends on it.
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
            // A watch of many that begins at the present shows first what is there, in no order of revisions: were it to
            // break in the middle, one that began at the last revision shown would never show the rest. That all are there
            // is known as soon as anything else is shown.
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

    /// After something unreadable the state of the Lease is unknown. The next watch begins at the present and shows it;
    /// should that be unreadable again, the election has been told that there is no watch, and looks for itself.
    fn broke(&mut self, problem: ElectorError) -> WatchEnd {
        if matches!(problem, ElectorError::Unreadable { .. }) {
            self.from = WatchStart::Now;
        }
        WatchEnd::Broke(problem)
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

/// The revision of an object that a watch shows. That of a deletion is the deletion's own.
pub(super) fn revision(object: &DynamicObject) -> Result<u64, ElectorError> {
    wire::revision(object.metadata.resource_version.as_deref()).map_err(unreadable)
}

/// Reads an object that a watch shows as a state of `lease`.
pub(super) fn read(lease: &LeaseId, object: DynamicObject) -> Result<Lease, ElectorError> {
    let mut object: Lease = wire::lease(object).map_err(|error| ElectorError::Unreadable { reason: chain(&error) })?;
    match wire::view(lease, &object) {
        Ok(_) => {
            // Nobody reads them, and the last state of each Lease is kept here.
            object.metadata.managed_fields = None;
            Ok(object)
        }
        Err(reason) => Err(unreadable(reason)),
    }
}

fn unreadable(reason: &str) -> ElectorError {
    ElectorError::Unreadable { reason: reason.to_owned() }
}
