//! The body of an answer: complete, a stream of watch events, or cut off by a fault.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};

/// The connection ended before the complete answer was sent. Over TCP, the peer sees a closed connection. In process, the call
/// fails with this error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection closed by the embedded api")]
pub struct Dropped;

/// The body of an answer.
#[derive(Debug)]
pub struct Body(UnsyncBoxBody<Bytes, Dropped>);

impl Body {
    pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
        Body(Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync())
    }

    /// Sends each frame when the stream yields it. The connection breaks at the first error.
    pub(crate) fn stream<S>(frames: S) -> Body
    where
        S: futures_util::Stream<Item = Result<Bytes, Dropped>> + Send + 'static,
    {
        let frames = futures_util::StreamExt::map(frames, |frame| frame.map(Frame::data));
        Body(StreamBody::new(frames).boxed_unsync())
    }

    /// These bytes, then a broken connection.
    pub(crate) fn broken_after(bytes: Bytes) -> Body {
        Body::stream(futures_util::stream::iter([Ok(bytes), Err(Dropped)]))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Dropped;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Dropped>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}
