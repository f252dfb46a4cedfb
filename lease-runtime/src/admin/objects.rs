//! Reads and changes Lease objects beside the elections.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::discovery::Scope;
use kube::{Api, Client};
use tokio::time::{sleep, timeout};

use crate::elector::{ElectorError, RequestFailure, beside_election};
use crate::lease::{LeaseId, LeaseRef};
use crate::spec::{SpecError, check_lease_name, check_namespace};

/// The time limit of one request.
const REQUEST: Duration = Duration::from_secs(10);
/// How often an operation is tried. A busy lease is written several times a second, and a try takes two requests.
const TRIES: u32 = 8;
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The Lease objects of a cluster.
#[derive(Clone)]
pub(super) struct LeaseObjects {
    client: Client,
    pub(super) namespace: Arc<str>,
    pub(super) prefix: Option<Arc<str>>,
}

/// Why an object could not be read or changed.
pub(super) enum ObjectError {
    /// There is no such Lease.
    Missing(LeaseId),
    /// Others wrote the Lease between each read and the write that followed.
    Contended(LeaseId, u32),
    /// The API server refuses, cannot be reached, or does not answer.
    Request(LeaseId, Arc<ElectorError>),
}

/// What is to be done with an object that was read.
pub(super) enum ObjectChange<T> {
    /// Write it back, and return this.
    Write(T),
    /// Leave it as it is, and return this.
    Nothing(T),
}

impl LeaseObjects {
    pub(super) fn new(client: Client, namespace: Arc<str>) -> LeaseObjects {
        LeaseObjects { client, namespace, prefix: None }
    }

    /// The name of a lease in the cluster.
    pub(super) fn lease(&self, lease: impl Into<LeaseRef>) -> Result<LeaseId, SpecError> {
        let lease = lease.into().within(&self.namespace, self.prefix.as_deref());
        check_namespace(&lease.namespace).and_then(|()| check_lease_name(&lease.name))?;
        Ok(lease)
    }

    /// Reads an object, computes a change of it, and keeps everything else of it. If others change it in between, the change is
    /// computed again.
    pub(super) async fn change<T, E: From<ObjectError>>(
        &self,
        lease: &LeaseId,
        mut change: impl FnMut(&mut DynamicObject) -> Result<ObjectChange<T>, E>,
    ) -> Result<T, E> {
        let mut tried = 0;
        loop {
            tried += 1;
            let done = match self.read_once(lease).await {
                Ok(mut object) => match change(&mut object)? {
                    ObjectChange::Nothing(result) => return Ok(result),
                    ObjectChange::Write(result) => self.write(lease, &object).await.map(|()| result),
                },
                Err(failure) => Err(failure),
            };
            match done {
                Ok(result) => return Ok(result),
                Err(failure) => after(failure, tried, lease).await?,
            }
        }
    }

    async fn read_once(&self, lease: &LeaseId) -> Result<DynamicObject, RequestFailure> {
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

/// Waits before another try, if one may help. After a write whose outcome is unknown there is no other try: if a backfill was
/// written and carried out at once, it would be requested twice.
async fn after(failure: RequestFailure, tried: u32, lease: &LeaseId) -> Result<(), ObjectError> {
    let lease = lease.clone();
    match failure {
        RequestFailure::Missing => return Err(ObjectError::Missing(lease)),
        RequestFailure::Conflict if tried >= TRIES => return Err(ObjectError::Contended(lease, tried)),
        RequestFailure::Conflict => {}
        RequestFailure::Busy(_) if tried < TRIES => {}
        RequestFailure::Busy(source) | RequestFailure::Problem(source) => {
            return Err(ObjectError::Request(lease, Arc::new(source)));
        }
    }
    let bound = LONGEST_PAUSE.min(Duration::from_millis(10) * 2_u32.saturating_pow(tried));
    sleep(bound.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
    Ok(())
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
