//! Runs elections against a real API server: requests, watches and timers.

mod alone;
mod annotation_backoff;
mod causes;
mod classify;
mod connect;
mod driver;
mod error;
#[cfg(test)]
mod fuzz;
mod handle;
mod health;
mod inflight;
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
mod task_comparison;
mod text;
mod thread;
#[cfg(feature = "http2")]
mod transport;
mod watch;
mod wire;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::mpsc;

pub(crate) use classify::{RequestFailure, beside_election};
pub(crate) use connect::Connection;
pub use error::ElectorError;
pub(crate) use handle::{ElectionControl, ElectionHandle};
pub use handle::{LeaseStatus, Standing};
pub use health::Health;
pub use rbac::Denial;
pub(crate) use rbac::{LEASES, RoleText, Subject, VERBS};
pub(crate) use recent_states::{Labels, LeaseMetadata};
pub(crate) use task_comparison::AnnouncedTasks;
pub(crate) use watch::MOST_BY_NAME;

use handle::ElectionPort;
use health::Heartbeat;
use log_thread::{LogFlush, LogThread};
use multiplexed::Multiplexed;
use process_memory::ProcessMemory;
use server_time::ServerTime;
use thread::{BuildClient, Host};

use crate::clock::Clock;
use crate::lease::LeaseId;
use crate::observer::{ObserverPort, Observers};
use crate::term::watchdog;
use lease_protocol::election::Timing;

/// Runs all elections of a candidate. A cheap handle: the elections go on until every [`ElectionHandle`] has been dropped and
/// every election has been left.
#[derive(Clone)]
pub(crate) struct Elector {
    elections: mpsc::UnboundedSender<ElectionPort>,
    identity: Arc<str>,
    clock: Arc<dyn Clock>,
    heartbeat: Arc<Heartbeat>,
    metadata: Arc<LeaseMetadata>,
    observer: ObserverPort,
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
        let (elections, ports) = mpsc::unbounded_channel();
        let host = |server_time, process_memory, observer: &ObserverPort| Host {
            ports,
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
                let metadata = Arc::default();
                return Ok(Elector { elections, identity, clock, heartbeat, metadata, observer, log_flush: None });
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
        Ok(Elector { elections, identity, clock, heartbeat, metadata: Arc::default(), observer, log_flush })
    }

    /// Writes this into the Leases of later elections.
    pub(crate) fn describe(&mut self, metadata: LeaseMetadata) {
        self.metadata = Arc::new(metadata);
    }

    /// Takes part in the election of `lease` from now on.
    pub(crate) fn contend(&self, lease: LeaseId, timing: Timing) -> ElectionHandle {
        self.hand_in(lease, timing, false)
    }

    /// Follows the election of `lease` from now on, and never takes part.
    pub(crate) fn observe(&self, lease: LeaseId) -> ElectionHandle {
        self.hand_in(lease, Timing::default(), true)
    }

    fn hand_in(&self, lease: LeaseId, timing: Timing, observes: bool) -> ElectionHandle {
        let (identity, clock) = (Arc::clone(&self.identity), Arc::clone(&self.clock));
        let (mut port, mut election) = ElectionPort::new(lease, timing, identity, clock, Arc::clone(&self.heartbeat));
        election.control.log_flush.clone_from(&self.log_flush);
        port.metadata = Arc::clone(&self.metadata);
        port.observer = self.observer.clone();
        port.observes = observes;
        // If the runtime of the elector is gone, the port is dropped here, and the handle says that the election has ended.
        let _ = self.elections.send(port);
        election
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
