//! One watch for the Leases of a namespace, which feeds all elections of the namespace.
//!
//! On HTTP/1.1 a watch occupies a connection, and on HTTP/2 a stream. With a watch by name for each of hundreds of leases, a
//! process and its server would hold hundreds of either. One watch can show all Leases of a namespace, if the access rules allow it.
//!
//! An election that joins before it reads the Lease misses no change. Its read goes to the quorum, so it shows everything that
//! happened before the election joined. The shared watch shows everything that happens afterwards: it continues where it was, or it
//! begins at the present and first shows what is there. So no revisions have to be compared.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ApiResource, DynamicObject};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::event::{HEALTHY, OUTAGE, WatchStart};
use super::stream::{self, Change, Listener, StreamNews, StreamStart, Watching};
use crate::clock::{Clock, Moment};
use crate::elector::error::ElectorError;
use crate::elector::log::{ElectionLog, ProblemLog};
use crate::lease::LeaseId;

/// Up to so many elections of a namespace watch their leases by name. The smallest Role grants that, it does not show other
/// leases of the namespace, and a handful of connections does no harm.
pub(crate) const MOST_BY_NAME: usize = 4;
/// If the server ends a shared watch that feeds no more than so many elections, it is not reopened. This is less than the
/// number that begins one, so that an election which comes and goes does not make the others change back and forth.
const TOO_FEW: usize = MOST_BY_NAME / 2;
/// After so many watches in a row that were rejected or could not be read, the cause is most likely another lease, or the kind
/// of request. Watches by name may then work better.
const OF_NO_USE: u32 = 3;
/// How long to use watches by name before the shared one is tried again. They work as well, and a small Role is there on purpose.
const RARELY: Duration = Duration::from_secs(3600);

/// The elections of one namespace, and their watch.
pub(in crate::elector) struct SharedWatch {
    api: Api<DynamicObject>,
    clock: Arc<dyn Clock>,
    state: Mutex<SharedWatchState>,
}

struct SharedWatchState {
    feeds: HashMap<Arc<str>, watch::Sender<Feed>>,
    link: Link,
    work: Option<AbortHandle>,
    /// The number of the current watch. Events of a watch that was replaced are ignored.
    number: u64,
    /// All elections have been shown what happened up to here.
    from: WatchStart,
    /// Since when the server has been serving the watch; `None` while it is being opened.
    serving: Option<Moment>,
    /// How many watches in a row were deaf.
    deaf: u32,
    /// When a try was last brought forward.
    hurried: Option<Moment>,
    problems: ProblemLog,
    /// It has been logged that there are only watches by name.
    by_name_only: bool,
    log: ElectionLog,
}

/// What the shared watch has for one election. It keeps only the newest state. Earlier ones may be missed, as on any watch.
#[derive(Clone)]
pub(super) struct Feed {
    pub(super) link: Link,
    pub(super) update: Option<LeaseUpdate>,
    /// Counts the states.
    pub(super) number: u64,
    /// The Lease cannot be read. Its own election finds that out and logs it.
    apart: bool,
}

/// The watch that feeds an election.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Link {
    /// No shared watch: the election has to watch by name. From here on, if it has missed nothing so far.
    ByName(Option<WatchStart>),
    /// The shared watch, which is not open at the moment.
    Down,
    /// The shared watch. `well`: it has lasted for a while.
    Open { well: bool },
}

/// What the shared watch has shown of one Lease.
#[derive(Clone, Debug)]
pub(super) enum LeaseUpdate {
    Shows(Arc<Lease>),
    Deleted { revision: u64 },
}

impl SharedWatch {
    pub(in crate::elector) fn new(
        client: Client,
        namespace: &str,
        identity: Arc<str>,
        clock: Arc<dyn Clock>,
    ) -> Arc<SharedWatch> {
        let api = Api::namespaced_with(client, namespace, &ApiResource::erase::<Lease>(&()));
        let state = SharedWatchState {
            feeds: HashMap::new(),
            link: Link::ByName(None),
            work: None,
            number: 0,
            from: WatchStart::Now,
            serving: None,
            deaf: 0,
            hurried: None,
            problems: ProblemLog::new(
                "the leases of the namespace cannot be watched and are polled instead, so that a handover takes longer",
                "the leases of the namespace are watched again",
            ),
            by_name_only: false,
            log: ElectionLog::new(LeaseId::new(namespace, "*"), identity),
        };
        Arc::new(SharedWatch { api, clock, state: Mutex::new(state) })
    }

    pub(super) fn api(&self) -> Api<DynamicObject> {
        self.api.clone()
    }

    /// Adds an election. If it joins before it reads the Lease, it misses nothing that comes after that read.
    pub(super) fn join(self: &Arc<Self>, name: &Arc<str>) -> watch::Receiver<Feed> {
        let mut state = self.state();
        let link = match state.link {
            // The revision that the others have reached does not help an election that has seen nothing yet.
            Link::ByName(_) => Link::ByName(None),
            link => link,
        };
        let (sender, feed) = watch::channel(Feed { link, update: None, number: 0, apart: false });
        state.feeds.insert(Arc::clone(name), sender);
        if state.work.is_none() && state.feeds.len() > MOST_BY_NAME {
            state.turn(Link::Down);
            (state.from, state.deaf) = (WatchStart::Now, 0);
            let _ = self.open(&mut state, 0);
        }
        feed
    }

    /// Removes an election that has [joined](Self::join). When the last one leaves, the watch ends.
    pub(super) fn leave(&self, name: &str, feed: &watch::Receiver<Feed>) {
        let mut state = self.state();
        // Another election of the lease may have joined since.
        let is_this = |sender: &watch::Sender<Feed>| sender.subscribe().same_channel(feed);
        if state.feeds.get(name).is_some_and(is_this) {
            state.feeds.remove(name);
        }
        let mut old = None;
        if state.feeds.is_empty() {
            (state.number, state.link) = (state.number + 1, Link::ByName(None));
            old = state.work.take();
        }
        drop(state);
        old.inspect(AbortHandle::abort);
    }

    /// An election has found the watch to be deaf. Replaces it, once for all elections that find this. They rely on it until the
    /// next one has opened.
    pub(super) fn replace(self: &Arc<Self>) {
        let mut state = self.state();
        let Some(since) = state.serving else { return };
        let lasted = self.clock.now().since(since);
        state.deaf = if lasted >= HEALTHY { 1 } else { state.deaf.saturating_add(1) };
        let tried = state.deaf;
        let old = self.open(&mut state, tried);
        drop(state);
        old.inspect(AbortHandle::abort);
    }

    /// The API server can be reached again, so the pause that has grown is cut short. All elections notice this one after the
    /// other, and only the first call has an effect.
    pub(super) fn retry_now(self: &Arc<Self>) {
        let mut state = self.state();
        let now = self.clock.now();
        if state.link != Link::Down || state.hurried.is_some_and(|last| now.since(last) < OUTAGE) {
            return;
        }
        state.hurried = Some(now);
        let old = self.open(&mut state, 0);
        drop(state);
        old.inspect(AbortHandle::abort);
    }

    /// Opens a watch at the revision that the last one has reached, in its place.
    #[must_use = "end the old one when the state is no longer locked"]
    fn open(self: &Arc<Self>, state: &mut SharedWatchState, tried: u32) -> Option<AbortHandle> {
        state.number += 1;
        state.serving = None;
        let lost = !matches!(state.link, Link::Open { .. });
        let lease = state.log.lease().clone();
        let elections = SharedListener { shared: Arc::clone(self), lease, number: state.number };
        let start = StreamStart { from: state.from, tried, lost };
        let watching = Watching::new(self.api(), Arc::clone(&self.clock), start, elections);
        state.work.replace(tokio::spawn(watching.run()).abort_handle())
    }

    fn state(&self) -> MutexGuard<'_, SharedWatchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedWatchState {
    /// Changes what feeds the elections.
    fn turn(&mut self, link: Link) {
        self.link = link;
        for feed in self.feeds.values() {
            feed.send_if_modified(|feed| {
                let changes = !feed.apart && feed.link != link;
                if changes {
                    feed.link = link;
                }
                changes
            });
        }
    }

    /// Changes to watches by name for a long time.
    fn use_by_name(&mut self, problem: &ElectorError) {
        if !matches!(self.link, Link::ByName(_)) {
            self.turn(Link::ByName(Some(self.from)));
        }
        self.problems.forget();
        self.log.each_by_name(problem, std::mem::replace(&mut self.by_name_only, true));
    }
}

/// The listener of a shared watch.
struct SharedListener {
    shared: Arc<SharedWatch>,
    /// Names the namespace. The name of the Lease does not matter.
    lease: LeaseId,
    number: u64,
}

impl SharedListener {
    /// `None` if another watch has replaced this one.
    fn state(&self) -> Option<MutexGuard<'_, SharedWatchState>> {
        let state = self.shared.state();
        (state.number == self.number).then_some(state)
    }
}

impl Listener for SharedListener {
    type StreamEnd = ();

    fn lease(&self) -> &LeaseId {
        &self.lease
    }

    fn selector(&self) -> Option<String> {
        None
    }

    async fn tell(&mut self, news: StreamNews) {
        let Some(mut state) = self.state() else { return };
        let state = &mut *state;
        match news {
            StreamNews::Opened => {
                if std::mem::take(&mut state.by_name_only) {
                    state.log.together();
                }
                state.turn(Link::Open { well: false });
            }
            StreamNews::Well => {
                state.problems.over(&state.log);
                state.turn(Link::Open { well: true });
            }
            // With watches by name instead, nothing is missed.
            StreamNews::Lost | StreamNews::Trouble(_) if matches!(state.link, Link::ByName(_)) => {}
            StreamNews::Lost => state.turn(Link::Down),
            StreamNews::Trouble(problem) => state.problems.record(&problem, &state.log),
        }
    }

    async fn take(&mut self, change: Change) -> Result<Option<u64>, ElectorError> {
        let revision = stream::revision(change.object())?;
        let name = change.object().metadata.name.as_deref();
        let Some(state) = self.state() else { return Ok(None) };
        // Most objects belong to others. Only their name has been read so far, and no more is.
        let Some((name, feed)) = name.and_then(|name| state.feeds.get_key_value(name)) else {
            return Ok(Some(revision));
        };
        let lease = LeaseId { namespace: Arc::clone(&self.lease.namespace), name: Arc::clone(name) };
        let update = match change {
            Change::Added(object) | Change::Modified(object) => {
                stream::read(&lease, object).map(|object| LeaseUpdate::Shows(Arc::new(object)))
            }
            Change::Deleted(_) => Ok(LeaseUpdate::Deleted { revision }),
        };
        feed.send_modify(|feed| match update {
            Ok(update) => {
                feed.number += 1;
                feed.update = Some(update);
                if std::mem::take(&mut feed.apart) {
                    feed.link = state.link;
                }
            }
            Err(_) => (feed.apart, feed.link) = (true, Link::ByName(Some(WatchStart::Now))),
        });
        Ok(Some(revision))
    }

    fn reached(&mut self, from: WatchStart) {
        let Some(mut state) = self.state() else { return };
        state.from = from;
        state.serving.get_or_insert_with(|| self.shared.clock.now());
    }

    fn goes_on(&mut self, _: WatchStart) -> ControlFlow<()> {
        let few = self.state().is_none_or(|mut state| {
            state.serving = None;
            state.feeds.len() <= TOO_FEW
        });
        if few { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn gives_up(&mut self, problem: &ElectorError, tried: u32) -> Option<Duration> {
        let of_no_use = match problem {
            ElectorError::Forbidden(_) => true,
            ElectorError::Rejected { .. } | ElectorError::Unreadable { .. } => tried >= OF_NO_USE,
            _ => false,
        };
        let mut state = self.state()?;
        // A try that is made only once in a while stays rare if it fails.
        let by_name_only = of_no_use || matches!(state.link, Link::ByName(_));
        if by_name_only {
            state.use_by_name(problem);
        }
        by_name_only.then_some(RARELY)
    }
}

/// If a watch that has not been replaced is dropped, its elections continue by name, from the revision that it has reached.
impl Drop for SharedListener {
    fn drop(&mut self) {
        if let Some(mut state) = self.state() {
            state.work = None;
            let from = state.from;
            state.turn(Link::ByName(Some(from)));
        }
    }
}
