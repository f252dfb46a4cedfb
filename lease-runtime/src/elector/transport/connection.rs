//! One HTTP/2 connection, and the requests on it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, Response, Version};

use super::body::Http2Body;
use super::failure::TransportError;
use super::load::{AwaitedHead, Load, OpenBody};

/// One connection. Dropping all references closes it when its last answer has been read.
pub(super) struct Http2Connection {
    pub(super) sender: SendRequest<Bytes>,
    pub(super) load: Arc<Load>,
}

impl Http2Connection {
    /// Sends a request. Dropping the future, or the body of the answer, gives the request up, and resets its stream.
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

    /// Whether all streams that the server allows belong to answers that go on, as watches do. Another request might then wait
    /// forever. If the server allows no streams at all, that is only for a moment.
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
