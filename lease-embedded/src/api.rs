//! The handle: ways in, faults, and what tests do behind the API's back.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::call::RecordedRequest;
use super::fault::{Fault, Injection, RequestMatcher};
use super::log::RequestLog;
use super::object_meta;
use super::resource::{LEASES, Storage};
use super::serve::Server;
use super::service::ApiService;
use super::settings::Settings;
use super::shared::{self, Shared};
use super::store::{Key, Store};
use super::time::{self, Layout};
use super::watches::{OpenWatch, WatchControl};

/// The Lease API in this process. Clones share one set of objects. See the [module](super).
#[derive(Clone, Debug)]
pub struct EmbeddedApi {
    shared: Arc<Shared>,
}

impl Default for EmbeddedApi {
    fn default() -> EmbeddedApi {
        EmbeddedApi::new()
    }
}

/// The objects of an embedded API at one revision, to go back to.
#[derive(Clone, Debug)]
pub struct Snapshot(Store);

impl EmbeddedApi {
    /// An API with the namespaces every cluster has and nothing in them.
    pub fn new() -> EmbeddedApi {
        EmbeddedApi::with(Settings::default())
    }

    /// An API set up as `settings` say.
    pub fn with(settings: Settings) -> EmbeddedApi {
        EmbeddedApi { shared: Arc::new(Shared::new(settings)) }
    }

    // ---- ways in

    /// A client in this process, without sockets. Its requests come from `embedded`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as every kube client does: its worker lives on the runtime it was made on.
    pub fn client(&self, namespace: &str) -> kube::Client {
        self.client_as("embedded", namespace)
    }

    /// A client in this process whose requests come from `caller`, for fault rules and the log to tell it from others.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn client_as(&self, caller: &str, namespace: &str) -> kube::Client {
        let mut service = self.service();
        service.caller = Some(caller.into());
        kube::Client::new(service, namespace)
    }

    /// The API as a tower service. Callers are told apart by their headers, see [`RecordedRequest::caller`].
    pub fn service(&self) -> ApiService {
        ApiService { shared: self.shared.clone(), caller: None, stop: CancellationToken::new() }
    }

    /// Serves the API at `addr` over plain HTTP, on the current tokio runtime. Port 0 finds a free one.
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

    /// From now on, `fault` strikes the requests that `when` describes. Where several rules fit, the latest decides.
    pub fn inject(&self, when: RequestMatcher, fault: Fault) -> Injection {
        self.shared.faults.when(when, fault)
    }

    /// From now on, `choose` says for each request which fault strikes it, if any. It must not block.
    pub fn inject_with(&self, choose: impl Fn(&RecordedRequest) -> Option<Fault> + Send + Sync + 'static) -> Injection {
        self.shared.faults.choosing(choose)
    }

    /// From now on, `policy` rewrites each object that is created or replaced, as a mutating webhook or admission policy does: the
    /// caller hears what was stored. It must not block. There is one policy; [`clear_faults`](Self::clear_faults) ends it.
    pub fn mutate(&self, policy: impl Fn(&RecordedRequest, &mut Value) + Send + Sync + 'static) {
        self.shared.faults.mutating(Some(Arc::new(policy)));
    }

    /// Ends all rules. Requests already struck stay struck.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
        self.shared.faults.mutating(None);
    }

    /// The requests so far, and those to come.
    pub fn requests(&self) -> RequestLog {
        self.shared.log.clone()
    }

    // ---- watches

    /// The requests that opened the watches now open.
    pub fn watches(&self) -> Vec<Arc<RecordedRequest>> {
        self.open_watches().iter().map(|open| open.call.clone()).collect()
    }

    /// Ends open watches as if their time was up. Returns how many.
    pub fn close_watches(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.order(WatchControl::Close, which)
    }

    /// Breaks the connections of open watches. Returns how many.
    pub fn break_watches(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.order(WatchControl::Break, which)
    }

    /// Makes open watches silent: they stay open, even beyond their time, and say nothing any more. Returns how many.
    pub fn silence_watches(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.order(WatchControl::Silent, which)
    }

    /// Makes silent watches speak again: what they held back comes at once. Returns how many.
    pub fn resume_watches(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.order(WatchControl::Run, which)
    }

    /// Sends 410 to open watches and ends them. Returns how many.
    pub fn expire_watches(&self, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        self.order(WatchControl::Expire, which)
    }

    fn order(&self, order: WatchControl, which: impl Fn(&RecordedRequest) -> bool) -> usize {
        let mut count = 0;
        for open in self.open_watches().iter().filter(|open| which(&open.call)) {
            open.set(order);
            count += 1;
        }
        self.shared.wake();
        count
    }

    fn open_watches(&self) -> Vec<Arc<OpenWatch>> {
        self.shared.state().watches.open()
    }

    // ---- behind the API's back

    /// The revision of the latest write.
    pub fn revision(&self) -> u64 {
        self.shared.state().store.revision()
    }

    /// Forgets the past: a watch from a version before now gets 410.
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

    /// A lease as it is, without a request.
    pub fn lease(&self, namespace: &str, name: &str) -> Option<Lease> {
        let view = self.lease_json(namespace, name)?;
        serde_json::from_value(view).ok()
    }

    /// A lease as JSON, without a request.
    pub fn lease_json(&self, namespace: &str, name: &str) -> Option<Value> {
        let state = self.shared.state();
        state.store.get(&Key::new(Storage::Leases, namespace, name)).map(|object| LEASES.to_view(object))
    }

    /// Changes a lease as another writer would, in one step and without a request. Returns whether there is such a lease.
    ///
    /// Nothing is validated: this is how a test gets values into a lease that no client should trip over.
    pub fn edit_lease(&self, namespace: &str, name: &str, edit: impl FnOnce(&mut Value)) -> bool {
        let key = Key::new(Storage::Leases, namespace, name);
        self.shared.write(|store| {
            let Some(mut object) = store.get(&key).map(|object| Value::clone(object)) else { return false };
            edit(&mut object);
            store.commit(key, Some(object));
            true
        })
    }

    /// Creates a lease or replaces it by another of that name (with another `uid`), without a request or validation. Only
    /// `spec`, and of `metadata` labels, annotations, owners and finalizers, are taken from `lease`.
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

    /// Deletes a lease at once, whatever its finalizers, without a request. Returns whether there was one.
    pub fn delete_lease(&self, namespace: &str, name: &str) -> bool {
        self.shared.write(|store| store.commit(Key::new(Storage::Leases, namespace, name), None).is_some())
    }

    /// The objects as they are now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.shared.state().store.clone())
    }

    /// Goes back to a snapshot, revision and all, as a restored etcd does. Breaks all watches.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.shared.state().store = snapshot.0.clone();
        self.break_watches(|_| true);
    }
}
