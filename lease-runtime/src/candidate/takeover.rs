//! The takeover delay: how long the bodies of a term wait if the holder before had not released the lease.

use std::time::Duration;

use tokio::time::sleep;

use super::lease_tasks::LeaseTasks;
use crate::term::Term;
use lease_protocol::election::shown;

/// The longest sleep: tokio's timers stand still while the machine is suspended, but the clock does not.
const SLICE: Duration = Duration::from_secs(1);

/// The wait of one term.
pub(super) struct TakeoverWait<'a> {
    lease_tasks: &'a LeaseTasks,
    term: &'a Term,
    /// It was logged that the bodies wait.
    said: bool,
}

impl TakeoverWait<'_> {
    pub(super) fn new<'a>(lease_tasks: &'a LeaseTasks, term: &'a Term) -> TakeoverWait<'a> {
        TakeoverWait { lease_tasks, term, said: false }
    }

    /// Whether bodies may start. A task that is added later may prolong the wait for those that have not started.
    pub(super) fn is_over(&mut self) -> bool {
        let left = self.left();
        if left.is_zero() == self.said {
            self.said = !left.is_zero();
            self.log(left);
        }
        left.is_zero()
    }

    /// Resolves when [`is_over`](Self::is_over) may have changed. Never resolves if there is nothing to wait for. Cancel safe.
    pub(super) async fn passes(&self) {
        let left = self.left();
        if left.is_zero() && !self.said {
            std::future::pending::<()>().await;
        }
        // tokio's timers count in whole milliseconds. Waking a little late is better than spinning until the time comes.
        sleep(left.min(SLICE).max(Duration::from_millis(1))).await;
    }

    fn left(&self) -> Duration {
        let term_state = self.term.state();
        let Some(sent) = term_state.taken_over_at() else { return Duration::ZERO };
        (sent + self.lease_tasks.takeover_delay()).after(term_state.clock().now())
    }

    fn log(&self, left: Duration) {
        let (lease, term) = (self.term.lease(), self.term.state().token().get());
        let identity = shown(self.term.identity());
        if left.is_zero() {
            tracing::info!(
                target: "lease_runtime",
                lease = %lease.name,
                namespace = %lease.namespace,
                identity = %identity,
                term,
                "the takeover delay has passed, starting tasks"
            );
        } else {
            tracing::info!(
                target: "lease_runtime",
                lease = %lease.name,
                namespace = %lease.namespace,
                identity = %identity,
                term,
                delay = ?self.lease_tasks.takeover_delay(),
                "the last holder has not released the lease: tasks start when the takeover delay has passed"
            );
        }
    }
}
