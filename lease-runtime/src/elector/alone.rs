//! Elections without a cluster: the Leases of this process, behind a client.
//!
//! So the code that runs bodies, counts their deadlines and records ticks is the same with and without a cluster. The Leases have
//! the rules that elections rely on: a write names the state that it replaces, and a watch shows every change.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::watch;

/// Stands for the address of a cluster where that tells clusters apart.
pub(super) const PLACE: &str = "this process";

/// After so long without a change, a watch shows that it is alive.
const QUIET: Duration = Duration::from_secs(60);

/// The Leases of one process. A cheap handle.
#[derive(Clone, Default)]
pub(crate) struct LocalLeases(Arc<LeaseStore>);

#[derive(Default)]
struct LeaseStore {
    objects: Mutex<StoredObjects>,
    /// The revision of the last write.
    written: watch::Sender<u64>,
}

#[derive(Default)]
struct StoredObjects {
    revision: u64,
    /// By namespace and name.
    leases: BTreeMap<(String, String), StoredLease>,
}

struct StoredLease {
    revision: u64,
    object: Value,
}

/// A request: the Leases of a namespace, or one of them.
struct LeasePath<'a> {
    namespace: &'a str,
    name: Option<&'a str>,
}

impl LocalLeases {
    /// The Leases that all candidates of this process share. They exist as long as the process.
    pub(super) fn of_process() -> LocalLeases {
        static PROCESS: LazyLock<LocalLeases> = LazyLock::new(LocalLeases::default);
        PROCESS.clone()
    }

    /// A client for the current tokio runtime.
    pub(super) fn client(&self) -> Client {
        let leases = self.clone();
        let answer = move |request| {
            let leases = leases.clone();
            async move {
                let LocalAnswer { code, texts } = leases.answer(request).await;
                // The frames of a body of kube: nothing else here knows their type.
                let frames = texts.filter_map(|text| async { Body::from(text.into_bytes()).frame().await });
                let mut response = Response::new(StreamBody::new(frames));
                *response.status_mut() = code;
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                response
            }
        };
        Client::new(Answering(answer), "default")
    }

    async fn answer(self, request: Request<Body>) -> LocalAnswer {
        let (head, body) = request.into_parts();
        let path = LeasePath::read(head.uri.path());
        match (head.method, path) {
            (Method::GET, Some(LeasePath { namespace, name: Some(name) })) => self.get(namespace, name),
            (Method::GET, Some(LeasePath { namespace, name: None })) => {
                let texts = self.watch(namespace, head.uri.query().unwrap_or_default()).boxed();
                LocalAnswer { code: StatusCode::OK, texts }
            }
            (Method::PUT, Some(LeasePath { namespace, name: Some(name) })) => {
                let sent = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                match serde_json::from_slice(&sent) {
                    Ok(object) => self.put(namespace, name, object),
                    Err(_) => refusal(StatusCode::BAD_REQUEST, "BadRequest", name),
                }
            }
            _ => refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", ""),
        }
    }

    fn get(&self, namespace: &str, name: &str) -> LocalAnswer {
        match self.objects().leases.get(&key(namespace, name)) {
            Some(lease) => content(StatusCode::OK, &lease.object),
            None => refusal(StatusCode::NOT_FOUND, "NotFound", name),
        }
    }

    /// Creates a Lease, or replaces the state that `object` names.
    fn put(&self, namespace: &str, name: &str, mut object: Value) -> LocalAnswer {
        let mut objects = self.objects();
        let key = key(namespace, name);
        let named = |object: &Value, field: &str| {
            let text = object["metadata"][field].as_str().unwrap_or_default();
            text.to_owned()
        };
        let base = (named(&object, "resourceVersion"), named(&object, "uid"));
        let uid = match objects.leases.get(&key) {
            Some(StoredLease { object: stored, .. }) => {
                let uid = named(stored, "uid");
                if base != (named(stored, "resourceVersion"), uid.clone()) {
                    return refusal(StatusCode::CONFLICT, "Conflict", name);
                }
                uid
            }
            None if base.0.is_empty() && base.1.is_empty() => format!("local-{}", objects.revision + 1),
            None => return refusal(StatusCode::NOT_FOUND, "NotFound", name),
        };
        objects.revision += 1;
        let revision = objects.revision;
        if let Some(metadata) = object["metadata"].as_object_mut() {
            let fields = [("namespace", namespace), ("name", name), ("uid", &uid)];
            metadata.extend(fields.map(|(field, text)| (field.to_owned(), text.into())));
            metadata.insert("resourceVersion".to_owned(), revision.to_string().into());
        }
        let answer = content(StatusCode::OK, &object);
        objects.leases.insert(key, StoredLease { revision, object });
        drop(objects);
        self.0.written.send_replace(revision);
        answer
    }

    /// Shows the last state of each Lease that changes. Its first events are those after the revision of the query, or the
    /// Leases that there are.
    fn watch(self, namespace: &str, query: &str) -> impl Stream<Item = String> + Send + use<> {
        let value = |key: &str| query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        // Names of Leases consist of characters that a query leaves as they are.
        let name = value("fieldSelector").and_then(|selector| selector.strip_prefix("metadata.name%3D"));
        let (namespace, name) = (namespace.to_owned(), name.map(str::to_owned));
        let seen = value("resourceVersion").and_then(|revision| revision.parse().ok()).unwrap_or(0);
        let written = self.0.written.subscribe();
        stream::unfold((self, written, seen), move |(leases, mut written, seen)| {
            let (namespace, name) = (namespace.clone(), name.clone());
            async move {
                loop {
                    written.borrow_and_update();
                    let (events, reached) = leases.changes(&namespace, name.as_deref(), seen);
                    if !events.is_empty() {
                        return Some((events, (leases, written, reached)));
                    }
                    // An error does not occur: the sender lives in `leases`.
                    if tokio::time::timeout(QUIET, written.changed()).await.is_err() {
                        return Some((bookmark(reached), (leases, written, reached)));
                    }
                }
            }
        })
    }

    /// The events of a watch after the revision `seen`, and the revision that they reach.
    fn changes(&self, namespace: &str, name: Option<&str>, seen: u64) -> (String, u64) {
        let objects = self.objects();
        let watched = objects.leases.iter().filter(|((of, called), lease)| {
            of == namespace && name.is_none_or(|name| name == called) && lease.revision > seen
        });
        let mut changed: Vec<_> = watched.map(|(_, lease)| lease).collect();
        changed.sort_by_key(|lease| lease.revision);
        let kind = if seen == 0 { "ADDED" } else { "MODIFIED" };
        let lines = changed.iter().map(|lease| format!("{}\n", json!({ "type": kind, "object": lease.object })));
        (lines.collect(), objects.revision)
    }

    fn objects(&self) -> MutexGuard<'_, StoredObjects> {
        // No code of users runs under this lock, and the objects are consistent after each statement.
        self.0.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> LeasePath<'a> {
    fn read(path: &'a str) -> Option<LeasePath<'a>> {
        let rest = path.strip_prefix("/apis/coordination.k8s.io/v1/namespaces/")?;
        let (namespace, rest) = rest.split_once('/')?;
        let name = rest.strip_prefix("leases")?;
        Some(LeasePath { namespace, name: name.strip_prefix('/') })
    }
}

fn key(namespace: &str, name: &str) -> (String, String) {
    (namespace.to_owned(), name.to_owned())
}

fn bookmark(revision: u64) -> String {
    let metadata = json!({ "resourceVersion": revision.to_string() });
    let object = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata });
    format!("{}\n", json!({ "type": "BOOKMARK", "object": object }))
}

fn refusal(code: StatusCode, reason: &str, name: &str) -> LocalAnswer {
    let object = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("{reason}: lease {name:?} of this process"),
        "reason": reason,
        "details": { "name": name, "group": "coordination.k8s.io", "kind": "leases" },
        "code": code.as_u16(),
    });
    content(code, &object)
}

fn content(code: StatusCode, object: &Value) -> LocalAnswer {
    let text = object.to_string();
    LocalAnswer { code, texts: stream::once(async { text }).boxed() }
}

/// An answer: its status and the pieces of its body.
struct LocalAnswer {
    code: StatusCode,
    texts: BoxStream<'static, String>,
}

/// A function as a service.
struct Answering<F>(F);

impl<F, Fut, B> tower_service::Service<Request<Body>> for Answering<F>
where
    F: FnMut(Request<Body>) -> Fut,
    Fut: Future<Output = Response<B>> + Send + 'static,
{
    type Response = Response<B>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = (self.0)(request);
        Box::pin(async { Ok(answer.await) })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use k8s_openapi::api::coordination::v1::Lease;
    use kube::api::{Api, PostParams, WatchEvent, WatchParams};

    use super::*;

    fn lease(name: &str, holder: &str) -> Lease {
        serde_json::from_value(json!({ "metadata": { "name": name }, "spec": { "holderIdentity": holder } })).unwrap()
    }

    fn code<T: std::fmt::Debug>(answer: kube::Result<T>) -> u16 {
        match answer.unwrap_err() {
            kube::Error::Api(status) => status.code,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_write_names_the_state_that_it_replaces() {
        let api: Api<Lease> = Api::namespaced(LocalLeases::default().client(), "jobs");
        let options = PostParams::default();
        assert_eq!(code(api.get("ledger").await), 404);
        let created = api.replace("ledger", &options, &lease("ledger", "a")).await.unwrap();
        assert_eq!(created.metadata.namespace.as_deref(), Some("jobs"));
        assert_eq!(created.metadata.resource_version.as_deref(), Some("1"));
        assert_eq!(code(api.replace("ledger", &options, &lease("ledger", "b")).await), 409);
        let replaced = api.replace("ledger", &options, &created).await.unwrap();
        assert_eq!(replaced.metadata.resource_version.as_deref(), Some("2"));
        assert_eq!(code(api.replace("ledger", &options, &created).await), 409);
        let mut other = replaced.clone();
        other.metadata.uid = Some("another".to_owned());
        assert_eq!(code(api.replace("ledger", &options, &other).await), 409);
        assert_eq!(code(api.replace("new", &options, &replaced).await), 404);
        assert_eq!(api.get("ledger").await.unwrap(), replaced);
        assert_eq!(code(api.delete("ledger", &Default::default()).await), 405);
        let elsewhere: Api<Lease> = Api::namespaced(api.into_client(), "books");
        assert_eq!(code(elsewhere.get("ledger").await), 404);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_shows_what_changes_after_its_revision() {
        let api: Api<Lease> = Api::namespaced(LocalLeases::default().client(), "jobs");
        let put = async |name: &str| api.replace(name, &PostParams::default(), &lease(name, "a")).await.unwrap();
        let first = put("first").await;
        put("second").await;
        let one = WatchParams::default().fields("metadata.name=first");
        let mut all = api.watch(&WatchParams::default(), "1").await.unwrap().boxed();
        let mut one = api.watch(&one, "").await.unwrap().boxed();
        let shown = |event: Option<kube::Result<WatchEvent<Lease>>>| match event.unwrap().unwrap() {
            WatchEvent::Added(lease) => format!("added {}", lease.metadata.name.unwrap()),
            WatchEvent::Modified(lease) => format!("modified {}", lease.metadata.name.unwrap()),
            WatchEvent::Bookmark(bookmark) => format!("bookmark {}", bookmark.metadata.resource_version),
            other => panic!("{other:?}"),
        };
        assert_eq!(shown(all.next().await), "modified second");
        assert_eq!(shown(one.next().await), "added first");
        assert!(all.next().now_or_never().is_none() && one.next().now_or_never().is_none());
        api.replace("first", &PostParams::default(), &first).await.unwrap();
        assert_eq!(shown(all.next().await), "modified first");
        assert_eq!(shown(one.next().await), "modified first");
        // In virtual time, the wait for the bookmark takes no time.
        assert_eq!(shown(one.next().await), "bookmark 3");
    }
}
