//! The scheduled task. A run is long enough to be interrupted now and then.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lease_runtime::{Term, Tick, leader_only};

use super::{Desk, TICK};

const TAKES: Duration = Duration::from_secs(3);

#[leader_only(lease = "faults", every = "10s", delivery = at_most_once, grace = "500ms")]
pub(super) async fn tick(term: Term, tick: Tick, desk: Arc<Desk>) {
    desk.runs.fetch_add(1, Ordering::Relaxed);
    let run = Run { what: format!("{TICK} {}", tick.nominal()), token: term.fencing_token().get(), desk };
    run.desk.pen.write("tick", run.token, &format!("{} {} schedule", run.what, tick.attempt()));
    tokio::select! {
        biased;
        () = term.cancelled() => {}
        () = tokio::time::sleep(TAKES) => {}
    }
}

struct Run {
    what: String,
    token: u64,
    desk: Arc<Desk>,
}

impl Drop for Run {
    fn drop(&mut self) {
        self.desk.pen.write("tick-ended", self.token, &format!("{} gone", self.what));
        self.desk.runs.fetch_sub(1, Ordering::Relaxed);
    }
}
