//! The candidate of the process, for tasks that are awaited or spawned.

use std::future::IntoFuture;

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, oneshot};
use tokio_util::sync::CancellationToken;

use super::Candidate;
use super::place::Placed;
use crate::error::Error;
use crate::task::{IntoTask, LeaderTask, TaskGroup, TaskHandle, TaskOutput};

/// The only global state for tasks. The candidate is built when a task is first awaited or spawned. If that fails, the next task
/// tries again.
static CANDIDATE: OnceCell<Candidate> = OnceCell::const_new();

impl<T: TaskOutput> LeaderTask<T> {
    /// Starts the task under the candidate of the process. That candidate is built from the environment if it does not exist yet.
    /// The task goes on when the handle is dropped.
    ///
    /// If there is no cluster or no tokio runtime, the handle returns an error that says so.
    pub fn spawn(self) -> TaskHandle<T> {
        spawn(self)
    }
}

impl<T: TaskOutput> IntoFuture for LeaderTask<T> {
    type Output = Result<T, Error>;
    type IntoFuture = BoxFuture<'static, Result<T, Error>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(run(self))
    }
}

impl TaskGroup {
    /// As [`LeaderTask::spawn`](crate::LeaderTask::spawn).
    pub fn spawn(self) -> TaskHandle<()> {
        spawn(self)
    }
}

impl IntoFuture for TaskGroup {
    type Output = Result<(), Error>;
    type IntoFuture = BoxFuture<'static, Result<(), Error>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(run(self))
    }
}

async fn candidate() -> Result<&'static Candidate, Error> {
    let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
    CANDIDATE
        .get_or_try_init(|| async {
            let candidate = Candidate::from_env().await?;
            candidate.inner.run_for_good(&runtime);
            Ok(candidate)
        })
        .await
}

/// Runs a task until it is done and its lease, if no other task needs it, is released.
async fn run<K: IntoTask>(task: K) -> Result<K::Output, Error> {
    let (handle, placed) = candidate().await?.place(task);
    let wanted = AwaitedProcessTask(placed);
    let output = handle.await;
    if let Some(Placed { lease_tasks, .. }) = &wanted.0 {
        lease_tasks.settled().await;
        // The process may end next.
        candidate().await?.inner.elector.events_written().await;
    }
    output
}

/// Starts a task that runs even if its handle is dropped.
fn spawn<K: IntoTask>(task: K) -> TaskHandle<K::Output> {
    let (outcome, receiver) = oneshot::channel();
    let completed = CancellationToken::new();
    let handle = TaskHandle::new(task.title().into(), receiver, completed.clone());
    let target = handle.target().clone();
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(async move {
            let end = match candidate().await {
                Ok(candidate) => {
                    let inner = candidate.add(task);
                    target.put_as(inner.target());
                    inner.await
                }
                Err(error) => Err(error),
            };
            if end.as_ref().is_ok_and(|output| output.failure().is_none()) {
                completed.cancel();
            }
            if let Err(Err(error)) = outcome.send(end) {
                tracing::error!(target: "lease_runtime", error = %error, "a spawned task did not run to its end");
            }
        })),
        Err(_) => drop(outcome.send(Err(Error::NoRuntime))),
    }
    handle
}

/// The task of a future that is awaited. It is given up when the future is dropped.
struct AwaitedProcessTask(Option<Placed>);

impl Drop for AwaitedProcessTask {
    fn drop(&mut self) {
        if let Some(Placed { entry, lease_tasks }) = &self.0
            && !entry.is_over()
        {
            lease_tasks.give_up(entry);
        }
    }
}
