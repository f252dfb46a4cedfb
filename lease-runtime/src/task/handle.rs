//! Waiting for a task.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::inside::{AwaitedTask, Completed, DeadlockCheck};
use crate::error::Error;

/// Waits for a task that a candidate runs. Dropping it lets the task go on.
///
/// Awaiting it gives what the body returned when it was done. A failed body is not done, it runs again; its error comes here
/// only if no run follows: because of [`Restart::Never`](crate::Restart::Never), or because the candidate is
/// shutting down, unless the lease was being given up for another reason already.
/// A body that failed for good without returning anything, by a panic, a timeout or too many failures, is an [`Error`]; so is
/// a candidate that ends, or cannot take part in the election, while the task is not done; and, inside of a body, so is a task
/// that cannot run before that body has ended ([`Error::WaitsForItself`]).
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

    /// What is waited for, to be told where the task was put.
    pub(crate) fn target(&self) -> &Arc<AwaitedTask> {
        &self.target
    }

    /// The task's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Resolves when the task is done: for one that runs [once](crate::LeaderTask::once), on whichever replica. Never, if it
    /// fails for good or the candidate ends before that.
    ///
    /// For what has to wait for a migration, as the [`warm_up`](crate::LeaderTask::warm_up) of a task, be it of another lease or
    /// of the same: there, the lease is contended for without waiting for that warm-up, which is logged, since the migration
    /// could not run before. A [sequence](crate::TaskGroup::sequence) keeps the order, too.
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
    /// Safe. It does not borrow the handle, and goes on when that is dropped.
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
            // Polled again after the end, which a channel would panic at.
            Poll::Ready(None)
        } else {
            Pin::new(&mut self.outcome).poll(cx).map(Result::ok)
        };
        if received.is_pending() {
            let TaskHandle { target, completed, wait, .. } = &mut *self;
            if let Some(error) = wait.look(target, completed, cx) {
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
