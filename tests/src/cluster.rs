//! The API server of a scenario: `embedded`, served over TCP by this process, or a real one that `LEASE_TEST_KUBECONFIG` names.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use lease_runtime::clock::SystemClock;
use lease_runtime::embedded::{EmbeddedApi, Server, Settings};
use serde_json::{Value, json};

use crate::log::{until, until_within};
use crate::proxy::{Link, Proxy};

/// How long a request of the test may take.
const ANSWER: Duration = Duration::from_secs(10);

/// The kind of API server.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The embedded API in this process, with its hooks.
    Embedded(Arc<Embedded>),
    /// A real API server.
    Real(Arc<Real>),
}

/// An embedded API over TCP, which can be stopped and started again.
#[derive(Debug)]
pub struct Embedded {
    /// The API with its hooks for tests.
    pub api: EmbeddedApi,
    addr: SocketAddr,
    server: Mutex<Option<Server>>,
}

/// A real API server.
#[derive(Debug)]
pub struct Real {
    kubeconfig: Kubeconfig,
    /// Host and port.
    upstream: String,
    /// The program that stops and starts it, if the test may do that.
    pub control: Option<PathBuf>,
    /// The candidate on client-go, if it was built.
    pub contender: Option<PathBuf>,
    /// The port of the proxy to etcd with which the server is started, if there is one.
    pub(crate) etcd_through: OnceLock<u16>,
}

/// An API server, and a namespace for this test.
pub struct Cluster {
    /// The API server.
    pub kind: Kind,
    /// The namespace.
    pub namespace: String,
    admin: kube::Client,
}

/// The caller of requests, and how it authenticates.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// May do everything. On `embedded`, the caller has this name.
    Admin(&'a str),
    /// Has this bearer token.
    Token(&'a str),
}

impl Real {
    /// The API server that `LEASE_TEST_KUBECONFIG` names. No other variable is read, so a test never uses a cluster by mistake.
    ///
    /// # Panics
    ///
    /// If that API server cannot be used.
    pub fn from_env() -> Option<Arc<Real>> {
        let path = std::env::var_os("LEASE_TEST_KUBECONFIG").filter(|path| !path.is_empty())?;
        let kubeconfig = Kubeconfig::read_from(&path)
            .unwrap_or_else(|error| panic!("LEASE_TEST_KUBECONFIG names {path:?}, which cannot be used: {error}"));
        let server = server_of(&kubeconfig).expect("the kubeconfig has no server");
        let uri: http::Uri = server.parse().expect("the kubeconfig's server is not a valid address");
        let host = uri.host().expect("the kubeconfig's server has no host").to_owned();
        let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
        let program = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
        let (control, contender) = (program("LEASE_TEST_APISERVER"), program("LEASE_TEST_CONTENDER"));
        let upstream = format!("{host}:{port}");
        Some(Arc::new(Real { kubeconfig, upstream, control, contender, etcd_through: OnceLock::new() }))
    }
}

/// Name and address of the server in the current context.
fn current_cluster(kubeconfig: &Kubeconfig) -> Option<String> {
    let context = kubeconfig.current_context.as_ref()?;
    let context = kubeconfig.contexts.iter().find(|entry| entry.name == *context)?.context.as_ref()?;
    Some(context.cluster.clone())
}

fn server_of(kubeconfig: &Kubeconfig) -> Option<String> {
    let name = current_cluster(kubeconfig)?;
    kubeconfig.clusters.iter().find(|entry| entry.name == name)?.cluster.as_ref()?.server.clone()
}

impl Cluster {
    /// A fresh embedded API.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub async fn embedded(namespace: &str) -> Cluster {
        // The clock of the event log, so that the times of requests and events can be compared.
        let api = EmbeddedApi::with(Settings::default().clock(SystemClock));
        let server = api.serve(([127, 0, 0, 1], 0)).await.expect("no port for the embedded API");
        let (addr, kubeconfig) = (server.addr(), server.kubeconfig_as("test", namespace));
        let kind = Kind::Embedded(Arc::new(Embedded { api, addr, server: Mutex::new(Some(server)) }));
        let kubeconfig = Kubeconfig::from_yaml(&kubeconfig).expect("the embedded API's kubeconfig cannot be read");
        Cluster::new(kind, namespace, kubeconfig).await
    }

    /// A fresh namespace in a real API server.
    ///
    /// # Panics
    ///
    /// If the namespace cannot be created.
    pub async fn real(real: &Arc<Real>, namespace: &str) -> Cluster {
        Cluster::new(Kind::Real(real.clone()), namespace, real.kubeconfig.clone()).await
    }

    async fn new(kind: Kind, namespace: &str, kubeconfig: Kubeconfig) -> Cluster {
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        let mut config = config.expect("the kubeconfig cannot be used");
        // A time limit for reads closes a connection after that much idle time, and then a request at that moment fails. `send`
        // limits each request instead.
        config.read_timeout = None;
        let admin = kube::Client::try_from(config).expect("no client for the test itself");
        let cluster = Cluster { kind, namespace: namespace.to_owned(), admin };
        cluster.create("/api/v1/namespaces", &json!({ "metadata": { "name": namespace } })).await;
        cluster
    }

    /// The embedded API, if this cluster is embedded.
    pub fn hooks(&self) -> Option<&EmbeddedApi> {
        match &self.kind {
            Kind::Embedded(embedded) => Some(&embedded.api),
            Kind::Real(_) => None,
        }
    }

    /// A new link to the API server.
    ///
    /// # Panics
    ///
    /// If no port is free.
    pub fn link(&self, link: Link) -> Proxy {
        let upstream = match &self.kind {
            Kind::Embedded(embedded) => embedded.addr.to_string(),
            Kind::Real(real) => real.upstream.clone(),
        };
        Proxy::start(&upstream, link).expect("no port for a proxy")
    }

    /// A kubeconfig that leads through a link, or straight to the API server.
    ///
    /// # Panics
    ///
    /// If the kubeconfig of the real API server is incomplete.
    pub fn kubeconfig(&self, through: Option<&Proxy>, caller: Caller<'_>, namespace: &str) -> String {
        let (mut cluster, mut user) = match &self.kind {
            Kind::Embedded(embedded) => {
                let (Caller::Admin(name) | Caller::Token(name)) = caller;
                (json!({ "server": format!("http://{}", embedded.addr) }), json!({ "token": name }))
            }
            Kind::Real(real) => real.parts(),
        };
        if let Caller::Token(token) = caller {
            user = json!({ "token": token });
        }
        if let Some(proxy) = through {
            let server: http::Uri = cluster["server"].as_str().unwrap_or_default().parse().expect("an address");
            let scheme = server.scheme_str().unwrap_or("https");
            cluster["server"] = format!("{scheme}://{}", proxy.addr()).into();
            if scheme == "https" && cluster["tls-server-name"].is_null() {
                cluster["tls-server-name"] = server.host().unwrap_or_default().into();
            }
        }
        // All JSON is YAML.
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "it", "cluster": cluster }],
            "users": [{ "name": "me", "user": user }],
            "contexts": [{ "name": "it", "context": { "cluster": "it", "user": "me", "namespace": namespace } }],
            "current-context": "it",
        })
        .to_string()
    }

    /// Stops the server as `kill -9` does.
    ///
    /// # Panics
    ///
    /// If it cannot be stopped.
    pub async fn kill_server(&self) {
        match &self.kind {
            Kind::Embedded(embedded) => {
                let server = embedded.server.lock().unwrap_or_else(PoisonError::into_inner).take();
                server.expect("it was stopped already").kill().await;
            }
            Kind::Real(real) => drop(real.control("kill").await),
        }
    }

    /// Starts the server again, at the same place and with the same objects.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub async fn start_server(&self) {
        match &self.kind {
            Kind::Embedded(embedded) => {
                let server =
                    until("the embedded API's port", async || embedded.api.serve(embedded.addr).await.ok()).await;
                *embedded.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
            }
            Kind::Real(real) => drop(real.control("start").await),
        }
    }

    // ---- requests of the test itself

    async fn send(&self, method: Method, path: &str, content: &str, body: Vec<u8>) -> Result<Value, kube::Error> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, content)
            .header(http::header::ACCEPT, "application/json")
            .body(body)
            .expect("the test built an invalid request");
        // A server that was killed does not answer. The next attempt reaches the one that was started instead.
        match tokio::time::timeout(ANSWER, self.admin.request(request)).await {
            Ok(answer) => answer,
            Err(late) => Err(kube::Error::Service(late.into())),
        }
    }

    /// Creates an object, given as JSON.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub async fn create(&self, path: &str, object: &Value) -> Value {
        match self.send(Method::POST, path, "application/json", object.to_string().into_bytes()).await {
            Ok(created) => created,
            Err(error) => panic!("POST {path}: {error}"),
        }
    }

    /// Creates an object, given as YAML, with strict checking of its fields.
    ///
    /// # Errors
    ///
    /// The refusal of the API server.
    pub async fn create_yaml(&self, path: &str, object: &str) -> Result<Value, kube::Error> {
        let path = format!("{path}?fieldValidation=Strict");
        self.send(Method::POST, &path, "application/yaml", object.as_bytes().to_vec()).await
    }

    fn lease_path(&self, name: &str) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases/{name}", self.namespace)
    }

    /// The lease of this name.
    ///
    /// # Panics
    ///
    /// If the API server does not answer.
    pub async fn lease(&self, name: &str) -> Option<Value> {
        match self.send(Method::GET, &self.lease_path(name), "application/json", Vec::new()).await {
            Ok(lease) => Some(lease),
            Err(kube::Error::Api(status)) if status.code == 404 => None,
            Err(error) => panic!("GET lease {name}: {error}"),
        }
    }

    /// The holder of this lease, if it has one.
    pub async fn holder(&self, name: &str) -> Option<String> {
        let lease = self.lease(name).await?;
        lease["spec"]["holderIdentity"].as_str().filter(|holder| !holder.is_empty()).map(str::to_owned)
    }

    /// Creates a lease with this spec.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub async fn create_lease(&self, name: &str, spec: &Value) {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace);
        self.create(&path, &json!({ "metadata": { "name": name }, "spec": spec })).await;
    }

    /// Changes the lease like another writer that does not overwrite other changes.
    ///
    /// # Panics
    ///
    /// If there is no such lease, or the change is refused.
    pub async fn edit_lease(&self, name: &str, edit: impl Fn(&mut Value)) -> Value {
        until_within(Duration::from_secs(20), "a change to the lease that does not conflict", async || {
            let mut lease = self.lease(name).await.expect("there is no such lease");
            edit(&mut lease);
            let body = lease.to_string().into_bytes();
            match self.send(Method::PUT, &self.lease_path(name), "application/json", body).await {
                Ok(changed) => Some(changed),
                Err(kube::Error::Api(status)) if status.code == 409 => None,
                Err(error) => panic!("PUT lease {name}: {error}"),
            }
        })
        .await
    }

    /// Sets an annotation, as `kubectl annotate --overwrite` does.
    ///
    /// # Errors
    ///
    /// The refusal of the API server.
    pub async fn annotate_lease(&self, name: &str, key: &str, value: &str) -> Result<Value, kube::Error> {
        self.patch_lease(name, &json!({ "metadata": { "annotations": { key: value } } })).await
    }

    /// Merges this into the lease, whatever state it is in.
    ///
    /// # Errors
    ///
    /// The refusal of the API server.
    pub async fn patch_lease(&self, name: &str, patch: &Value) -> Result<Value, kube::Error> {
        let patch = patch.to_string().into_bytes();
        self.send(Method::PATCH, &self.lease_path(name), "application/merge-patch+json", patch).await
    }

    /// What the API server would store if this lease were created. It stores nothing.
    ///
    /// # Errors
    ///
    /// The refusal of the API server.
    pub async fn try_lease(&self, lease: &Value) -> Result<Value, kube::Error> {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases?dryRun=All", self.namespace);
        self.send(Method::POST, &path, "application/json", lease.to_string().into_bytes()).await
    }

    /// Deletes the lease.
    ///
    /// # Panics
    ///
    /// If that is refused.
    pub async fn delete_lease(&self, name: &str) {
        self.delete(&self.lease_path(name)).await;
    }

    /// Deletes an object.
    ///
    /// # Panics
    ///
    /// If that is refused.
    pub async fn delete(&self, path: &str) {
        if let Err(error) = self.send(Method::DELETE, path, "application/json", Vec::new()).await {
            panic!("DELETE {path}: {error}");
        }
    }

    /// A token for this service account.
    ///
    /// # Panics
    ///
    /// If the API server refuses to make a token.
    pub async fn token(&self, account: &str) -> String {
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{account}/token", self.namespace);
        let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
        let answer = self.create(&path, &request).await;
        answer["status"]["token"].as_str().expect("a TokenRequest without a token").to_owned()
    }
}

impl Real {
    /// The cluster and the user of the current context.
    fn parts(&self) -> (Value, Value) {
        let kubeconfig = serde_json::to_value(&self.kubeconfig).expect("a kubeconfig is JSON");
        let of = |list: &str, name: &Value, what: &str| -> Value {
            let entries = kubeconfig[list].as_array().cloned().unwrap_or_default();
            let entry = entries.into_iter().find(|entry| entry["name"] == *name);
            entry.map(|mut entry| entry[what].take()).expect("the kubeconfig's current context is incomplete")
        };
        let context = of("contexts", &kubeconfig["current-context"], "context");
        (of("clusters", &context["cluster"], "cluster"), of("users", &context["user"], "user"))
    }
}
