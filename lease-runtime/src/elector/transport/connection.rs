//! One HTTP/2 connection, and how it is found to be dead.
//!
//! While a request waits for its answer and nothing else is answered either, the connection is asked for a sign of life: a
//! PING, which the server's HTTP/2 layer answers whatever its requests are waiting for. If that does not come back, another
//! connection is made. Only if that succeeds, and the PING is still unanswered a second later, is this one dead: everything on
//! it is then given up at once. If neither succeeds, it is the server that is slow or away, and giving up would only add to its work.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::poll_fn;
use h2::client::{Connection, SendRequest};
use h2::{Ping, PingPong};
use http::{Request, Response, Version};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::client::TlsStream;

use super::body::Http2Body;
use super::failure::TransportError;
use super::pool::Pool;

/// How long requests wait for any answer before the connection is asked for a sign of life, how long that may take before
/// another connection is tried, and how long it has still from when that succeeds. Together they are how long a dead connection
/// is believed in.
const QUIET: Duration = Duration::from_secs(1);
/// What the server may send of one answer, and of all together, before it has to wait: enough for any Lease.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// One connection. Dropping all references closes it when its last answer has been read.
pub(super) struct Http2Connection {
    sender: SendRequest<Bytes>,
    load: Arc<Load>,
}

/// What is on its way on a connection.
#[derive(Default)]
pub(super) struct Load {
    /// Requests whose answer has not been read to its end. Watches are among them.
    open: AtomicUsize,
    /// Requests whose answer has not begun.
    waiting: AtomicUsize,
    /// Answers that have begun.
    answers: AtomicU64,
    /// There is a request that waits.
    asked: Notify,
    dead: OnceLock<()>,
}

impl Http2Connection {
    /// Begins to speak HTTP/2 on a connection. It is driven on the current runtime.
    pub(super) async fn open(
        stream: TlsStream<TcpStream>,
        pool: &Weak<Pool>,
    ) -> Result<Arc<Http2Connection>, TransportError> {
        let opened = h2::client::Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake::<_, Bytes>(stream)
            .await;
        let (sender, mut connection) = opened.map_err(TransportError::of_stream)?;
        let load = Arc::new(Load::default());
        let lane = Arc::new(Http2Connection { sender, load: Arc::clone(&load) });
        let pings = connection.ping_pong();
        let (pool, this) = (Weak::clone(pool), Arc::downgrade(&lane));
        drop(tokio::spawn(async move {
            drive(connection, pings, &load, &pool).await;
            if let Some(pool) = pool.upgrade() {
                pool.forget(&this);
            }
        }));
        Ok(lane)
    }

    /// Sends a request. Dropping the future, or the body of the answer, gives the request up, and the server is told.
    pub(super) async fn send(&self, request: Request<Bytes>) -> Result<Response<Http2Body>, TransportError> {
        let (mut head, body) = request.into_parts();
        head.version = Version::HTTP_2;
        let waiting = AwaitedHead::new(&self.load);
        let open = OpenBody::new(&self.load);
        let mut sender = self.sender.clone().ready().await.map_err(|_| TransportError::Closed)?;
        let head = Request::from_parts(head, ());
        let (answer, mut stream) = sender.send_request(head, body.is_empty()).map_err(|_| TransportError::Closed)?;
        if !body.is_empty() {
            stream.send_data(body, true).map_err(|error| self.failure(error))?;
        }
        let answer = answer.await.map_err(|error| self.failure(error))?;
        self.load.answers.fetch_add(1, Ordering::Relaxed);
        drop(waiting);
        Ok(answer.map(|stream| Http2Body::new(stream, open)))
    }

    /// All that the server allows on it are answers which go on, as watches do: what is sent on it may have to wait for ever. A
    /// server that allows nothing at all does so for a moment.
    pub(super) fn is_taken(&self) -> bool {
        let allowed = self.sender.current_max_send_streams();
        let waiting = self.load.waiting.load(Ordering::Relaxed);
        allowed > 0 && self.carries().saturating_sub(waiting) >= allowed
    }

    /// How many requests it carries.
    pub(super) fn carries(&self) -> usize {
        self.load.open.load(Ordering::Relaxed)
    }

    fn failure(&self, error: h2::Error) -> TransportError {
        if self.load.dead.get().is_some() { TransportError::Dead } else { TransportError::of_stream(error) }
    }
}

/// Drives a connection to its end, or until it is found to be dead. Everything on it fails when this returns.
async fn drive(
    connection: Connection<TlsStream<TcpStream>, Bytes>,
    pings: Option<PingPong>,
    load: &Load,
    pool: &Weak<Pool>,
) {
    let mut connection = pin!(connection);
    // The connection first: a PING that has been answered meanwhile has to be seen before the verdict.
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = death(pings, load, pool) => {
            let _ = load.dead.set(());
        }
    }
}

/// Resolves when the connection is dead; see the head of this file.
async fn death(pings: Option<PingPong>, load: &Load, pool: &Weak<Pool>) {
    let Some(mut pings) = pings else { return std::future::pending().await };
    loop {
        load.goes_unanswered().await;
        if pings.send_ping(Ping::opaque()).is_err() {
            // The connection is ending.
            return std::future::pending().await;
        }
        if tokio::time::timeout(QUIET, pong(&mut pings)).await.is_ok() {
            pool.upgrade().iter().for_each(|pool| pool.lives());
            continue;
        }
        loop {
            let Some(pool) = pool.upgrade() else { return };
            let rival = async {
                let rival = pool.another().await;
                // What has come from the server while the other one was made is read first.
                tokio::task::yield_now().await;
                rival
            };
            let rival = tokio::select! {
                biased;
                () = pong(&mut pings) => break,
                rival = rival => rival,
            };
            // A server that is short of time may answer the handshake of one connection before the PING of another.
            if tokio::time::timeout(QUIET, pong(&mut pings)).await.is_ok() {
                break;
            }
            if let Ok(rival) = rival {
                pool.keep(rival);
                return;
            }
        }
    }
}

/// The PING has been answered. An error ends the connection, which is found out where that is driven.
async fn pong(pings: &mut PingPong) {
    poll_fn(|cx| match pings.poll_pong(cx) {
        Poll::Ready(Ok(_)) => Poll::Ready(()),
        Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
    })
    .await;
}

impl Load {
    /// Requests wait, and for a while none of them has been answered.
    async fn goes_unanswered(&self) {
        loop {
            let asked = pin!(self.asked.notified());
            if self.waiting.load(Ordering::Relaxed) == 0 {
                asked.await;
            }
            let answers = self.answers.load(Ordering::Relaxed);
            tokio::time::sleep(QUIET).await;
            if self.waiting.load(Ordering::Relaxed) > 0 && self.answers.load(Ordering::Relaxed) == answers {
                return;
            }
        }
    }
}

/// A request whose answer has not begun.
struct AwaitedHead(Arc<Load>);

impl AwaitedHead {
    fn new(load: &Arc<Load>) -> AwaitedHead {
        load.waiting.fetch_add(1, Ordering::Relaxed);
        load.asked.notify_one();
        AwaitedHead(Arc::clone(load))
    }
}

impl Drop for AwaitedHead {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request whose answer has not been read to its end.
pub(super) struct OpenBody(Arc<Load>);

impl OpenBody {
    fn new(load: &Arc<Load>) -> OpenBody {
        load.open.fetch_add(1, Ordering::Relaxed);
        OpenBody(Arc::clone(load))
    }
}

impl Drop for OpenBody {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
