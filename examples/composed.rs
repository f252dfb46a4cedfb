//! A group of tasks: first a migration, then a connection, then two tasks that use the connection.
//!
//! ```sh
//! cargo run --example composed                          # against the Lease API in this process
//! cargo run --example composed -- --kubeconfig FILE     # against a cluster of your choice
//! ```
//!
//! A replica fills its cache before it takes part in the election, and leaves the election during maintenance. The program
//! starts two replicas, puts the leader under maintenance, ends the maintenance, and stops the other replica. It ends by itself
//! in under a minute. It prints what was started and ended in each term, in the order of the log, and fails if the order is
//! wrong.

use std::time::Duration;

use lease_examples::harness::{End, Entry, Harness, Outcome, WorkLog, overlaps, print_table};
use lease_runtime::{Candidate, TaskGroup, Term, leader_only, shutdown_signal};
use tokio::sync::watch;
use tokio::time::sleep;

/// The connection that its users receive. `None` while it is closed.
type Connection = Option<&'static str>;

/// A step that ends. The next tasks of the sequence start after it has ended.
#[leader_only(lease = "ledger", lease_duration = "6s")]
async fn migrate(term: Term, log: WorkLog) {
    log.note(&term, "migrate started");
    sleep(Duration::from_millis(100)).await;
    log.note(&term, "migrate ended");
}

/// Holds the connection for the tasks above it in the stack. They have ended before this task is asked to end.
#[leader_only(lease = "ledger", lease_duration = "6s")]
async fn connect(term: Term, log: WorkLog, connection: watch::Sender<Connection>) {
    log.note(&term, "connect started");
    connection.send_replace(None); // The last run may have been dropped before it closed the connection.
    sleep(Duration::from_millis(100)).await; // The handshake.
    connection.send_replace(Some("connected"));
    term.ready(); // Now the tasks that use the connection may start.
    term.cancelled().await;
    connection.send_replace(None);
    log.note(&term, "connect ended");
}

/// Uses the connection, and still has it while it finishes its work.
#[leader_only(lease = "ledger", lease_duration = "6s")]
async fn consume(term: Term, log: WorkLog, connection: watch::Receiver<Connection>) {
    use_until_the_end("consume", &term, &log, connection).await;
}

/// Also uses the connection.
#[leader_only(lease = "ledger", lease_duration = "6s")]
async fn report(term: Term, log: WorkLog, connection: watch::Receiver<Connection>) {
    use_until_the_end("report", &term, &log, connection).await;
}

async fn use_until_the_end(name: &str, term: &Term, log: &WorkLog, connection: watch::Receiver<Connection>) {
    let start = if connection.borrow().is_some() { "started" } else { "started without a connection" };
    log.note(term, &format!("{name} {start}"));
    term.cancelled().await;
    sleep(Duration::from_millis(50)).await; // Finishes its work.
    let end = if connection.borrow().is_some() { "ended" } else { "lost its connection" };
    log.note(term, &format!("{name} {end}"));
}

/// The order of the tasks.
fn ledger(log: &WorkLog) -> TaskGroup {
    let (connection, _) = watch::channel(None);
    let users = TaskGroup::concurrent("users")
        .with(consume(log.clone(), connection.subscribe()))
        .with(report(log.clone(), connection.subscribe()));
    let work = TaskGroup::stack("work").with(connect(log.clone(), connection).signals_readiness()).with(users);
    TaskGroup::sequence("startup").with(migrate(log.clone())).with(work).warm_up(fill_cache(log.clone()))
}

/// Runs once, before this replica takes part in the election, so that a new leader can work at once.
async fn fill_cache(log: WorkLog) {
    log.note_outside("filling the cache");
    sleep(Duration::from_millis(300)).await;
    log.note_outside("the cache is full");
}

/// Whether this replica may lead. In your program, this could be a readiness probe or a button.
async fn watch_maintenance(log: WorkLog, available: watch::Sender<bool>) {
    let flag = format!("{} is under maintenance", log.replica());
    loop {
        let now = !log.has_flag(&flag);
        available.send_if_modified(|before| std::mem::replace(before, now) != now);
        sleep(Duration::from_millis(20)).await;
    }
}

/// One replica.
async fn replica(log: WorkLog) -> Result<(), lease_runtime::Error> {
    let (available, condition) = watch::channel(true);
    tokio::spawn(watch_maintenance(log.clone(), available));
    let candidate = Candidate::builder().contend_when(condition).build().await?;
    candidate.add(ledger(&log));
    candidate.run_until(shutdown_signal()).await
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(log) = WorkLog::of_this_replica()? {
        return Ok(replica(log).await?);
    }
    let mut harness = Harness::open("composed").await?;
    let [first, second] = ["replica-1", "replica-2"];
    let maintenance = format!("{first} is under maintenance");

    harness.start(first)?;
    warm(&mut harness, first).await?;
    let one = at_work(&mut harness, 0).await?;
    harness.start(second)?;
    warm(&mut harness, second).await?;

    let begun = harness.set_flag(&maintenance)?;
    harness.say(begun, &maintenance);
    let two = at_work(&mut harness, one.token).await?;

    let (at, gone) = harness.end(second, End::Sigterm)?;
    harness.say(at, &format!("{} to {second}: no other replica may lead", End::Sigterm));
    gone.await?;
    let over = harness.clear_flag(&maintenance)?;
    harness.say(over, &format!("{first} may lead again"));
    let three = at_work(&mut harness, two.token).await?;
    harness.close().await?;

    let log = harness.log()?;
    let ends = [(one.token, "maintenance"), (two.token, "SIGTERM"), (three.token, "SIGTERM")];
    let rows: Vec<_> = ends.iter().map(|(token, why)| row(log, *token, why)).collect();
    print_table(&["token", "replica", "starts, in this order", "asked to end by", "ends, in this order"], &rows);
    let (terms, overlaps) = overlaps(log);
    println!("{terms} terms");
    println!("overlaps: {overlaps}");
    for (token, _) in ends {
        check(log, token)?;
    }
    if three.replica != first || log.iter().any(|entry| entry.token == three.token && entry.at < over) {
        return Err(format!("{first} should lead after its maintenance, and not before").into());
    }
    println!("the order is correct");
    if overlaps == 0 { Ok(()) } else { Err("two leaders worked at the same time".into()) }
}

/// Waits until a replica has warmed up.
async fn warm(harness: &mut Harness, name: &str) -> Outcome<()> {
    let warm =
        harness.wait_for("a warm replica", |entry| entry.replica == name && entry.what == "the cache is full").await?;
    harness.say(warm.at, &format!("{name} has filled its cache and takes part in the election"));
    Ok(())
}

/// Waits until all tasks of the group work in a later term than this one.
async fn at_work(harness: &mut Harness, after: u64) -> Outcome<Entry> {
    let users = |log: &[Entry]| {
        let users =
            |entry: &&Entry| entry.token > after && ["consume started", "report started"].contains(&&*entry.what);
        log.iter().filter(users).nth(1).cloned()
    };
    let last = harness.wait("all tasks to work", users).await?;
    harness.say(last.at, &format!("{} leads, and all tasks work", last.replica));
    Ok(last)
}

fn row(log: &[Entry], token: u64, why: &str) -> Vec<String> {
    let term = || log.iter().filter(|entry| entry.token == token);
    let those = |what: &str| {
        let names: Vec<_> = term().filter_map(|entry| entry.what.strip_suffix(what)).collect();
        names.join(", ")
    };
    let replica = term().map(|entry| entry.replica.clone()).next().unwrap_or_default();
    vec![token.to_string(), replica, those(" started"), why.to_owned(), those(" ended")]
}

/// Pairs of events of a term: the first must come before the second.
fn check(log: &[Entry], token: u64) -> Outcome<()> {
    let place = |what: &str| log.iter().position(|entry| entry.token == token && entry.what == what);
    let first = log.iter().find(|entry| entry.token == token);
    let warm = log.iter().position(|entry| {
        entry.what == "the cache is full" && first.is_some_and(|first| first.replica == entry.replica)
    });
    let started = place("migrate started");
    if warm.is_none() || started.is_none() || warm > started {
        return Err(format!("term {token} began before its replica had filled its cache").into());
    }
    let order = [
        ("migrate started", "migrate ended"),
        ("migrate ended", "connect started"),
        ("connect started", "consume started"),
        ("connect started", "report started"),
        ("consume started", "consume ended"),
        ("report started", "report ended"),
        ("consume ended", "connect ended"),
        ("report ended", "connect ended"),
    ];
    for (earlier, later) in order {
        match (place(earlier), place(later)) {
            (Some(a), Some(b)) if a < b => {}
            _ => return Err(format!("term {token}: `{earlier}` should come before `{later}`").into()),
        }
    }
    Ok(())
}
