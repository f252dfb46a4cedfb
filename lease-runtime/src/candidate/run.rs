//! Start and orderly end of a candidate.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::signal::ShutdownRequest;
use super::{Inner, Phase};
use crate::error::Error;
use crate::task::exit;

impl Inner {
    pub(super) async fn run_until<F>(self: &Arc<Self>, signal: F) -> Result<(), Error>
    where
        F: Future,
        F::Output: ShutdownRequest,
    {
        let running = Running::begin(self)?;
        let mut signal = pin!(signal);
        let request = tokio::select! {
            biased;
            () = self.failed.cancelled() => None,
            request = &mut signal => Some(request),
        };
        let (mut again, failed) = (None, request.is_none());
        match request.map(ShutdownRequest::into_request) {
            None => {}
            Some(Ok(signalled)) => again = signalled,
            Some(Err(error)) => drop(self.state().failure.get_or_insert(error.into())),
        }
        self.shut_down("shutting down: asking the bodies to end");
        let ended = self.driven.wait();
        let once_more = async {
            if failed {
                // Nobody has signalled yet: the first signal finds it shutting down, the second one cuts.
                again = signal.await.into_request().ok().flatten();
            }
            match &mut again {
                Some(signalled) => signalled.again().await,
                None => pending().await,
            }
        };
        let mut ended = pin!(ended);
        tokio::select! {
            biased;
            () = &mut ended => {}
            () = once_more => {
                tracing::warn!(
                    target: "lease_runtime",
                    identity = &*self.identity,
                    "signalled again while shutting down: dropping the bodies"
                );
                self.cut.cancel();
                ended.await;
            }
        }
        running.end()
    }

    pub(super) async fn run(self: &Arc<Self>) -> Result<(), Error> {
        let running = Running::begin(self)?;
        loop {
            tokio::select! {
                biased;
                () = self.failed.cancelled() => {
                    self.shut_down("shutting down after a failure: asking the bodies to end");
                    self.driven.wait().await;
                    return running.end();
                }
                () = self.driven.wait() => {}
            }
            // A task may just have been added, and under this lock none can be.
            let mut state = self.state();
            if self.driven.is_empty() {
                state.phase = Phase::Over;
                drop(state);
                return running.end();
            }
        }
    }

    /// Runs for as long as the process does.
    pub(super) fn run_for_good(self: &Arc<Self>, runtime: &Handle) {
        self.state().phase = Phase::Running(runtime.clone());
    }

    /// Ends the process if a task wants it to. For when everything has ended in order.
    pub(super) fn exit_if_asked(&self) {
        // Not under the lock: whoever subscribes to the last words may look at the candidate.
        let exiting = self.state().exiting.clone();
        if let Some(why) = exiting {
            exit::now(&why.to_string());
        }
    }

    pub(super) fn shut_down(&self, why: &str) {
        if !self.shutdown.is_cancelled() {
            tracing::info!(target: "lease_runtime", identity = &*self.identity, "{why}");
        }
        self.state().phase = Phase::Over;
        self.shutdown.cancel();
    }
}

/// A candidate that runs. Dropped before its end, it drops the bodies; the drivers release the leases on their own.
struct Running<'a>(Option<&'a Inner>);

impl<'a> Running<'a> {
    fn begin(candidate: &'a Arc<Inner>) -> Result<Running<'a>, Error> {
        let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let rosters: Vec<_> = {
            let mut state = candidate.state();
            if !matches!(state.phase, Phase::Waiting) {
                return Err(Error::AlreadyRun);
            }
            if let Some(refused) = &state.refused {
                return Err(refused.clone());
            }
            state.phase = Phase::Running(runtime.clone());
            state.rosters.values().cloned().collect()
        };
        for roster in rosters {
            candidate.drive(&roster, &runtime);
        }
        Ok(Running(Some(candidate)))
    }

    /// It has ended in order.
    fn end(mut self) -> Result<(), Error> {
        let Some(candidate) = self.0.take() else { return Ok(()) };
        tracing::info!(target: "lease_runtime", identity = &*candidate.identity, "candidate ended");
        candidate.exit_if_asked();
        match candidate.state().failure.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(candidate) = self.0 {
            candidate.cut.cancel();
            candidate.shut_down("given up: dropping the bodies");
        }
    }
}
