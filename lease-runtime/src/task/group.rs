//! Groups: several tasks as one task.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::member::{GroupOrder, Member, MemberWork};
use super::name::check_task_name;
use super::overridden;
use super::plan::{IntoTask, Plan, sealed::IntoPlan};
use super::policy::Policy;
use super::resolve::Scheduling;
use crate::error::Error;
use crate::spec::{Deployment, TrafficError};

/// Several tasks under one lease, as one task with its own name. It starts and stops them in an order.
///
/// | | each starts | each is asked to end |
/// |---|---|---|
/// | [`concurrent`](Self::concurrent) | when the term begins | with the term |
/// | [`sequence`](Self::sequence) | when the one before is done | with the term |
/// | [`stack`](Self::stack) | when the one before is up | when those after it are gone |
///
/// ```
/// # use lease_runtime::{LeaderTask, LeaseSpec, TaskGroup, Term};
/// # const LEDGER: LeaseSpec = LeaseSpec::new("ledger");
/// # fn task(name: &'static str) -> LeaderTask<()> { LeaderTask::new(name, LEDGER, |term: Term| async move { term.cancelled().await }) }
/// # let (migrate, connect, consume, report) = (task("migrate"), task("connect"), task("consume"), task("report"));
/// // First the migration. Then a connection, and on top of it two that need it: they end before it does.
/// let group = TaskGroup::sequence("startup").with(migrate).with(
///     TaskGroup::stack("work")
///         .with(connect)
///         .with(TaskGroup::concurrent("users").with(consume).with(report)),
/// );
/// ```
///
/// A group is a value, like a [`LeaderTask`](crate::LeaderTask): add it to a [`Candidate`](crate::Candidate), await it, spawn it,
/// keep it in a `Vec`, put it into another group. Its members keep their own settings, such as restarts and grace. All have the
/// same lease with the same timings, which are those of the group.
///
/// # When it is done
///
/// A group is done when all its members are done. A member can fail for good ([`Restart::Never`](crate::Restart::Never),
/// [`OnExhausted::Stop`](crate::OnExhausted::Stop)). Then the later steps of a sequence do not run, the other members of a stack
/// are asked to end, and concurrent members continue. After that the group is over and returns the error of that member.
///
/// A step that always runs again ([`Restart::Always`](crate::Restart::Always)) is never done, so no other step follows it. If the
/// term ends before the group is done, the group starts from its beginning in the next term. If the candidate shuts down first, a
/// handle of the group returns [`Error::Stopped`].
///
/// # The order of a stack
///
/// The next task of a stack starts when the one below it is up. A task is up when its body reaches its first `.await` that waits,
/// or when it is done. If that is too early, as in the middle of a handshake, let the body say when:
/// [`LeaderTask::signals_readiness`](crate::LeaderTask::signals_readiness). A sequence or stack is up when its last member is up,
/// a concurrent group when all its members are.
///
/// The uppermost body is asked to end first. Each other body is asked when all above it are gone, and its grace counts from then.
/// On a shutdown the lease is renewed meanwhile. If the lease is lost, all bodies have the same deadline. Lower bodies may then be
/// dropped without having been asked.
///
/// A member that fails runs again by its own settings, while those above it continue. Once the bodies are asked to end, no body
/// starts any more.
#[must_use = "a group does nothing until it is added to a candidate, awaited or spawned"]
pub struct TaskGroup {
    name: String,
    order: GroupOrder,
    lease: Option<String>,
    namespace: Option<String>,
    warm_up: Vec<BoxFuture<'static, ()>>,
    conditions: Vec<watch::Receiver<bool>>,
    parts: Vec<Box<dyn Part>>,
    pub(super) policy: Policy,
    pub(super) scheduling: Scheduling,
}

impl TaskGroup {
    /// A group whose members run side by side.
    pub fn concurrent(name: impl Into<String>) -> TaskGroup {
        TaskGroup::in_order(name, GroupOrder::Concurrent)
    }

    /// A group whose members run one after the other.
    pub fn sequence(name: impl Into<String>) -> TaskGroup {
        TaskGroup::in_order(name, GroupOrder::Sequence)
    }

    /// A group whose members each need the one before: it starts first and ends last.
    pub fn stack(name: impl Into<String>) -> TaskGroup {
        TaskGroup::in_order(name, GroupOrder::Stack)
    }

    fn in_order(name: impl Into<String>, order: GroupOrder) -> TaskGroup {
        TaskGroup {
            name: name.into(),
            order,
            lease: None,
            namespace: None,
            warm_up: Vec::new(),
            conditions: Vec::new(),
            parts: Vec::new(),
            policy: Policy::default(),
            scheduling: Scheduling { scheduled: true, ..Scheduling::default() },
        }
    }

    /// Appends a member: a task, or another group.
    pub fn with<K: IntoTask>(mut self, task: K) -> TaskGroup {
        self.parts.push(Box::new(task));
        self
    }

    /// Appends members.
    pub fn with_all<K: IntoTask>(self, tasks: impl IntoIterator<Item = K>) -> TaskGroup {
        tasks.into_iter().fold(self, TaskGroup::with)
    }

    /// Runs all members under this lease instead of their own.
    pub fn lease(mut self, lease: impl Into<String>) -> TaskGroup {
        self.lease = Some(lease.into());
        self
    }

    /// Keeps the lease in this namespace instead of the members' own or the candidate's.
    pub fn namespace(mut self, namespace: impl Into<String>) -> TaskGroup {
        self.namespace = Some(namespace.into());
        self
    }

    /// As [`LeaderTask::warm_up`](crate::LeaderTask::warm_up), for all members.
    pub fn warm_up(mut self, warm_up: impl Future<Output = ()> + Send + 'static) -> TaskGroup {
        self.warm_up.push(Box::pin(warm_up));
        self
    }

    /// As [`LeaderTask::contend_when`](crate::LeaderTask::contend_when), for all members.
    pub fn contend_when(mut self, condition: watch::Receiver<bool>) -> TaskGroup {
        self.conditions.push(condition);
        self
    }
}

/// A member of a group, whose output is not used.
trait Part: Send {
    fn move_to(&mut self, lease: Option<&str>, namespace: Option<&str>);

    fn plan(self: Box<Self>, deployment: &Deployment) -> Result<Plan<()>, Error>;
}

impl<K: IntoTask> Part for K {
    fn move_to(&mut self, lease: Option<&str>, namespace: Option<&str>) {
        IntoPlan::move_to(self, lease, namespace);
    }

    fn plan(self: Box<Self>, deployment: &Deployment) -> Result<Plan<()>, Error> {
        let plan = (*self).into_plan(deployment)?;
        let Plan { lease, timing, takeover_delay, traffic, member, warm_up, conditions, wants_tick, .. } = plan;
        let (done, output) = (None, nothing());
        Ok(Plan { lease, timing, takeover_delay, traffic, member, warm_up, conditions, wants_tick, done, output })
    }
}

/// The output of a group.
fn nothing() -> Arc<Mutex<Option<()>>> {
    Arc::new(Mutex::new(Some(())))
}

impl IntoTask for TaskGroup {
    type Output = ();
}

impl IntoPlan<()> for TaskGroup {
    fn title(&self) -> &str {
        &self.name
    }

    fn move_to(&mut self, lease: Option<&str>, namespace: Option<&str>) {
        self.lease = lease.map(str::to_owned).or(self.lease.take());
        self.namespace = namespace.map(str::to_owned).or(self.namespace.take());
    }

    fn into_plan(self, deployment: &Deployment) -> Result<Plan<()>, Error> {
        let TaskGroup { name, order, lease, namespace: own, mut warm_up, mut conditions, parts, policy, scheduling } =
            self;
        check_task_name(&name)?;
        let mut members = Vec::<Member>::new();
        let (mut common, mut wants_tick, mut takeover_delay) = (None, false, Duration::ZERO);
        for mut part in parts {
            part.move_to(lease.as_deref(), own.as_deref());
            let plan = part.plan(deployment)?;
            let (lease, timing, traffic) =
                common.get_or_insert_with(|| (plan.lease.clone(), plan.timing, plan.traffic.clone()));
            // If the lease or the timings differ, there is a member before this one.
            let first = members.first().map(|member| member.name.to_string()).unwrap_or_default();
            let task = plan.member.name.to_string();
            if plan.lease != *lease {
                let (lease, other_lease) = (Box::new(plan.lease), Box::new(lease.clone()));
                return Err(Error::LeasesDiffer { group: name, task, lease, other: first, other_lease });
            }
            if plan.timing != *timing {
                return Err(Error::TimingsDiffer {
                    lease: plan.lease,
                    task,
                    timing: Box::new(plan.timing),
                    other: first,
                    other_timing: Box::new(*timing),
                });
            }
            if plan.traffic != *traffic {
                let (traffic, other_traffic) = (plan.traffic.to_string(), traffic.to_string());
                return Err(TrafficError::Differs {
                    lease: Box::new(plan.lease),
                    task,
                    traffic,
                    other: first,
                    other_traffic,
                }
                .into());
            }
            wants_tick |= plan.wants_tick;
            takeover_delay = takeover_delay.max(plan.takeover_delay);
            warm_up.extend(plan.warm_up);
            conditions.extend(plan.conditions);
            members.push(plan.member);
        }
        let Some((lease, timing, traffic)) = common else { return Err(Error::EmptyGroup { group: name }) };
        policy.check(&name)?;
        let ticking = overridden::ticking(&scheduling, &name, &policy, (&lease, &timing), deployment)?;
        let (scheduled, once) = (ticking.is_some(), scheduling.once);
        let member = Member { name: name.into(), policy, ticking, work: MemberWork::Group(order, members) };
        if scheduled && member.all().iter().skip(1).any(|member| member.ticking.is_some()) {
            let rule =
                "a group that has a schedule runs its members for its own ticks: remove the schedules of its members";
            return Err(Error::Policy { task: member.name.to_string(), rule });
        }
        let mut names: Vec<_> = member.all().iter().map(|member| member.name.clone()).collect();
        names.sort();
        if let Some(twice) = names.windows(2).find(|names| names[0] == names[1]) {
            return Err(Error::DuplicateTask { task: twice[0].to_string(), lease });
        }
        let done = once.then(|| Box::new(|| ()) as Box<dyn Fn() + Send + Sync>);
        let wants_tick = wants_tick && !scheduled;
        let output = nothing();
        Ok(Plan { lease, timing, takeover_delay, traffic, member, warm_up, conditions, wants_tick, done, output })
    }
}

impl fmt::Debug for TaskGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("name", &self.name)
            .field("order", &self.order)
            .field("members", &self.parts.len())
            .finish_non_exhaustive()
    }
}
