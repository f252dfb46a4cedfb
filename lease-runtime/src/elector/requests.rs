//! The requests of one election: each under a deadline of its own, each read for what it proves.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::PostParams;

use super::classify::{self, Asked, Outcome};
use super::error::ElectorError;
use super::inflight::InFlight;
use super::wire::Kept;
use crate::election::{Answer, Request, RequestId, Version, View};
use crate::lease::LeaseId;
use crate::ticks::{Annotations, Edits};

/// A request that has ended.
pub(super) struct Reply {
    /// The election's name for it; none if it was only sent to see whether a problem is over.
    pub(super) id: Option<RequestId>,
    pub(super) asked: Asked,
    pub(super) answer: Answer,
    /// Whether the API server did its part. `None`: it was not asked.
    pub(super) served: Option<Result<(), ElectorError>>,
}

pub(super) struct Requests {
    api: Api<Lease>,
    lease: LeaseId,
    timeout: Duration,
    in_flight: Arc<InFlight>,
    kept: Kept,
    open: FuturesUnordered<Pin<Box<dyn Future<Output = Ended> + Send>>>,
}

/// No outcome: it was not worth sending.
type Ended = (Option<RequestId>, Asked, Option<Outcome>);

impl Requests {
    pub(super) fn new(api: Api<Lease>, lease: LeaseId, timeout: Duration, in_flight: Arc<InFlight>) -> Requests {
        Requests { api, in_flight, kept: Kept::new(lease.clone()), lease, timeout, open: FuturesUnordered::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Gives up on all that are on their way.
    pub(super) fn clear(&mut self) {
        self.open.clear();
    }

    /// The annotations of a state of the Lease that was read not long ago.
    pub(super) fn annotations(&self, version: &Version) -> Option<&Annotations> {
        self.kept.annotations(version)
    }

    /// A state of the Lease that came another way. `None` if it is none.
    pub(super) fn read(&mut self, object: Lease) -> Option<View> {
        self.kept.read(object).ok()
    }

    /// Sends a request and returns what it asks for. Its future is dropped when the time for one attempt is over, and its
    /// connection with it; what has been sent by then may still take effect.
    ///
    /// That time begins when its turn has come. One who holds nothing is kept waiting for as much again; to a holder, whose
    /// term counts from the instant at which it handed the request out, it comes at once or nearly so.
    ///
    /// `edits` are what the write changes in the annotations.
    pub(super) fn send(&mut self, id: Option<RequestId>, request: &Request, holds: bool, edits: Edits) -> Asked {
        let (asked, object) = match request {
            Request::Look => (Asked::Look, None),
            Request::Create(record) => (Asked::Create, Some(self.kept.creation(record))),
            Request::Replace { base, record } => {
                let object = self.kept.replacement(base, record, edits);
                if object.is_none() {
                    // So many states have been seen since that the write would be a conflict.
                    self.open.push(Box::pin(async move { (id, Asked::Replace, None) }));
                    return Asked::Replace;
                }
                (Asked::Replace, object)
            }
        };
        let (api, name, timeout) = (self.api.clone(), Arc::clone(&self.lease.name), self.timeout);
        let in_flight = Arc::clone(&self.in_flight);
        self.open.push(Box::pin(async move {
            let turn = match holds {
                true => Ok(in_flight.turn_of_holder(timeout / 8).await),
                false => tokio::time::timeout(timeout, in_flight.turn()).await,
            };
            let request = async {
                match object {
                    None => api.get(&name).await,
                    Some(object) => api.replace(&name, &options(), &object).await,
                }
            };
            let outcome = match turn {
                Err(_) => Outcome::NotSent(timeout),
                Ok(turn) => match bounded(request, turn, timeout).await {
                    Some(ended) => Outcome::Ended(Box::new(ended)),
                    None => Outcome::TimedOut(timeout),
                },
            };
            (id, asked, Some(outcome))
        }));
        asked
    }

    /// The next request that ends; `None` if none is on its way. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Reply> {
        let (id, asked, outcome) = self.open.next().await?;
        let Some(outcome) = outcome else {
            return Some(Reply { id, asked, answer: Answer::Conflict, served: None });
        };
        let (answer, problem) = classify::answer(asked, outcome, &mut self.kept, &self.lease);
        Some(Reply { id, asked, answer, served: Some(problem.map_or(Ok(()), Err)) })
    }
}

/// Waits for a request, no longer than `timeout`, and keeps its turn only for an eighth of that: an answer that has not come
/// by then may never come, and others shall not wait for it.
async fn bounded<F: Future>(request: F, turn: impl Sized, timeout: Duration) -> Option<F::Output> {
    let mut request = pin!(request);
    let soon = tokio::time::timeout(timeout / 8, &mut request).await;
    drop(turn);
    match soon {
        Ok(ended) => Some(ended),
        Err(_) => tokio::time::timeout(timeout - timeout / 8, request).await.ok(),
    }
}

/// Whose fields they are, in the Lease's `managedFields`.
fn options() -> PostParams {
    PostParams { field_manager: Some("lease-runtime".to_owned()), ..PostParams::default() }
}
