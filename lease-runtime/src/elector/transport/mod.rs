//! How requests reach the API server: over few HTTP/2 connections, or over HTTP/1.1 if the server speaks nothing else.
//!
//! On HTTP/1.1 a request occupies its connection until it is answered. A thousand renewals that wait for a slow server are then a
//! thousand connections. Each needs a TLS handshake that the server has to compute, and giving a request up closes its connection.
//! So the slower the server is, the more work it gets. On HTTP/2 all requests and watches share a connection, and giving one up is
//! one frame.
//!
//! HTTP/2 also tells a slow server from a dead connection. A write that takes eight seconds may succeed, so it must not be given up.
//! A write on a connection that a router has forgotten never succeeds, so it must be sent again soon. A timeout cannot tell the two
//! apart, but a PING can: see [`liveness`].

mod body;
mod connection;
mod dial;
mod failure;
mod http1;
mod liveness;
mod load;
mod pool;
mod route;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::{Client, Config};
use tower_service::Service;

pub(super) use failure::TransportError;

use dial::Dialer;
use http1::{Http1Connector, Spare};
use pool::{Pool, Route};

use super::multiplexed::Multiplexed;

/// An error in the body of an answer.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Sends requests by HTTP/2 if possible. Cheap to clone.
#[derive(Clone)]
struct Transport {
    pool: Arc<Pool>,
}

/// A client that uses HTTP/2 if the server speaks it. It adds no credentials: another layer does. Call it on the runtime that
/// runs the client. `multiplexed` shows from then on whether HTTP/2 is used.
///
/// # Errors
///
/// If the certificates of `config` cannot be used.
pub(super) fn client(config: &Config, multiplexed: &Multiplexed) -> kube::Result<Client> {
    over(pool(config, multiplexed)?, config)
}

fn pool(config: &Config, multiplexed: &Multiplexed) -> kube::Result<Arc<Pool>> {
    let (dialer, spare) = (Arc::new(Dialer::new(config)?), Spare::default());
    let connector = Http1Connector::new(Arc::clone(&dialer), spare.clone());
    let http1 = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let http1 = ClientBuilder::new(http1, config.default_namespace.clone()).build();
    Ok(Pool::new(dialer, spare, http1, multiplexed.clone()))
}

fn over(pool: Arc<Pool>, config: &Config) -> kube::Result<Client> {
    let namespace = config.default_namespace.clone();
    let plain = ClientBuilder::new(Transport { pool }, namespace).with_layer(&config.base_uri_layer());
    Ok(plain.with_layer(&config.extra_headers_layer()?).build())
}

impl Service<Request<Body>> for Transport {
    type Response = Response<UnsyncBoxBody<bytes::Bytes, BoxError>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // The request waits for a connection where it is sent, so that dropping the request ends the wait.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let pool = Arc::clone(&self.pool);
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            // A connection may end just when it is chosen, and then nothing was sent. A server with too many requests on a connection
            // refuses the next one without processing it. In both cases it is safe to try again, once or twice. After that, the
            // election decides when to try again.
            let mut last = None;
            for _ in 0..3 {
                let request = Request::from_parts(head.clone(), body.clone());
                let connection = match pool.route().await? {
                    Route::Http2(connection) => connection,
                    Route::Http1(client) => {
                        let answer = client.send(request.map(Body::from)).await?;
                        return Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync()));
                    }
                };
                match connection.send(request).await {
                    Ok(answer) => return Ok(answer.map(|body| body.map_err(BoxError::from).boxed_unsync())),
                    Err(error @ TransportError::Closed) => {
                        pool.forget(&Arc::downgrade(&connection));
                        last = Some(error);
                    }
                    Err(error @ TransportError::Refused) => last = Some(error),
                    Err(error) => return Err(error.into()),
                }
            }
            Err(last.unwrap_or(TransportError::Closed).into())
        })
    }
}
