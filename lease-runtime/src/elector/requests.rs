//! The requests of one election: how long each is waited for, and what its answer proves.
//!
//! A slow request is not given up, because an overloaded API server would then get the same work again. It is given up when its
//! answer cannot matter any more, or when its connection is known to be dead. On HTTP/2 the connections are checked for that (see
//! `transport`). On HTTP/1.1 a slow answer cannot be told from a dead connection, so the same request is sent once more on
//! another connection, beside the first. A write names the state that it replaces, so that it takes effect once, however often it
//! is sent.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::{Api, Client};

use super::classify::{self, RequestKind, RequestOutcome};
use super::error::ElectorError;
use super::inflight::InFlight;
use super::recent_states::RecentStates;
use super::wire;
use crate::clock::Moment;
use crate::lease::LeaseId;
use lease_protocol::election::{Answer, Request, RequestId, Timing, Version, View};
use lease_protocol::ticks::{Annotations, Edits};

/// A request that has ended.
pub(super) struct Reply {
    /// The id that the election gave it; `None` if it was only sent to see whether a problem is over.
    pub(super) id: Option<RequestId>,
    pub(super) kind: RequestKind,
    pub(super) answer: Answer,
    /// Whether the API server did its part. `None`: no request was sent.
    pub(super) served: Option<Result<(), ElectorError>>,
    /// When the election handed it out.
    pub(super) sent: Moment,
}

pub(super) struct Requests {
    api: Api<DynamicObject>,
    lease: LeaseId,
    patience: AnswerDeadlines,
    in_flight: Arc<InFlight>,
    states: RecentStates,
    open: FuturesUnordered<Pin<Box<dyn Future<Output = FinishedRequest> + Send>>>,
    /// The requests that have no answer yet. Mostly two at most, and sometimes one whose answer does not matter any more.
    sent: Vec<SentRequest>,
    number: u64,
}

/// A request that has no answer yet.
struct SentRequest {
    number: u64,
    kind: RequestKind,
    at: Moment,
    /// How many signs of life the server had given when it was sent.
    signs: u64,
}

/// The circumstances in which a request is sent.
pub(super) struct SendContext {
    pub(super) now: Moment,
    /// How many answers have come so far, to any election.
    pub(super) answers: u64,
    /// This process holds the lease.
    pub(super) holds: bool,
}

struct FinishedRequest {
    number: u64,
    id: Option<RequestId>,
    kind: RequestKind,
    /// `None`: it was not worth sending.
    outcome: Option<RequestOutcome>,
}

/// How long to wait for an answer.
#[derive(Clone, Copy)]
struct AnswerDeadlines {
    /// An answer that takes longer is slow.
    slow: Duration,
    /// An answer that takes longer is useless: the term that it would begin or extend is over.
    longest: Duration,
}

impl Requests {
    pub(super) fn new(
        client: Client,
        states: RecentStates,
        lease: LeaseId,
        timing: Timing,
        in_flight: Arc<InFlight>,
    ) -> Requests {
        Requests {
            api: Api::namespaced_with(client, &lease.namespace, &ApiResource::erase::<Lease>(&())),
            in_flight,
            states,
            lease,
            patience: AnswerDeadlines { slow: timing.attempt_timeout(), longest: timing.renew_deadline },
            open: FuturesUnordered::new(),
            sent: Vec::new(),
            number: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Gives up all requests that have no answer yet.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.sent.clear();
    }

    /// The request that has been slow for longest at `now`, and whether the server has given a sign of life since it was sent.
    pub(super) fn slow(&self, now: Moment, answers: u64) -> Option<(RequestKind, bool)> {
        let slow = self.sent.iter().filter(|sent| now.since(sent.at) >= self.patience.slow);
        let signs = self.signs(answers);
        slow.min_by_key(|sent| sent.at).map(|sent| (sent.kind, sent.signs < signs))
    }

    fn signs(&self, answers: u64) -> u64 {
        answers + self.in_flight.signs()
    }

    /// The annotations of a state of the Lease that was read recently.
    pub(super) fn annotations(&self, version: &Version) -> Option<&Annotations> {
        self.states.annotations(version)
    }

    /// Reads a state of the Lease that came from elsewhere, such as the watch. `None` if it is not valid.
    pub(super) fn read(&mut self, object: Lease) -> Option<View> {
        self.states.read(object).ok()
    }

    /// Sends a request and returns its kind. Its future is dropped when the answer cannot matter any more. What was sent by then
    /// may still take effect.
    ///
    /// If too many requests have no answer yet, this one waits for its turn. A holder gets its turn almost at once, because its
    /// term counts from the instant at which it handed the request out.
    ///
    /// `edits` are the changes of annotations in the write.
    pub(super) fn send(
        &mut self,
        id: Option<RequestId>,
        request: &Request,
        SendContext { now, answers, holds }: SendContext,
        edits: Edits,
    ) -> RequestKind {
        self.number += 1;
        let number = self.number;
        let (kind, object) = match request {
            Request::Get => (RequestKind::Get, None),
            Request::Create(record) => (RequestKind::Create, Some(self.states.creation(record))),
            Request::Replace { base, record } => (RequestKind::Replace, self.states.replacement(base, record, edits)),
        };
        let signs = self.signs(answers);
        self.sent.push(SentRequest { number, kind, at: now, signs });
        if kind == RequestKind::Replace && object.is_none() {
            // The state is not kept any more, so many have been seen since. The write would be a conflict.
            self.open.push(Box::pin(async move { FinishedRequest { number, id, kind, outcome: None } }));
            return kind;
        }
        let (api, name, patience) = (self.api.clone(), Arc::clone(&self.lease.name), self.patience);
        let (in_flight, lease) = (Arc::clone(&self.in_flight), self.lease.clone());
        self.open.push(Box::pin(async move {
            let turn = match holds {
                true => Ok(in_flight.turn_of_holder(patience.slow / 8).await),
                false => tokio::time::timeout(patience.slow, in_flight.turn()).await,
            };
            let once = || async {
                let object = match &object {
                    None => api.get(&name).await?,
                    Some(object) => {
                        let object = wire::dynamic(object).map_err(kube::Error::SerdeError)?;
                        api.replace(&name, &options(), &object).await?
                    }
                };
                wire::lease(object).map_err(kube::Error::SerdeError)
            };
            let outcome = match turn {
                Err(_) => RequestOutcome::NotSent(patience.slow),
                Ok(turn) => {
                    let again = (!in_flight.is_multiplexed()).then_some(patience.slow);
                    let mut failed = None;
                    let lost_race = |error: &kube::Error| classify::is_conflict(kind, error, &lease);
                    match bounded(repeated(once, kind.is_write(), lost_race, again, &mut failed), turn, patience).await
                    {
                        Some(Some(ended)) => RequestOutcome::Ended(Box::new(ended)),
                        Some(None) => RequestOutcome::Open,
                        None => RequestOutcome::TimedOut(patience.longest, failed.map(Box::new)),
                    }
                }
            };
            FinishedRequest { number, id, kind, outcome: Some(outcome) }
        }));
        kind
    }

    /// The next request that ends; `None` if no request is open. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Reply> {
        let FinishedRequest { number, id, kind, outcome } = self.open.next().await?;
        let at = self.sent.iter().position(|sent| sent.number == number)?;
        let sent = self.sent.swap_remove(at).at;
        let Some(outcome) = outcome else {
            return Some(Reply { id, kind, answer: Answer::Conflict, served: None, sent });
        };
        let (answer, problem) = classify::answer(kind, outcome, &mut self.states, &self.lease);
        Some(Reply { id, kind, answer, served: Some(problem.map_or(Ok(()), Err)), sent })
    }
}

/// Waits for a request. It gives its turn back after an eighth of the time after which it counts as slow: an answer that has
/// not come by then may never come, and other requests must not wait for it.
async fn bounded<F: Future>(request: F, turn: impl Sized, patience: AnswerDeadlines) -> Option<F::Output> {
    let mut request = pin!(request);
    let soon = tokio::time::timeout(patience.slow / 8, &mut request).await;
    drop(turn);
    match soon {
        Ok(ended) => Some(ended),
        Err(_) => tokio::time::timeout(patience.longest - patience.slow / 8, request).await.ok(),
    }
}

/// Sends a request, and the same request once more beside it each time `again` has passed without an answer. The first that
/// succeeds counts. `None`: a later copy of a write has met another state of the Lease than the one it replaces. Either the first
/// copy has written that state, or another process, and a read shows which. `lost_race` says which answers mean this.
///
/// If all copies fail, an answer that leaves the outcome open is preferred: that one copy of a write was refused proves nothing
/// while another may have taken effect. Until then this answer is in `failed`, for a caller that stops waiting.
async fn repeated<F: Future<Output = kube::Result<Lease>>>(
    once: impl Fn() -> F,
    is_write: bool,
    lost_race: impl Fn(&kube::Error) -> bool,
    again: Option<Duration>,
    failed: &mut Option<kube::Error>,
) -> Option<kube::Result<Lease>> {
    let mut copies = FuturesUnordered::from_iter([once()]);
    let mut is_copied = false;
    loop {
        let pause = async {
            match again {
                Some(again) => tokio::time::sleep(again).await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            biased;
            Some(ended) = copies.next() => ended,
            () = pause => {
                copies.push(once());
                is_copied = true;
                continue;
            }
        };
        match ended {
            Ok(object) => return Some(Ok(object)),
            // For a read, every error of the server is an answer.
            Err(error @ kube::Error::Api(_)) if !is_write => return Some(Err(error)),
            Err(error) if is_copied && lost_race(&error) => return None,
            Err(error) => {
                if failed.as_ref().is_none_or(classify::is_certain) {
                    *failed = Some(error);
                }
            }
        }
        if copies.is_empty()
            && let Some(error) = failed.take()
        {
            return Some(Err(error));
        }
    }
}

/// The owner of our fields in the `managedFields` of the Lease.
fn options() -> PostParams {
    PostParams { field_manager: Some("lease-runtime".to_owned()), ..PostParams::default() }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use kube::core::Status;

    use super::*;
    use crate::elector::multiplexed::Multiplexed;
    use crate::embedded::EmbeddedApi;
    use lease_protocol::election::Record;

    /// Sends copies of a write three seconds apart. Each copy takes so many seconds and then gets this status. Returns the status
    /// that counts.
    async fn counts(copies: &[(u64, u16)]) -> u16 {
        let script = RefCell::new(VecDeque::from_iter(copies));
        let once = || {
            let (seconds, code) = *script.borrow_mut().pop_front().expect("one more copy");
            async move {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Err(kube::Error::Api(Box::new(Status::failure("no", "No").with_code(code))))
            }
        };
        match repeated(once, true, |_| false, Some(Duration::from_secs(3)), &mut None).await {
            Some(Err(kube::Error::Api(status))) => status.code,
            other => panic!("{other:?}"),
        }
    }

    /// After a 500, the write may have taken effect. The refusal of another copy says nothing about that.
    #[tokio::test(start_paused = true)]
    async fn that_one_copy_was_refused_proves_nothing_about_another() {
        assert_eq!(counts(&[(5, 500), (3, 403)]).await, 500);
        assert_eq!(counts(&[(5, 403), (3, 500)]).await, 500);
        assert_eq!(counts(&[(5, 403), (3, 409)]).await, 409);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_on_a_state_that_is_forgotten_is_a_conflict_and_not_sent() {
        let (api, lease) = (EmbeddedApi::new(), LeaseId::new("default", "ledger"));
        let states = RecentStates::new(lease.clone(), Arc::default());
        let in_flight = Arc::new(InFlight::new(Multiplexed::default()));
        let mut requests = Requests::new(api.client("default"), states, lease, Timing::default(), in_flight);
        let base = Version { uid: "u".to_owned(), revision: 7 };
        let (write, context) = (
            Request::Replace { base, record: Record::default() },
            SendContext { now: Moment::ZERO, answers: 0, holds: true },
        );
        requests.send(None, &write, context, Edits::new());
        let reply = requests.next().await.expect("a reply");
        assert!(matches!(reply.answer, Answer::Conflict) && reply.served.is_none());
        assert_eq!(api.requests().count(|_| true), 0);
    }
}
