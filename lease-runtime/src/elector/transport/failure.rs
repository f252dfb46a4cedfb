//! Why a request got no answer.

use std::io;
use std::sync::Arc;

/// Why a request got no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::elector) enum TransportError {
    /// No connection came to be.
    #[error("cannot connect: {0}")]
    Connect(#[source] Arc<io::Error>),
    /// The connection ended before the request was sent.
    #[error("the connection was closed before the request was sent")]
    Closed,
    /// The connection did not answer a PING, while another to the same server came to be.
    #[error("the connection was dead: it answered no PING while another connection was opened")]
    Dead,
    /// The server sent an error instead of an answer, or the connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[source] Arc<h2::Error>),
    /// The server refused to look at the request.
    #[error("the server refused the request before it looked at it")]
    Refused,
}

impl TransportError {
    /// Nothing of the request was looked at, so that it certainly took no effect.
    pub(in crate::elector) fn never_sent(&self) -> bool {
        matches!(self, TransportError::Connect(_) | TransportError::Closed | TransportError::Refused)
    }

    /// What an error on a stream means. RFC 9113, 8.7: a stream that ends with REFUSED_STREAM was not processed.
    pub(super) fn of_stream(error: h2::Error) -> TransportError {
        match error.reason() {
            Some(h2::Reason::REFUSED_STREAM) if error.is_remote() => TransportError::Refused,
            _ => TransportError::Broken(Arc::new(error)),
        }
    }
}
