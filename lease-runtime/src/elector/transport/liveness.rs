//! How an HTTP/2 connection is driven, and how it is found to be dead.
//!
//! While a request waits for its answer and nothing else is answered either, the connection is asked for a sign of life: a
//! PING, which the server's HTTP/2 layer answers whatever its requests are waiting for. If that does not come back, another
//! connection is made. Only if that succeeds, and the PING is still unanswered a second later, is this one dead: everything on
//! it is then given up at once. If neither succeeds, it is the server that is slow or away, and giving up would only add to its work.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

use bytes::Bytes;
use futures_util::future::poll_fn;
use h2::client::Connection;
use h2::{Ping, PingPong};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::connection::Http2Connection;
use super::failure::TransportError;
use super::load::{Load, QUIET};
use super::pool::Pool;

/// What the server may send of one answer, and of all together, before it has to wait: enough for any Lease.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

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
    let http2 = Arc::new(Http2Connection { sender, load: Arc::clone(&load) });
    let pings = connection.ping_pong();
    let (pool, this) = (Weak::clone(pool), Arc::downgrade(&http2));
    drop(tokio::spawn(async move {
        drive(connection, pings, &load, &pool).await;
        if let Some(pool) = pool.upgrade() {
            pool.forget(&this);
        }
    }));
    Ok(http2)
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
