//! The thread that runs elections.
//!
//! In production this is an OS thread of its own. A task of the process can block its runtime for long, and the leases are still
//! renewed.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use kube::Client;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use super::death_reports::PodAsker;
use super::driver::ElectionDriver;
use super::error::ElectorError;
use super::handle::{Command, ElectionPort, Standing};
use super::health::{BEAT, Heartbeat, HeartbeatGuard};
use super::inflight::InFlight;
use super::kube_events::{EventWriter, KubeEvents};
use super::log_thread::LogThread;
use super::multiplexed::Multiplexed;
use super::process_memory::ProcessMemory;
use super::server_time::ServerTime;
use super::traffic::{TrafficKeepers, TrafficPlan};
use super::watch::SharedWatch;
use crate::lease::LeaseId;
use crate::observer::{LeaseEvent, ObserverPort};

/// Builds the client of the thread, and says whether its connections are checked.
pub(super) type BuildClient = Box<dyn FnOnce() -> Result<(Client, Multiplexed), ElectorError> + Send>;

/// Starts the thread. Returns when its client is built, or when that has failed.
pub(super) fn start(build: BuildClient, host: Host, log_thread: LogThread) -> Result<(), ElectorError> {
    let (ready, built) = std::sync::mpsc::sync_channel(1);
    let body = move || {
        log_thread.log_for_this_thread();
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(source) => {
                let _ = ready.send(Err(ElectorError::Thread { cause: source }));
                return;
            }
        };
        runtime.block_on(async move {
            // On this runtime, because the worker of a client lives where the client was built.
            match build() {
                Ok((client, multiplexed)) => {
                    let _ = ready.send(Ok(()));
                    host.run(client, multiplexed).await;
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        });
    };
    std::thread::Builder::new()
        .name("lease-elector".to_owned())
        .spawn(body)
        .map_err(|source| ElectorError::Thread { cause: source })?;
    let lost = || ElectorError::Ended { reason: "its thread ended while it was being set up".to_owned() };
    built.recv().unwrap_or_else(|_| Err(lost()))
}

/// What is handed in to an elector. Boxed, because a channel reserves room for many.
pub(super) enum HandedIn {
    /// An election, to take part in it or to follow it.
    Election(Box<ElectionPort>),
    /// What an earlier process of the pod may have left of its term in this lease is to be removed. An election does so by itself.
    TidiesUp(Box<(LeaseId, Arc<str>, TrafficPlan)>),
}

/// What the elections of an elector share.
pub(super) struct Host {
    pub(super) handed_in: mpsc::UnboundedReceiver<HandedIn>,
    pub(super) heartbeat: Arc<Heartbeat>,
    pub(super) server_time: Arc<ServerTime>,
    pub(super) process_memory: ProcessMemory,
    pub(super) observer: ObserverPort,
    pub(super) kube_events: KubeEvents,
    pub(super) event_writer: EventWriter,
}

impl Host {
    /// Runs elections until no other can be handed in and all have been left.
    pub(super) async fn run(mut self, client: Client, multiplexed: Multiplexed) {
        let beating = HeartbeatGuard(Arc::clone(&self.heartbeat));
        // With a client whose answers nobody counts: what becomes of an Event says nothing to an election.
        drop(tokio::spawn(self.event_writer.run(client.clone())));
        let client = self.server_time.listen(client);
        let mut elections = JoinSet::new();
        let mut turns: BTreeMap<LeaseId, ElectionTurn> = BTreeMap::new();
        let in_flight = Arc::new(InFlight::new(multiplexed));
        let mut shared: BTreeMap<Arc<str>, Arc<SharedWatch>> = BTreeMap::new();
        let pods = PodAsker::new(client.clone(), Arc::clone(&in_flight));
        let mut traffic = TrafficKeepers::new(client.clone(), Arc::clone(&in_flight));
        let mut open = true;
        let mut beat = self.heartbeat.clock.now() + BEAT;
        while open || !elections.is_empty() {
            tokio::select! {
                biased;
                handed_in = self.handed_in.recv(), if open => match handed_in {
                    Some(HandedIn::Election(mut port)) => {
                        // Entries of leases and namespaces without an election are removed when the next election comes.
                        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
                        shared.retain(|_, shared| Arc::strong_count(shared) > 1);
                        let turn = Arc::clone(turns.entry(port.lease.clone()).or_default());
                        let shared = shared.entry(Arc::clone(&port.lease.namespace)).or_insert_with(|| {
                            let (identity, clock) = (Arc::clone(&port.identity), Arc::clone(&port.clock));
                            SharedWatch::new(client.clone(), &port.lease.namespace, identity, clock)
                        });
                        if let Some(plan) = port.traffic_plan.take() {
                            let _ = port.traffic.set(traffic.join(&port.lease, &port.identity, plan));
                        }
                        port.pods = port.death_reports.then(|| pods.clone());
                        let (in_flight, shared) = (Arc::clone(&in_flight), Arc::clone(shared));
                        let (client, server_time, process_memory) =
                            (client.clone(), Arc::clone(&self.server_time), self.process_memory.clone());
                        let drive =
                            move |port| ElectionDriver::new(port, client, in_flight, shared, server_time, process_memory);
                        if port.observes {
                            // It never holds the lease, so the election of a task may run beside it.
                            drop(elections.spawn(async move { one(Box::new(drive(*port))).await }));
                        } else {
                            drop(elections.spawn(in_turn(turn, port, drive)));
                        }
                    }
                    Some(HandedIn::TidiesUp(of)) => {
                        let (lease, identity, plan) = *of;
                        // A new keeper begins with the removal, and is kept until that is done.
                        drop(traffic.join(&lease, &identity, plan));
                    }
                    None => open = false,
                },
                // A panic of an election is caught in `one`, where its term can still be ended.
                Some(_) = elections.join_next(), if !elections.is_empty() => {}
                () = tokio::time::sleep(beat.after(self.heartbeat.clock.now())) => {}
            }
            let now = self.heartbeat.clock.now();
            self.heartbeat.beat(now);
            if now >= beat {
                self.observer.tell(|| LeaseEvent::ElectorTurned { lag: now.since(beat) });
                beat = now + BEAT;
            }
        }
        drop(beating);
        // The runtime may end with this function, and the last requests with it.
        tokio::join!(traffic.finish(), self.kube_events.written());
    }
}

/// The running election of a lease holds this lock.
type ElectionTurn = Arc<Mutex<()>>;

/// Runs an election when the one before it, of the same lease in this process, has ended, which it does when its bodies are
/// gone (rule H6). The two have the same identity. Without this, the second would take the lease for its own, and begin a term
/// beside the bodies of the first.
async fn in_turn(turn: ElectionTurn, mut port: Box<ElectionPort>, drive: impl FnOnce(ElectionPort) -> ElectionDriver) {
    let mut wanted = true;
    let _turn = loop {
        let command = tokio::select! {
            biased;
            command = port.commands.recv() => command,
            mine = turn.lock(), if wanted => break mine,
        };
        // Until its turn comes, this election holds nothing, so a withdrawal is complete at once.
        let number = match command.map(|command| *command) {
            Some(Command::Withdraw { number, .. }) => {
                (wanted, port.status.standing) = (false, Standing::Out);
                number
            }
            Some(Command::Contend { number }) => {
                (wanted, port.status.standing) = (true, Standing::Follower);
                number
            }
            None => {
                port.status.standing = Standing::Out;
                return;
            }
        };
        port.publish();
        port.left(number);
    };
    // Boxed, as is everything large that lives as long as an election: a future has room for each place that a value moves to.
    one(Box::new(drive(*port))).await;
}

/// Runs one election to its end. A panic in it would be a bug of this crate. It ends the term of this lease, and the other
/// elections go on.
async fn one(mut drive: Box<ElectionDriver>) {
    if let Err(panic) = AssertUnwindSafe(drive.run()).catch_unwind().await {
        let reason = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(words), _) => (*words).to_owned(),
            (None, Some(words)) => words.clone(),
            (None, None) => "no message".to_owned(),
        };
        drive.abort_after_panic(format!("it panicked: {reason}")).await;
    }
}
