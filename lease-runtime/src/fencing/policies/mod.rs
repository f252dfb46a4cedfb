//! Admission policies of Kubernetes that refuse what an earlier leader writes.

mod error;
mod expressions;
mod guarded;
mod objects;
#[cfg(test)]
mod tests;

pub use error::PoliciesError;
pub use guarded::GuardedResource;

use lease_grammar::names::broken_by_lease_name;

use self::error::LONGEST_LEASE_NAME;
use self::objects::PolicyPlan;
use crate::spec::{check_lease_name, check_namespace};

/// Makes the admission policies by which the API server refuses what an earlier leader of a lease writes to objects of Kubernetes.
///
/// [`manifest`](Self::manifest) is YAML for `kubectl apply -f`. **An administrator of the cluster has to apply it**, because the
/// policies belong to the cluster and not to a namespace. The service account of the candidates must not have such rights.
///
/// | policy | refuses | is it a fence? |
/// |---|---|---|
/// | token policy | a write with a fencing token below the one in the object, a write by a candidate of an object that gets no token, and a deletion by a candidate that does not name the `resourceVersion` | yes, for each object that the new leader has [touched](crate::Term::touch) |
/// | holder policy | each write, creation and deletion by a candidate whose pod does not hold the lease | no: each API server compares with its own copy of the Lease, which is late by milliseconds, and by seconds if the server is slow |
///
/// The manifest has both policies, unless [`token_only`](Self::token_only) or [`holder_only`](Self::holder_only) is set.
///
/// # What the program has to do
///
/// - For the token policy: [`Term::touch`](crate::Term::touch) each object at the start of the term, before it reads what it decides
///   on, and [`Term::stamp`](crate::Term::stamp) in each write. Delete with `preconditions.resourceVersion`.
/// - For the holder policy: the variables `POD_NAME` and `POD_UID` in the pod, from which the identity of the candidate is made, and
///   the token of the service account that Kubernetes mounts into the pod. [`Candidate::manifests`](crate::Candidate::manifests)
///   sets them.
/// - [`Term::verify_fence`](crate::Term::verify_fence) at the start of the term finds a policy that refuses the leader itself.
///
/// # What the policies do not give
///
/// - No policy fences a creation, because there is no old object to compare with. Choose names that do not depend on the leader, as
///   `report-2027-03-01`: the second creation is then refused as a conflict.
/// - A patch that leaves the token out keeps the one in the object, and no policy can tell. So a candidate must stamp its patches.
/// - While the Lease does not exist, the holder policy refuses everybody, people too: there is nothing to compare with. The first leader
///   creates the Lease. Do not delete it.
/// - The token policy protects no object before the new leader has touched it.
/// - Subresources other than `status` are not guarded, such as `scale`.
/// - After a restore of etcd from a backup, tokens go back. Remove the annotations then.
///
/// # Updates of the manifest
///
/// Apply a new manifest over the old one. **Do not delete and create it.** API servers of Kubernetes up to at least 1.37 stop
/// following Leases when the last binding with a Lease as its parameter is deleted, and a binding that is created later compares with
/// the Leases as they were then. The policy `keep-lease-params` in the manifest protects from this while it exists. It matches no
/// request. All leases of a cluster share it.
///
/// # Example
///
/// ```
/// use lease_runtime::fencing::{GuardedResource, Policies};
///
/// let manifest = Policies::for_lease("orders")
///     .namespace("shop")
///     .service_account("orders")
///     .guard(GuardedResource::new("example.com", "ledgers").with_status())
///     .guard(GuardedResource::new("", "configmaps"))
///     .manifest()?;
/// print!("{manifest}"); // | kubectl apply -f -
/// # assert!(manifest.contains("name: shop.orders.token"));
/// # Ok::<(), lease_runtime::fencing::PoliciesError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `manifest`"]
pub struct Policies {
    lease: String,
    namespace: Option<String>,
    service_account: Option<String>,
    guarded: Vec<GuardedResource>,
    holder: bool,
    token: bool,
}

impl Policies {
    /// Policies for the leaders of this lease. `lease` is its name in the cluster, with the [prefix](crate::Overrides::prefix) of the
    /// deployment if there is one.
    pub fn for_lease(lease: impl Into<String>) -> Policies {
        let (namespace, service_account) = (None, None);
        Policies { lease: lease.into(), namespace, service_account, guarded: Vec::new(), holder: true, token: true }
    }

    /// The namespace of the lease, of the pods, and of the objects that are guarded. It has to be set.
    pub fn namespace(mut self, name: impl Into<String>) -> Policies {
        self.namespace = Some(name.into());
        self
    }

    /// The service account of the candidates. It has to be set. Other users are not concerned, except that they cannot lower a token.
    /// Let no other program have this account.
    pub fn service_account(mut self, name: impl Into<String>) -> Policies {
        self.service_account = Some(name.into());
        self
    }

    /// Adds objects that only the leader may write. At least one kind has to be added.
    pub fn guard(mut self, resource: GuardedResource) -> Policies {
        self.guarded.push(resource);
        self
    }

    /// Makes only the holder policy, for programs that cannot stamp what they write. It is no fence.
    pub fn holder_only(mut self) -> Policies {
        (self.holder, self.token) = (true, false);
        self
    }

    /// Makes only the token policy.
    pub fn token_only(mut self) -> Policies {
        (self.holder, self.token) = (false, true);
        self
    }

    /// The policies and their bindings as YAML, with a line `---` between two objects.
    ///
    /// # Errors
    ///
    /// As [`PoliciesError`] says.
    pub fn manifest(&self) -> Result<String, PoliciesError> {
        let Policies { lease, namespace, service_account, guarded, holder, token } = self;
        let namespace = namespace.as_deref().ok_or(PoliciesError::Missing { what: "namespace" })?;
        let service_account = service_account.as_deref().ok_or(PoliciesError::Missing { what: "service account" })?;
        check_lease_name(lease).and_then(|()| check_namespace(namespace))?;
        if lease.len() > LONGEST_LEASE_NAME {
            return Err(PoliciesError::LeaseNameLength { lease: lease.clone() });
        }
        if broken_by_lease_name(service_account).is_some() {
            return Err(PoliciesError::Name { what: "service account", name: service_account.to_owned() });
        }
        if guarded.is_empty() {
            return Err(PoliciesError::NothingGuarded);
        }
        guarded.iter().try_for_each(GuardedResource::check)?;
        let plan = PolicyPlan { lease, namespace, service_account, guarded };
        Ok(plan.manifest(*holder, *token))
    }
}
