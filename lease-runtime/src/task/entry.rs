//! A task as a candidate keeps it, whatever its body and its output are.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::{LeaderTask, Policy, TaskHandle, TaskOutput};
use crate::election::Timing;
use crate::error::Error;
use crate::lease::LeaseId;
use crate::term::Term;

/// How a run of a body ended by itself.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// What it says went wrong.
    pub(super) failure: Option<String>,
    /// It had been asked to end, so that "done" may only mean "stopped".
    pub(super) asked: bool,
}

type Start = Box<dyn FnMut(Term) -> BoxFuture<'static, Verdict> + Send>;
type Finish = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// A task as a candidate keeps it.
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) lease: LeaseId,
    pub(crate) timing: Timing,
    pub(super) policy: Policy,
    /// Where its bodies run; unknown until the candidate runs.
    runtime: Mutex<Option<Handle>>,
    start: Mutex<Option<Start>>,
    finish: Mutex<Option<Finish>>,
    over: AtomicBool,
    /// Nobody wants it any more: its body is dropped at once.
    stop: CancellationToken,
}

impl Entry {
    /// Checks the task and erases its types. The handle learns of an error, too.
    pub(crate) fn new<T: TaskOutput>(
        task: LeaderTask<T>,
        namespace: &str,
        stop: CancellationToken,
    ) -> (Result<Entry, Error>, TaskHandle<T>) {
        let name: Arc<str> = task.task_name().into();
        let resolved = task.resolve(namespace);
        let (outcome, receiver) = oneshot::channel();
        let handle = TaskHandle::new(name.clone(), receiver);
        let (lease, timing) = match resolved {
            Ok(resolved) => resolved,
            Err(error) => {
                let _ = outcome.send(Err(error.clone()));
                return (Err(error), handle);
            }
        };
        // What the last run returned. A failed run's value is the task's only if no run follows.
        let last = Arc::new(Mutex::new(None::<T>));
        let LeaderTask { mut body, policy, .. } = task;
        let start: Start = Box::new({
            let last = last.clone();
            move |term| {
                let (body, last) = (body.start(term.clone()), last.clone());
                Box::pin(async move {
                    let output = body.await;
                    let verdict = Verdict { failure: output.failure(), asked: term.is_cancelled() };
                    let previous = lock(&last).replace(output);
                    drop(previous);
                    verdict
                })
            }
        });
        let finish: Finish = Box::new({
            let stopped = Error::Stopped { task: name.to_string(), lease: lease.clone() };
            move |end| {
                let output = lock(&last).take();
                let end = end.and_then(|()| output.ok_or(stopped));
                let _ = outcome.send(end);
            }
        });
        let entry = Entry {
            name,
            lease,
            timing,
            policy,
            runtime: Mutex::new(None),
            start: Mutex::new(Some(start)),
            finish: Mutex::new(Some(finish)),
            over: AtomicBool::new(false),
            stop,
        };
        (Ok(entry), handle)
    }

    /// A run of the body. The user's function is called by the first poll, inside the guard.
    pub(super) fn run(self: &Arc<Self>, term: Term) -> BoxFuture<'static, Verdict> {
        let entry = self.clone();
        Box::pin(async move {
            let body = lock(&entry.start).as_mut().map(|start| start(term));
            match body {
                Some(body) => body.await,
                None => Verdict { failure: None, asked: true },
            }
        })
    }

    /// The task is over: tells whoever waits for it. Only the first end counts.
    pub(crate) fn finish(&self, end: Result<(), Error>) {
        self.over.store(true, Ordering::Release);
        let Some(finish) = lock(&self.finish).take() else { return };
        // Not if it is being called, by a body that does not come back.
        let start = self.start.try_lock().ok().and_then(|mut start| start.take());
        // What the closure captured, and the output if nobody takes it, is dropped here: that is the user's code.
        if catch_unwind(AssertUnwindSafe(|| (finish(end), drop(start)))).is_err() {
            tracing::error!(
                target: "lease_runtime",
                lease = %self.lease.name,
                namespace = %self.lease.namespace,
                task = %self.name,
                "what belongs to a finished task panicked while being dropped"
            );
        }
    }

    /// Whatever ran it is gone.
    pub(crate) fn lose(&self) {
        self.finish(Err(Error::CandidateGone { task: self.name.to_string() }));
    }

    pub(crate) fn stopped(&self) -> Error {
        Error::Stopped { task: self.name.to_string(), lease: self.lease.clone() }
    }

    /// Nothing of it will run any more.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire) || self.stop.is_cancelled()
    }

    /// Ends it without grace.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(super) fn stop_token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Where to run it, unless that has been said before.
    pub(crate) fn run_on(&self, runtime: &Handle) {
        lock(&self.runtime).get_or_insert_with(|| runtime.clone());
    }

    pub(crate) fn runtime(&self) -> Option<Handle> {
        lock(&self.runtime).clone()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.lose();
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// A body that panics while its closure is being called leaves nothing half done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
