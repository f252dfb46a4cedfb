//! Runs the warm-ups of tasks.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::runtime::Handle;

use super::inner::CandidateInner;
use super::lease_tasks::LeaseTasks;
use crate::error::Error;
use crate::task::entry::Entry;
use crate::term::panic_message;

impl CandidateInner {
    /// Starts the warm-up of a task, unless it has started.
    pub(super) fn warm_up(self: &Arc<Self>, lease_tasks: &Arc<LeaseTasks>, entry: &Arc<Entry>, runtime: &Handle) {
        let Some(warm_up) = entry.begin_warm_up() else { return };
        let (shutdown, stop) = (self.shutdown.clone(), entry.stop_token().clone());
        let place = entry.warm_up_place(&self.identity);
        let mut warm_up = Box::pin(place.around(warm_up));
        let (polled_entry, waiting_tasks, mut notified) = (entry.clone(), lease_tasks.clone(), false);
        let warm_up = poll_fn(move |cx| {
            let polled = warm_up.as_mut().poll(cx);
            if !notified && polled_entry.waits_within().is_some() {
                notified = true;
                waiting_tasks.notify();
            }
            polled
        });
        let running = WarmUp { entry: entry.clone(), lease_tasks: lease_tasks.clone(), done: false };
        let warm_up = self.driven.track_future(async move {
            let mut running = running;
            let entry = running.entry.clone();
            let caught = AssertUnwindSafe(warm_up).catch_unwind();
            let warmed = tokio::select! {
                biased;
                () = shutdown.cancelled() => Ok(()),
                () = stop.cancelled() => Ok(()),
                warmed = caught => warmed,
            };
            if let Err(panic) = warmed {
                let failure = format!("panicked while warming up: {}", panic_message(panic));
                tracing::error!(
                    target: "lease_runtime",
                    task = %entry.name,
                    lease = %entry.lease.name,
                    namespace = %entry.lease.namespace,
                    error = failure,
                    "task does not run on this replica"
                );
                let (task, lease) = (entry.name.to_string(), entry.lease.clone());
                entry.finish(Err(Error::Failed { task, lease, failure }));
            }
            running.done = true;
        });
        runtime.spawn(warm_up);
    }
}

/// A running warm-up.
struct WarmUp {
    entry: Arc<Entry>,
    lease_tasks: Arc<LeaseTasks>,
    done: bool,
}

/// However a warm-up ends, the driver must look. A warm-up may be dropped with its runtime, which need not be the runtime of the
/// driver. Without this, no task of the lease would ever start.
impl Drop for WarmUp {
    fn drop(&mut self) {
        if !self.done {
            self.entry.lose();
        }
        self.lease_tasks.notify();
    }
}
