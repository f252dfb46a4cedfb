//! The handle of an embedded API: clients, faults, and direct access to its objects and watches.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::events::v1::Event;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::call::RecordedRequest;
use super::fault::{Fault, Injection, RequestMatcher};
use super::log::RequestLog;
use super::object_meta;
use super::resource::{self, EVENTS, LEASES, Storage};
use super::serve::Server;
use super::service::ApiService;
use super::settings::Settings;
use super::shared::{self, Shared};
use super::store::{Key, Store};
use super::time::{self, Layout};
use super::watches::{OpenWatch, WatchControl};

/// The Lease API in this process. Clones share one set of objects. The [crate](crate) says what it can do.
#[derive(Clone, Debug)]
pub struct EmbeddedApi {
    shared: Arc<Shared>,
}

impl Default for EmbeddedApi {
    fn default() -> EmbeddedApi {
        EmbeddedApi::new()
    }
}

/// The objects of an embedded API at one revision, for [`EmbeddedApi::restore`].
#[derive(Clone, Debug)]
pub struct Snapshot(Store);

impl EmbeddedApi {
    /// An API with the namespaces that every cluster has, and no other objects.
    pub fn new() -> EmbeddedApi {
        EmbeddedApi::with(Settings::default())
    }

    /// An API with these settings.
    pub fn with(settings: Settings) -> EmbeddedApi {
        EmbeddedApi { shared: Arc::new(Shared::new(settings)) }
    }

    // ---- clients and servers

    /// A client in this process, without sockets. The caller of its requests is `embedded`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, like every kube client: it spawns a task on the runtime on which it is made.
    pub fn client(&self, namespace: &str) -> kube::Client {
        self.client_as("embedded", namespace)
    }

    /// A client in this process. The caller of its requests is `caller`, so fault rules and the log can distinguish it from
    /// others.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn client_as(&self, caller: &str, namespace: &str) -> kube::Client {
        let mut service = self.service();
        service.caller = Some(caller.into());
        kube::Client::new(service, namespace)
    }

    /// The API as a tower service. The headers of a request name its caller, see [`RecordedRequest::caller`].
    pub fn service(&self) -> ApiService {
        ApiService { shared: self.shared.clone(), caller: None, stop: CancellationToken::new() }
    }

    /// Serves the API at `addr` over plain HTTP, on the current tokio runtime. With port 0, the system chooses a free port.
    ///
    /// There is no access control: bind to a loopback address.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    pub async fn serve(&self, addr: impl Into<SocketAddr>) -> io::Result<Server> {
        Server::start(self.service(), addr.into()).await
    }

    // ---- faults

    /// From now on, `fault` strikes the requests that `when` matches. If several rules match a request, the latest one decides.
    pub fn inject(&self, when: RequestMatcher, fault: Fault) -> Injection {
        self.shared.faults.when(when, fault)
    }

    /// From now on, `choose` is called for each request and returns the fault that strikes it, or `None`. It must not block.
    pub fn inject_with(&self, choose: impl Fn(&RecordedRequest) -> Option<Fault> + Send + Sync + 'static) -> Injection {
        self.shared.faults.choosing(choose)
    }

    /// From now on, `policy` rewrites each object that is created or replaced, as a mutating webhook or admission policy does: the
    /// answer contains what was stored. It must not block. A second policy replaces the first, and
    /// [`clear_faults`](Self::clear_faults) removes it.
    pub fn mutate(&self, policy: impl Fn(&RecordedRequest, &mut Value) + Send + Sync + 'static) {
        self.shared.faults.mutating(Some(Arc::new(policy)));
    }

    /// Removes all rules. A fault that has already struck a request stays in effect for that request.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
        self.shared.faults.mutating(None);
    }

    /// The log of all requests. It also shows requests that arrive after this call.
    pub fn requests(&self) -> RequestLog {
        self.shared.log.clone()
    }

    // ---- watches

    /// The requests of the watches that are open now.
    pub fn watches(&self) -> Vec<Arc<RecordedRequest>> {
        self.open_watches().iter().map(|open| open.call.clone()).collect()
    }

    /// Ends open watches as if their timeout had expired. Returns how many.
    pub fn close_watches(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.control(WatchControl::Close, which)
    }

    /// Breaks the connections of open watches. Returns how many.
    pub fn break_watches(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.control(WatchControl::Break, which)
    }

    /// Makes open watches silent: they stay open, even after their timeout, and send nothing. Returns how many.
    pub fn silence_watches(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.control(WatchControl::Silent, which)
    }

    /// Lets silent watches continue: they send what they have held back at once. Returns how many.
    pub fn resume_watches(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.control(WatchControl::Run, which)
    }

    /// Sends 410 to open watches and ends them. Returns how many.
    pub fn expire_watches(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.control(WatchControl::Expire, which)
    }

    fn control(&self, control: WatchControl, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        let mut count = 0;
        for open in self.open_watches().iter().filter(|open| which(&open.call)) {
            open.set(control);
            count += 1;
        }
        self.shared.wake();
        count
    }

    fn open_watches(&self) -> Vec<Arc<OpenWatch>> {
        self.shared.state().watches.open()
    }

    // ---- direct access, without requests

    /// The revision of the latest write.
    pub fn revision(&self) -> u64 {
        self.shared.state().store.revision()
    }

    /// Drops the history: a watch that starts from an earlier version gets 410.
    pub fn compact(&self) {
        self.shared.state().store.compact();
        self.shared.wake();
    }

    /// Lets the revision jump ahead by `by`, as writes to other kinds of object do in a cluster.
    pub fn skip_revisions(&self, by: u64) {
        self.shared.write(|store| store.skip(by));
    }

    /// Creates a namespace. Nothing happens if it exists or if its name is not valid.
    pub fn create_namespace(&self, name: &str) {
        let wall = self.shared.settings.clock.wall();
        self.shared.write(|store| shared::create_namespace(store, name, wall));
    }

    /// Reads a lease without a request.
    pub fn lease(&self, namespace: &str, name: &str) -> Option<Lease> {
        let view = self.lease_json(namespace, name)?;
        serde_json::from_value(view).ok()
    }

    /// Reads a lease as JSON, without a request.
    pub fn lease_json(&self, namespace: &str, name: &str) -> Option<Value> {
        self.object(LEASES.plural, namespace, name)
    }

    /// The Events of all namespaces as `events.k8s.io/v1` shows them, in the order of their last writes, without a request.
    pub fn events(&self) -> Vec<Event> {
        let state = self.shared.state();
        let mut stored: Vec<_> = state.store.list(Storage::Events, None).map(|(_, event)| event).collect();
        stored.sort_by_key(|event| object_meta::text(event, "resourceVersion").parse::<u64>().unwrap_or_default());
        stored.into_iter().filter_map(|event| serde_json::from_value(EVENTS.to_view(event)).ok()).collect()
    }

    /// Changes a lease as another writer would, in one step and without a request. Returns whether there is such a lease.
    ///
    /// Nothing is validated, so a test can store invalid values that a client has to cope with.
    pub fn edit_lease(&self, namespace: &str, name: &str, edit: impl FnOnce(&mut Value)) -> bool {
        self.edit_object(LEASES.plural, namespace, name, edit)
    }

    /// Creates a lease, or deletes it and creates it with another `uid`, without a request or validation. Copies from `lease` its
    /// `spec` and the labels, annotations, owners and finalizers of its `metadata`.
    pub fn put_lease(&self, namespace: &str, name: &str, lease: &Value) {
        let wall = self.shared.settings.clock.wall();
        let key = Key::new(Storage::Leases, namespace, name);
        self.shared.write(|store| {
            let mut object = serde_json::json!({ "spec": lease.get("spec").cloned().unwrap_or_default() });
            for field in ["labels", "annotations", "ownerReferences", "finalizers"] {
                if let Some(value) = object_meta::field(lease, field) {
                    object_meta::set(&mut object, field, Some(value.clone()));
                }
            }
            object_meta::set(&mut object, "name", Some(name.into()));
            object_meta::set(&mut object, "namespace", Some(namespace.into()));
            object_meta::set(&mut object, "uid", Some(store.uid().into()));
            object_meta::set(&mut object, "creationTimestamp", Some(time::of_wall(wall, Layout::Seconds).into()));
            store.commit(key.clone(), None);
            store.commit(key, Some(object));
        });
    }

    /// Deletes a lease at once, even if it has finalizers, without a request. Returns whether it existed.
    pub fn delete_lease(&self, namespace: &str, name: &str) -> bool {
        self.delete_object(LEASES.plural, namespace, name)
    }

    /// Reads an object of any kind as JSON, without a request. `plural` is the resource, as in `pods`.
    pub fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        let resource = resource::named(plural)?;
        let state = self.shared.state();
        state.store.get(&Key::new(resource.storage, namespace, name)).map(|object| resource.to_view(object))
    }

    /// Creates or replaces an object of any kind, without a request or validation. Sets its name and namespace, and a new `uid` if it
    /// has none. Returns whether there is such a kind.
    pub fn put_object(&self, plural: &str, namespace: &str, name: &str, object: &Value) -> bool {
        let Some(resource) = resource::named(plural) else { return false };
        let wall = self.shared.settings.clock.wall();
        self.shared.write(|store| {
            let mut object = resource.to_storage(object.as_object().cloned().unwrap_or_default());
            for (field, value) in [("name", name), ("namespace", namespace)] {
                object_meta::set(&mut object, field, Some(value.into()));
            }
            if object_meta::text(&object, "uid").is_empty() {
                object_meta::set(&mut object, "uid", Some(store.uid().into()));
            }
            object_meta::set(&mut object, "creationTimestamp", Some(time::of_wall(wall, Layout::Seconds).into()));
            store.commit(Key::new(resource.storage, namespace, name), Some(object));
        });
        true
    }

    /// Changes an object of any kind as another writer would, in one step, without a request or validation. Returns whether there is
    /// such an object.
    pub fn edit_object(&self, plural: &str, namespace: &str, name: &str, edit: impl FnOnce(&mut Value)) -> bool {
        let Some(resource) = resource::named(plural) else { return false };
        let key = Key::new(resource.storage, namespace, name);
        self.shared.write(|store| {
            let Some(mut object) = store.get(&key).map(|object| Value::clone(object)) else { return false };
            edit(&mut object);
            store.commit(key, Some(object));
            true
        })
    }

    /// Deletes an object of any kind at once, even if it has finalizers, without a request. Returns whether it existed.
    pub fn delete_object(&self, plural: &str, namespace: &str, name: &str) -> bool {
        let Some(resource) = resource::named(plural) else { return false };
        self.shared.write(|store| store.commit(Key::new(resource.storage, namespace, name), None).is_some())
    }

    /// A snapshot of all objects.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.shared.state().store.clone())
    }

    /// Restores a snapshot, including its revision, as a restored etcd does. Breaks all watches.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.shared.state().store = snapshot.0.clone();
        self.break_watches(|_| true);
    }
}
