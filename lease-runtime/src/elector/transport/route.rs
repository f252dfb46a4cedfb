//! Chooses the connection for a request, and decides when another one is made.

use std::sync::{Arc, Weak};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::dial::{Dialed, Dialer};
use super::failure::TransportError;
use super::liveness;
use super::pool::{DialOutcome, Dialing, Pool, Route};

/// When each connection carries so many requests, another one is made, up to so many connections. One connection is enough for
/// thousands of leases, but a server that takes seconds to answer needs more streams than it allows on one. kube-apiserver
/// allows 100.
const FULL: usize = 90;
const MOST: usize = 12;

impl Pool {
    /// Chooses a connection, and makes the first one. Cancel safe: a connection that is being made serves all requests that
    /// wait for it, and continues without them.
    pub(super) async fn route(&self) -> Result<Route, TransportError> {
        if let Some(route) = self.ready() {
            return Ok(route);
        }
        match self.dial().await? {
            DialOutcome::Http2(connection) => Ok(Route::Http2(connection)),
            DialOutcome::Http1 => Ok(Route::Http1(self.http1.clone())),
        }
    }

    /// The connection with the fewest requests. `None` if another one has to be made first.
    fn ready(&self) -> Option<Route> {
        let (connection, full) = {
            if !self.multiplexed.is_on() {
                return Some(Route::Http1(self.http1.clone()));
            }
            let state = self.state();
            let connection = state.connections.iter().min_by_key(|connection| connection.carries())?;
            let more = state.connections.len() < MOST;
            if more && connection.is_taken() {
                return None;
            }
            (Arc::clone(connection), more && connection.carries() >= FULL)
        };
        if full {
            drop(self.dial());
        }
        Some(Route::Http2(connection))
    }

    /// Makes a connection for all requests, unless one is being made.
    fn dial(&self) -> Dialing {
        let mut state = self.state();
        // An attempt that has ended but was not removed has panicked. Nothing may wait for it any more.
        if let Some(dialing) = state.dialing.as_ref().filter(|dialing| dialing.peek().is_none()) {
            return dialing.clone();
        }
        let (dialer, this) = (Arc::clone(&self.dialer), Weak::clone(&self.this));
        let work = tokio::spawn(async move {
            let made = connect(&dialer, &this).await;
            if let Some(pool) = this.upgrade() {
                pool.made(&made);
            }
            made
        });
        let lost = |_| Err(TransportError::Closed);
        let dialing = work.map(move |made| made.unwrap_or_else(lost)).boxed().shared();
        state.dialing = Some(dialing.clone());
        dialing
    }

    /// Makes another connection, to see whether that is possible. It does not carry requests yet.
    pub(super) fn another(&self) -> BoxFuture<'static, Result<DialOutcome, TransportError>> {
        let (dialer, this) = (Arc::clone(&self.dialer), Weak::clone(&self.this));
        // Boxed, because the new connection may in turn ask for another.
        async move { connect(&dialer, &this).await }.boxed()
    }
}

async fn connect(dialer: &Dialer, pool: &Weak<Pool>) -> Result<DialOutcome, TransportError> {
    match dialer.dial(&[b"h2", b"http/1.1"]).await.map_err(|error| TransportError::Connect(Arc::new(error)))? {
        Dialed::Http2(stream) => Ok(DialOutcome::Http2(liveness::open(stream, pool).await?)),
        Dialed::Http1(stream) => {
            if let Some(pool) = pool.upgrade() {
                pool.spare.put(stream);
            }
            Ok(DialOutcome::Http1)
        }
    }
}
