//! The builder of a candidate.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::inner::{CandidateInner, CandidateSettings, OnLateRefusal};
use super::{Candidate, identity};
use crate::clock::{Clock, SystemClock};
use crate::elector::{Connection, Elector, ElectorError, Labels};
use crate::error::Error;
use crate::observer::{Observer, Observers};
use crate::spec::{check_label, check_namespace};
use lease_protocol::election::shown;

/// Builds a [`Candidate`]. Settings that are not set come from the environment.
#[derive(Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct CandidateBuilder {
    identity: Option<String>,
    namespace: Option<String>,
    source: ClusterSource,
    clock: Option<Arc<dyn Clock>>,
    condition: Option<watch::Receiver<bool>>,
    release_timeout: Option<Duration>,
    on_late_refusal: OnLateRefusal,
    labels: Labels,
    observers: Observers,
}

/// How long a candidate waits for the release of a lease, if that is not set.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Default)]
enum ClusterSource {
    #[default]
    Environment,
    Kubeconfig(PathBuf),
    Connection(Connection),
}

impl Candidate {
    /// A candidate for the cluster of the environment: the one that `KUBECONFIG` names, or else the one that this pod runs in, or
    /// else the one of `~/.kube/config`.
    ///
    /// # Errors
    ///
    /// If there is no cluster, if the connection cannot be set up, or outside of a tokio runtime. It is not an error if the API
    /// server cannot be reached at the moment.
    pub async fn from_env() -> Result<Candidate, Error> {
        Candidate::builder().build().await
    }

    /// A candidate with an identity, a namespace, or a cluster of your choosing.
    pub fn builder() -> CandidateBuilder {
        CandidateBuilder::default()
    }
}

impl CandidateBuilder {
    /// The first part of the identity, instead of `POD_NAME`, `HOSTNAME` or the name of the host. `POD_UID` follows if it is set.
    /// The last part is always 64 random bits from the operating system, new for each candidate: two processes with one identity
    /// could both lead. An identity has at most 255 bytes. A longer first part is cut.
    pub fn identity(mut self, prefix: impl Into<String>) -> CandidateBuilder {
        self.identity = Some(prefix.into());
        self
    }

    /// The namespace of the leases that name none, instead of `POD_NAMESPACE` or the one of the connection.
    pub fn namespace(mut self, namespace: impl Into<String>) -> CandidateBuilder {
        self.namespace = Some(namespace.into());
        self
    }

    /// The cluster of this configuration. The candidate turns kube's retries off and bounds its timeouts, as elections need it.
    pub fn config(mut self, config: kube::Config) -> CandidateBuilder {
        self.source = ClusterSource::Connection(Connection::from_config(config));
        self
    }

    /// The cluster of the current context of this kubeconfig file.
    pub fn kubeconfig(mut self, path: impl Into<PathBuf>) -> CandidateBuilder {
        self.source = ClusterSource::Kubeconfig(path.into());
        self
    }

    /// A client that exists already, for tests and for virtual time. Elections then run on the current tokio runtime, on which the
    /// client must have been built, and not on a thread of their own: a body that blocks this runtime keeps its own lease from being
    /// renewed.
    pub fn client(mut self, client: kube::Client) -> CandidateBuilder {
        self.source = ClusterSource::Connection(Connection::Client(client));
        self
    }

    /// Reads time from this clock instead of [`SystemClock`]. For tests in virtual time.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> CandidateBuilder {
        self.clock = Some(clock);
        self
    }

    /// Takes part in elections only while `condition` is true, for readiness or maintenance of this replica. When it becomes
    /// false, all bodies are asked to end, as on a shutdown, and the leases are released. When it becomes true, this process takes
    /// part again. If the sender is dropped, the last value counts.
    /// [`LeaderTask::contend_when`](crate::LeaderTask::contend_when) does this for one lease.
    pub fn contend_when(mut self, condition: watch::Receiver<bool>) -> CandidateBuilder {
        self.condition = Some(condition);
        self
    }

    /// How long a shutdown waits for the release of a lease after its bodies are gone. 5 s if it is not set. If the API server does
    /// not answer in that time, the lease expires instead. Keep the sum of this and the longest grace of a task below the
    /// `terminationGracePeriodSeconds` of the pod. A second signal of [`shutdown_signal`](crate::shutdown_signal) cuts it to half a
    /// second.
    ///
    /// If the process lives on after the candidate has ended, the release is tried for one lease duration at most.
    pub fn release_timeout(mut self, timeout: Duration) -> CandidateBuilder {
        self.release_timeout = Some(timeout);
        self
    }

    /// What happens if the API server refuses the election of a lease that was added while the candidate ran, such as the lease of
    /// one tenant. By default, only the tasks of that lease end.
    pub fn on_late_refusal(mut self, then: OnLateRefusal) -> CandidateBuilder {
        self.on_late_refusal = then;
        self
    }

    /// Adds an observer of this candidate, for metrics and alerts: see [`Observer`].
    pub fn observer(mut self, observer: impl Observer) -> CandidateBuilder {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Adds this label to every Lease that this candidate creates or writes: for a policy that demands a label, or for selectors.
    /// A Lease that already has a label with this key keeps its value. Call it once for each label.
    ///
    /// If a Lease was deleted, this process creates it again with the labels that it had.
    pub fn lease_label(mut self, key: impl Into<String>, value: impl Into<String>) -> CandidateBuilder {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Sets up the connection and starts the elector. It sends no request yet. If a credential plugin of the kubeconfig fetches
    /// credentials, it waits for the first ones. Cancel safe: a running plugin is ended.
    ///
    /// # Errors
    ///
    /// If there is no cluster, if the connection cannot be set up, if the namespace or a label is not valid, or outside of a
    /// tokio runtime.
    pub async fn build(self) -> Result<Candidate, Error> {
        tokio::runtime::Handle::try_current().map_err(|_| Error::NoRuntime)?;
        for (key, value) in &self.labels {
            check_label(key, value).map_err(|source| Error::Label { cause: source })?;
        }
        let (namespace, connection) = match self.source {
            ClusterSource::Environment => {
                // Outside of a pod's own cluster, the namespace of the pod says nothing about the cluster that was asked for.
                let of_pod = std::env::var("POD_NAMESPACE").ok().filter(|name| !name.trim().is_empty());
                (self.namespace.or(of_pod), Connection::from_env().await?)
            }
            ClusterSource::Kubeconfig(path) => (self.namespace, Connection::from_kubeconfig(&path, None).await?),
            ClusterSource::Connection(connection) => (self.namespace, connection),
        };
        let namespace: Arc<str> = namespace.as_deref().unwrap_or(connection.namespace()).trim().into();
        check_namespace(&namespace).map_err(|source| Error::Namespace { cause: source })?;
        let identity = identity::unique(self.identity)?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        // Before the elector starts: a build that is dropped here must not leave a running thread behind.
        connection.ready().await?;
        let mut elector = start(connection.clone(), identity.clone(), clock, self.observers).await?;
        elector.label(self.labels);
        tracing::info!(target: "lease_runtime", identity = %shown(&identity), namespace = %namespace, "candidate ready");
        let settings = CandidateSettings {
            condition: self.condition,
            release_timeout: self.release_timeout.unwrap_or(RELEASE_TIMEOUT),
            on_late_refusal: self.on_late_refusal,
        };
        let inner = CandidateInner::new(elector, connection, identity, namespace, settings);
        Ok(Candidate { inner: Arc::new(inner) })
    }
}

/// Starts the elector on another thread, since reading certificates blocks. A given client belongs to the current runtime, so
/// then the elector starts here.
async fn start(
    connection: Connection,
    identity: Arc<str>,
    clock: Arc<dyn Clock>,
    observers: Observers,
) -> Result<Elector, ElectorError> {
    if let Connection::Client(_) = connection {
        return Elector::start(connection, identity, clock, observers);
    }
    let started = tokio::task::spawn_blocking(move || Elector::start(connection, identity, clock, observers)).await;
    started.unwrap_or_else(|error| Err(ElectorError::Ended { reason: format!("it could not be started: {error}") }))
}

impl fmt::Debug for CandidateBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandidateBuilder")
            .field("identity", &self.identity)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}
