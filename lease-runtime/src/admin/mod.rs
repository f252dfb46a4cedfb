//! Operates scheduled tasks and the leadership through the Lease, without taking part in an election.

mod error;
mod leadership;
mod leadership_error;
mod objects;
mod request;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::Timestamp;
use kube::Client;
use kube::api::DynamicObject;

pub use error::TickAdminError;
pub use leadership::LeaseAdmin;
pub use leadership_error::LeaseAdminError;
pub(crate) use request::{AdminRequest, RequestTarget};

use self::objects::{LeaseObjects, ObjectChange};
use crate::lease::LeaseRef;
use lease_protocol::ticks::TaskTicks;

/// Pauses, triggers and shows scheduled tasks, on whichever replica they run. It does what `kubectl annotate lease` does, and
/// checks its arguments.
///
/// A request is an annotation of the Lease. The leader sees it through its watch and carries it out with its next renewal. If the
/// request asks for a run, it renews at once. If no replica leads at the moment, the next leader carries it out.
///
/// | request | annotation | removed by |
/// |---|---|---|
/// | [`pause`](Self::pause) | `pause.lease-runtime.dev/<task>`: the reason | [`resume`](Self::resume) |
/// | [`trigger`](Self::trigger) | `trigger.lease-runtime.dev/<task>`: an id | the write that takes the run |
/// | [`backfill`](Self::backfill) | `backfill.lease-runtime.dev/<task>`: `from/to` | the write that takes the last tick |
///
/// ```no_run
/// # use lease_runtime::{Candidate, TickAdmin};
/// # async fn f(client: kube::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let admin = TickAdmin::new(client, "jobs");
/// admin.pause("billing", "nightly-report", "the database is being moved").await?;
/// admin.resume("billing", "nightly-report").await?;
/// admin.trigger("billing", "nightly-report", "ticket-4711").await?;
/// let (from, to) = ("2026-11-01T00:00:00Z".parse()?, "2026-11-07T23:59:59Z".parse()?);
/// admin.backfill("billing", "nightly-report", from..=to).await?;
/// for (task, ticks) in admin.ticks("billing").await? {
///     println!("{task}: {:?}, next at {:?}", ticks.state(), ticks.next());
/// }
/// # Ok(()) }
/// ```
///
/// # A task that triggers another
///
/// Derive the id of the trigger from the tick, so that a second attempt does not start a second run:
///
/// ```
/// use lease_runtime::{LeaderTask, LeaseSpec, TickAdmin, TickAdminError};
///
/// fn extract(admin: TickAdmin) -> LeaderTask<Result<(), TickAdminError>> {
///     LeaderTask::scheduled("extract", LeaseSpec::new("billing"), move |_term, tick| {
///         let admin = admin.clone();
///         async move {
///             // .. extract, and then:
///             admin.trigger("billing", "load", &format!("after-{}", tick.nominal().as_second())).await
///         }
///     })
///     .cron("0 2 * * *")
/// }
/// // Runs when it is triggered, so its own schedule may be rare.
/// fn load() -> LeaderTask<()> {
///     LeaderTask::scheduled("load", LeaseSpec::new("billing"), |_term, _tick| async {}).cron("@yearly")
/// }
/// ```
///
/// Name the lease by its name in the namespace of the admin, as `namespace/name`, or by a [`LeaseId`](crate::LeaseId).
///
/// # Permissions
///
/// These operations need `get` and `update` on the Lease. The same permissions allow a program to take the leadership: grant them
/// to operators only. Each operation reads the object and replaces it as a whole, with the version that it read. So it never
/// overwrites what others write meanwhile, and never creates a Lease.
///
/// # Unknown tasks
///
/// A request for a task that no replica runs would wait forever. Most such names are misspelt, so a task without a record in the
/// Lease is [refused](TickAdminError::UnknownTask), unless [`allow_unrecorded`](Self::allow_unrecorded) is set. A record that an
/// earlier version of a program left behind looks like that of a task that runs.
///
/// # Cancel safety
///
/// If the future of an operation is dropped, a request that was already sent may still take effect. The same holds after an error
/// of the connection. It is safe to repeat an operation: it does nothing if it has taken effect before. Only a backfill that was
/// completed in between runs its ticks again.
#[derive(Clone)]
pub struct TickAdmin {
    objects: LeaseObjects,
    allow_unrecorded: bool,
}

impl TickAdmin {
    /// For the leases of `namespace`, by a client of the current tokio runtime. It takes all names as they are in the cluster.
    /// [`Candidate::admin`](crate::Candidate::admin) knows the [prefix](crate::Overrides::prefix) of the deployment.
    pub fn new(client: Client, namespace: impl Into<Arc<str>>) -> TickAdmin {
        TickAdmin { objects: LeaseObjects::new(client, namespace.into()), allow_unrecorded: false }
    }

    /// Adds this prefix to the names of leases.
    pub(crate) fn with_prefix(mut self, prefix: Option<&str>) -> TickAdmin {
        self.objects.prefix = prefix.map(Arc::from);
        self
    }

    /// Accepts tasks that have no record in the Lease: new tasks that no leader has seen yet, and tasks that run more often than
    /// every ten seconds, which are not recorded.
    #[must_use = "it is another admin that accepts them"]
    pub fn allow_unrecorded(mut self) -> TickAdmin {
        self.allow_unrecorded = true;
        self
    }

    /// Pauses a task until it is [resumed](Self::resume). Ticks that fall due meanwhile are counted as paused and never run. A run
    /// that has started continues, and a [trigger](Self::trigger) is carried out. `why` is for people. It replaces the reason of an
    /// earlier pause.
    ///
    /// # Errors
    ///
    /// As [`TickAdminError`] says.
    pub async fn pause(&self, lease: impl Into<LeaseRef>, task: &str, why: &str) -> Result<(), TickAdminError> {
        self.ask(lease, task, AdminRequest::Pause { why }).await
    }

    /// Resumes a task: ticks that fall due from now on run again. Nothing happens if the task is not paused.
    ///
    /// # Errors
    ///
    /// As [`TickAdminError`] says.
    pub async fn resume(&self, lease: impl Into<LeaseRef>, task: &str) -> Result<(), TickAdminError> {
        self.ask(lease, task, AdminRequest::Resume).await
    }

    /// Asks for one run of a task for each `id`. An id has at most 36 ASCII characters, without blanks, quotes and backslashes. The
    /// run starts at once, even if the task is paused, or after a run that it must not overlap. The schedule does not change.
    ///
    /// The Lease remembers only the last id that was carried out. A request with that id does nothing.
    ///
    /// # Errors
    ///
    /// As [`TickAdminError`] says. A trigger that waits is not overwritten: with
    /// [`TriggerWaiting`](TickAdminError::TriggerWaiting), ask again when it was carried out.
    pub async fn trigger(&self, lease: impl Into<LeaseRef>, task: &str, id: &str) -> Result<(), TickAdminError> {
        self.ask(lease, task, AdminRequest::Trigger { id }).await
    }

    /// Asks for all ticks in a period of the past, both ends included. The leader runs each of them once more, one after the other
    /// from the earliest, while no other run of the task is active. Ticks of the period that are still in the future are left to the
    /// schedule. Only tasks with `cron` or `every` have ticks in the past: a task with `delay` or `once` drops the request.
    ///
    /// # Errors
    ///
    /// As [`TickAdminError`] says. A backfill that waits or goes on is not overwritten:
    /// [`BackfillWaiting`](TickAdminError::BackfillWaiting) says what is left of it.
    pub async fn backfill(
        &self,
        lease: impl Into<LeaseRef>,
        task: &str,
        stretch: RangeInclusive<Timestamp>,
    ) -> Result<(), TickAdminError> {
        let (from, to) = stretch.into_inner();
        self.ask(lease, task, AdminRequest::Backfill { from, to }).await
    }

    /// The ticks of each task that has a record in the Lease.
    ///
    /// # Errors
    ///
    /// As [`TickAdminError`] says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it only reads.
    pub async fn ticks(&self, lease: impl Into<LeaseRef>) -> Result<BTreeMap<String, TaskTicks>, TickAdminError> {
        let lease = self.objects.lease(lease)?;
        let ticks = |object: &mut DynamicObject| {
            Ok(ObjectChange::Nothing(TaskTicks::all(&object.metadata.annotations.take().unwrap_or_default())))
        };
        self.objects.change(&lease, ticks).await
    }

    /// Computes a change of one annotation from all annotations.
    async fn ask(
        &self,
        lease: impl Into<LeaseRef>,
        task: &str,
        request: AdminRequest<'_>,
    ) -> Result<(), TickAdminError> {
        request.check(task)?;
        let lease = self.objects.lease(lease)?;
        let target = RequestTarget { lease: &lease, task, accept_unrecorded: self.allow_unrecorded };
        let edit = |object: &mut DynamicObject| {
            let annotations = object.metadata.annotations.get_or_insert_default();
            let differs = request.edit(target, annotations)?.apply(annotations);
            Ok(if differs { ObjectChange::Write(()) } else { ObjectChange::Nothing(()) })
        };
        self.objects.change(&lease, edit).await
    }
}

impl fmt::Debug for TickAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TickAdmin")
            .field("namespace", &self.objects.namespace)
            .field("allow_unrecorded", &self.allow_unrecorded)
            .finish_non_exhaustive()
    }
}
