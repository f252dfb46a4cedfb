//! A server that gives one answer, without a network.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;

/// An answer: its status, its headers, and its body.
#[derive(Clone, Debug)]
pub(in crate::elector) struct Scripted {
    pub(in crate::elector) status: StatusCode,
    pub(in crate::elector) headers: HeaderMap,
    pub(in crate::elector) body: Vec<u8>,
}

impl Scripted {
    /// Reads an answer as it looks in HTTP/1: a status, headers, an empty line, the body. What cannot be sent is left out.
    pub(in crate::elector) fn read(input: &[u8]) -> Scripted {
        let mut answer = Scripted { status: StatusCode::OK, headers: HeaderMap::new(), body: Vec::new() };
        let mut rest = input;
        for number in 0.. {
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { break };
            let line = &rest[..end];
            rest = &rest[end + 1..];
            if line.is_empty() {
                answer.body = rest.to_vec();
                break;
            }
            match (number, line.iter().position(|byte| *byte == b':')) {
                (0, _) => {
                    answer.status = StatusCode::from_bytes(line)
                        .ok()
                        .filter(|status| status.as_u16() >= 200)
                        .unwrap_or(StatusCode::OK)
                }
                (_, Some(colon)) => answer.header(&line[..colon], line[colon + 1..].trim_ascii()),
                (_, None) => {}
            }
        }
        answer
    }

    fn header(&mut self, name: &[u8], value: &[u8]) {
        if let (Ok(name), Ok(value)) = (http::HeaderName::from_bytes(name), http::HeaderValue::from_bytes(value)) {
            let _ = self.headers.try_append(name, value);
        }
    }

    /// A client of a server that gives this answer to each request.
    pub(in crate::elector) fn client(self) -> Client {
        Client::new(Always(Arc::new(self)), "jobs")
    }

    /// A client of a server that gives this answer once, and no other answer.
    pub(in crate::elector) fn client_once(self) -> Client {
        Client::new(Once { answer: Arc::new(self), given: Arc::default() }, "jobs")
    }

    fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.clone()));
        (*response.status_mut(), *response.headers_mut()) = (self.status, self.headers.clone());
        response
    }
}

#[derive(Clone)]
struct Always(Arc<Scripted>);

impl tower_service::Service<Request<Body>> for Always {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(self.0.response()))
    }
}

#[derive(Clone)]
struct Once {
    answer: Arc<Scripted>,
    given: Arc<AtomicBool>,
}

impl tower_service::Service<Request<Body>> for Once {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        match self.given.swap(true, Ordering::Relaxed) {
            false => Box::pin(ready(Ok(self.answer.response()))),
            true => Box::pin(std::future::pending()),
        }
    }
}
