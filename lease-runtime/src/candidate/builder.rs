//! How to build a candidate other than from the environment.

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
use crate::spec::{check_label, check_namespace};

/// Builds a [`Candidate`]. What is not set comes from the environment.
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
}

/// How long the release of a lease is waited for unless it is set.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Default)]
enum ClusterSource {
    #[default]
    Environment,
    Kubeconfig(PathBuf),
    Connection(Connection),
}

impl Candidate {
    /// The candidate that the environment describes: the cluster of `KUBECONFIG` if that is set, or the one this pod runs
    /// in, or that of `~/.kube/config`.
    ///
    /// # Errors
    ///
    /// If there is no cluster, if the connection cannot be set up, or outside of a tokio runtime. That the API server
    /// cannot be reached right now is no error.
    pub async fn from_env() -> Result<Candidate, Error> {
        Candidate::builder().build().await
    }

    /// A candidate with an identity, a namespace, or a cluster of your choosing.
    pub fn builder() -> CandidateBuilder {
        CandidateBuilder::default()
    }
}

impl CandidateBuilder {
    /// What the identity begins with, instead of `POD_NAME`, `HOSTNAME` or the host's name. `POD_UID` follows if it is set,
    /// and then, always, 64 random bits from the operating system, new for each candidate: an identity that two processes
    /// share would let both lead. An identity has at most 255 bytes; what is longer is cut before the random part.
    pub fn identity(mut self, prefix: impl Into<String>) -> CandidateBuilder {
        self.identity = Some(prefix.into());
        self
    }

    /// The namespace of the leases that name none, instead of `POD_NAMESPACE` or the one of the connection.
    pub fn namespace(mut self, namespace: impl Into<String>) -> CandidateBuilder {
        self.namespace = Some(namespace.into());
        self
    }

    /// The cluster of this configuration. kube's retries are turned off in it and its timeouts bounded, as an election
    /// needs them to be.
    pub fn config(mut self, config: kube::Config) -> CandidateBuilder {
        self.source = ClusterSource::Connection(Connection::from_config(config));
        self
    }

    /// The cluster of the current context of this kubeconfig file.
    pub fn kubeconfig(mut self, path: impl Into<PathBuf>) -> CandidateBuilder {
        self.source = ClusterSource::Kubeconfig(path.into());
        self
    }

    /// A client that is there already. Elections then run on the current tokio runtime, on which the client must have been
    /// built, instead of on a thread of their own: a body that blocks that runtime keeps its own lease from being renewed.
    /// For tests, and for virtual time.
    pub fn client(mut self, client: kube::Client) -> CandidateBuilder {
        self.source = ClusterSource::Connection(Connection::Client(client));
        self
    }

    /// Reads time from this clock instead of [`SystemClock`]. For tests in virtual time.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> CandidateBuilder {
        self.clock = Some(clock);
        self
    }

    /// Takes part in elections only while `condition` is true: for readiness or maintenance of this replica. When it turns
    /// false, all bodies are asked to end, as on a shutdown, and the leases are released; when it turns true, this process
    /// takes part again. It keeps its last value if the sender is dropped.
    /// [`LeaderTask::contend_when`](crate::LeaderTask::contend_when) does this for one lease.
    pub fn contend_when(mut self, condition: watch::Receiver<bool>) -> CandidateBuilder {
        self.condition = Some(condition);
        self
    }

    /// How long the end of a candidate waits for the release of a lease once its bodies are gone: 5 s if it is not set. If the
    /// API server does not answer in that time, the lease is left to run out. Keep it, together with the longest grace of a
    /// task, below the `terminationGracePeriodSeconds` of the pod. A second signal of
    /// [`shutdown_signal`](crate::shutdown_signal) cuts it to half a second.
    ///
    /// Where the elections go on after the candidate has ended, they go on trying for at most a lease duration.
    pub fn release_timeout(mut self, timeout: Duration) -> CandidateBuilder {
        self.release_timeout = Some(timeout);
        self
    }

    /// What becomes of the candidate when the API server refuses to let it take part in the election of a lease that was
    /// added while it ran, such as one of a tenant: by default, only the tasks of that lease end.
    pub fn on_late_refusal(mut self, then: OnLateRefusal) -> CandidateBuilder {
        self.on_late_refusal = then;
        self
    }

    /// Puts this label on every Lease that this candidate creates or writes, for a cluster whose policy demands one, or to
    /// select Leases by. A Lease that has a label of this key keeps it, whatever its value: change such a one with `kubectl`.
    /// May be called more than once.
    ///
    /// A Lease that is deleted and created again by this process gets the labels that it had, these or others.
    pub fn lease_label(mut self, key: impl Into<String>, value: impl Into<String>) -> CandidateBuilder {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Sets up the connection and starts the elector. No request is sent yet. Where credentials have to be fetched, as by a
    /// credential plugin of a kubeconfig, the first are waited for. Cancel safe: a plugin that runs is then ended.
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
                // Elsewhere, a pod's namespace says nothing about the cluster that was asked for.
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
        // Cancel safe: a build that is given up leaves nothing behind that runs.
        connection.ready().await?;
        let mut elector = start(connection.clone(), identity.clone(), clock).await?;
        elector.label(self.labels);
        tracing::info!(target: "lease_runtime", identity = &*identity, namespace = &*namespace, "candidate ready");
        let settings = CandidateSettings {
            condition: self.condition,
            release_timeout: self.release_timeout.unwrap_or(RELEASE_TIMEOUT),
            on_late_refusal: self.on_late_refusal,
        };
        let inner = CandidateInner::new(elector, connection, identity, namespace, settings);
        Ok(Candidate { inner: Arc::new(inner) })
    }
}

/// Not on this thread, which would be blocked while certificates are read; unless the client belongs to this runtime.
async fn start(connection: Connection, identity: Arc<str>, clock: Arc<dyn Clock>) -> Result<Elector, ElectorError> {
    if let Connection::Client(_) = connection {
        return Elector::start(connection, identity, clock);
    }
    let started = tokio::task::spawn_blocking(move || Elector::start(connection, identity, clock)).await;
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
