//! Three replicas, one leader, and what happens when the leader goes.
//!
//! ```sh
//! cargo run --example quickstart                          # against the Lease API in this process
//! cargo run --example quickstart -- --kubeconfig FILE     # against a cluster of your choice
//! ```
//!
//! Starts three replicas of `work` as processes of their own, stops leaders with SIGTERM and kills leaders with SIGKILL,
//! and shows the successor each time; each replica that has ended is replaced. Ends by itself in under a minute with a
//! table: how long each handover took, and how many overlaps the work's own log shows. There must be none.

use std::time::Duration;

use lease_examples::drama::{End, Entry, Outcome, Stage, WorkLog, overlaps, print_table};
use lease_runtime::{Candidate, Term, leader_only, shutdown_signal};

/// Runs on the leader: writes a line to the log every 20 ms, until it is asked to end.
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
    // The same program is the audience, which starts the replicas, and each of the replicas.
    if let Some(log) = WorkLog::of_this_replica()? {
        return Ok(replica(log).await?);
    }
    let mut stage = Stage::open("quickstart").await?;
    let names = ["replica-1", "replica-2", "replica-3", "replica-4", "replica-5", "replica-6", "replica-7"];
    let (first, mut reserve) = (&names[..3], names[3..].iter());
    for name in first {
        stage.start(name)?;
    }
    let mut term = stage.wait_for("a leader", |entry| entry.what == "started").await?;
    stage.say(term.at, &format!("{} leads, the others stand by", term.replica));

    let mut handovers = Vec::new();
    // SIGTERM: releases the lease, so the successor starts at once.
    // SIGKILL: nobody releases, so the successor waits for the lease to run out.
    for how in [End::Sigterm, End::Sigkill, End::Sigterm, End::Sigkill, End::Sigterm] {
        let next = hand_over(&mut stage, &term, how, &mut handovers).await?;
        if let Some(name) = reserve.next() {
            stage.start(name)?;
        }
        term = next;
    }
    stage.close().await?;

    print_table(&["the leader is ended by", "from", "to", "the successor works after"], &handovers);
    println!("The lease lasts 6 s here, 15 s by default. After SIGKILL, the successor waits until it has run out.");
    let (terms, overlaps) = overlaps(stage.log()?);
    println!("{terms} terms, {} lines of work", stage.log()?.len());
    println!("overlaps: {overlaps}");
    if overlaps == 0 { Ok(()) } else { Err("two leaders worked at once".into()) }
}

/// Ends the leader of a term, and returns the beginning of the next.
async fn hand_over(stage: &mut Stage, term: &Entry, how: End, table: &mut Vec<Vec<String>>) -> Outcome<Entry> {
    /// Let it be seen at work.
    const SHOWN: Duration = Duration::from_millis(800);
    let work = stage.wait_for("work", |entry| entry.token == term.token && entry.at > term.at + SHOWN).await?;
    stage.say(work.at, &format!("{} works (fencing token {})", work.replica, work.token));

    let (at, gone) = stage.end(&term.replica, how)?;
    stage.say(at, &format!("{how} to {}", term.replica));
    let next = stage.wait_for("a successor", |entry| entry.what == "started" && entry.token > term.token).await?;
    let took = next.at.since(at).as_millis();
    stage.say(next.at, &format!("{} leads, {took} ms later", next.replica));
    gone.await?;
    table.push(vec![how.to_string(), term.replica.clone(), next.replica.clone(), format!("{took} ms")]);
    Ok(next)
}
