//! Three replicas, one leader, and what happens when the leader goes.
//!
//! ```sh
//! cargo run --example quickstart                          # against the Lease API in this process
//! cargo run --example quickstart -- --kubeconfig FILE     # against a cluster of your choice
//! ```
//!
//! Starts three replicas of `work` as processes of their own, stops leaders with SIGTERM and kills leaders with SIGKILL,
//! and shows the successor each time; each replica that has ended is replaced. Ends by itself in under a minute with a table: how long each handover took, and how
//! many overlaps the work's own log shows. There must be none.

use std::time::Duration;

use lease_examples::drama::{Drama, WorkLog};
use lease_runtime::{Candidate, Term, leader_only, shutdown_signal};

/// Runs on the leader: writes a line to the log every 20 ms, until it is asked to end.
#[leader_only(lease = "quickstart", lease_duration = "6s")]
async fn work(term: Term, log: WorkLog) {
    log.started(&term);
    while !term.is_cancelled() {
        log.worked(&term);
        tokio::select! {
            () = term.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    log.ended(&term);
}

/// One replica.
async fn replica(log: WorkLog) -> Result<(), lease_runtime::Error> {
    let candidate = Candidate::from_env().await?;
    candidate.add(work(log));
    candidate.run_until(shutdown_signal()).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The same program is the audience, which starts the replicas, and each of the replicas.
    if let Some(log) = WorkLog::of_this_replica()? {
        return Ok(replica(log).await?);
    }
    let mut drama = Drama::begin("quickstart").await?;
    drama.start_replicas(3).await?;
    drama.stop_leader().await?; // SIGTERM: releases the lease, so the successor starts at once
    drama.kill_leader().await?; // SIGKILL: nobody releases, so the successor waits for the lease to run out
    drama.stop_leader().await?;
    drama.kill_leader().await?;
    drama.stop_leader().await?;
    drama.finish().await
}
