//! Runs elections against a real API server: requests, watches and timers.

mod alone;
mod annotation_backoff;
mod causes;
mod classify;
mod connect;
mod death_reports;
mod driver;
mod error;
#[cfg(test)]
mod fuzz;
mod handle;
mod health;
mod inflight;
mod kube_events;
mod lease_ticks;
mod log;
mod log_thread;
mod multiplexed;
mod passed_body;
mod process_memory;
mod rbac;
mod recent_states;
mod requests;
mod server_time;
#[cfg(feature = "testing")]
pub(crate) mod simulated;
mod state_dir;
mod task_comparison;
mod text;
mod thread;
mod traffic;
#[cfg(feature = "http2")]
mod transport;
mod watch;
mod wire;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

pub(crate) use classify::{RequestFailure, beside_election};
pub(crate) use connect::Connection;
pub use connect::{cluster_client, cluster_config};
pub(crate) use death_reports::MarkPlace;
pub use error::ElectorError;
pub(crate) use handle::{ElectionControl, ElectionHandle};
pub use handle::{LeaseStatus, Standing};
pub use health::Health;
pub(crate) use kube_events::LeaseReporter;
pub use rbac::Denial;
pub(crate) use rbac::{LEASES, RoleRule, RoleText, Subject, VERBS};
pub(crate) use recent_states::{Labels, LeaseMetadata};
pub(crate) use state_dir::StateDir;
#[cfg(feature = "testing")]
pub use state_dir::{Machine, MachineProcess};
pub(crate) use task_comparison::{AnnouncedTasks, names_tasks};
pub(crate) use text::cut;
pub(crate) use traffic::TrafficPlan;
pub(crate) use watch::MOST_BY_NAME;

use handle::ElectionPort;
use health::Heartbeat;
use kube_events::KubeEvents;
use log_thread::{LogFlush, LogThread};
use multiplexed::Multiplexed;
use process_memory::ProcessMemory;
use server_time::ServerTime;
use state_dir::Asker;
use thread::{BuildClient, HandedIn, Host};

use crate::clock::Clock;
use crate::lease::LeaseId;
use crate::observer::{ObserverPort, Observers};
use crate::term::watchdog;
use lease_protocol::election::Timing;

/// Runs all elections of a candidate. A cheap handle: the elections go on until every [`ElectionHandle`] has been dropped and
/// every election has been left.
#[derive(Clone)]
pub(crate) struct Elector {
    elections: mpsc::UnboundedSender<HandedIn>,
    identity: Arc<str>,
    clock: Arc<dyn Clock>,
    heartbeat: Arc<Heartbeat>,
    metadata: Arc<LeaseMetadata>,
    observer: ObserverPort,
    kube_events: KubeEvents,
    /// Elections are reported as Kubernetes Events.
    reports: bool,
    /// Asks after holders, if there is a state directory.
    asker: Option<Asker>,
    /// Asks after the pods of holders.
    death_reports: bool,
    /// Waits for the log, if the elector has a thread of its own.
    log_flush: Option<LogFlush>,
}

impl Elector {
    /// Starts an elector: on a thread of its own, or on the current runtime if a client is given. `identity` must be unique to this
    /// start of this process.
    ///
    /// Blocks while the client is being built, which is short. It does not wait for credentials that have to be fetched.
    ///
    /// # Errors
    ///
    /// If the client cannot be built, the thread cannot be started, or there is no runtime for the client.
    pub(crate) fn start(
        connection: Connection,
        identity: Arc<str>,
        clock: Arc<dyn Clock>,
        observers: Observers,
    ) -> Result<Elector, ElectorError> {
        watchdog::start(&*clock).map_err(|source| ElectorError::Thread { cause: source })?;
        let heartbeat = Heartbeat::new(Arc::clone(&clock));
        let server_time = ServerTime::new(Arc::clone(&clock));
        let (elections, handed_in) = mpsc::unbounded_channel();
        let (kube_events, event_writer) = KubeEvents::open(Arc::clone(&clock));
        let events_of_host = kube_events.clone();
        let host = |server_time, process_memory, observer: &ObserverPort| Host {
            handed_in,
            kube_events: events_of_host,
            event_writer,
            heartbeat: Arc::clone(&heartbeat),
            server_time,
            process_memory,
            observer: observer.clone(),
        };
        let (build, process_memory): (BuildClient, _) = match connection {
            Connection::Client(client) => {
                let runtime = Handle::try_current().map_err(|_| ElectorError::NoRuntime)?;
                let observer = ObserverPort::here(observers);
                // A client does not say where its cluster is, so its memory ends with it.
                let host = host(server_time, ProcessMemory::default(), &observer);
                drop(runtime.spawn(host.run(client, Multiplexed::default())));
                let (metadata, reports, asker, log_flush) = (Arc::default(), false, None, None);
                return Ok(Elector {
                    elections,
                    identity,
                    clock,
                    heartbeat,
                    metadata,
                    observer,
                    kube_events,
                    reports,
                    asker,
                    death_reports: false,
                    log_flush,
                });
            }
            Connection::Config(cluster) => {
                let process_memory = ProcessMemory::of(&cluster.url(), &*clock);
                (Box::new(move || connect::client(cluster)), process_memory)
            }
            Connection::Alone(leases) => {
                let process_memory = ProcessMemory::of(alone::PLACE, &*clock);
                (Box::new(move || Ok((leases.client(), Multiplexed::default()))), process_memory)
            }
        };
        let log_thread = LogThread::start().map_err(|source| ElectorError::Thread { cause: source })?;
        let log_flush = Some(log_thread.log_flush());
        let observer = ObserverPort::thread(observers).map_err(|source| ElectorError::Thread { cause: source })?;
        thread::start(build, host(server_time, process_memory, &observer), log_thread)?;
        let (metadata, reports, asker) = (Arc::default(), false, None);
        Ok(Elector {
            elections,
            identity,
            clock,
            heartbeat,
            metadata,
            observer,
            kube_events,
            reports,
            asker,
            death_reports: false,
            log_flush,
        })
    }

    /// Writes this into the Leases of later elections.
    pub(crate) fn describe(&mut self, metadata: LeaseMetadata) {
        self.metadata = Arc::new(metadata);
    }

    /// Reports later elections as Kubernetes Events, or not. An elector does not until it is told to.
    pub(crate) fn report(&mut self, reports: bool) {
        self.reports = reports;
    }

    /// Asks after the pods of the holders of later elections, or not. An elector does not until it is told to.
    pub(crate) fn ask_after_pods(&mut self, on: bool) {
        self.death_reports = on;
    }

    /// Asks after the holders of later elections. Its identity is announced in this directory.
    pub(crate) fn ask_after_holders(&mut self, state_dir: StateDir) {
        self.asker = Some(Asker::new(state_dir));
    }

    /// As if the program had closed the file of this process in the state directory.
    #[cfg(all(test, target_os = "linux", feature = "embedded"))]
    pub(crate) fn lose_lock(&self) {
        self.asker.as_ref().expect("a state directory").state_dir().lose();
    }

    /// Resolves when the Events up to now are written, and after a second in any case. Cancel safe.
    pub(crate) async fn events_written(&self) {
        self.kube_events.written().await;
    }

    /// Takes part in the election of `lease` from now on.
    #[cfg(test)]
    pub(crate) fn contend(&self, lease: LeaseId, timing: Timing) -> ElectionHandle {
        self.contend_with(lease, timing, None)
    }

    /// Takes part in the election of `lease` from now on, and leads traffic to this process while it leads.
    pub(crate) fn contend_with(&self, lease: LeaseId, timing: Timing, traffic: Option<TrafficPlan>) -> ElectionHandle {
        self.hand_in(lease, timing, |port| port.traffic_plan = traffic)
    }

    /// Follows the election of `lease` from now on, and never takes part.
    pub(crate) fn observe(&self, lease: LeaseId) -> ElectionHandle {
        self.hand_in(lease, Timing::default(), |port| port.observes = true)
    }

    fn hand_in(&self, lease: LeaseId, timing: Timing, set: impl FnOnce(&mut ElectionPort)) -> ElectionHandle {
        let (identity, clock) = (Arc::clone(&self.identity), Arc::clone(&self.clock));
        let (mut port, mut election) = ElectionPort::new(lease, timing, identity, clock, Arc::clone(&self.heartbeat));
        election.control.log_flush.clone_from(&self.log_flush);
        port.metadata = Arc::clone(&self.metadata);
        port.observer = self.observer.clone();
        set(&mut port);
        port.asker = self.asker.clone().filter(|_| !port.observes);
        port.death_reports = self.death_reports && !port.observes;
        if self.reports && !port.observes {
            let reporter = LeaseReporter::new(&self.kube_events, &port.lease, &port.identity, &port.clock);
            election.control.reporter.clone_from(&reporter);
            port.reporter = reporter;
        }
        // If the runtime of the elector is gone, the port is dropped here, and the handle says that the election has ended.
        let _ = self.elections.send(HandedIn::Election(Box::new(port)));
        election
    }

    /// Removes what an earlier process of the pod may have left of its term in this lease, which this process does not take part in yet.
    pub(crate) fn tidy_up(&self, lease: LeaseId, plan: TrafficPlan) {
        let _ = self.elections.send(HandedIn::TidiesUp(Box::new((lease, Arc::clone(&self.identity), plan))));
    }

    /// Where events are sent.
    pub(crate) fn observer(&self) -> &ObserverPort {
        &self.observer
    }

    /// Whether the loop that runs the elections is alive.
    pub(crate) fn health(&self) -> Health {
        self.heartbeat.health()
    }
}

#[cfg(all(test, feature = "embedded"))]
pub(crate) mod tests;
