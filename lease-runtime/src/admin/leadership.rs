//! Asks the holder of a lease to give it up, without taking part in an election.

use std::fmt;
use std::sync::Arc;

use kube::Client;
use kube::api::DynamicObject;

use super::LeaseAdminError;
use super::objects::{LeaseObjects, ObjectChange};
use super::request::Edit;
use crate::elector::names_tasks;
use crate::lease::{LeaseId, LeaseRef};
use lease_protocol::handover::{STEP_DOWN, StepDownRequest, check_identity};

/// Moves the leadership away from a replica, or to a certain one, from outside of both.
///
/// A request is the annotation `lease-runtime.dev/step-down` of the Lease. The holder sees it through its watch, or with its next
/// renewal, and does what [`Candidate::step_down`](crate::Candidate::step_down) does: it asks its bodies to end, releases the lease
/// when they are gone, and stays out until another replica has it. So nothing runs twice, and the next leader does not wait for the lease
/// to run out. The reason of the end is [`StopReason::StepDownRequested`](crate::StopReason::StepDownRequested).
///
/// | request | who follows |
/// |---|---|
/// | [`step_down`](Self::step_down) | the candidate that is first |
/// | [`transfer`](Self::transfer) | the named candidate. Others leave the lease to it for two retry periods, 4 s by default. If it is gone, one of them then follows |
///
/// ```no_run
/// # use lease_runtime::LeaseAdmin;
/// # async fn f(client: kube::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let admin = LeaseAdmin::new(client, "jobs");
/// let holder = admin.step_down("billing").await?;
/// println!("{holder} gives the lease up");
/// admin.transfer("billing", "billing-1_8f1c2f5e_9a0e11d2").await?;
/// # Ok(()) }
/// ```
///
/// Name the lease by its name in the namespace of the admin, as `namespace/name`, or by a [`LeaseId`].
///
/// # One term
///
/// A request names the holder and the term that it is for. It has no effect on any other: if the lease changes hands before the
/// holder has seen the request, the next write of a holder removes it. A later request for the same term replaces an earlier one,
/// until the lease is released.
///
/// # Permissions
///
/// These operations need `get` and `update` on the Lease. The same permissions allow a program to take the leadership: grant them
/// to operators only.
///
/// # Cancel safety
///
/// If the future of an operation is dropped, a request that was already sent may still take effect. The same holds after an error
/// of the connection. It is safe to repeat an operation: it asks the holder of that time.
#[derive(Clone)]
pub struct LeaseAdmin {
    objects: LeaseObjects,
}

impl LeaseAdmin {
    /// For the leases of `namespace`, by a client of the current tokio runtime. It takes all names as they are in the cluster.
    /// [`Candidate::lease_admin`](crate::Candidate::lease_admin) knows the [prefix](crate::Overrides::prefix) of the deployment.
    pub fn new(client: Client, namespace: impl Into<Arc<str>>) -> LeaseAdmin {
        LeaseAdmin { objects: LeaseObjects::new(client, namespace.into()) }
    }

    /// Adds this prefix to the names of leases.
    pub(crate) fn with_prefix(mut self, prefix: Option<&str>) -> LeaseAdmin {
        self.objects.prefix = prefix.map(Arc::from);
        self
    }

    /// Asks the holder to give the lease up, for any other candidate. Returns the identity of the holder that was asked, as soon as
    /// the request is written. To learn who follows, watch the Lease.
    ///
    /// # Errors
    ///
    /// As [`LeaseAdminError`] says.
    pub async fn step_down(&self, lease: impl Into<LeaseRef>) -> Result<String, LeaseAdminError> {
        self.ask(lease, None).await
    }

    /// Like [`step_down`](Self::step_down), for the candidate with this identity to follow. An identity is the whole
    /// `holderIdentity` that the candidate writes when it leads: [`Candidate::identity`](crate::Candidate::identity), which is also
    /// the field `identity` of its log lines. Whether such a candidate exists cannot be seen.
    ///
    /// # Errors
    ///
    /// As [`LeaseAdminError`] says.
    pub async fn transfer(&self, lease: impl Into<LeaseRef>, identity: &str) -> Result<String, LeaseAdminError> {
        check_identity(identity).map_err(|rule| LeaseAdminError::Identity { identity: identity.to_owned(), rule })?;
        self.ask(lease, Some(identity)).await
    }

    async fn ask(&self, lease: impl Into<LeaseRef>, to: Option<&str>) -> Result<String, LeaseAdminError> {
        let lease = self.objects.lease(lease)?;
        self.objects.change(&lease, |object| request(object, &lease, to)).await
    }
}

/// Puts the request into the annotations of the object, and returns the holder that it asks.
fn request(
    object: &mut DynamicObject,
    lease: &LeaseId,
    to: Option<&str>,
) -> Result<ObjectChange<String>, LeaseAdminError> {
    let spec = &object.data["spec"];
    let Some(holder) = spec["holderIdentity"].as_str().filter(|holder| !holder.is_empty()).map(str::to_owned) else {
        return Err(LeaseAdminError::NoHolder { lease: lease.clone() });
    };
    if to == Some(&*holder) {
        return Err(LeaseAdminError::AlreadyHolds { lease: lease.clone(), holder });
    }
    let renewed = spec["renewTime"] != spec["acquireTime"];
    let transitions = spec["leaseTransitions"].as_i64().and_then(|count| i32::try_from(count).ok());
    let annotations = object.metadata.annotations.get_or_insert_default();
    let transitions = match transitions {
        Some(transitions) if names_tasks(annotations, &holder) => transitions,
        _ => return Err(LeaseAdminError::NotListening { lease: lease.clone(), holder, renewed }),
    };
    let text = StepDownRequest { holder: holder.clone(), transitions, to: to.map(str::to_owned) }.text();
    let differs = Edit { annotation: STEP_DOWN.to_owned(), value: Some(text) }.apply(annotations);
    Ok(if differs { ObjectChange::Write(holder) } else { ObjectChange::Nothing(holder) })
}

impl fmt::Debug for LeaseAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseAdmin").field("namespace", &self.objects.namespace).finish_non_exhaustive()
    }
}
