//! What the end of a request means to an election, and to the people who run it.
//!
//! The one question is whether the write took effect. "No" needs proof, because the election may then write again on top of the
//! same state. If there is any doubt, the answer is [`Answer::Unknown`], which costs one more read.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::core::Status;

use super::causes::{caused_by, find};
use super::error::ElectorError;
use super::rbac::Denial;
use super::recent_states::RecentStates;
use super::text::{chain, short};
#[cfg(feature = "http2")]
use super::transport::TransportError;
use crate::lease::LeaseId;
use lease_protocol::election::{Answer, Observation};

/// The kind of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum RequestKind {
    Get,
    Create,
    Replace,
    Watch,
}

impl RequestKind {
    /// The verb of the request in access rules. A create is a PUT, which the server first checks as an update.
    pub(super) fn verb(self) -> &'static str {
        match self {
            RequestKind::Get => "get",
            RequestKind::Create => "create",
            RequestKind::Replace => "update",
            RequestKind::Watch => "watch",
        }
    }

    pub(super) fn is_write(self) -> bool {
        matches!(self, RequestKind::Create | RequestKind::Replace)
    }
}

/// How a request ended: with an answer or an error, or not in time.
pub(super) enum RequestOutcome {
    Ended(Box<Result<Lease, kube::Error>>),
    /// It did not end in time, or not all copies did. If a copy has failed, its error.
    TimedOut(Duration, Option<Box<kube::Error>>),
    /// It was sent more than once, and only the Lease shows whether a copy took effect.
    Open,
    /// Its turn did not come in time.
    NotSent(Duration),
}

/// What the end of a request means for the election, and the problem to report. No problem means that the API server did its
/// part, even if another process won the race for the lease.
pub(super) fn answer(
    request_kind: RequestKind,
    outcome: RequestOutcome,
    states: &mut RecentStates,
    lease: &LeaseId,
) -> (Answer, Option<ElectorError>) {
    let ended = match outcome {
        RequestOutcome::Ended(ended) => *ended,
        // A server that refused one copy has been reached. Another copy may still take effect.
        RequestOutcome::TimedOut(_, Some(error)) => return (Answer::Unknown, failed(request_kind, &error, lease).1),
        RequestOutcome::TimedOut(after, None) => {
            let reason = format!("no answer within {after:?}");
            return (Answer::Unknown, Some(ElectorError::Unreachable { reason }));
        }
        RequestOutcome::Open => return (Answer::Unknown, None),
        RequestOutcome::NotSent(after) => {
            let reason = format!("so many other requests have had no answer for {after:?} that this one was not sent");
            return (REFUSED, Some(ElectorError::Unreachable { reason }));
        }
    };
    match ended {
        Ok(object) => match states.read(object) {
            Ok(view) if request_kind == RequestKind::Get => (Answer::Shown(Observation::Present(view)), None),
            Ok(view) => (Answer::Committed(view), None),
            Err(reason) => (Answer::Unknown, Some(ElectorError::Unreadable { reason: reason.to_owned() })),
        },
        Err(error) => failed(request_kind, &error, lease),
    }
}

fn failed(request_kind: RequestKind, error: &kube::Error, lease: &LeaseId) -> (Answer, Option<ElectorError>) {
    match error {
        kube::Error::Api(status) => refusal(request_kind, status, lease),
        error => failure(error),
    }
}

/// Whether a request has failed because the Lease is in another state than the one it names.
pub(super) fn is_conflict(request_kind: RequestKind, error: &kube::Error, lease: &LeaseId) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(refusal(request_kind, status, lease).0, Answer::Conflict))
}

/// Why a watch could not be opened, or broke, and how long the server asked to wait.
pub(super) fn watch(error: &kube::Error, lease: &LeaseId) -> (ElectorError, Option<Duration>) {
    let (answer, problem) = match error {
        // If kube cannot read an event, it returns a status without content.
        kube::Error::Api(status) if status.code == 0 => {
            let reason = "an event of a watch cannot be read".to_owned();
            (Answer::Unknown, Some(ElectorError::Unreadable { reason }))
        }
        kube::Error::Api(status) => refusal(RequestKind::Watch, status, lease),
        error => failure(error),
    };
    let retry_after = match answer {
        Answer::Refused { retry_after, .. } => retry_after,
        _ => None,
    };
    (problem.unwrap_or_else(|| ElectorError::Rejected { code: 0, message: chain(error) }), retry_after)
}

/// Why a request has failed that was sent outside of elections, to read or change a Lease.
pub(crate) enum RequestFailure {
    /// There is no such Lease.
    Missing,
    /// Another process has written it since it was read, and nothing was done.
    Conflict,
    /// The API server cannot serve it at the moment, and nothing was done.
    Busy(ElectorError),
    /// Anything else. A write may have taken effect.
    Problem(ElectorError),
}

/// Why a request about a Lease has failed that no election has sent: a read, or the replacement of what was read.
pub(crate) fn beside_election(error: &kube::Error, is_write: bool, lease: &LeaseId) -> RequestFailure {
    let request_kind = if is_write { RequestKind::Replace } else { RequestKind::Get };
    let (answer, problem) = match error {
        kube::Error::Api(status) if is_write && status.code == 404 && is_of_the_lease(status) => {
            return RequestFailure::Missing;
        }
        error => failed(request_kind, error, lease),
    };
    match (answer, problem) {
        (_, Some(ElectorError::Forbidden(denial))) => {
            RequestFailure::Problem(ElectorError::Forbidden(Box::new(denial.of_admin(lease))))
        }
        (Answer::Refused { .. }, Some(problem @ ElectorError::Unavailable { .. })) => RequestFailure::Busy(problem),
        (_, Some(problem)) => RequestFailure::Problem(problem),
        (Answer::Conflict, None) => RequestFailure::Conflict,
        (_, None) => RequestFailure::Missing,
    }
}

/// Whether the API server has seen a request that ended like this, and it certainly took no effect.
pub(super) fn is_certain(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 408)
}

const REFUSED: Answer = Answer::Refused { retry_after: None, unreached: false };

/// An answer with an error status. The status code decides: kube's helpers (`is_conflict` and so on) know only the reasons of
/// Kubernetes, and the page of a proxy has none.
fn refusal(request_kind: RequestKind, status: &Status, lease: &LeaseId) -> (Answer, Option<ElectorError>) {
    let rejected = || ElectorError::Rejected { code: status.code, message: words(status) };
    match (status.code, request_kind) {
        (404, RequestKind::Get) if is_of_the_lease(status) => {
            (Answer::Shown(Observation::Missing { revision: None }), None)
        }
        (404, _) if is_about(status, "namespaces") => (REFUSED, Some(namespace_missing(status, lease))),
        (404, RequestKind::Replace) => (Answer::Conflict, None),
        // Kubernetes would not answer "not found" to such a request. It comes from a proxy or another server. It must not count as a
        // missing Lease, because that would end a term.
        (404, _) => (REFUSED, Some(rejected())),

        (409, _) if request_kind.is_write() && is_denial(status) => (REFUSED, Some(rejected())),
        (409, _) if request_kind.is_write() => (Answer::Conflict, None),
        // A PUT without a version on a Lease that exists.
        (422, RequestKind::Create) if is_about_the_version(status) => (Answer::Conflict, None),

        (401, _) => (REFUSED, Some(ElectorError::Unauthorized { message: words(status) })),
        (403, _) if has_cause(status, "NamespaceTerminating") => (REFUSED, Some(namespace_missing(status, lease))),
        (403, _) => match Denial::read(status, request_kind.verb(), lease) {
            Some(denial) => (REFUSED, Some(ElectorError::Forbidden(Box::new(denial)))),
            None => (REFUSED, Some(rejected())),
        },

        // Refused before anything was done: by the server's own admission control, or by a proxy that limits rates.
        (429, _) => unavailable(status, true),
        // The API server says "unavailable" only before it hands a write to storage. A proxy also says so when the connection
        // behind it broke, after the write had been passed on. The page of a proxy has no reason.
        (503, _) if request_kind.is_write() => unavailable(status, status.reason == "ServiceUnavailable"),
        (500.., _) => unavailable(status, !request_kind.is_write()),

        // "Request timeout" says nothing about what was done before. A code below 400 is not an error.
        (408 | ..=399, _) => unavailable(status, false),
        (_, _) => (REFUSED, Some(rejected())),
    }
}

fn unavailable(status: &Status, refused: bool) -> (Answer, Option<ElectorError>) {
    let retry_after = retry_after(status);
    let problem = ElectorError::Unavailable { code: status.code, message: words(status), retry_after };
    (if refused { Answer::Refused { retry_after, unreached: false } } else { Answer::Unknown }, Some(problem))
}

/// How long the server asked to wait. Kubernetes says it in the `Retry-After` header and in the body, and kube's errors contain only
/// the body. If neither says it, as in the page of a proxy, the election uses its own pace.
fn retry_after(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(seconds.into()))
}

fn namespace_missing(status: &Status, lease: &LeaseId) -> ElectorError {
    ElectorError::NamespaceMissing { namespace: lease.namespace.to_string(), message: words(status) }
}

/// The message of the server, shortened.
pub(super) fn words(status: &Status) -> String {
    short(if status.message.is_empty() { &status.reason } else { &status.message })
}

/// Whether a 404 means that the Lease does not exist.
fn is_of_the_lease(status: &Status) -> bool {
    status.reason == "NotFound" && is_about(status, "leases")
}

fn is_about(status: &Status, kind: &str) -> bool {
    status.details.as_ref().is_some_and(|details| details.kind == kind)
}

fn has_cause(status: &Status, reason: &str) -> bool {
    status.details.as_ref().is_some_and(|details| details.causes.iter().any(|cause| cause.reason == reason))
}

/// Whether a 422 is about this field.
pub(super) fn has_cause_at(status: &Status, field: &str) -> bool {
    status.details.as_ref().is_some_and(|details| details.causes.iter().any(|cause| cause.field == field))
}

/// Whether an admission webhook refuses the request. It may do so with any code. A 409 would be taken for a lost race, and the
/// write would be sent again after each read.
pub(super) fn is_denial(status: &Status) -> bool {
    status.message.starts_with("admission webhook") && status.message.contains("denied the request")
}

/// Whether a 422 says that the version is missing. A policy or webhook refuses with the same code, often with only a message of its
/// own.
fn is_about_the_version(status: &Status) -> bool {
    const FIELD: &str = "metadata.resourceVersion";
    match &status.details {
        Some(details) if !details.causes.is_empty() => details.causes.iter().any(|cause| cause.field == FIELD),
        _ => status.message.contains(FIELD),
    }
}

/// There is no answer, or none that can be read.
fn failure(error: &kube::Error) -> (Answer, Option<ElectorError>) {
    use kube::Error;
    // The error comes from our side of the connection, before anything was sent.
    if let Some(own) = find::<ElectorError>(error) {
        return (REFUSED, Some(own.again()));
    }
    #[cfg(feature = "http2")]
    if let Some(problem) = super::connect::certificate_error(error) {
        // If the server does not accept our certificate, it says so when a request may have been sent already.
        let answer = if never_sent(error) { REFUSED } else { Answer::Unknown };
        return (answer, Some(problem));
    }
    match error {
        Error::Auth(_) => (REFUSED, Some(ElectorError::Unauthorized { message: chain(error) })),
        Error::BuildRequest(_) | Error::HttpError(_) => {
            (REFUSED, Some(ElectorError::Rejected { code: 0, message: chain(error) }))
        }
        Error::SerdeError(_) | Error::FromUtf8(_) => {
            (Answer::Unknown, Some(ElectorError::Unreadable { reason: chain(error) }))
        }
        _ if caused_by::<kube::client::AuthError>(error, &|_| true) => {
            (REFUSED, Some(ElectorError::Unauthorized { message: chain(error) }))
        }
        _ => {
            let unreached = never_sent(error);
            let answer = if unreached { Answer::Refused { retry_after: None, unreached } } else { Answer::Unknown };
            (answer, Some(ElectorError::Unreachable { reason: chain(error) }))
        }
    }
}

/// Whether the connection for a request was never made, so that nothing of the request was sent.
fn never_sent(error: &kube::Error) -> bool {
    #[cfg(feature = "http2")]
    if caused_by::<TransportError>(error, &TransportError::never_sent) {
        return true;
    }
    // The connector failed: address lookup, TCP or TLS. A request is only ever written to a finished connection.
    caused_by::<hyper_util::client::legacy::Error>(error, &|error| error.is_connect())
        // Only `connect` fails like this. An open connection is reset instead.
        || caused_by::<std::io::Error>(error, &|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests;
