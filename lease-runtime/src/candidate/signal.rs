//! The signals that shut a candidate down.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Resolves at the first SIGTERM or SIGINT (on Windows: Ctrl-C, Ctrl-Close or a shutdown).
///
/// The signals are taken over when this function is called. From then on they do not end the process by themselves. Call it
/// first in `main`: then a signal that comes while the program starts is not lost, and a candidate that is run afterwards ends
/// without having led. Outside of a tokio runtime, the signals are taken over when the future is first polled.
///
/// Give the future to [`Candidate::run_until`](crate::Candidate::run_until). A second signal makes it cut the grace of the bodies
/// to nothing, and wait no longer for the release of the leases. The future returns an error if the signals cannot be taken over.
///
/// # Cancel safety
///
/// Dropping the future loses a signal that has not been reported, and leaves the signals taken over.
pub fn shutdown_signal() -> ShutdownSignal {
    // Tokio panics if there is no runtime.
    ShutdownSignal { signals: Handle::try_current().is_ok().then(Signals::take_over) }
}

/// See [`shutdown_signal`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ShutdownSignal {
    /// `None` until the signals are taken over.
    signals: Option<io::Result<Signals>>,
}

impl Future for ShutdownSignal {
    type Output = io::Result<Signalled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut signals = self.signals.take().unwrap_or_else(Signals::take_over)?;
        match signals.poll(cx) {
            // Nothing is logged here: a log that blocks would delay the shutdown.
            Poll::Ready(signal) => Poll::Ready(Ok(Signalled { signals, signal })),
            Poll::Pending => {
                self.signals = Some(Ok(signals));
                Poll::Pending
            }
        }
    }
}

/// A signal to shut down has come. The next one can be awaited.
#[derive(Debug)]
pub struct Signalled {
    signals: Signals,
    signal: &'static str,
}

impl Signalled {
    /// Resolves at the next SIGTERM or SIGINT.
    ///
    /// # Cancel safety
    ///
    /// Safe: a signal that comes between two calls is not lost.
    pub async fn again(&mut self) {
        self.signal = std::future::poll_fn(|cx| self.signals.poll(cx)).await;
    }

    /// The name of the last signal, as in `SIGTERM`.
    pub fn signal(&self) -> &'static str {
        self.signal
    }
}

/// The output of a future that tells a [`Candidate`](crate::Candidate) to shut down: `()`, `io::Result<()>` as from
/// `tokio::signal::ctrl_c()`, `Option<()>` as from tokio's signal streams, or the output of [`shutdown_signal`].
///
/// It is sealed: it cannot be implemented outside of this crate.
#[diagnostic::on_unimplemented(
    message = "a future that resolves to `{Self}` cannot tell a candidate to shut down: let it resolve to `()`",
    label = "resolves to `{Self}`, not to `()`"
)]
pub trait ShutdownRequest: sealed::Request {
    /// The future waits for signals of the operating system, which the runtime reports.
    #[doc(hidden)]
    const IS_OF_THE_SYSTEM: bool = false;

    /// The later signals, if they can be awaited.
    #[doc(hidden)]
    fn into_request(self) -> io::Result<Option<Signalled>>;
}

mod sealed {
    pub trait Request {}
    impl Request for () {}
    impl Request for Option<()> {}
    impl Request for std::io::Result<()> {}
    impl Request for super::Signalled {}
    impl Request for std::io::Result<super::Signalled> {}
}

impl ShutdownRequest for () {
    fn into_request(self) -> io::Result<Option<Signalled>> {
        Ok(None)
    }
}

impl ShutdownRequest for Option<()> {
    fn into_request(self) -> io::Result<Option<Signalled>> {
        Ok(None)
    }
}

impl ShutdownRequest for io::Result<()> {
    fn into_request(self) -> io::Result<Option<Signalled>> {
        self.map(|()| None)
    }
}

impl ShutdownRequest for Signalled {
    fn into_request(self) -> io::Result<Option<Signalled>> {
        Ok(Some(self))
    }
}

impl ShutdownRequest for io::Result<Signalled> {
    const IS_OF_THE_SYSTEM: bool = true;

    fn into_request(self) -> io::Result<Option<Signalled>> {
        self.map(Some)
    }
}

#[cfg(unix)]
#[derive(Debug)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn take_over() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        if self.terminate.poll_recv(cx).is_ready() {
            return Poll::Ready("SIGTERM");
        }
        self.interrupt.poll_recv(cx).map(|_| "SIGINT")
    }
}

#[cfg(windows)]
#[derive(Debug)]
struct Signals {
    ctrl_c: tokio::signal::windows::CtrlC,
    close: tokio::signal::windows::CtrlClose,
    shutdown: tokio::signal::windows::CtrlShutdown,
}

#[cfg(windows)]
impl Signals {
    fn take_over() -> io::Result<Signals> {
        use tokio::signal::windows::{ctrl_c, ctrl_close, ctrl_shutdown};
        Ok(Signals { ctrl_c: ctrl_c()?, close: ctrl_close()?, shutdown: ctrl_shutdown()? })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        if self.ctrl_c.poll_recv(cx).is_ready() {
            return Poll::Ready("Ctrl-C");
        }
        if self.close.poll_recv(cx).is_ready() {
            return Poll::Ready("Ctrl-Close");
        }
        self.shutdown.poll_recv(cx).map(|_| "shutdown")
    }
}
