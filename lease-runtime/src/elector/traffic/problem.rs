//! What keeps traffic from reaching the leader, and what to do about it.

use std::time::Duration;

use kube::core::Status;

use crate::elector::classify::{has_cause_at, is_denial, words};
use crate::elector::rbac::Denial;
use crate::elector::text::chain;

/// Why a sign of leadership cannot be shown or removed. The election goes on.
#[derive(Debug, thiserror::Error)]
pub(super) enum TrafficProblem {
    #[error("{0}")]
    Forbidden(Box<Denial>),

    #[error(
        "there is no pod `{name}` in namespace `{namespace}`: the process does not run in this cluster, or POD_NAME is wrong. Take \
         the name from the downward API, or leave `leader_label` and `leader_service` out where there is no pod"
    )]
    PodMissing { namespace: String, name: String },

    #[error(
        "the pod `{name}` in namespace `{namespace}` is another one than that of this process, by its uid: take POD_NAME and POD_UID \
         from the downward API"
    )]
    OtherPod { namespace: String, name: String },

    #[error(
        "there is no Service `{service}` in namespace `{namespace}`: create it there, without a selector, or correct \
         `leader_service`"
    )]
    ServiceMissing { namespace: String, service: String },

    #[error(
        "the Service `{service}` has a selector, so Kubernetes would send traffic to all pods that it selects: remove its selector, or \
         use `leader_label` and let it select that label"
    )]
    HasSelector { service: String },

    #[error("the Service `{service}` is an ExternalName, which has no endpoints: make it another type")]
    ExternalName { service: String },

    #[error(
        "the Service `{service}` has no addresses of the family {ours}, which the POD_IP of this process has: add the family to its \
         `ipFamilies`"
    )]
    OtherFamily { service: String, ours: &'static str },

    #[error(
        "the port `{port}` of the Service `{service}` has the targetPort `{target}`, and no container of the pod has a port of that \
         name and protocol: write a number, or name the port in the pod"
    )]
    NamedPort { service: String, port: String, target: String },

    #[error(
        "the EndpointSlice `{slice}` is managed by `{manager}`, so this process leaves it alone: delete it, or use another Service"
    )]
    OtherManager { slice: String, manager: String },

    #[error(
        "the EndpointSlice `{slice}` has addresses of the family {theirs}, which cannot be changed, and this pod has {ours}: delete \
         the slice"
    )]
    OtherSliceFamily { slice: String, theirs: String, ours: &'static str },

    #[error(
        "the fencing token of the EndpointSlice `{slice}` cannot be read (`{found}`), so it may be that of a later leader: delete the \
         slice"
    )]
    UnreadableToken { slice: String, found: String },

    #[error(
        "the EndpointSlice `{slice}` is that of a later leader, with the fencing token {theirs} after {ours}: nothing to do if this \
         process is losing the lease. If the cluster was restored from a backup, delete the slice"
    )]
    LaterLeader { slice: String, theirs: u64, ours: u64 },

    #[error("others write the EndpointSlice `{slice}` again and again: see in its managedFields who they are")]
    Contended { slice: String },

    #[error("no answer to a request for {after:?}: look at the load of the API server and at admission webhooks")]
    NoAnswer { after: Duration },

    #[error("the API server cannot be reached ({reason}): nothing to do if the lease is renewed")]
    Unreachable { reason: String },

    #[error(
        "the API server cannot serve the request at the moment ({code}, {message}): nothing to do, it is tried again"
    )]
    Unavailable { code: u16, message: String },

    #[error("the API server rejects the request ({code}, {message}): see which rule or webhook of the cluster says so")]
    Rejected { code: u16, message: String },
}

impl TrafficProblem {
    /// A name for the kind of problem. Each kind is logged once as long as it lasts.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            TrafficProblem::Forbidden(_) => "forbidden",
            TrafficProblem::PodMissing { .. } => "pod_missing",
            TrafficProblem::OtherPod { .. } => "other_pod",
            TrafficProblem::ServiceMissing { .. } => "service_missing",
            TrafficProblem::HasSelector { .. } => "has_selector",
            TrafficProblem::ExternalName { .. } => "external_name",
            TrafficProblem::OtherFamily { .. } => "other_family",
            TrafficProblem::NamedPort { .. } => "named_port",
            TrafficProblem::OtherManager { .. } => "other_manager",
            TrafficProblem::OtherSliceFamily { .. } => "other_slice_family",
            TrafficProblem::UnreadableToken { .. } => "unreadable_token",
            TrafficProblem::LaterLeader { .. } => "later_leader",
            TrafficProblem::Contended { .. } => "contended",
            TrafficProblem::NoAnswer { .. } => "no_answer",
            TrafficProblem::Unreachable { .. } => "unreachable",
            TrafficProblem::Unavailable { .. } => "unavailable",
            TrafficProblem::Rejected { .. } => "rejected",
        }
    }
}

/// A request, as access rules name it.
pub(super) struct Asked<'a> {
    pub(super) verb: &'static str,
    pub(super) resource: &'static str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

/// How a request has failed.
pub(super) enum FailedRequest {
    /// There is no such object.
    Missing,
    /// The object is in another state than the request names, or exists already.
    Conflict,
    /// An object of this name has another uid.
    OtherObject,
    /// It had no effect.
    Refused(TrafficProblem),
    /// It may take effect, or has taken effect.
    Unclear(TrafficProblem),
}

impl FailedRequest {
    pub(super) fn of(
        error: &kube::Error,
        asked: &Asked<'_>,
        role: impl FnOnce(Option<&str>) -> String,
    ) -> FailedRequest {
        match error {
            kube::Error::Api(status) => FailedRequest::of_status(status, asked, role),
            error => FailedRequest::Unclear(TrafficProblem::Unreachable { reason: chain(error) }),
        }
    }

    fn of_status(status: &Status, asked: &Asked<'_>, role: impl FnOnce(Option<&str>) -> String) -> FailedRequest {
        let (code, message) = (status.code, words(status));
        match code {
            // The page of a proxy has no reason.
            404 if status.reason == "NotFound" => FailedRequest::Missing,
            409 if !is_denial(status) => FailedRequest::Conflict,
            422 if has_cause_at(status, "metadata.uid") => FailedRequest::OtherObject,
            403 => {
                let Asked { verb, resource, namespace, name } = *asked;
                FailedRequest::Refused(match Denial::of(status, verb, resource, (namespace, name), role) {
                    Some(denial) => TrafficProblem::Forbidden(Box::new(denial)),
                    None => TrafficProblem::Rejected { code, message },
                })
            }
            429 => FailedRequest::Refused(TrafficProblem::Unavailable { code, message }),
            500.. | 408 | ..=399 => FailedRequest::Unclear(TrafficProblem::Unavailable { code, message }),
            _ => FailedRequest::Refused(TrafficProblem::Rejected { code, message }),
        }
    }
}
