//! Objects of Kubernetes that hold the fencing token of the term: see [`fencing::Policies`](crate::fencing::Policies).

mod error;

use std::fmt;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::serde::de::DeserializeOwned;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::Status;
use serde_json::json;
use tokio::time::sleep;

pub use error::FenceError;

use super::Term;
use crate::fencing::{Stale, stamp_key, stamp_of};

/// How long a policy may refuse the leader itself. An API server learns of a new holder after some milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause after a refusal.
const PAUSE: Duration = Duration::from_millis(50);

impl Term {
    /// Puts the fencing token of this term into an object that the body is about to write, as the annotation
    /// `fence.lease-runtime.dev/LEASE`. It replaces the token of an earlier term, and keeps all other annotations.
    ///
    /// Call it for each write: of an object that was read, and of one that is applied or merged. It sends nothing. By itself it
    /// protects nothing: the token policy of [`fencing::Policies`](crate::fencing::Policies) compares the tokens, and protects an
    /// object as soon as the new leader has [touched](Self::touch) it.
    ///
    /// **Stamp what you patch or apply, too.** A patch without the annotation keeps that of the object, which may be the token of a later
    /// leader. The policy sees the result, and cannot tell.
    ///
    /// Never let a webhook or a policy stamp objects on the server: it would put the token of the present leader on the write of an
    /// earlier one. A write of `status` ignores annotations. It needs [`status.fencingToken`](crate::fencing::GuardedResource::with_status).
    ///
    /// ```
    /// use k8s_openapi::api::core::v1::ConfigMap;
    /// # use lease_runtime::Term;
    /// # let (term, _control) = Term::for_test();
    ///
    /// let mut prices = ConfigMap::default();
    /// term.stamp(&mut prices.metadata);
    /// assert_eq!(prices.metadata.annotations.unwrap()["fence.lease-runtime.dev/test"], "1");
    /// ```
    pub fn stamp(&self, metadata: &mut ObjectMeta) {
        let annotations = metadata.annotations.get_or_insert_default();
        annotations.insert(stamp_key(self.lease().name()), self.fencing_token().to_string());
    }

    /// Raises the fencing token of one object to that of this term, by a patch of the [annotation](Self::stamp) alone, and returns the
    /// object. Call it at the start of the term for each object that the body will decide on or write, and decide on what it returns.
    ///
    /// With the token policy of [`fencing::Policies`](crate::fencing::Policies) in force, no [stamped](Self::stamp) write of an earlier
    /// term to this object takes effect after the answer, wherever it has been held up. A deletion that names the version from before
    /// fails, too. Writes of an earlier term that came before the answer are in the object that is returned.
    ///
    /// Without the token policy, it only sets an annotation. It fences no other object, and no creation.
    ///
    /// A policy of the cluster may refuse a new leader until it has heard of it. So a refusal by a policy is tried again for one second.
    /// The body needs the right to `patch` the object, and to `get` it after a refusal.
    ///
    /// # Errors
    ///
    /// As [`FenceError`] says. With [`FenceError::Stale`], a later leader has touched the object: the body should return.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the patch may have taken effect, or take effect later. It is safe to repeat it.
    pub async fn touch<K>(&self, api: &Api<K>, name: &str) -> Result<K, FenceError>
    where
        K: Clone + DeserializeOwned + fmt::Debug,
    {
        self.raise(api, name, &PatchParams::default()).await
    }

    /// Asks the API server whether this leader may write the object, without a change: it sends the patch of [`touch`](Self::touch) with
    /// `dryRun=All`. Admission policies and webhooks see such a request.
    ///
    /// Call it at the start of the term. If it ends with [`FenceError::Refused`], a policy refuses the leader itself, and has done so
    /// for a second. Then the policy is frozen, wrong, or not meant for this identity. Log the error, and
    /// [step down](Self::step_down) if another replica may be better off.
    ///
    /// It raises no token, and does not show that other processes are refused: without any policy, it succeeds.
    ///
    /// # Errors
    ///
    /// As [`FenceError`] says.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn verify_fence<K>(&self, api: &Api<K>, name: &str) -> Result<(), FenceError>
    where
        K: Clone + DeserializeOwned + fmt::Debug,
    {
        self.raise(api, name, &PatchParams { dry_run: true, ..PatchParams::default() }).await.map(drop)
    }

    async fn raise<K>(&self, api: &Api<K>, name: &str, how: &PatchParams) -> Result<K, FenceError>
    where
        K: Clone + DeserializeOwned + fmt::Debug,
    {
        let annotation = (stamp_key(self.lease().name()), self.fencing_token().to_string());
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { (annotation.0): annotation.1 } } }));
        let begun = self.now();
        loop {
            self.check()?;
            let status = match api.patch(name, how, &patch).await {
                Ok(object) => return Ok(object),
                Err(kube::Error::Api(status)) if is_of_a_policy(&status) => status,
                Err(error) => return Err(self.failed(name, error)),
            };
            self.look_for_a_later_leader(api, name).await?;
            if self.now().since(begun) >= PATIENCE {
                return Err(FenceError::Refused {
                    lease: self.lease().clone(),
                    identity: self.identity().to_owned(),
                    object: name.to_owned(),
                    message: status.message,
                });
            }
            sleep(PAUSE).await;
        }
    }

    /// A refusal by the token policy is no problem of the policy if the object holds a higher token.
    async fn look_for_a_later_leader<K>(&self, api: &Api<K>, name: &str) -> Result<(), FenceError>
    where
        K: Clone + DeserializeOwned + fmt::Debug,
    {
        let object = api.get_metadata(name).await.map_err(|error| self.failed(name, error))?;
        let highest = stamp_of(object.metadata.annotations.as_ref(), self.lease().name());
        let sent = self.fencing_token();
        match highest.filter(|highest| *highest > sent) {
            Some(highest) => {
                let stale = Stale { sent, highest };
                Err(FenceError::Stale { lease: self.lease().clone(), object: name.to_owned(), stale })
            }
            None => Ok(()),
        }
    }

    fn failed(&self, name: &str, cause: kube::Error) -> FenceError {
        FenceError::Request { lease: self.lease().clone(), object: name.to_owned(), cause: cause.into() }
    }
}

/// The API server names the policy in the message of each refusal by one.
fn is_of_a_policy(status: &Status) -> bool {
    status.message.contains("ValidatingAdmissionPolicy")
}

#[cfg(test)]
mod tests;
