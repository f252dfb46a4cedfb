//! The side of the network that a process sees: a service for a kube client.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::BoxFuture;
use http::{Request as HttpRequest, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use kube::client::Body;
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep_until};

use super::here::Here;
use super::message::{AnswerFate, Arrival, Part, Request};

/// The connection was refused or has broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the simulated connection is broken")]
pub(crate) struct BrokenConnection;

/// Hands the requests of a process to the network.
pub(crate) struct NetworkService(pub(crate) Arc<Here>);

impl tower_service::Service<HttpRequest<Body>> for NetworkService {
    type Response = Response<StreamBody<Frames>>;
    type Error = BrokenConnection;
    type Future = BoxFuture<'static, Result<Self::Response, BrokenConnection>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BrokenConnection>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        let NetworkService(here) = self;
        Box::pin(exchange(Arc::clone(here), request))
    }
}

async fn exchange(
    here: Arc<Here>,
    request: HttpRequest<Body>,
) -> Result<Response<StreamBody<Frames>>, BrokenConnection> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| BrokenConnection)?.to_bytes();
    let (answer, arrivals) = mpsc::unbounded_channel();
    let sent_local = here.clock.elapsed();
    here.send(Request {
        from: here.who,
        number: here.next_number(),
        sent: here.pace.global(sent_local),
        sent_local,
        parts,
        body,
        answer,
        fault: None,
        fate: AnswerFate::Arrives,
    });
    let mut frames = Frames { here, arrivals, arriving: None };
    match std::future::poll_fn(|context| frames.poll_part(context)).await {
        Part::Head(head) => Ok(Response::from_parts(*head, StreamBody::new(frames))),
        Part::Frame(_) | Part::End | Part::Broken => Err(BrokenConnection),
    }
}

/// The parts of an answer, each at the instant of its arrival.
pub(crate) struct Frames {
    here: Arc<Here>,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    arriving: Option<(Pin<Box<Sleep>>, Part)>,
}

impl Frames {
    /// The next part. Pending for ever if the rest of the answer is lost.
    fn poll_part(&mut self, context: &mut Context<'_>) -> Poll<Part> {
        loop {
            if let Some((arrives, _)) = &mut self.arriving {
                std::task::ready!(arrives.as_mut().poll(context));
                match self.arriving.take() {
                    Some((_, part)) => return Poll::Ready(part),
                    None => continue,
                }
            }
            match std::task::ready!(self.arrivals.poll_recv(context)) {
                Some(Arrival { at, part }) => {
                    self.arriving = Some((Box::pin(sleep_until(self.here.clock.instant(at))), part));
                }
                None => return Poll::Pending,
            }
        }
    }
}

impl Stream for Frames {
    type Item = Result<Frame<Bytes>, BrokenConnection>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match std::task::ready!(self.poll_part(context)) {
            Part::Frame(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            Part::End => Poll::Ready(None),
            Part::Head(_) | Part::Broken => Poll::Ready(Some(Err(BrokenConnection))),
        }
    }
}
