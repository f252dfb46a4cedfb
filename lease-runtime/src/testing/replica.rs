//! One replica: a process with its tasks, its clock, and its state in the election.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::moment::ReplicaClock;
use super::timeline::Recorder;
use crate::candidate::LeaseTasks;
use crate::clock::{Clock, Moment};
use crate::elector::simulated::SimulatedElector;
use crate::error::Error;
use crate::lease::LeaseId;
use crate::spec::{Deployment, Overrides};
use crate::task::entry::Entry;
use crate::task::supervise::{Tellers, supervise};
use crate::task::watched::Watcher;
use crate::task::{IntoTask, TaskHandle};
use crate::term::{DrainToken, TaskMessage, Term};
use lease_protocol::election::{Deadlines, StopReason, Timing};

/// The namespace of leases that name none.
const NAMESPACE: &str = "default";

/// A replica that starts. A test gives it its tasks. See [`Cluster::replicas`](super::Cluster::replicas).
#[derive(Debug)]
pub struct Replica {
    number: usize,
    recorder: Recorder,
    cut: CancellationToken,
    entries: Vec<Arc<Entry>>,
}

impl Replica {
    pub(super) fn new(number: usize, recorder: Recorder) -> Replica {
        Replica { number, recorder, cut: CancellationToken::new(), entries: Vec::new() }
    }

    /// The number of the replica, from zero.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Adds a task or a group, as [`Candidate::add`](crate::Candidate::add) does.
    ///
    /// # Panics
    ///
    /// If the task is not valid, or needs something that is [not supported](super#what-is-not-supported).
    #[track_caller]
    pub fn add<K: IntoTask>(&mut self, task: K) -> TaskHandle<K::Output> {
        let (entry, handle) =
            Entry::new(task, &Deployment::new(NAMESPACE, Overrides::default()), self.cut.child_token());
        let entry = entry.unwrap_or_else(|error| panic!("{error}"));
        if !entry.is_warm() || !entry.conditions().is_empty() {
            panic!(
                "task `{}` has a `warm_up` or a `contend_when`, which a simulated cluster does not know: leave it out here, and test \
                 it with `embedded`",
                entry.name
            );
        }
        let (recorder, number) = (self.recorder.clone(), self.number);
        let watcher: Watcher = Arc::new(move |task, tick| recorder.begin(number, task, tick));
        entry.watch(&watcher);
        self.entries.push(Arc::new(entry));
        handle
    }
}

/// A replica of the cluster.
pub(super) struct Node {
    pub(super) number: usize,
    pub(super) clock: Arc<ReplicaClock>,
    /// It cannot reach the API server.
    pub(super) cut_off: bool,
    /// `None` if it is down.
    pub(super) process: Option<Process>,
    pub(super) starts: u32,
}

/// A process of a replica.
pub(super) struct Process {
    pub(super) lease: LeaseId,
    pub(super) timing: Timing,
    lease_tasks: Arc<LeaseTasks>,
    pub(super) elector: SimulatedElector,
    /// Its term, until nothing of the term is left.
    pub(super) held: Option<Held>,
    pub(super) shutting_down: bool,
    /// It has stepped down, and takes no part until this moment.
    pub(super) rests_until: Moment,
    /// Dropped with the process, so that its bodies end.
    _cut: CancellationToken,
}

/// A term of a process.
pub(super) struct Held {
    pub(super) term: Term,
    alive: Option<DrainToken>,
    supervisors: JoinSet<()>,
    exits: mpsc::UnboundedReceiver<Box<Error>>,
    _exits: mpsc::UnboundedSender<Box<Error>>,
    /// The last write, or the last renewal that was only counted.
    pub(super) renewed: Moment,
    /// When to renew, if there is a reason to.
    pub(super) renew_at: Option<Moment>,
    /// The next renewal may have something to write. Otherwise it is only counted.
    pub(super) tells: bool,
    /// The revision that it has seen or written.
    pub(super) seen: u64,
    /// Its bodies were asked to end.
    pub(super) ending: bool,
}

/// An event of a process.
pub(super) enum ProcessNews {
    TaskMessage(TaskMessage),
    /// A task wants the process to end.
    Exit(Error),
    /// A task's supervisor has ended.
    Ended,
    /// A body has given the lease up.
    Cancelled,
    /// Nothing of the term is left.
    Drained,
}

impl Process {
    /// # Errors
    ///
    /// If the tasks conflict with each other.
    pub(super) fn start(replica: Replica, identity: Arc<str>) -> Result<Option<Process>, Error> {
        let Replica { entries, cut, .. } = replica;
        let Some(first) = entries.first() else { return Ok(None) };
        let (lease, timing) = (first.lease.clone(), first.timing);
        if let Some(other) = entries.iter().find(|entry| entry.lease != lease) {
            panic!(
                "task `{}` is of lease `{}`, and `{}` of lease `{lease}`, but a simulated cluster has one lease: make another \
                 `Cluster` for it",
                other.name, other.lease, first.name
            );
        }
        let lease_tasks = LeaseTasks::new(&lease, None);
        entries.iter().try_for_each(|entry| lease_tasks.admit(entry))?;
        let elector = SimulatedElector::new(lease.clone(), identity);
        Ok(Some(Process {
            lease,
            timing,
            lease_tasks,
            elector,
            held: None,
            shutting_down: false,
            rests_until: Moment::ZERO,
            _cut: cut,
        }))
    }

    /// Its tasks that are not over.
    pub(super) fn live(&self) -> Vec<Arc<Entry>> {
        self.lease_tasks.live()
    }

    /// Starts the bodies of a term.
    pub(super) fn lead(&mut self, term: Term, alive: DrainToken, now: Moment) {
        let (exits, exits_in) = mpsc::unbounded_channel();
        let mut supervisors = JoinSet::new();
        for entry in self.live() {
            drop(supervisors.spawn(supervise(entry, term.clone(), alive.another(), exits.clone(), Tellers::default())));
        }
        self.held = Some(Held {
            term,
            alive: Some(alive),
            supervisors,
            exits: exits_in,
            _exits: exits,
            renewed: now,
            renew_at: None,
            tells: true,
            seen: 0,
            ending: false,
        });
    }

    /// Asks the bodies of its term to end.
    pub(super) fn cancel(&mut self, reason: StopReason) {
        if let Some(held) = &mut self.held {
            held.ending = true;
            self.elector.cancel(&held.term, reason);
            held.let_go();
        }
    }

    /// Plans the next renewal for the time at which it is due, if none is planned.
    pub(super) fn renew_later(&mut self, now: Moment) {
        if let Some(held) = &mut self.held {
            let next = held.last_renewal(&self.timing, now) + self.timing.renew_period();
            held.renew_at.get_or_insert(next);
        }
    }

    /// Something runs or is about to run, so the term has to be renewed.
    pub(super) fn is_busy(&self) -> bool {
        self.elector.is_running() || self.live().iter().any(|entry| entry.is_continuous())
    }

    /// The next event of the process. Cancel safe.
    pub(super) async fn news(&mut self) -> ProcessNews {
        let Process { elector, held: Some(held), .. } = self else { return std::future::pending().await };
        let term_state = held.term.state().clone();
        tokio::select! {
            biased;
            message = elector.next_message() => ProcessNews::TaskMessage(message),
            Some(why) = held.exits.recv() => ProcessNews::Exit(*why),
            Some(_) = held.supervisors.join_next() => ProcessNews::Ended,
            () = held.term.cancelled(), if !held.ending => ProcessNews::Cancelled,
            () = term_state.drained(), if held.alive.is_none() => ProcessNews::Drained,
        }
    }

    /// The process ends without notice: its bodies are dropped when this returns.
    pub(super) async fn crash(mut self) {
        if let Some(Held { term, alive, mut supervisors, .. }) = self.held.take() {
            term.state().expire();
            supervisors.shutdown().await;
            drop(alive);
            term.state().drained().await;
        }
    }

    /// The process has shut down in order.
    pub(super) fn stop(self) {
        for entry in self.live() {
            entry.finish(Err(entry.stopped()));
        }
    }
}

impl Held {
    /// When the last renewal was, as of `now`, if the process has renewed all the time.
    pub(super) fn last_renewal(&self, timing: &Timing, now: Moment) -> Moment {
        let (since, period) = (now.since(self.renewed), timing.renew_period());
        let periods = since.as_nanos() / period.as_nanos().max(1);
        self.renewed + period * u32::try_from(periods).unwrap_or(u32::MAX)
    }

    pub(super) fn deadlines(&self, timing: &Timing) -> Deadlines {
        Deadlines {
            cancel_at: self.renewed + timing.cancel_after(),
            drop_at: self.renewed + timing.drop_after(),
            hard_stop: self.renewed + timing.hard_stop(),
        }
    }

    /// A renewal that was sent now has succeeded.
    pub(super) fn renew(&mut self, timing: &Timing, now: Moment) {
        self.renewed = now;
        self.renew_at = None;
        self.term.state().extend(self.deadlines(timing));
    }

    /// No supervisor is left.
    pub(super) fn is_alone(&self) -> bool {
        self.supervisors.is_empty()
    }

    /// Drops the token of a term that ends, if no supervisor is left.
    pub(super) fn let_go(&mut self) {
        if self.ending && self.is_alone() {
            self.alive = None;
        }
    }
}

impl Node {
    /// The moment at which the wall clock of the replica shows this time.
    pub(super) fn moment(&self, at: crate::clock::WallTime) -> Moment {
        let after = at.0.saturating_sub(self.clock.wall().0);
        self.clock.now() + std::time::Duration::from_micros(u64::try_from(after).unwrap_or(0))
    }
}
