//! Why a request got no answer.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Why a request got no answer.
#[derive(Clone, Debug)]
pub(in crate::elector) enum TransportError {
    /// No connection could be made.
    Connect(Arc<io::Error>),
    /// The connection ended before the request was sent.
    Closed,
    /// The connection did not answer a PING, while another connection to the same server could be made.
    Dead,
    /// The server sent an error instead of an answer, or the connection broke.
    Broken(Arc<h2::Error>),
    /// The server refused the request before it processed it.
    Refused,
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TransportError::Connect(_) => "cannot connect",
            TransportError::Closed => "the connection was closed before the request was sent",
            TransportError::Dead => "the connection was dead: it answered no PING while another connection was opened",
            TransportError::Broken(_) => "the connection broke",
            TransportError::Refused => "the server refused the request before it looked at it",
        })
    }
}

/// Written by hand, so that the error inside an `Arc` is found by its own type, for example an error of a certificate.
impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TransportError::Connect(error) => Some(&**error),
            TransportError::Broken(error) => Some(&**error),
            TransportError::Closed | TransportError::Dead | TransportError::Refused => None,
        }
    }
}

impl TransportError {
    /// The server has processed nothing of the request, so it certainly took no effect.
    pub(in crate::elector) fn never_sent(&self) -> bool {
        matches!(self, TransportError::Connect(_) | TransportError::Closed | TransportError::Refused)
    }

    /// The meaning of an error on a stream. RFC 9113, 8.7: a stream that ends with REFUSED_STREAM was not processed.
    pub(super) fn of_stream(error: h2::Error) -> TransportError {
        match error.reason() {
            Some(h2::Reason::REFUSED_STREAM) if error.is_remote() && error.is_reset() => TransportError::Refused,
            _ => TransportError::Broken(Arc::new(error)),
        }
    }
}
