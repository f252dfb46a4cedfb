//! A simulated cluster, as a test uses it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::moment::{PointInTime, ReplicaClock};
use super::replica::{Node, Process, Replica};
use super::timeline::{Recorder, Timeline};
use crate::admin::{AdminRequest, RequestTarget, TickAdminError};
use crate::clock::{Clock, Moment, TokioClock, WallTime};
use crate::elector::simulated::SimulatedLease;
use crate::lease::LeaseId;
use lease_protocol::election::StopReason;
use lease_protocol::ticks::TaskTicks;

/// Adds the tasks of a replica.
type Make = Box<dyn FnMut(&mut Replica) + Send>;

/// Some replicas of a program, one lease, and a clock that jumps. See the [module](super).
///
/// Replicas are named by their numbers, from zero. Time passes only while one of its async methods is awaited.
pub struct Cluster {
    pub(super) clock: TokioClock,
    pub(super) nodes: Vec<Node>,
    make: Option<Make>,
    pub(super) object: SimulatedLease,
    /// `leaseTransitions`; `None` before the first term.
    pub(super) transitions: Option<i32>,
    /// The holder in the Lease.
    pub(super) holder: Option<usize>,
    /// The replica that leads next.
    pub(super) turn: usize,
    /// When others take the lease of a holder that does not renew it.
    pub(super) lapses: Moment,
    pub(super) recorder: Recorder,
    pub(super) rng: fastrand::Rng,
    /// The time of the runtime was found to be paused.
    pub(super) frozen: bool,
}

impl Cluster {
    /// A cluster without replicas, at this moment.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or if the text is not a moment.
    #[track_caller]
    pub fn starting_at(at: impl PointInTime) -> Cluster {
        let clock = TokioClock::starting_at(at.timestamp().into());
        // The pauses before retries are random numbers of this thread.
        fastrand::seed(1);
        Cluster {
            clock,
            nodes: Vec::new(),
            make: None,
            object: SimulatedLease::default(),
            transitions: None,
            holder: None,
            turn: 0,
            lapses: Moment::ZERO,
            recorder: Recorder::new(clock),
            rng: fastrand::Rng::with_seed(1),
            frozen: false,
        }
    }

    /// Starts `count` replicas. `tasks` adds the tasks of a replica when it starts, and again when it is
    /// [restarted](Self::restart), as your program does with its candidate.
    ///
    /// # Panics
    ///
    /// If tasks are not valid, conflict with each other, belong to several leases, or are
    /// [not supported](super#what-is-not-supported); or if the cluster has replicas already.
    #[track_caller]
    pub fn replicas(&mut self, count: usize, tasks: impl FnMut(&mut Replica) + Send + 'static) {
        assert!(self.nodes.is_empty(), "this cluster has its replicas already: start all of them at once");
        self.make = Some(Box::new(tasks));
        for number in 0..count {
            let clock = ReplicaClock::new(self.clock);
            self.nodes.push(Node { number, clock, cut_off: false, process: None, starts: 0 });
            self.start(number);
        }
    }

    // ---- time

    /// Lets time pass until this moment. Events at exactly this moment are left to the next call.
    ///
    /// # Panics
    ///
    /// If the time of the runtime is not paused, or the text is not a moment.
    ///
    /// # Cancel safety
    ///
    /// Safe: the cluster stays at the moment that it has reached.
    pub async fn run_until(&mut self, at: impl PointInTime) {
        let (at, now) = (WallTime::from(at.timestamp()).0, self.clock.wall().0);
        // A test that lets no time pass would succeed for the wrong reason.
        assert!(at >= now, "{} is before the cluster's time, {}: time only goes on", WallTime(at), WallTime(now));
        self.run_for(Duration::from_micros(u64::try_from(at.saturating_sub(now)).unwrap_or(0))).await;
    }

    /// Lets so much time pass.
    ///
    /// # Panics
    ///
    /// If the runtime's time is not paused.
    ///
    /// # Cancel safety
    ///
    /// As [`run_until`](Self::run_until).
    pub async fn run_for(&mut self, time: Duration) {
        let until = self.clock.now() + time;
        self.drive(|cluster| cluster.clock.now() >= until, until).await;
    }

    /// The time in the cluster.
    pub fn now(&self) -> Timestamp {
        self.clock.wall().into()
    }

    // ---- replicas

    /// The replica that leads: it is up and holds the lease, and its bodies have not been asked to end.
    pub fn leader(&self) -> Option<usize> {
        let held = self.nodes.get(self.holder?)?.process.as_ref()?.held.as_ref()?;
        (!held.ending && !held.term.state().is_cancelled()).then_some(self.holder)?
    }

    /// Kills a replica: its bodies are dropped at once, without being asked to end. Its lease expires. Nothing happens if the
    /// replica is down.
    ///
    /// # Panics
    ///
    /// If there is no such replica.
    ///
    /// # Cancel safety
    ///
    /// Not safe: await it to its end.
    pub async fn crash(&mut self, replica: usize) {
        let now = self.clock.now();
        let Some(process) = self.node(replica).process.take() else { return };
        if let Some(held) = process.held.as_ref().filter(|_| self.lapses == Moment::FAR && self.holder == Some(replica))
        {
            self.lapses = held.last_renewal(&process.timing, now) + process.timing.lease_duration;
        }
        process.crash().await;
    }

    /// Restarts a replica as a new process with new tasks. If it leads again, it has a new term. If it is up, it crashes first.
    ///
    /// # Panics
    ///
    /// If there is no such replica, and as [`replicas`](Self::replicas).
    ///
    /// # Cancel safety
    ///
    /// Not safe: await it to its end.
    pub async fn restart(&mut self, replica: usize) {
        self.crash(replica).await;
        self.start(replica);
    }

    /// Shuts a replica down in order, as SIGTERM does, and lets time pass until it is down. Its bodies have their grace, and then
    /// it releases the lease.
    ///
    /// # Panics
    ///
    /// If there is no such replica, or the time of the runtime is not paused.
    ///
    /// # Cancel safety
    ///
    /// Safe: the shutdown continues with the next call that lets time pass.
    pub async fn shut_down(&mut self, replica: usize) {
        self.begin_shutdown(replica);
        self.drive(|cluster| cluster.nodes[replica].process.is_none(), Moment::FAR).await;
    }

    /// Cuts a replica off from the API server. It can take no tick any more. If it leads, its bodies are asked to end at the renew
    /// deadline, and another replica leads when the lease has expired.
    ///
    /// # Panics
    ///
    /// If there is no such replica.
    pub fn partition(&mut self, replica: usize) {
        let (now, holds) = (self.clock.now(), self.holder == Some(replica));
        let node = self.node(replica);
        if std::mem::replace(&mut node.cut_off, true) {
            return;
        }
        let Some(Process { held: Some(held), timing, .. }) = &mut node.process else { return };
        let renewed = held.last_renewal(timing, now);
        held.renew(timing, renewed);
        let lapses = renewed + timing.lease_duration;
        if holds {
            self.lapses = lapses;
        }
    }

    /// Ends a [partition](Self::partition).
    ///
    /// # Panics
    ///
    /// If there is no such replica.
    pub fn heal(&mut self, replica: usize) {
        let (now, holds, lapses) = (self.clock.now(), self.holder == Some(replica), self.lapses);
        let node = self.node(replica);
        if !std::mem::replace(&mut node.cut_off, false) {
            return;
        }
        let Some(Process { held: Some(held), timing, .. }) = &mut node.process else { return };
        if holds && now < lapses {
            // It renews again, also while its bodies end, and then releases the lease.
            if !held.ending {
                held.renew(timing, now);
            }
            held.renew_at = Some(now);
            self.lapses = Moment::FAR;
        }
    }

    /// Changes the calendar time of a replica by so much. Its monotonic clock does not change.
    ///
    /// # Panics
    ///
    /// If there is no such replica.
    pub fn skew(&mut self, replica: usize, by: SignedDuration) {
        self.node(replica).clock.skew(by);
    }

    // ---- the Lease

    /// The state of each scheduled task, as the Lease records it.
    pub fn ticks(&self) -> BTreeMap<String, TaskTicks> {
        TaskTicks::all(&self.object.annotations)
    }

    /// The annotations of the Lease.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.object.annotations
    }

    /// Sets an annotation of the Lease, or removes it, as `kubectl annotate` does. It is not checked.
    pub fn annotate(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => drop(self.object.annotations.insert(name.to_owned(), value.to_owned())),
            None => drop(self.object.annotations.remove(name)),
        }
        self.object.revision += 1;
    }

    /// [Pauses](crate::TickAdmin::pause) a task.
    ///
    /// # Errors
    ///
    /// If the name is not valid, or no replica and no record has it.
    pub fn pause(&mut self, task: &str, why: &str) -> Result<(), TickAdminError> {
        self.ask(task, AdminRequest::Pause { why })
    }

    /// [Resumes](crate::TickAdmin::resume) a task.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause).
    pub fn resume(&mut self, task: &str) -> Result<(), TickAdminError> {
        self.ask(task, AdminRequest::Resume)
    }

    /// [Triggers](crate::TickAdmin::trigger) a task.
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause); also if the id cannot be used, or another trigger of the task waits.
    pub fn trigger(&mut self, task: &str, id: &str) -> Result<(), TickAdminError> {
        self.ask(task, AdminRequest::Trigger { id })
    }

    /// Requests a [backfill](crate::TickAdmin::backfill).
    ///
    /// # Errors
    ///
    /// As [`pause`](Self::pause); also if it ends before it begins, or another backfill of the task is not over.
    pub fn backfill(&mut self, task: &str, stretch: RangeInclusive<Timestamp>) -> Result<(), TickAdminError> {
        let (from, to) = stretch.into_inner();
        self.ask(task, AdminRequest::Backfill { from, to })
    }

    // ---- what has happened

    /// The runs so far, including those that have not ended.
    pub fn timeline(&self) -> Timeline {
        self.recorder.timeline()
    }

    // ---- inside

    fn ask(&mut self, task: &str, request: AdminRequest<'_>) -> Result<(), TickAdminError> {
        request.check(task)?;
        let mut processes = self.nodes.iter().filter_map(|node| node.process.as_ref());
        let accept_unrecorded = processes.any(|process| process.live().iter().any(|entry| entry.has_part(task)));
        let lease = self.lease();
        let target = RequestTarget { lease: &lease, task, accept_unrecorded };
        if request.edit(target, &self.object.annotations)?.apply(&mut self.object.annotations) {
            self.object.revision += 1;
        }
        Ok(())
    }

    fn lease(&self) -> LeaseId {
        let process = self.nodes.iter().find_map(|node| node.process.as_ref());
        process.map_or_else(|| LeaseId::new("default", "simulated"), |process| process.lease.clone())
    }

    #[track_caller]
    fn node(&mut self, replica: usize) -> &mut Node {
        let count = self.nodes.len();
        self.nodes
            .get_mut(replica)
            .unwrap_or_else(|| panic!("there is no replica {replica}: there are {count}, from 0"))
    }

    /// Starts a new process of a replica that is down.
    #[track_caller]
    fn start(&mut self, number: usize) {
        let mut replica = Replica::new(number, self.recorder.clone());
        self.make.iter_mut().for_each(|make| make(&mut replica));
        let node = self.node(number);
        node.starts += 1;
        let identity: Arc<str> = format!("replica-{number}_{}", node.starts).into();
        let process = Process::start(replica, identity).unwrap_or_else(|error| panic!("{error}"));
        if let Some(process) = &process
            && let Some(other) = self.nodes.iter().find_map(|node| node.process.as_ref())
        {
            assert!(
                process.lease == other.lease && process.timing == other.timing,
                "replica {number} has tasks of lease `{}`, and others of lease `{}` or with other timings: a simulated cluster has one \
                 lease",
                process.lease,
                other.lease
            );
        }
        self.nodes[number].process = process;
    }

    #[track_caller]
    pub(super) fn begin_shutdown(&mut self, replica: usize) {
        let Some(process) = &mut self.node(replica).process else { return };
        process.shutting_down = true;
        if process.held.is_some() {
            process.cancel(StopReason::Shutdown);
        } else {
            self.nodes[replica].process.take().into_iter().for_each(Process::stop);
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("now", &self.now())
            .field("replicas", &self.nodes.len())
            .field("leader", &self.leader())
            .finish_non_exhaustive()
    }
}
