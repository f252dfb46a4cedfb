//! Connections for a server that speaks HTTP/1.1 only.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::dial::{Dialed, Dialer};

/// Makes connections for kube's HTTP/1.1 client. The first one is the connection on which the server chose the protocol.
#[derive(Clone)]
pub(super) struct Http1Connector {
    dialer: Arc<Dialer>,
    spare: Spare,
}

/// A connection that was made and has not been used.
#[derive(Clone, Default)]
pub(super) struct Spare(Arc<Mutex<Option<TlsStream<TcpStream>>>>);

impl Spare {
    pub(super) fn put(&self, stream: TlsStream<TcpStream>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
    }

    fn take(&self) -> Option<TlsStream<TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Http1Connector {
    pub(super) fn new(dialer: Arc<Dialer>, spare: Spare) -> Http1Connector {
        Http1Connector { dialer, spare }
    }
}

impl Service<Uri> for Http1Connector {
    type Response = Http1Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Http1Stream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Http1Connector { dialer, spare } = self.clone();
        Box::pin(async move {
            let stream = match spare.take() {
                Some(stream) => stream,
                None => match dialer.dial(&[b"http/1.1"]).await? {
                    Dialed::Http1(stream) | Dialed::Http2(stream) => stream,
                },
            };
            Ok(Http1Stream(TokioIo::new(stream)))
        })
    }
}

/// A connection with the traits that hyper needs.
pub(super) struct Http1Stream(TokioIo<TlsStream<TcpStream>>);

impl Connection for Http1Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Http1Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl Write for Http1Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
