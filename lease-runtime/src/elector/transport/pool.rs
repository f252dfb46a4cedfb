//! The connections to one API server.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::future::{BoxFuture, Shared};
use kube::Client;

use super::connection::Http2Connection;
use super::dial::Dialer;
use super::failure::TransportError;
use super::http1::Spare;
use crate::elector::multiplexed::Multiplexed;

/// The connections to one API server.
pub(super) struct Pool {
    pub(super) dialer: Arc<Dialer>,
    /// The connection on which the server chose HTTP/1.1. The first request on HTTP/1.1 uses it.
    pub(super) spare: Spare,
    /// For a server that speaks HTTP/1.1 only. It adds nothing to a request.
    pub(super) http1: Client,
    /// Whether the server speaks HTTP/2, as far as is known.
    pub(super) multiplexed: Multiplexed,
    state: Mutex<PoolState>,
    pub(super) this: Weak<Pool>,
}

#[derive(Default)]
pub(super) struct PoolState {
    pub(super) connections: Vec<Arc<Http2Connection>>,
    /// The connection that is being made.
    pub(super) dialing: Option<Dialing>,
}

pub(super) type Dialing = Shared<BoxFuture<'static, Result<DialOutcome, TransportError>>>;

/// The result of making a connection.
#[derive(Clone)]
pub(super) enum DialOutcome {
    Http2(Arc<Http2Connection>),
    Http1,
}

/// Where a request goes.
pub(super) enum Route {
    Http2(Arc<Http2Connection>),
    Http1(Client),
}

impl Pool {
    pub(super) fn new(dialer: Arc<Dialer>, spare: Spare, http1: Client, multiplexed: Multiplexed) -> Arc<Pool> {
        multiplexed.set(true);
        Arc::new_cyclic(|this| Pool {
            dialer,
            spare,
            http1,
            multiplexed,
            state: Mutex::default(),
            this: Weak::clone(this),
        })
    }

    pub(super) fn made(&self, made: &Result<DialOutcome, TransportError>) {
        let mut state = self.state();
        state.dialing = None;
        match made {
            Ok(DialOutcome::Http2(connection)) => state.connections.push(Arc::clone(connection)),
            Ok(DialOutcome::Http1) => self.multiplexed.set(false),
            Err(_) => {}
        }
    }

    /// Uses a connection that [`another`](Self::another) has made.
    pub(super) fn keep(&self, made: DialOutcome) {
        match made {
            DialOutcome::Http2(connection) => self.state().connections.push(connection),
            DialOutcome::Http1 => self.multiplexed.set(false),
        }
    }

    /// The server has answered a PING.
    pub(super) fn lives(&self) {
        self.multiplexed.sign();
    }

    /// A connection has ended.
    pub(super) fn forget(&self, ended: &Weak<Http2Connection>) {
        self.state().connections.retain(|connection| !std::ptr::eq(Arc::as_ptr(connection), ended.as_ptr()));
    }

    pub(super) fn state(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
