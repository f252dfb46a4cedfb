//! The body of an answer on HTTP/2.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::failure::TransportError;
use super::load::OpenBody;

/// The body of an answer. Dropping it before its end tells the server to send no more.
pub(super) struct Http2Body {
    stream: h2::RecvStream,
    /// The request counts for its connection until the answer has been read.
    _open: OpenBody,
}

impl Http2Body {
    pub(super) fn new(stream: h2::RecvStream, open: OpenBody) -> Http2Body {
        Http2Body { stream, _open: open }
    }
}

impl Body for Http2Body {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        let stream = &mut self.get_mut().stream;
        match ready!(stream.poll_data(cx)) {
            Some(Ok(data)) => {
                // Without this the server stops when its window is full, which a watch reaches after some hours.
                let _ = stream.flow_control().release_capacity(data.len());
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            // For any reason: the server has processed the request.
            Some(Err(error)) => Poll::Ready(Some(Err(TransportError::Broken(Arc::new(error))))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }
}
