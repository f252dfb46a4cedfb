//! The state that all clones, connections and watches of one embedded API share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;
use tokio::sync::watch;

use super::fault::Faults;
use super::log::RequestLog;
use super::resource::{NAMESPACES, Storage};
use super::settings::Settings;
use super::store::{Key, Store};
use super::watches::OpenWatches;
use super::write::Writer;
use lease_protocol::clock::WallTime;

/// The state behind the lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) watches: OpenWatches,
}

#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Increased after every write and every change of a watch's control.
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

    /// Wakes all watches, so that they check for changes.
    pub(crate) fn wake(&self) {
        self.changed.send_modify(|version| *version = version.wrapping_add(1));
    }
}

/// Creates a namespace. Nothing happens if it exists.
pub(crate) fn create_namespace(store: &mut Store, name: &str, wall: WallTime) {
    if store.get(&Key::new(Storage::Namespaces, "", name)).is_some() {
        return;
    }
    let mut writer = Writer { store, resource: &NAMESPACES, namespace: "", wall, dry_run: false, coordinated: false };
    // An invalid name is refused. The caller learns of it from the 404 of its next request in that namespace.
    let _ = writer.create(json!({ "metadata": { "name": name } }));
}
