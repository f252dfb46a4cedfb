//! The label of the leader's own Pod.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::keeper::{Goal, Sign};
use super::problem::{FailedRequest, TrafficProblem};
use super::requests::{Kind, PodRequests};
use crate::lease::LeaseId;
use crate::spec::label_key;
use lease_protocol::election::FencingToken;

/// Sets and removes the label.
pub(super) struct PodLabel {
    requests: PodRequests,
    key: String,
    /// The pod may have the label.
    may_be_set: bool,
    /// A request that sets it has had no clear answer, so it may take effect after the removal.
    may_be_late: bool,
}

impl PodLabel {
    pub(super) fn new(requests: PodRequests, lease: &LeaseId) -> PodLabel {
        PodLabel { requests, key: label_key(lease), may_be_set: true, may_be_late: false }
    }

    /// Changes nothing if the pod has another uid: then it is a new pod with the name of this one.
    async fn patch(&self, value: Value) -> Result<(), FailedRequest> {
        let name = &*self.requests.pod.name;
        let patch = json!({ "metadata": { "uid": &*self.requests.pod.uid, "labels": { (&*self.key): value } } });
        let params = PatchParams { field_manager: Some("lease-runtime".to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(patch);
        let patched =
            self.requests.send("patch", Kind::Pod, name, |pods| async move { pods.patch(name, &params, &patch).await });
        patched.await.map(drop)
    }

    fn problem(&self, failed: FailedRequest) -> TrafficProblem {
        let (namespace, name) = (self.requests.pod.namespace.to_string(), self.requests.pod.name.to_string());
        match failed {
            FailedRequest::Missing => TrafficProblem::PodMissing { namespace, name },
            FailedRequest::OtherObject => TrafficProblem::OtherPod { namespace, name },
            FailedRequest::Conflict => {
                TrafficProblem::Unavailable { code: 409, message: "others write the pod at the same time".to_owned() }
            }
            FailedRequest::Refused(problem) | FailedRequest::Unclear(problem) => problem,
        }
    }
}

impl Sign for PodLabel {
    const NAME: &'static str = "leader_label";
    const MAY_BE_LEFT: bool = true;

    async fn show(&mut self, _: FencingToken, _: &Goal) -> Result<(), TrafficProblem> {
        self.may_be_set = true;
        self.patch(Value::from("true")).await.map_err(|failed| {
            self.may_be_late |= matches!(failed, FailedRequest::Unclear(_));
            self.problem(failed)
        })
    }

    async fn hide(&mut self) -> Result<(), TrafficProblem> {
        if !self.may_be_set && !self.may_be_late {
            return Ok(());
        }
        match self.patch(Value::Null).await {
            Ok(()) => {}
            // The pod is gone, and with it the label.
            Err(FailedRequest::Missing | FailedRequest::OtherObject) => {}
            Err(failed) => return Err(self.problem(failed)),
        }
        // The removal after the first one is the last.
        self.may_be_late &= self.may_be_set;
        self.may_be_set = false;
        Ok(())
    }

    fn may_come_back(&self) -> bool {
        self.may_be_late
    }
}
