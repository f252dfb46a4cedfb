//! What all clones, connections and watches of one embedded API share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;

use super::fault::Faults;
use super::log::RequestLog;
use super::resource::{NAMESPACES, Storage};
use super::store::{Key, Store};
use super::watch::OpenWatches;
use super::write::Writer;
use lease_protocol::clock::{Clock, WallTime};

use crate::clock::ServerClock;

/// How an embedded API is set up.
#[derive(Clone, Debug)]
#[must_use]
pub struct Settings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: Option<u64>,
    pub(crate) changes_kept: usize,
    pub(crate) bookmark_every: Duration,
    pub(crate) coordinated: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            clock: Arc::new(ServerClock),
            seed: None,
            changes_kept: 4_096,
            bookmark_every: Duration::from_secs(60),
            coordinated: false,
        }
    }
}

impl Settings {
    /// The clock that dates objects, answers and log entries. Under virtual time, the test's own.
    pub fn clock(mut self, clock: impl Clock) -> Settings {
        self.clock = Arc::new(clock);
        self
    }

    /// Where uids and generated names come from; the same seed gives the same ones. Random by default.
    pub fn seed(mut self, seed: u64) -> Settings {
        self.seed = Some(seed);
        self
    }

    /// How many changes are kept for watches that start from the past or fall behind (4,096 by default). Who needs older
    /// ones gets 410.
    pub fn changes_kept(mut self, count: usize) -> Settings {
        self.changes_kept = count;
        self
    }

    /// How often a watch that asked for bookmarks gets one (once a minute by default), beside the one shortly before its end.
    pub fn bookmark_every(mut self, period: Duration) -> Settings {
        self.bookmark_every = period;
        self
    }

    /// Whether the feature gate `CoordinatedLeaderElection` is on. It is off by default, as in Kubernetes: `strategy` and
    /// `preferredHolder` are then dropped from what is written.
    pub fn coordinated_leader_election(mut self, on: bool) -> Settings {
        self.coordinated = on;
        self
    }
}

/// What a lock guards.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) watches: OpenWatches,
}

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Bumped after every write and every order to a watch.
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) log: RequestLog,
    pub(crate) settings: Settings,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Shared {
        let random = settings.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let mut store = Store::new(settings.changes_kept, random);
        let wall = settings.clock.wall();
        for namespace in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            create_namespace(&mut store, namespace, wall);
        }
        store.compact();
        Shared {
            state: Mutex::new(State { store, watches: OpenWatches::default() }),
            changed: watch::Sender::new(0),
            faults: Arc::default(),
            log: RequestLog::default(),
            settings,
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the store and wakes the watches.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let (before, after, out);
        {
            let mut state = self.state();
            before = state.store.revision();
            out = change(&mut state.store);
            after = state.store.revision();
        }
        if before != after {
            self.wake();
        }
        out
    }

    /// Lets all watches look again.
    pub(crate) fn wake(&self) {
        self.changed.send_modify(|version| *version = version.wrapping_add(1));
    }
}

/// Creates a namespace; nothing happens if it exists.
pub(crate) fn create_namespace(store: &mut Store, name: &str, wall: WallTime) {
    if store.get(&Key::new(Storage::Namespaces, "", name)).is_some() {
        return;
    }
    let mut writer = Writer { store, resource: &NAMESPACES, namespace: "", wall, dry_run: false, coordinated: false };
    // A name that is no name is refused, and then there is no such namespace, which is what the caller will find.
    let _ = writer.create(json!({ "metadata": { "name": name } }));
}
