//! A paused tokio runtime that is driven from outside.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use super::clock::{MILLI, Nanos, first_instant, since};

/// The runtime of one process. Its time passes only while it is driven.
pub(crate) struct PausedRuntime {
    runtime: Runtime,
    pub(crate) begun: Instant,
    /// What its clock shows.
    reached: Nanos,
}

impl PausedRuntime {
    /// # Panics
    ///
    /// If the operating system gives no runtime.
    pub(crate) fn new(seed: u64) -> PausedRuntime {
        let runtime = seeded(seed).enable_time().start_paused(true).build().expect("a runtime");
        let begun = runtime.block_on(async { first_instant() });
        PausedRuntime { runtime, begun, reached: 0 }
    }

    /// Lets time pass until the clock shows `until`, in whole milliseconds: tokio's timers have no finer ones. Nothing happens
    /// if the clock is ahead, because a body has blocked.
    pub(crate) fn run_until(&mut self, until: Nanos) {
        let until = until / MILLI * MILLI;
        if until <= self.reached {
            return;
        }
        let begun = self.begun;
        let target = begun + Duration::from_nanos(until);
        self.reached = self.runtime.block_on(async move {
            sleep_until(target).await;
            // What is due at this very instant belongs to this step.
            yield_now().await;
            since(begun)
        });
    }

    /// The clock jumps to `to`, as that of a process that was stopped.
    pub(crate) fn jump_to(&mut self, to: Nanos) {
        let gap = (to / MILLI * MILLI).saturating_sub(self.reached);
        let begun = self.begun;
        self.reached = self.runtime.block_on(async move {
            tokio::time::advance(Duration::from_nanos(gap)).await;
            since(begun)
        });
    }

    /// Runs `f` in the context of the runtime.
    pub(crate) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _context = self.runtime.enter();
        f()
    }

    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(future));
    }

    /// How many tasks are alive on it.
    pub(crate) fn tasks(&self) -> usize {
        self.runtime.metrics().num_alive_tasks()
    }

    /// Drops all of its tasks at once.
    pub(crate) fn kill(self) {
        let handle = self.runtime.handle().clone();
        // Bodies read the clock while they are dropped.
        let _context = handle.enter();
        self.runtime.shutdown_background();
    }
}

#[cfg(tokio_unstable)]
fn seeded(seed: u64) -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()));
    builder
}

/// Without tokio's unstable interface, the order in which it wakes tasks cannot be repeated. `main` refuses to run then.
#[cfg(not(tokio_unstable))]
fn seeded(_: u64) -> Builder {
    Builder::new_current_thread()
}
