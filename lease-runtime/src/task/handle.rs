//! The handle of a task, which waits for it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::inside::{AwaitedTask, Completed, DeadlockCheck};
use crate::error::Error;

/// Waits for a task that a candidate runs. If it is dropped, the task continues.
///
/// Awaiting it returns what the body returned when it was done. A body that fails is not done: it runs again. Its error is
/// returned only if no run follows: with [`Restart::Never`](crate::Restart::Never), or if the candidate shuts down and the lease
/// was not being given up for another reason before.
///
/// The result is an [`Error`] in these cases:
/// - The body failed for good and returned nothing: it panicked, timed out, or failed too often.
/// - The candidate ended before the task was done, or cannot take part in the election.
/// - A body waits for a task that cannot run before this body has ended ([`Error::WaitsForItself`]).
pub struct TaskHandle<T> {
    name: Arc<str>,
    outcome: oneshot::Receiver<Result<T, Error>>,
    completed: CancellationToken,
    target: Arc<AwaitedTask>,
    wait: DeadlockCheck,
}

impl<T> TaskHandle<T> {
    pub(crate) fn new(
        name: Arc<str>,
        outcome: oneshot::Receiver<Result<T, Error>>,
        completed: CancellationToken,
    ) -> TaskHandle<T> {
        TaskHandle { name, outcome, completed, target: Arc::default(), wait: DeadlockCheck::default() }
    }

    /// The task that is awaited. It learns where the task was added.
    pub(crate) fn target(&self) -> &Arc<AwaitedTask> {
        &self.target
    }

    /// The name of the task.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Resolves when the task is done. A task that runs [once](crate::LeaderTask::once) is done when any replica has run it. It
    /// never resolves if the task fails for good, or if the candidate ends before.
    ///
    /// Use it for work that must wait for a migration, as the [`warm_up`](crate::LeaderTask::warm_up) of a task. If both tasks have
    /// the same lease, the candidate contends for the lease without waiting for this warm-up, since the migration could not run
    /// otherwise. This is logged. A [sequence](crate::TaskGroup::sequence) keeps the order, too.
    ///
    /// ```no_run
    /// # use lease_runtime::{Candidate, LeaderTask, LeaseSpec};
    /// # fn migrate() -> LeaderTask<()> { LeaderTask::scheduled("migrate", LeaseSpec::new("migration"), |_, _| async {}).once() }
    /// # fn serve() -> LeaderTask<()> { LeaderTask::new("serve", LeaseSpec::new("serve"), |_| async {}) }
    /// # fn f(candidate: Candidate) {
    /// let migration = candidate.add(migrate());
    /// candidate.add(serve().warm_up(migration.completed()));
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Safe. The future does not borrow the handle, and continues when the handle is dropped.
    pub fn completed(&self) -> impl Future<Output = ()> + Send + use<T> {
        Completed::of(&self.completed, &self.target)
    }

    /// Whether the task is over.
    pub fn is_finished(&self) -> bool {
        self.outcome.is_terminated() || !self.outcome.is_empty()
    }
}

impl<T> Future for TaskHandle<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let received = if self.outcome.is_terminated() {
            // Polled again after the end. The channel would panic.
            Poll::Ready(None)
        } else {
            Pin::new(&mut self.outcome).poll(cx).map(Result::ok)
        };
        if received.is_pending() {
            let TaskHandle { target, completed, wait, .. } = &mut *self;
            if let Some(error) = wait.check(target, completed, cx) {
                return Poll::Ready(Err(error));
            }
        }
        received.map(|end| end.unwrap_or_else(|| Err(Error::CandidateGone { task: self.name.to_string() })))
    }
}

impl<T> fmt::Debug for TaskHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskHandle").field("name", &self.name).field("is_finished", &self.is_finished()).finish()
    }
}
