//! Drives an HTTP/2 connection, and finds out whether it is dead.
//!
//! If requests wait and none is answered for a while, this sends a PING. The server's HTTP/2 layer answers it even if its requests
//! have to wait. If no answer to the PING comes, another connection is tried. If that one can be made, and the PING is still not
//! answered a second later, the connection is dead, and all requests on it are given up at once. If no connection can be made, the
//! server is slow or away, and giving up would only add to its work.

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

/// How much the server may send of one answer, and of all together, before it has to wait. Enough for any Lease.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// Begins HTTP/2 on a connection. The current runtime drives it.
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

/// Drives a connection to its end, or until it is dead. All requests on it fail when this returns.
async fn drive(
    connection: Connection<TlsStream<TcpStream>, Bytes>,
    pings: Option<PingPong>,
    load: &Load,
    pool: &Weak<Pool>,
) {
    let mut connection = pin!(connection);
    // The connection first: an answer to the PING that has arrived must be read before the connection counts as dead.
    tokio::select! {
        biased;
        _ = connection.as_mut() => {}
        () = death(pings, load, pool) => {
            let _ = load.dead.set(());
        }
    }
}

/// Resolves when the connection is dead. See the documentation of this module.
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
                // First read what the server has sent while the other connection was made.
                tokio::task::yield_now().await;
                rival
            };
            let rival = tokio::select! {
                biased;
                () = pong(&mut pings) => break,
                rival = rival => rival,
            };
            // An overloaded server may finish the handshake of the other connection before it answers the PING.
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

/// The PING has been answered. An error ends the connection, and is noticed where the connection is driven.
async fn pong(pings: &mut PingPong) {
    poll_fn(|cx| match pings.poll_pong(cx) {
        Poll::Ready(Ok(_)) => Poll::Ready(()),
        Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
    })
    .await;
}
