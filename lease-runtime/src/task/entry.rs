//! A task in a candidate, without the types of its body and output.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::TaskOutput;
use super::handle::TaskHandle;
use super::inside::{AwaitedTask, TaskPlacement};
use super::lock::lock;
use super::member::{Member, MemberWork};
use super::plan::{IntoTask, Plan, sealed::IntoPlan};
use crate::elector::LeaseStatus;
use crate::error::Error;
use crate::lease::LeaseId;
use crate::policy::OnLoss;
use crate::spec::{Deployment, Traffic};
use crate::term::polled::{PolledBody, WaitWithin};
use lease_protocol::election::Timing;
use lease_protocol::ticks::TaskTicks;

type Finish = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// A task in a candidate, without the types of its body and output.
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) lease: LeaseId,
    pub(crate) timing: Timing,
    pub(crate) takeover_delay: Duration,
    pub(crate) traffic: Traffic,
    pub(super) member: Member,
    /// The runtime of its bodies; unknown until the candidate runs.
    runtime: Mutex<Option<Handle>>,
    finish: Mutex<Option<Finish>>,
    over: AtomicBool,
    /// Cancelled when the task is given up: its body is dropped at once.
    stop: CancellationToken,
    warm_up: Mutex<Vec<BoxFuture<'static, ()>>>,
    warm: CancellationToken,
    conditions: Vec<watch::Receiver<bool>>,
    done: Option<Box<dyn Fn() + Send + Sync>>,
    /// The task of its own lease that its warm-up waits for, and whether that task is done.
    waits_within: Arc<WaitWithin>,
}

impl Entry {
    /// Checks the task and erases its types. If the task is not valid, its handle returns the error too.
    pub(crate) fn new<K: IntoTask>(
        task: K,
        deployment: &Deployment,
        stop: CancellationToken,
    ) -> (Result<Entry, Error>, TaskHandle<K::Output>) {
        let name: Arc<str> = task.title().into();
        let (outcome, receiver) = oneshot::channel();
        let completed = CancellationToken::new();
        let handle = TaskHandle::new(name.clone(), receiver, completed.clone());
        let plan = match IntoPlan::into_plan(task, deployment) {
            Ok(plan) => plan,
            Err(error) => {
                let _ = outcome.send(Err(error.clone()));
                return (Err(error), handle);
            }
        };
        let Plan { lease, timing, takeover_delay, traffic, member, warm_up, conditions, wants_tick, done, output } =
            plan;
        if wants_tick {
            let error = Error::NoSchedule { task: name.to_string() };
            let _ = outcome.send(Err(error.clone()));
            return (Err(error), handle);
        }
        let finish: Finish = Box::new({
            let stopped = Error::Stopped { task: name.to_string(), lease: lease.clone() };
            move |end| {
                let output = lock(&output).take();
                let end = end.and_then(|()| output.ok_or(stopped));
                // A body that failed for good was not done, even if it returned a value.
                if end.as_ref().is_ok_and(|output| output.failure().is_none()) {
                    completed.cancel();
                }
                let _ = outcome.send(end);
            }
        });
        let warm = CancellationToken::new();
        if warm_up.is_empty() {
            warm.cancel();
        }
        let entry = Entry {
            name,
            lease,
            timing,
            takeover_delay,
            traffic,
            member,
            runtime: Mutex::new(None),
            finish: Mutex::new(Some(finish)),
            over: AtomicBool::new(false),
            stop,
            warm_up: Mutex::new(warm_up),
            warm,
            conditions,
            done,
            waits_within: Arc::default(),
        };
        (Ok(entry), handle)
    }

    /// The task is over: sends the result to its handle. Only the first result counts.
    pub(crate) fn finish(&self, end: Result<(), Error>) {
        self.over.store(true, Ordering::Release);
        let Some(finish) = lock(&self.finish).take() else { return };
        let bodies = self.member.all().into_iter().filter_map(|member| match &member.work {
            MemberWork::Body(body) => body.retire(),
            MemberWork::Group(..) => None,
        });
        let bodies: Vec<_> = bodies.collect();
        let warm_up = std::mem::take(&mut *lock(&self.warm_up));
        // The captures of the closures, and an output that is not read, are dropped here. Dropping them runs user code.
        for drop_one in [
            Box::new(move || finish(end)) as Box<dyn FnOnce()>,
            Box::new(move || drop(bodies)),
            Box::new(move || drop(warm_up)),
        ] {
            if catch_unwind(AssertUnwindSafe(drop_one)).is_err() {
                tracing::error!(
                    target: "lease_runtime",
                    lease = %self.lease.name,
                    namespace = %self.lease.namespace,
                    task = %self.name,
                    "a value of a finished task panicked while being dropped"
                );
            }
        }
    }

    /// For a task that runs once: ends it if the Lease says that a replica has done it.
    pub(crate) fn finish_if_done(&self, ticks: &BTreeMap<String, TaskTicks>) {
        if self.done.is_some() && !self.is_over() && ticks.get(&*self.name).is_some_and(TaskTicks::is_done) {
            self.finish_done();
        }
    }

    /// The task is done, here or by another replica.
    pub(crate) fn finish_done(&self) {
        self.done.iter().for_each(|done| done());
        self.finish(Ok(()));
    }

    /// The names of its bodies.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = Arc<str>> {
        let bodies = self.member.all().into_iter().filter(|member| matches!(member.work, MemberWork::Body(_)));
        bodies.map(|member| member.name.clone())
    }

    /// How many scheduled tasks it contains.
    pub(crate) fn scheduled(&self) -> usize {
        self.member.all().into_iter().filter(|member| member.ticking.is_some()).count()
    }

    /// How long its bodies may take to end after they are asked to.
    pub(crate) fn longest_end(&self) -> Duration {
        self.member.longest_end()
    }

    /// What ran the task was dropped.
    pub(crate) fn lose(&self) {
        self.finish(Err(Error::CandidateGone { task: self.name.to_string() }));
    }

    pub(crate) fn stopped(&self) -> Error {
        Error::Stopped { task: self.name.to_string(), lease: self.lease.clone() }
    }

    /// Whether nothing of it runs any more.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire) || self.stop.is_cancelled()
    }

    /// Ends it without grace.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(crate) fn stop_token(&self) -> &CancellationToken {
        &self.stop
    }

    /// The name of a part that both have. A name must be unique among the tasks of a lease.
    pub(crate) fn shared_name(&self, other: &Entry) -> Option<&Arc<str>> {
        let others = other.member.all();
        let mut names = self.member.all().into_iter().map(|member| &member.name);
        names.find(|name| others.iter().any(|other| other.name == **name))
    }

    pub(crate) fn exits_on_loss(&self) -> bool {
        self.member.all().into_iter().any(|member| member.policy.on_loss == OnLoss::Exit)
    }

    /// The conditions under which this process takes part in the election.
    pub(crate) fn conditions(&self) -> &[watch::Receiver<bool>] {
        &self.conditions
    }

    /// The warm-up, to be polled by the caller; `None` if it has begun already.
    pub(crate) fn begin_warm_up(self: &Arc<Self>) -> Option<impl Future<Output = ()> + Send + use<>> {
        let warm_up = std::mem::take(&mut *lock(&self.warm_up));
        let entry = self.clone();
        (!warm_up.is_empty()).then_some(async move {
            join_all(warm_up).await;
            entry.warm.cancel();
        })
    }

    pub(crate) fn is_warm(&self) -> bool {
        self.warm.is_cancelled()
    }

    /// Identifies the warm-up while it is polled, for a candidate with this identity.
    pub(crate) fn warm_up_place(&self, identity: &Arc<str>) -> Arc<PolledBody> {
        let waits = Arc::downgrade(&self.waits_within);
        PolledBody::warm_up(self.lease.clone(), identity.clone(), self.name.clone(), waits)
    }

    /// Tells those who wait for the task where it was added.
    pub(crate) fn put(&self, target: &AwaitedTask, identity: &Arc<str>, status: watch::Receiver<LeaseStatus>) {
        target.put(TaskPlacement {
            lease: self.lease.clone(),
            identity: identity.clone(),
            task: self.name.clone(),
            bodies: self.bodies().collect(),
            status,
        });
    }

    /// The task of its own lease that its warm-up waits for, and whether that task is done.
    pub(crate) fn waits_within(&self) -> Option<(&Arc<str>, bool)> {
        self.waits_within.awaited()
    }

    /// Sets the runtime of its bodies, unless it is set.
    pub(crate) fn run_on(&self, runtime: &Handle) {
        lock(&self.runtime).get_or_insert_with(|| runtime.clone());
    }

    pub(crate) fn runtime(&self) -> Option<Handle> {
        lock(&self.runtime).clone()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.lose();
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("member", &self.member).field("lease", &self.lease).finish_non_exhaustive()
    }
}
