//! The requests about a pod, its Service and its slice. Each has a deadline, and none has more than its share of the connections.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;

use super::problem::{Asked, FailedRequest, TrafficProblem};
use crate::elector::inflight::InFlight;
use crate::elector::rbac::{RoleRule, RoleText, Subject};
use crate::lease::LeaseId;
use crate::spec::{PodFacts, Traffic};

/// How long to wait for an answer. What was sent may take effect later.
const DEADLINE: Duration = Duration::from_secs(5);

/// The kinds of objects, by the name that access rules have for them.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Pod,
    Service,
    EndpointSlice,
}

impl Kind {
    pub(super) fn plural(self) -> &'static str {
        match self {
            Kind::Pod => "pods",
            Kind::Service => "services",
            Kind::EndpointSlice => "endpointslices",
        }
    }

    fn resource(self) -> ApiResource {
        let (group, kind) = match self {
            Kind::Pod => ("", "Pod"),
            Kind::Service => ("", "Service"),
            Kind::EndpointSlice => ("discovery.k8s.io", "EndpointSlice"),
        };
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), self.plural())
    }
}

/// Sends the requests of one keeper.
pub(super) struct PodRequests {
    client: Client,
    in_flight: Arc<InFlight>,
    pub(super) pod: PodFacts,
    /// What the keepers of the lease need, for a refusal.
    rules: Vec<RoleRule>,
    lease: Arc<str>,
}

impl PodRequests {
    pub(super) fn new(
        client: Client,
        in_flight: Arc<InFlight>,
        pod: PodFacts,
        traffic: &Traffic,
        lease: &LeaseId,
    ) -> PodRequests {
        let rules = RoleRule::traffic([traffic]);
        PodRequests { client, in_flight, pod, rules, lease: Arc::clone(&lease.name) }
    }

    /// Sends a request about an object in the namespace of the pod.
    pub(super) async fn send<F>(
        &self,
        verb: &'static str,
        kind: Kind,
        name: &str,
        request: impl FnOnce(Api<DynamicObject>) -> F,
    ) -> Result<DynamicObject, FailedRequest>
    where
        F: Future<Output = kube::Result<DynamicObject>>,
    {
        let api = Api::namespaced_with(self.client.clone(), &self.pod.namespace, &kind.resource());
        let asked = Asked { verb, resource: kind.plural(), namespace: &self.pod.namespace, name };
        let answer = async {
            let _turn = self.in_flight.turn_of_traffic().await;
            request(api).await
        };
        match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(object)) => Ok(object),
            Ok(Err(error)) => Err(FailedRequest::of(&error, &asked, |user| self.role(user))),
            Err(_) => Err(FailedRequest::Unclear(TrafficProblem::NoAnswer { after: DEADLINE })),
        }
    }

    /// A Role that allows what the lease needs for its traffic, and its binding.
    fn role(&self, user: Option<&str>) -> String {
        let text = RoleText {
            namespace: &self.pod.namespace,
            name: &format!("traffic-{}", self.lease),
            rules: self.rules.clone(),
            subject: Subject::of_user(user, &self.pod.namespace),
        };
        text.to_string()
    }
}
