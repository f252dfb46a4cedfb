//! Watches: send the changes since a version, then new changes as they happen.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use super::body::{Body, Dropped};
use super::call::RecordedRequest;
use super::object_meta;
use super::query::ListOptions;
use super::resource::Resource;
use super::route::Target;
use super::selector::Selector;
use super::shared::Shared;
use super::status::Failure;
use super::store::{Change, Store};
use super::watches::{OpenWatch, WatchControl};

/// The real server ends a watch without a timeout after 30 to 60 minutes.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(45 * 60);
/// It sends the last bookmark this long before it ends the watch.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

struct Watch {
    shared: Arc<Shared>,
    open: Arc<OpenWatch>,
    target: Target,
    selector: Selector,
    changed: tokio::sync::watch::Receiver<u64>,
    /// All changes up to this revision were sent.
    cursor: u64,
    pending: VecDeque<Bytes>,
    ends: Pin<Box<Sleep>>,
    /// When the next bookmark is due, if the watch asked for bookmarks.
    bookmark: Option<Pin<Box<Sleep>>>,
    last_bookmark: Option<Pin<Box<Sleep>>>,
    stop: CancellationToken,
    ended: bool,
}

/// Opens a watch. Errors that the real server sends in the stream are sent in the stream here too.
pub(crate) fn open(
    shared: &Arc<Shared>,
    call: &Arc<RecordedRequest>,
    target: Target,
    selector: Selector,
    options: &ListOptions,
    stop: CancellationToken,
) -> Body {
    let changed = shared.changed.subscribe();
    let open = Arc::new(OpenWatch::new(call.clone()));
    let mut pending = VecDeque::new();
    let cursor;
    {
        let mut state = shared.state();
        state.watches.add(&open);
        let store = &state.store;
        let replay = match options.initial_events {
            Some(wanted) => wanted,
            None => options.version.is_none_or(|version| version == 0),
        };
        match options.version {
            Some(version) if version > 0 && !replay => cursor = version,
            _ => cursor = store.revision(),
        }
        if replay {
            for (_, object) in store.list(target.resource.storage, target.namespace.as_deref()) {
                if selector.matches(object) {
                    pending.push_back(line("ADDED", target.resource.to_view(object)));
                }
            }
            if options.initial_events == Some(true) && options.bookmarks {
                pending.push_back(bookmark(target.resource, cursor, true));
            }
        }
    }
    let timeout = options.timeout.filter(|seconds| *seconds > 0).map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let every = shared.settings.bookmark_every;
    let watch = Watch {
        shared: shared.clone(),
        open,
        target,
        selector,
        changed,
        cursor,
        pending,
        ends: Box::pin(tokio::time::sleep(timeout)),
        bookmark: options.bookmarks.then(|| Box::pin(tokio::time::sleep(every))),
        last_bookmark: (options.bookmarks && timeout > LAST_BOOKMARK)
            .then(|| Box::pin(tokio::time::sleep(timeout - LAST_BOOKMARK))),
        stop,
        ended: false,
    };
    Body::stream(futures_util::stream::unfold(watch, |mut watch| async move {
        let frame = watch.next().await?;
        Some((frame, watch))
    }))
}

impl Watch {
    async fn next(&mut self) -> Option<Result<Bytes, Dropped>> {
        loop {
            self.changed.borrow_and_update();
            match self.open.control() {
                WatchControl::Run => {}
                WatchControl::Silent => {
                    tokio::select! {
                        biased;
                        () = self.stop.cancelled() => return None,
                        _ = self.changed.changed() => continue,
                    }
                }
                WatchControl::Close => return None,
                WatchControl::Break => {
                    return (!std::mem::replace(&mut self.ended, true)).then_some(Err(Dropped));
                }
                WatchControl::Expire if !self.ended => {
                    let failure = too_old(&self.shared.state().store, self.cursor);
                    self.pending.push_back(error_line(&failure));
                    self.ended = true;
                }
                WatchControl::Expire => {}
            }
            if let Some(frame) = self.pending.pop_front() {
                return Some(Ok(frame));
            }
            if self.ended {
                return None;
            }
            self.collect();
            if !self.pending.is_empty() {
                continue;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                _ = self.changed.changed() => {}
                () = due(&mut self.last_bookmark) => {
                    self.last_bookmark = None;
                    return Some(Ok(self.current_bookmark()));
                }
                () = &mut self.ends => return None,
                () = due(&mut self.bookmark) => {
                    self.bookmark = Some(Box::pin(tokio::time::sleep(self.shared.settings.bookmark_every)));
                    return Some(Ok(self.current_bookmark()));
                }
            }
        }
    }

    /// Puts the lines for all changes since the cursor into `pending`.
    fn collect(&mut self) {
        let state = self.shared.state();
        let Some(changes) = state.store.changes_after(self.cursor) else {
            // The watch is so far behind that the store has deleted changes it has not sent.
            self.pending.push_back(error_line(&too_old(&state.store, self.cursor)));
            self.ended = true;
            return;
        };
        for change in changes {
            if change.key.storage == self.target.resource.storage
                && self.target.namespace.as_ref().is_none_or(|namespace| *namespace == change.key.namespace)
                && let Some(line) = self.line_for(change)
            {
                self.pending.push_back(line);
            }
            self.cursor = change.revision;
        }
        self.cursor = self.cursor.max(state.store.revision());
    }

    /// The event of this watch for a change. An object that no longer matches the selector is reported as deleted.
    fn line_for(&self, change: &Change) -> Option<Bytes> {
        let seen = |object: &&Arc<Value>| self.selector.matches(object);
        let old = change.old.as_ref().filter(seen);
        let new = change.new.as_ref().filter(seen);
        let resource = self.target.resource;
        match (old, new) {
            (None, None) => None,
            (None, Some(new)) => Some(line("ADDED", resource.to_view(new))),
            (Some(_), Some(new)) => Some(line("MODIFIED", resource.to_view(new))),
            (Some(old), None) => {
                let mut view = resource.to_view(old);
                // The last state of the object, with the version of the deletion.
                object_meta::set(&mut view, "resourceVersion", Some(Value::from(change.revision.to_string())));
                Some(line("DELETED", view))
            }
        }
    }

    fn current_bookmark(&self) -> Bytes {
        bookmark(self.target.resource, self.cursor, false)
    }
}

async fn due(sleep: &mut Option<Pin<Box<Sleep>>>) {
    match sleep {
        Some(sleep) => sleep.await,
        None => std::future::pending().await,
    }
}

fn line(kind: &str, object: Value) -> Bytes {
    let mut bytes = json!({ "type": kind, "object": object }).to_string().into_bytes();
    bytes.push(b'\n');
    bytes.into()
}

fn error_line(failure: &Failure) -> Bytes {
    line("ERROR", failure.to_json())
}

fn too_old(store: &Store, version: u64) -> Failure {
    Failure::expired(format!("too old resource version: {version} ({})", store.compacted()))
}

fn bookmark(resource: &Resource, revision: u64, initial_events_end: bool) -> Bytes {
    let mut meta = json!({ "resourceVersion": revision.to_string() });
    if initial_events_end {
        meta["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
    }
    line("BOOKMARK", resource.to_view(&json!({ "metadata": meta, "spec": {} })))
}
