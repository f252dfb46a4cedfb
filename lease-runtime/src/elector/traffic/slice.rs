//! The EndpointSlice with the leader as its only endpoint.
//!
//! Each write names the state that it replaces, and says the fencing token of its writer. The state is read before each write, also
//! after a conflict, and a state with a higher token is never replaced. So an old leader, or a request of it that arrives late, cannot
//! take the traffic back.

use std::cmp::Ordering;
use std::sync::Arc;

use kube::api::{DynamicObject, PostParams};

use super::endpoints::{self, Content};
use super::keeper::{Goal, Sign};
use super::problem::{FailedRequest, TrafficProblem};
use super::requests::{Kind, PodRequests};
use crate::spec::slice_name;
use lease_protocol::election::FencingToken;

/// How often a write is tried at once, if others write the slice in between.
const RACES: u32 = 5;

/// Writes the slice.
pub(super) struct LeaderSlice {
    requests: PodRequests,
    service: Arc<str>,
    slice: String,
    /// The term that has sent a write, and may have its address in the slice.
    sent: Option<FencingToken>,
    /// A write has had no clear answer, so it may take effect late.
    may_be_late: bool,
}

impl LeaderSlice {
    pub(super) fn new(requests: PodRequests, service: &Arc<str>) -> LeaderSlice {
        let slice = slice_name(service);
        LeaderSlice { requests, service: Arc::clone(service), slice, sent: None, may_be_late: false }
    }

    async fn get(&self, kind: Kind, name: &str) -> Result<Option<DynamicObject>, TrafficProblem> {
        match self.requests.send("get", kind, name, |api| async move { api.get(name).await }).await {
            Ok(object) => Ok(Some(object)),
            Err(FailedRequest::Missing) => Ok(None),
            Err(failed) => Err(self.problem(failed)),
        }
    }

    /// The ports of the Service, which must be one whose endpoints a program may write.
    async fn content(&self) -> Result<Content, TrafficProblem> {
        let pod = &self.requests.pod;
        let missing = || TrafficProblem::ServiceMissing {
            namespace: pod.namespace.to_string(),
            service: self.service.to_string(),
        };
        let service = self.get(Kind::Service, &self.service).await?.ok_or_else(missing)?;
        endpoints::check(&service, &self.service, pod)?;
        let containers = match endpoints::names_ports(&service) {
            true => self.get(Kind::Pod, &pod.name).await?,
            false => None,
        };
        endpoints::content(&service, &self.service, containers.as_ref(), pod)
    }

    /// Creates the slice, or replaces this state of it. `false`: it has another state by now.
    async fn write(
        &mut self,
        found: Option<DynamicObject>,
        token: FencingToken,
        content: &Content,
    ) -> Result<bool, TrafficProblem> {
        let pod = &self.requests.pod;
        let verb = if found.is_some() { "update" } else { "create" };
        let is_new = found.is_none();
        let object = endpoints::object(found, (&self.slice, &self.service), token, content, pod);
        self.sent = Some(token);
        let (name, params) =
            (&*self.slice, PostParams { field_manager: Some("lease-runtime".to_owned()), ..PostParams::default() });
        let written = self.requests.send(verb, Kind::EndpointSlice, name, |api| async move {
            if is_new { api.create(&params, &object).await } else { api.replace(name, &params, &object).await }
        });
        match written.await {
            Ok(_) => Ok(true),
            Err(FailedRequest::Conflict | FailedRequest::OtherObject) => Ok(false),
            // Deleted since it was read. Where a new one is refused as missing, the namespace is gone.
            Err(FailedRequest::Missing) if !is_new => Ok(false),
            Err(failed) => {
                self.may_be_late |= matches!(failed, FailedRequest::Unclear(_));
                Err(self.problem(failed))
            }
        }
    }

    fn problem(&self, failed: FailedRequest) -> TrafficProblem {
        match failed {
            FailedRequest::Refused(problem) | FailedRequest::Unclear(problem) => problem,
            FailedRequest::Conflict | FailedRequest::OtherObject => {
                TrafficProblem::Contended { slice: self.slice.clone() }
            }
            FailedRequest::Missing => TrafficProblem::Rejected {
                code: 404,
                message: format!("there is no namespace {:?}", self.requests.pod.namespace),
            },
        }
    }
}

impl Sign for LeaderSlice {
    const NAME: &'static str = "leader_service";
    const MAY_BE_LEFT: bool = false;

    async fn show(&mut self, token: FencingToken, goal: &Goal) -> Result<(), TrafficProblem> {
        let content = self.content().await?;
        for _ in 0..RACES {
            if goal.has_changed() {
                return Ok(());
            }
            let found = self.get(Kind::EndpointSlice, &self.slice).await?;
            if let Some(found) = &found {
                endpoints::may_replace(found, &self.slice, token, &self.requests.pod)?;
                if endpoints::is_written(found, token, &content) {
                    return Ok(());
                }
            }
            // The term may have begun to end while the slice was read.
            if goal.has_changed() || self.write(found, token, &content).await? {
                return Ok(());
            }
        }
        Err(TrafficProblem::Contended { slice: self.slice.clone() })
    }

    /// Leaves the token where it is, so that a write of an earlier term still finds it.
    async fn hide(&mut self) -> Result<(), TrafficProblem> {
        let Some(token) = self.sent else { return Ok(()) };
        for _ in 0..RACES {
            let found = self.get(Kind::EndpointSlice, &self.slice).await?;
            let content = found.as_ref().map(Content::emptied).unwrap_or_default();
            let is_ours_to_empty = match &found {
                // A write of ours that comes late finds what is written now, and fails.
                None => self.may_be_late,
                Some(found) if endpoints::may_replace(found, &self.slice, token, &self.requests.pod).is_err() => false,
                Some(found) => match endpoints::token(found).unwrap_or_default().cmp(&token.get()) {
                    Ordering::Equal => !endpoints::is_written(found, token, &content),
                    Ordering::Less => self.may_be_late,
                    Ordering::Greater => false,
                },
            };
            if !is_ours_to_empty || self.write(found, token, &content).await? {
                (self.sent, self.may_be_late) = (None, false);
                return Ok(());
            }
        }
        Err(TrafficProblem::Contended { slice: self.slice.clone() })
    }

    fn may_come_back(&self) -> bool {
        false
    }
}
