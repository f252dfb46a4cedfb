//! The API as a tower service: finds the caller and the fault, carries out the request, and answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::body::{Body, Dropped};
use super::call::{RecordedRequest, Verb};
use super::dispatch;
use super::fault::{Answer, Fault};
use super::log::Outcome;
use super::request::ReceivedRequest;
use super::resource::Resource;
use super::response::{raw, refusal};
use super::route::Route;
use super::shared::Shared;
use super::status::Failure;
use super::time;

/// Larger bodies are refused, as the real server does.
const BODY_LIMIT: usize = 3 * 1024 * 1024;

/// The embedded API as a [`tower_service::Service`], over any request body. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ApiService {
    pub(crate) shared: Arc<Shared>,
    /// The caller of all requests through this service. `None`: the headers of each request name it.
    pub(crate) caller: Option<Arc<str>>,
    /// Ends the watches when the server stops.
    pub(crate) stop: CancellationToken,
}

impl<B> tower_service::Service<Request<B>> for ApiService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<Body>;
    type Error = Dropped;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Dropped>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Dropped>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        Box::pin(self.clone().respond(request))
    }
}

impl ApiService {
    async fn respond<B>(self, request: Request<B>) -> Result<Response<Body>, Dropped>
    where
        B: http_body::Body,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let (body, broken) = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => (body.to_bytes(), None),
            Err(error) if error.is::<LengthLimitError>() => {
                let why = format!("Request entity too large: limit is {BODY_LIMIT}");
                (Bytes::new(), Some(Failure::new(413, "RequestEntityTooLarge", why)))
            }
            // The caller disconnected in the middle of the body. The answer reaches no one.
            Err(_) => return Err(Dropped),
        };
        let mut arrived = ReceivedRequest::read(parts, body, self.caller.as_deref());
        let mut pending = self.shared.log.begin(arrived.call.clone(), self.shared.settings.clock.clone());
        let fault = self.shared.faults.for_call(&arrived.call);
        if let Some(body) = self.shared.faults.mutated(&arrived.call) {
            arrived.body = body;
        }
        let mut answer = match (broken, fault) {
            (Some(failure), _) => Ok(refusal(&failure)),
            (None, None) => Ok(self.take_effect(&arrived)),
            (None, Some(fault)) => self.strike(arrived, fault).await,
        };
        if let Ok(response) = &mut answer {
            self.date(response);
        }
        pending.end(match &answer {
            Ok(response) => Outcome::Answered(response.status().as_u16()),
            Err(Dropped) => Outcome::Dropped,
        });
        answer
    }

    fn take_effect(&self, arrived: &ReceivedRequest) -> Response<Body> {
        dispatch::answer(&self.shared, arrived, &self.stop).unwrap_or_else(|failure| refusal(&failure))
    }

    /// Sets the `Date` header of every answer, also of an injected one, because a proxy would set it too.
    fn date(&self, response: &mut Response<Body>) {
        if let Ok(value) = time::in_head(self.shared.settings.clock.wall()).parse() {
            response.headers_mut().insert(header::DATE, value);
        }
    }

    /// Answers a request as `fault` says.
    async fn strike(&self, arrived: ReceivedRequest, fault: Fault) -> Result<Response<Body>, Dropped> {
        let call = arrived.call.clone();
        // There are Events of two groups, so their plural does not tell them apart.
        let resource = match &arrived.route {
            Route::Objects(target) => Some(target.resource),
            Route::About(_) | Route::Missing | Route::Unknown => None,
        };
        let real = if fault.unattended {
            let (send, receive) = oneshot::channel();
            let service = self.clone();
            // This task is not awaited: the request takes effect even after its caller has given up.
            tokio::spawn(async move {
                tokio::time::sleep(fault.before).await;
                let _ = send.send(fault.commit.then(|| service.take_effect(&arrived)));
            });
            receive.await.map_err(|_| Dropped)?
        } else {
            if !fault.before.is_zero() {
                tokio::time::sleep(fault.before).await;
            }
            fault.commit.then(|| self.take_effect(&arrived))
        };
        if !fault.after.is_zero() {
            tokio::time::sleep(fault.after).await;
        }
        match (fault.answer, real) {
            (Answer::Real, Some(real)) => Ok(real),
            (Answer::Half, Some(real)) => Ok(half(real).await),
            (Answer::Never, _) => never().await,
            (Answer::Dropped | Answer::Real | Answer::Half, _) => Err(Dropped),
            (Answer::Status(failure), _) => Ok(refusal(&in_words(failure, resource, &call))),
            (Answer::Raw(code, content_type, body), _) => Ok(raw(code, &content_type, body)),
        }
    }
}

/// Fills in the parts of a refusal that depend on the request.
fn in_words(failure: Failure, resource: Option<&Resource>, call: &RecordedRequest) -> Failure {
    match resource {
        Some(resource) if failure == Failure::of_code(403) => {
            let name = if call.verb == Verb::Create { "" } else { call.name.as_deref().unwrap_or_default() };
            Failure::forbidden(resource, call.verb.as_str(), call.namespace.as_deref(), name, &call.caller)
        }
        Some(resource) if failure == Failure::of_code(404) => {
            Failure::not_found(resource, call.name.as_deref().unwrap_or_default())
        }
        _ => failure,
    }
}

async fn never<T>() -> T {
    std::future::pending().await
}

/// The answer with half of its body, after which the connection breaks. The body of a watch has no end, so nothing of it is sent.
async fn half(response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    if http_body::Body::size_hint(&body).exact().is_none() {
        return Response::from_parts(parts, Body::broken_after(Bytes::new()));
    }
    let whole = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, whole.len().into());
    let half = whole.slice(..whole.len() / 2);
    Response::from_parts(parts, Body::broken_after(half))
}
