//! Starts a candidate, and shuts it down in order.

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
use lease_protocol::election::shown;

impl CandidateInner {
    pub(super) async fn run_until<F>(self: &Arc<Self>, signal: F) -> Result<(), Error>
    where
        F: Future,
        F::Output: ShutdownRequest,
    {
        let mut signal = pin!(signal);
        if F::Output::IS_OF_THE_SYSTEM {
            // A signal may have come while the program started. The runtime reports it only when it looks at its events.
            tokio::task::yield_now().await;
        }
        let beginning = RunningCandidate::begin(self)?;
        // Before anything starts: a process that is to end already must not lead.
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
            tracing::info!(target: "lease_runtime", identity = %shown(&self.identity), signal, "shutdown signal received");
        }
        let ended = self.ended();
        let once_more = async {
            if failed {
                // No signal has come yet: the first one finds the candidate shutting down, so the second one cuts the grace.
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
                    identity = %shown(&self.identity),
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
                    self.ended().await;
                    return running.end();
                }
                () = self.ended() => {}
            }
            // A task may have been added after the last driver ended. Under this lock none can be added.
            let mut state = self.state();
            if self.driven.is_empty() {
                state.phase = CandidatePhase::Over;
                drop(state);
                return running.end();
            }
        }
    }

    /// Resolves when all drivers have ended and, if the API server answers soon, the last Events are written. No lease is held by
    /// then, so nothing waits for them but the process.
    async fn ended(&self) {
        self.driven.wait().await;
        tokio::select! {
            biased;
            () = self.cut.cancelled() => {}
            () = self.elector.events_written() => {}
        }
    }

    /// Runs until the process ends.
    pub(super) fn run_for_good(self: &Arc<Self>, runtime: &Handle) {
        self.state().phase = CandidatePhase::Running(runtime.clone());
    }

    /// Ends the process after the candidate has shut down in order.
    pub(super) fn exit(self: &Arc<Self>, why: Error) {
        self.state().exiting.get_or_insert(why.clone());
        self.fail(why);
        self.shut_down("a task ends the process: stopping tasks");
        let candidate = self.clone();
        // The caller of `run_until` may wait for something else, and the candidate of the process has no caller.
        drop(tokio::spawn(async move {
            candidate.ended().await;
            candidate.exit_if_asked();
        }));
    }

    /// An election cannot continue. The candidate shuts down, and returns the first such error.
    pub(super) fn fail(&self, error: Error) {
        self.state().failure.get_or_insert(error);
        self.failed.cancel();
    }

    /// Ends the process if a task asked for it. Call it after the candidate has shut down in order.
    pub(super) fn exit_if_asked(&self) {
        // Without the lock: a subscriber of the final log line may use the candidate.
        let exiting = self.state().exiting.clone();
        if let Some(why) = exiting {
            exit::now(&why.to_string());
        }
    }

    pub(super) fn shut_down(&self, why: &str) {
        let first = !self.shutdown.is_cancelled();
        self.state().phase = CandidatePhase::Over;
        self.shutdown.cancel();
        // The log comes last, because it may block.
        if first {
            tracing::info!(target: "lease_runtime", identity = %shown(&self.identity), "{why}");
        }
    }
}

/// A candidate that may run, before any of its tasks has started.
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

/// A running candidate. If it is dropped before its end, it drops the bodies, and the drivers release the leases by themselves.
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
            for (lease, lease_tasks) in &state.leases {
                candidate.traffic_plan(lease, lease_tasks.traffic())?;
            }
            state.phase = CandidatePhase::Running(runtime.clone());
            state.leases.values().cloned().collect()
        };
        Ok(ReadyCandidate { running: RunningCandidate(Some(candidate)), candidate, leases, runtime })
    }

    /// The candidate has shut down in order.
    fn end(mut self) -> Result<(), Error> {
        let Some(candidate) = self.0.take() else { return Ok(()) };
        tracing::info!(target: "lease_runtime", identity = %shown(&candidate.identity), "candidate ended");
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
