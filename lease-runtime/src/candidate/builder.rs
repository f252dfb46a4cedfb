//! The builder of a candidate.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use tokio::sync::watch;

use super::announce::{announce, leave_mark};
use super::inner::{CandidateInner, CandidateSettings, OnLateRefusal};
use super::{Candidate, identity};
use crate::clock::{Clock, SystemClock};
use crate::elector::{Connection, Elector, ElectorError, Labels, LeaseMetadata, MarkPlace};
#[cfg(feature = "testing")]
use crate::elector::{MachineProcess, StateDir};
use crate::error::Error;
use crate::observer::{Observer, Observers};
use crate::spec::{Deployment, Overrides, OwnPod, check_label, check_namespace};
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
    owner: Option<OwnerReference>,
    overrides: Option<Overrides>,
    observers: Observers,
    pod: Option<OwnPod>,
    without_events: bool,
    state_dir: Option<PathBuf>,
    death_reports: bool,
    mark_place: MarkPlace,
    #[cfg(feature = "testing")]
    process: Option<MachineProcess>,
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
    /// else the one of `~/.kube/config`. [`Overrides`] lists the variables by which a deployment sets namespaces, prefixes and timings.
    ///
    /// # Errors
    ///
    /// If there is no cluster, if the connection cannot be set up, if a variable of [`Overrides`] is not valid, or outside of a tokio
    /// runtime. It is not an error if the API server cannot be reached at the moment.
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

    /// Takes what the deployment sets from here instead of from the environment: see [`Overrides`].
    pub fn overrides(mut self, overrides: Overrides) -> CandidateBuilder {
        self.overrides = Some(overrides);
        self
    }

    /// Adds this label to every Lease that this candidate creates or writes: for a policy that demands a label, or for selectors.
    /// A Lease that already has a label with this key keeps its value. Call it once for each label. `LEASE_LABELS` adds labels at
    /// deploy time. Every Lease also gets `app.kubernetes.io/managed-by: lease-runtime`, unless you set another value.
    ///
    /// If a Lease was deleted, this process creates it again with the labels that it had.
    pub fn lease_label(mut self, key: impl Into<String>, value: impl Into<String>) -> CandidateBuilder {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Makes this object the owner of each Lease that this candidate creates: Kubernetes then deletes the Lease some time after its
    /// owner. A Lease that exists keeps its owners. So do not take a pod or anything else that goes before the service does, or the
    /// Lease is deleted while others use it. `Resource::owner_ref` of kube makes an owner of an object.
    ///
    /// The owner is in the namespace of the candidate, or in no namespace. A lease in another namespace gets no owner, because
    /// Kubernetes would look for the owner there, and delete the Lease when it finds none.
    ///
    /// A lease with scheduled tasks must not be owned: its record of ticks would be deleted with the owner. In the namespace of the
    /// candidate, such a task is refused when it is added.
    pub fn lease_owner(mut self, owner: OwnerReference) -> CandidateBuilder {
        self.owner = Some(owner);
        self
    }

    /// The pod that this process runs in, instead of the one that the environment names: see [`OwnPod`].
    pub fn pod(mut self, pod: OwnPod) -> CandidateBuilder {
        self.pod = Some(pod);
        self
    }

    /// Whether elections are reported as Events of Kubernetes, which `kubectl describe lease` shows: who became leader, who stopped
    /// leading, and what went wrong. They are written unless this is `false`. `LEASE_EVENTS` replaces this at deploy time.
    ///
    /// An Event never delays an election and never fails one. It needs the verb `create` on `events` in the API group
    /// `events.k8s.io`: see [`manifests`](Candidate::manifests). If that is not granted, the log says so once.
    pub fn kubernetes_events(mut self, on: bool) -> CandidateBuilder {
        self.without_events = !on;
        self
    }

    /// A directory that outlives this process and is on its machine, such as an `emptyDir`. After a crash, the next process that has
    /// the same directory takes the leases at once, and does not wait until they have run out. `LEASE_STATE_DIR` replaces it at deploy
    /// time. `docs/failover.md` says what is promised.
    ///
    /// The candidate keeps a file of it open, and locked, until the process ends. If other code of the process closes that file, others
    /// may take the process for dead. The candidate notices that, and does not lead any more.
    ///
    /// If the directory cannot be used, the log says why, and elections go on without it. It works on Linux.
    pub fn state_dir(mut self, path: impl Into<PathBuf>) -> CandidateBuilder {
        self.state_dir = Some(path.into());
        self
    }

    /// Whether the reports of the kubelet prove that a holder is dead. If the holder is silent, the candidate looks at its pod once a
    /// second. Where the pod says that the container of this very process has terminated, the candidate takes the lease at once, and
    /// does not wait until it has run out. It is off unless this is `true`. `LEASE_DEATH_REPORTS` replaces this at deploy time.
    /// `docs/failover.md` says what is promised. It was not yet measured on a real kubelet.
    ///
    /// It needs the verb `get` on pods in the namespace of the leases, which is that of the pods, and `POD_NAME` and `POD_UID` of the
    /// downward API, or [`pod`](Self::pod). Each process appends a line with its identity to `/dev/termination-log`, where the kubelet
    /// reads it when the container ends. If that is not possible, or pods cannot be read, the log says why, and elections go on without.
    pub fn death_reports(mut self, on: bool) -> CandidateBuilder {
        self.death_reports = on;
        self
    }

    /// Leaves the mark of the process here, and not in the termination message of a container.
    #[cfg(all(test, unix, feature = "embedded"))]
    pub(crate) fn mark_place(mut self, place: MarkPlace) -> CandidateBuilder {
        self.mark_place = place;
        self
    }

    /// The candidate runs in this process of a simulated machine, and uses the state directory of that machine instead of another.
    #[cfg(feature = "testing")]
    pub fn machine_process(mut self, process: MachineProcess) -> CandidateBuilder {
        self.process = Some(process);
        self
    }

    /// Sets up the connection and starts the elector. It sends no request yet. If a credential plugin of the kubeconfig fetches
    /// credentials, it waits for the first ones. Cancel safe: a running plugin is ended.
    ///
    /// # Errors
    ///
    /// If there is no cluster, if the connection cannot be set up, if the namespace, a label, the owner, or a value that the
    /// deployment sets is not valid, or outside of a tokio runtime.
    pub async fn build(self) -> Result<Candidate, Error> {
        tokio::runtime::Handle::try_current().map_err(|_| Error::NoRuntime)?;
        for (key, value) in &self.labels {
            check_label(key, value).map_err(|source| Error::Label { cause: source })?;
        }
        self.owner.as_ref().map_or(Ok(()), check_owner)?;
        let overrides =
            self.overrides.map_or_else(Overrides::from_env, |overrides| overrides.check().map(|()| overrides))?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let (namespace, connection) = match self.source {
            source if !overrides.elects() => {
                let of_connection = match source {
                    ClusterSource::Connection(connection) => Some(connection.namespace().to_owned()),
                    ClusterSource::Environment | ClusterSource::Kubeconfig(_) => None,
                };
                (self.namespace.or(of_connection).or_else(namespace_of_pod), Connection::alone(&*clock))
            }
            // Outside of a pod's own cluster, the namespace of the pod says nothing about the cluster that was asked for.
            ClusterSource::Environment => (self.namespace.or_else(namespace_of_pod), Connection::from_env().await?),
            ClusterSource::Kubeconfig(path) => (self.namespace, Connection::from_kubeconfig(&path, None).await?),
            ClusterSource::Connection(connection) => (self.namespace, connection),
        };
        let namespace = overrides.own_namespace().or(namespace.as_deref()).unwrap_or(connection.namespace());
        let namespace: Arc<str> = namespace.trim().into();
        check_namespace(&namespace).map_err(|source| Error::Namespace { cause: source })?;
        let pod = self.pod.unwrap_or_else(OwnPod::from_env);
        let death_reports = overrides.reads_death_reports().unwrap_or(self.death_reports) && overrides.elects();
        let identity = match pod.name_and_uid().filter(|_| death_reports && self.identity.is_none()) {
            Some((name, uid)) => identity::of_pod(name, uid)?,
            None => identity::unique(self.identity)?,
        };
        // Before the elector starts: a build that is dropped here must not leave a running thread behind.
        connection.ready().await?;
        // Before a request could name the identity: a process that finds it in a Lease must find its lock, too.
        let state_dir = overrides.own_state_dir().map(Path::to_owned).or(self.state_dir).filter(|_| overrides.elects());
        let state_dir = announce(state_dir, &identity).await;
        if death_reports {
            leave_mark(self.mark_place, &identity, &pod).await;
        }
        #[cfg(feature = "testing")]
        let state_dir = match self.process.filter(|_| overrides.elects()) {
            Some(process) => Some(StateDir::Machine(process.announce(Arc::clone(&identity)))),
            None => state_dir,
        };
        let mut elector = start(connection.clone(), identity.clone(), clock, self.observers).await?;
        let kubernetes_events = overrides.writes_events().unwrap_or(!self.without_events);
        elector.report(kubernetes_events && overrides.elects());
        elector.ask_after_pods(death_reports);
        state_dir.into_iter().for_each(|state_dir| elector.ask_after_holders(state_dir));
        let owns_leases = self.owner.is_some();
        elector.describe(LeaseMetadata {
            labels: labels(self.labels, &overrides),
            owner: self.owner.map(|owner| (Arc::clone(&namespace), owner)),
        });
        if !overrides.elects() {
            warn_of_no_election(&identity, &namespace, overrides.election_set_by());
        }
        tracing::info!(target: "lease_runtime", identity = %shown(&identity), namespace = %namespace, "candidate ready");
        let settings = CandidateSettings {
            condition: self.condition,
            release_timeout: self.release_timeout.unwrap_or(RELEASE_TIMEOUT),
            on_late_refusal: self.on_late_refusal,
            owns_leases,
            pod,
            kubernetes_events,
            death_reports,
        };
        let deployment = Deployment::new(namespace, overrides);
        let inner = CandidateInner::new(elector, connection, identity, deployment, settings);
        Ok(Candidate { inner: Arc::new(inner) })
    }
}

fn namespace_of_pod() -> Option<String> {
    std::env::var("POD_NAMESPACE").ok().filter(|name| !name.trim().is_empty())
}

/// An incomplete owner would be refused with every lease.
fn check_owner(owner: &OwnerReference) -> Result<(), Error> {
    let fields =
        [("apiVersion", &owner.api_version), ("kind", &owner.kind), ("name", &owner.name), ("uid", &owner.uid)];
    let missing = fields.into_iter().find(|(_, value)| value.trim().is_empty());
    missing.map_or(Ok(()), |(missing, _)| Err(Error::Owner { missing }))
}

/// The labels of the program, with those of the deployment in place of those with the same key.
fn labels(mut labels: Labels, overrides: &Overrides) -> Labels {
    labels.extend(overrides.lease_labels().map(|(key, value)| (key.clone(), value.clone())));
    labels.entry("app.kubernetes.io/managed-by".to_owned()).or_insert_with(|| "lease-runtime".to_owned());
    labels
}

fn warn_of_no_election(identity: &str, namespace: &str, setting: &'static str) {
    tracing::warn!(
        target: "lease_runtime",
        identity = %shown(identity),
        namespace,
        setting,
        "the election is off: this process runs all bodies, whatever other replicas do. Run one replica, and stop it before the next \
         one starts. No cluster is used, ticks are forgotten with the process, and fencing tokens begin at 1"
    );
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
