//! A migration that is done once, and what waits for it on every replica.
//!
//! ```sh
//! cargo run --example migration                          # against the Lease API in this process
//! cargo run --example migration -- --kubeconfig FILE     # against a cluster of your choice
//! ```
//!
//! Three replicas start at once. One of them migrates, and is killed in the middle; the next one does it again, to the end.
//! Only then does any of them serve, and the leader among them consumes. A replica that is started later finds the migration
//! done, and serves at once. Ends by itself in under a minute with the story as a table, and with an error if somebody served
//! before the migration was done or it was done twice. (On a cluster, remove the Lease `schema` to see it again.)

use std::time::Duration;

use lease_examples::drama::{End, Entry, Outcome, Stage, WorkLog, overlaps, print_table};
use lease_runtime::{Candidate, Term, Tick, leader_only, shutdown_signal};

/// Done once in the life of the Lease, whichever replica leads. One that is interrupted is begun again, so it has to be
/// something that can be.
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
    // This replica takes no part in the election before the schema is there.
    candidate.add(consume(log.clone()).warm_up(migration.completed()));
    // What every replica does, leader or not, waits as well.
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
    let mut stage = Stage::open("migration").await?;
    for name in ["replica-1", "replica-2", "replica-3"] {
        stage.start(name)?;
    }
    let first = stage.wait_for("a migration", |entry| entry.what == "step 1").await?;
    stage.say(first.at, &format!("{} migrates", first.replica));
    let (at, gone) = stage.end(&first.replica, End::Sigkill)?;
    stage.say(at, &format!("{} to {}, in the middle", End::Sigkill, first.replica));
    gone.await?;
    let done = stage.wait_for("the migration", |entry| entry.what == "migration done").await?;
    stage.say(done.at, &format!("{} has migrated", done.replica));
    serving(&mut stage, 2).await?;
    let consuming = stage.wait_for("a consumer", |entry| entry.what == "consuming").await?;
    stage.say(consuming.at, &format!("{} consumes", consuming.replica));
    let late = "replica-4";
    stage.start(late)?;
    let last = stage.wait_for("the late one", |entry| entry.replica == late && entry.what == "serving").await?;
    stage.say(last.at, &format!("{late} has come, and serves at once"));
    stage.close().await?;

    let log = stage.log()?;
    let rows: Vec<_> = log.iter().map(|entry| vec![entry.replica.clone(), entry.what.clone(), token(entry)]).collect();
    print_table(&["replica", "did", "token"], &rows);
    let (terms, overlaps) = overlaps(log);
    println!("{terms} terms");
    println!("overlaps: {overlaps}");
    let times = log.iter().filter(|entry| entry.what == "migration done").count();
    let early = log.iter().any(|entry| ["serving", "consuming"].contains(&&*entry.what) && entry.at < done.at);
    if times != 1 || early {
        return Err(format!("the migration was done {times} times, and somebody was early: {early}").into());
    }
    println!("the migration was done once, and nobody was early");
    if overlaps == 0 { Ok(()) } else { Err("two leaders worked at once".into()) }
}

/// Waits until so many replicas serve.
async fn serving(stage: &mut Stage, count: usize) -> Outcome<()> {
    let serving = |log: &[Entry]| log.iter().filter(|entry| entry.what == "serving").count();
    stage.wait("replicas that serve", |log| (serving(log) >= count).then_some(())).await
}

fn token(entry: &Entry) -> String {
    if entry.token == 0 { String::new() } else { entry.token.to_string() }
}
