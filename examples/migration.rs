//! A migration that runs once, and work on every replica that waits for it.
//!
//! ```sh
//! cargo run --example migration                          # against the Lease API in this process
//! cargo run --example migration -- --kubeconfig FILE     # against a cluster of your choice
//! ```
//!
//! Three replicas start at the same time. One of them begins the migration and is killed in the middle. The next leader runs it
//! again, to the end. Then all replicas serve, and the leader consumes. A replica that is started later finds that the migration
//! is done and serves at once. The program ends by itself in under a minute and prints a table. It fails if a replica served
//! before the migration was done, or if the migration was completed twice. (On a cluster, delete the Lease `schema` to run it
//! again.)

use std::time::Duration;

use lease_examples::harness::{End, Entry, Harness, Outcome, WorkLog, overlaps, print_table};
use lease_runtime::{Candidate, Term, Tick, leader_only, shutdown_signal};

/// Runs once in the life of the Lease, on the replica that leads. An interrupted migration runs again from the beginning, so each
/// step must be repeatable.
#[leader_only(lease = "schema", lease_duration = "3s", once, delivery = at_least_once)]
async fn migrate(term: Term, tick: Tick, log: WorkLog) -> Result<(), String> {
    log.note(&term, &format!("migration begun, attempt {}", tick.attempt()));
    for step in 1..=3 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        term.check().map_err(|lost| lost.to_string())?;
        log.note(&term, &format!("step {step}"));
    }
    log.note(&term, "migration done");
    Ok(())
}

/// Work of the leader that needs the new schema.
#[leader_only(lease = "consumer", lease_duration = "3s")]
async fn consume(term: Term, log: WorkLog) {
    log.note(&term, "consuming");
    term.cancelled().await;
}

/// One replica.
async fn replica(log: WorkLog) -> Result<(), lease_runtime::Error> {
    let candidate = Candidate::from_env().await?;
    let migration = candidate.add(migrate(log.clone()));
    // This replica does not take part in the election of the consumer before the migration is done.
    candidate.add(consume(log.clone()).warm_up(migration.completed()));
    // The work of every replica, leader or not, also waits.
    let migrated = migration.completed();
    tokio::spawn(async move {
        migrated.await;
        log.note_outside("serving");
    });
    candidate.run_until(shutdown_signal()).await
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(log) = WorkLog::of_this_replica()? {
        return Ok(replica(log).await?);
    }
    let mut harness = Harness::open("migration").await?;
    for name in ["replica-1", "replica-2", "replica-3"] {
        harness.start(name)?;
    }
    let first = harness.wait_for("a migration", |entry| entry.what == "step 1").await?;
    harness.say(first.at, &format!("{} migrates", first.replica));
    let (at, gone) = harness.end(&first.replica, End::Sigkill)?;
    harness.say(at, &format!("{} to {}, in the middle", End::Sigkill, first.replica));
    gone.await?;
    let done = harness.wait_for("the migration", |entry| entry.what == "migration done").await?;
    harness.say(done.at, &format!("{} has migrated", done.replica));
    serving(&mut harness, 2).await?;
    let consuming = harness.wait_for("a consumer", |entry| entry.what == "consuming").await?;
    harness.say(consuming.at, &format!("{} consumes", consuming.replica));
    let late = "replica-4";
    harness.start(late)?;
    let last = harness.wait_for("the late one", |entry| entry.replica == late && entry.what == "serving").await?;
    harness.say(last.at, &format!("{late} has started and serves at once"));
    harness.close().await?;

    let log = harness.log()?;
    let rows: Vec<_> = log.iter().map(|entry| vec![entry.replica.clone(), entry.what.clone(), token(entry)]).collect();
    print_table(&["replica", "did", "token"], &rows);
    let (terms, overlaps) = overlaps(log);
    println!("{terms} terms");
    println!("overlaps: {overlaps}");
    let times = log.iter().filter(|entry| entry.what == "migration done").count();
    let early = log.iter().any(|entry| ["serving", "consuming"].contains(&&*entry.what) && entry.at < done.at);
    if times != 1 || early {
        return Err(format!("the migration was done {times} times, and a replica served too early: {early}").into());
    }
    println!("the migration was done once, and no replica served too early");
    if overlaps == 0 { Ok(()) } else { Err("two leaders worked at the same time".into()) }
}

/// Waits until this many replicas serve.
async fn serving(harness: &mut Harness, count: usize) -> Outcome<()> {
    let serving = |log: &[Entry]| log.iter().filter(|entry| entry.what == "serving").count();
    harness.wait("replicas that serve", |log| (serving(log) >= count).then_some(())).await
}

fn token(entry: &Entry) -> String {
    if entry.token == 0 { String::new() } else { entry.token.to_string() }
}
