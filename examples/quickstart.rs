//! Three replicas, one leader, and what happens when the leader ends.
//!
//! ```sh
//! cargo run --example quickstart                          # against the Lease API in this process
//! cargo run --example quickstart -- --kubeconfig FILE     # against a cluster of your choice
//! ```
//!
//! Starts three replicas of `work`, each as a process. Stops leaders with SIGTERM and kills leaders with SIGKILL, and shows the
//! next leader each time. Replaces each replica that has ended. Ends by itself in under a minute and prints how long each
//! handover took, and how often the log shows two leaders at the same time. Fails if that has happened.

use std::time::Duration;

use lease_examples::harness::{End, Entry, Harness, Outcome, WorkLog, overlaps, print_table};
use lease_runtime::{Candidate, Term, leader_only, shutdown_signal};

/// Runs on the leader. Writes a line to the log every 20 ms until it is asked to end.
#[leader_only(lease = "quickstart", lease_duration = "6s")]
async fn work(term: Term, log: WorkLog) {
    log.note(&term, "started");
    while !term.is_cancelled() {
        log.note(&term, "worked");
        tokio::select! {
            () = term.cancelled() => {}
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    log.note(&term, "ended");
}

/// One replica.
async fn replica(log: WorkLog) -> Result<(), lease_runtime::Error> {
    let candidate = Candidate::from_env().await?;
    candidate.add(work(log));
    candidate.run_until(shutdown_signal()).await
}

#[tokio::main]
async fn main() -> Outcome<()> {
    // This program is the parent process, which starts the replicas, and also each of the replicas.
    if let Some(log) = WorkLog::of_this_replica()? {
        return Ok(replica(log).await?);
    }
    let mut harness = Harness::open("quickstart").await?;
    let names = ["replica-1", "replica-2", "replica-3", "replica-4", "replica-5", "replica-6", "replica-7"];
    let (first, mut reserve) = (&names[..3], names[3..].iter());
    for name in first {
        harness.start(name)?;
    }
    let mut term = harness.wait_for("a leader", |entry| entry.what == "started").await?;
    harness.say(term.at, &format!("{} leads, the others stand by", term.replica));

    let mut handovers = Vec::new();
    // SIGTERM: releases the lease, so the successor starts at once.
    // SIGKILL: the lease is not released, so the successor waits until it has expired.
    for how in [End::Sigterm, End::Sigkill, End::Sigterm, End::Sigkill, End::Sigterm] {
        let next = hand_over(&mut harness, &term, how, &mut handovers).await?;
        if let Some(name) = reserve.next() {
            harness.start(name)?;
        }
        term = next;
    }
    harness.close().await?;

    print_table(&["the leader is ended by", "from", "to", "the successor works after"], &handovers);
    println!("The lease lasts 6 s here, 15 s by default. After SIGKILL, the successor waits until it has expired.");
    let (terms, overlaps) = overlaps(harness.log()?);
    println!("{terms} terms, {} lines of work", harness.log()?.len());
    println!("overlaps: {overlaps}");
    if overlaps == 0 { Ok(()) } else { Err("two leaders worked at the same time".into()) }
}

/// Ends the leader of a term, and returns the beginning of the next.
async fn hand_over(harness: &mut Harness, term: &Entry, how: End, table: &mut Vec<Vec<String>>) -> Outcome<Entry> {
    /// How long each leader works before it is ended.
    const SHOWN: Duration = Duration::from_millis(800);
    let work = harness.wait_for("work", |entry| entry.token == term.token && entry.at > term.at + SHOWN).await?;
    harness.say(work.at, &format!("{} works (fencing token {})", work.replica, work.token));

    let (at, gone) = harness.end(&term.replica, how)?;
    harness.say(at, &format!("{how} to {}", term.replica));
    let next = harness.wait_for("a successor", |entry| entry.what == "started" && entry.token > term.token).await?;
    let took = next.at.since(at).as_millis();
    harness.say(next.at, &format!("{} leads, {took} ms later", next.replica));
    gone.await?;
    table.push(vec![how.to_string(), term.replica.clone(), next.replica.clone(), format!("{took} ms")]);
    Ok(next)
}
