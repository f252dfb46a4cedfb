//! Operates scheduled tasks through their Lease, without taking part in an election.

mod error;
mod request;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::discovery::Scope;
use kube::{Api, Client};
use tokio::time::{sleep, timeout};

pub use error::TickAdminError;
pub(crate) use request::{AdminRequest, RequestTarget};

use crate::elector::{ElectorError, RequestFailure, beside_election};
use crate::lease::{LeaseId, LeaseRef};
use crate::spec::{check_lease_name, check_namespace};
use lease_protocol::ticks::TaskTicks;

/// The time limit of one request.
const REQUEST: Duration = Duration::from_secs(10);
/// How often an operation is tried. A busy lease is written several times a second, and a try takes two requests.
const TRIES: u32 = 8;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

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
/// Name the lease by its name in the namespace of the admin, as `namespace/name`, or by a [`LeaseId`].
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
    client: Client,
    namespace: Arc<str>,
    prefix: Option<Arc<str>>,
    allow_unrecorded: bool,
}

impl TickAdmin {
    /// For the leases of `namespace`, by a client of the current tokio runtime. It takes all names as they are in the cluster.
    /// [`Candidate::admin`](crate::Candidate::admin) knows the [prefix](crate::Overrides::prefix) of the deployment.
    pub fn new(client: Client, namespace: impl Into<Arc<str>>) -> TickAdmin {
        TickAdmin { client, namespace: namespace.into(), prefix: None, allow_unrecorded: false }
    }

    /// Adds this prefix to the names of leases.
    pub(crate) fn with_prefix(mut self, prefix: Option<&str>) -> TickAdmin {
        self.prefix = prefix.map(Arc::from);
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
        let lease = self.lease(lease)?;
        let mut tried = 0;
        loop {
            tried += 1;
            match self.read(&lease).await {
                Ok(object) => return Ok(TaskTicks::all(&object.metadata.annotations.unwrap_or_default())),
                Err(failure) => self.after(failure, tried, &lease).await?,
            }
        }
    }

    fn lease(&self, lease: impl Into<LeaseRef>) -> Result<LeaseId, TickAdminError> {
        let lease = lease.into().within(&self.namespace, self.prefix.as_deref());
        check_namespace(&lease.namespace).and_then(|()| check_lease_name(&lease.name))?;
        Ok(lease)
    }

    /// Computes a change of one annotation from all annotations, and keeps everything else of the object.
    async fn ask(
        &self,
        lease: impl Into<LeaseRef>,
        task: &str,
        request: AdminRequest<'_>,
    ) -> Result<(), TickAdminError> {
        request.check(task)?;
        let lease = self.lease(lease)?;
        let target = RequestTarget { lease: &lease, task, accept_unrecorded: self.allow_unrecorded };
        let mut tried = 0;
        loop {
            tried += 1;
            let written = match self.read(&lease).await {
                Ok(mut object) => {
                    let annotations = object.metadata.annotations.get_or_insert_default();
                    if !request.edit(target, annotations)?.apply(annotations) {
                        return Ok(());
                    }
                    self.write(&lease, &object).await
                }
                Err(failure) => Err(failure),
            };
            match written {
                Ok(()) => return Ok(()),
                Err(failure) => self.after(failure, tried, &lease).await?,
            }
        }
    }

    /// Waits before another try, if one may help. After a write whose outcome is unknown there is no other try: if a backfill was
    /// written and carried out at once, it would be requested twice.
    async fn after(&self, failure: RequestFailure, tried: u32, lease: &LeaseId) -> Result<(), TickAdminError> {
        let lease = lease.clone();
        match failure {
            RequestFailure::Missing => return Err(TickAdminError::LeaseMissing { lease }),
            RequestFailure::Conflict if tried >= TRIES => return Err(TickAdminError::Contended { lease, tried }),
            RequestFailure::Conflict => {}
            RequestFailure::Busy(_) if tried < TRIES => {}
            RequestFailure::Busy(source) | RequestFailure::Problem(source) => {
                return Err(TickAdminError::Request { lease, cause: Arc::new(source) });
            }
        }
        let bound = LONGEST_PAUSE.min(Duration::from_millis(10) * 2_u32.saturating_pow(tried));
        sleep(bound.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        Ok(())
    }

    async fn read(&self, lease: &LeaseId) -> Result<DynamicObject, RequestFailure> {
        let object = bounded(self.api(lease).get(&lease.name), false, lease).await?;
        // Without both, a write would replace any object of this name.
        let metadata = &object.metadata;
        let conditional = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty() && text != "0");
        if conditional(&metadata.resource_version) && conditional(&metadata.uid) {
            return Ok(object);
        }
        let reason = "it has no uid or no resourceVersion".to_owned();
        Err(RequestFailure::Problem(ElectorError::Unreadable { reason }))
    }

    async fn write(&self, lease: &LeaseId, object: &DynamicObject) -> Result<(), RequestFailure> {
        let options = PostParams { field_manager: Some("lease-runtime-admin".to_owned()), ..PostParams::default() };
        bounded(self.api(lease).replace(&lease.name, &options, object), true, lease).await.map(drop)
    }

    /// Not of the type `Lease`, which knows the fields of only one version of Kubernetes and would remove others.
    fn api(&self, lease: &LeaseId) -> Api<DynamicObject> {
        let api = Api::dynamic(self.client.clone(), &ApiResource::erase::<Lease>(&()), &Scope::Namespaced);
        api.constrain(&lease.namespace)
    }
}

async fn bounded<T>(
    request: impl Future<Output = Result<T, kube::Error>>,
    is_write: bool,
    lease: &LeaseId,
) -> Result<T, RequestFailure> {
    match timeout(REQUEST, request).await {
        Ok(ended) => ended.map_err(|error| beside_election(&error, is_write, lease)),
        Err(_) => {
            let reason = format!("no answer within {REQUEST:?}");
            Err(RequestFailure::Problem(ElectorError::Unreachable { reason }))
        }
    }
}

impl fmt::Debug for TickAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TickAdmin")
            .field("namespace", &self.namespace)
            .field("allow_unrecorded", &self.allow_unrecorded)
            .finish_non_exhaustive()
    }
}
