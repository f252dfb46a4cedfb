//! Start and orderly end of a candidate.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::runtime::Handle;

use super::inner::{CandidateInner, CandidatePhase};
use super::lease_driver::Arrival;
use super::lease_tasks::LeaseTasks;
use super::signal::ShutdownRequest;
use crate::error::Error;
use crate::term::exit;

impl CandidateInner {
    pub(super) async fn run_until<F>(self: &Arc<Self>, signal: F) -> Result<(), Error>
    where
        F: Future,
        F::Output: ShutdownRequest,
    {
        let mut signal = pin!(signal);
        if F::Output::IS_OF_THE_SYSTEM {
            // One that came while the program started up is passed on by the runtime when it has a look at its events.
            tokio::task::yield_now().await;
        }
        let beginning = RunningCandidate::begin(self)?;
        // Before anything starts: one that is to end already does not lead.
        let early = poll_fn(|cx| Poll::Ready(signal.as_mut().poll(cx))).await;
        if early.is_ready() {
            self.shut_down("signalled before anything has begun: no lease is contended for");
        }
        let running = beginning.drive();
        let request = match early {
            Poll::Ready(request) => Some(request),
            Poll::Pending => tokio::select! {
                biased;
                () = self.failed.cancelled() => None,
                request = &mut signal => Some(request),
            },
        };
        let (mut again, failed) = (None, request.is_none());
        match request.map(ShutdownRequest::into_request) {
            None => {}
            Some(Ok(signalled)) => again = signalled,
            Some(Err(error)) => drop(self.state().failure.get_or_insert(Error::Signal(Arc::new(error)))),
        }
        self.shut_down("shutting down: stopping tasks");
        if let Some(signalled) = &again {
            let signal = signalled.signal();
            tracing::info!(target: "lease_runtime", identity = &*self.identity, signal, "shutdown signal received");
        }
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
                self.cut.cancel();
                tracing::warn!(
                    target: "lease_runtime",
                    identity = &*self.identity,
                    "second shutdown signal received: dropping the bodies, and not waiting for an API server that does not answer"
                );
                ended.await;
            }
        }
        running.end()
    }

    pub(super) async fn run(self: &Arc<Self>) -> Result<(), Error> {
        let running = RunningCandidate::begin(self)?.drive();
        loop {
            tokio::select! {
                biased;
                () = self.failed.cancelled() => {
                    self.shut_down("shutting down after a failure: stopping tasks");
                    self.driven.wait().await;
                    return running.end();
                }
                () = self.driven.wait() => {}
            }
            // A task may just have been added, and under this lock none can be.
            let mut state = self.state();
            if self.driven.is_empty() {
                state.phase = CandidatePhase::Over;
                drop(state);
                return running.end();
            }
        }
    }

    /// Runs for as long as the process does.
    pub(super) fn run_for_good(self: &Arc<Self>, runtime: &Handle) {
        self.state().phase = CandidatePhase::Running(runtime.clone());
    }

    /// The process has to end, after the candidate has ended in order.
    pub(super) fn exit(self: &Arc<Self>, why: Error) {
        self.state().exiting.get_or_insert(why.clone());
        self.fail(why);
        self.shut_down("a task ends the process: stopping tasks");
        let candidate = self.clone();
        // Whoever runs the candidate, or nobody if it is the process's own, may wait for something else.
        drop(tokio::spawn(async move {
            candidate.driven.wait().await;
            candidate.exit_if_asked();
        }));
    }

    /// An election cannot go on: the candidate shuts down because of the first that says so.
    pub(super) fn fail(&self, error: Error) {
        self.state().failure.get_or_insert(error);
        self.failed.cancel();
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
        let first = !self.shutdown.is_cancelled();
        self.state().phase = CandidatePhase::Over;
        self.shutdown.cancel();
        // Deeds before words: a log may block.
        if first {
            tracing::info!(target: "lease_runtime", identity = &*self.identity, "{why}");
        }
    }
}

/// A candidate that may run, and none of whose tasks has begun.
struct ReadyCandidate<'a> {
    running: RunningCandidate<'a>,
    candidate: &'a Arc<CandidateInner>,
    leases: Vec<Arc<LeaseTasks>>,
    runtime: Handle,
}

impl<'a> ReadyCandidate<'a> {
    fn drive(self) -> RunningCandidate<'a> {
        for lease_tasks in self.leases {
            self.candidate.drive(&lease_tasks, &self.runtime, Arrival::First);
        }
        self.running
    }
}

/// A candidate that runs. Dropped before its end, it drops the bodies; the drivers release the leases on their own.
struct RunningCandidate<'a>(Option<&'a CandidateInner>);

impl<'a> RunningCandidate<'a> {
    fn begin(candidate: &'a Arc<CandidateInner>) -> Result<ReadyCandidate<'a>, Error> {
        let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
        let leases: Vec<_> = {
            let mut state = candidate.state();
            if !matches!(state.phase, CandidatePhase::Waiting) {
                return Err(Error::AlreadyRun);
            }
            if let Some(refused) = &state.refused {
                return Err(refused.clone());
            }
            state.phase = CandidatePhase::Running(runtime.clone());
            state.leases.values().cloned().collect()
        };
        Ok(ReadyCandidate { running: RunningCandidate(Some(candidate)), candidate, leases, runtime })
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

impl Drop for RunningCandidate<'_> {
    fn drop(&mut self) {
        if let Some(candidate) = self.0 {
            candidate.cut.cancel();
            candidate.shut_down("given up: dropping the bodies");
        }
    }
}
