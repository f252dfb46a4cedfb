//! Three schedules under one lease, and a leader that is killed right before a tick.
//!
//! ```sh
//! cargo run --example scheduled                          # against the Lease API in this process
//! cargo run --example scheduled -- --kubeconfig FILE     # against a cluster of your choice
//! ```
//!
//! Three replicas run a report each minute by cron, a poll every ten seconds, and a cleanup ten seconds after the end of the last
//! cleanup. The leader is killed right before a poll is due, so no replica leads at that time. The next leader runs this poll,
//! once: the Lease records which tick was the last. The program ends by itself after about a minute and a half and prints a
//! timeline. It fails if a tick was lost or run twice.

use std::collections::BTreeMap;
use std::time::Duration;

use lease_examples::harness::{End, Entry, Harness, Outcome, WorkLog, overlaps, print_table};
use lease_runtime::clock::{Clock, SystemClock, WallTime};
use lease_runtime::{Candidate, Term, Tick, leader_only, shutdown_signal};

/// Runs each full minute, in the time zone of the office.
#[leader_only(lease = "reports", lease_duration = "3s", cron = "* * * * *", time_zone = "Europe/Prague")]
async fn report(term: Term, tick: Tick, log: WorkLog) {
    run("report", &term, &tick, &log, Duration::from_millis(300)).await;
}

/// Runs every ten seconds, counted from 1970, so the ticks are the same on each replica.
#[leader_only(lease = "reports", lease_duration = "3s", every = "10s")]
async fn poll(term: Term, tick: Tick, log: WorkLog) {
    run("poll", &term, &tick, &log, Duration::from_millis(100)).await;
}

/// Runs ten seconds after the end of the last run, on any replica, however long that run took.
#[leader_only(lease = "reports", lease_duration = "3s", delay = "10s")]
async fn clean_up(term: Term, tick: Tick, log: WorkLog) {
    run("clean_up", &term, &tick, &log, Duration::from_millis(1_500)).await;
}

async fn run(task: &str, term: &Term, tick: &Tick, log: &WorkLog, takes: Duration) {
    let (due, late) = (tick.nominal(), tick.lateness().as_millis());
    log.note(term, &format!("{task} {due} {late}"));
    tokio::time::sleep(takes).await;
    log.note(term, &format!("{task} {due} done"));
}

/// One replica.
async fn replica(log: WorkLog) -> Result<(), lease_runtime::Error> {
    let candidate = Candidate::from_env().await?;
    candidate.add(report(log.clone()));
    candidate.add(poll(log.clone()));
    candidate.add(clean_up(log));
    candidate.run_until(shutdown_signal()).await
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(log) = WorkLog::of_this_replica()? {
        return Ok(replica(log).await?);
    }
    let mut harness = Harness::open("scheduled").await?;
    for name in ["replica-1", "replica-2", "replica-3"] {
        harness.start(name)?;
    }
    let first = begun(&mut harness, "a poll", |run| run.task == "poll").await?;
    harness.say(first.entry.at, &format!("{} leads, and runs the poll of {}", first.entry.replica, first.due));

    let due = first.due_at + 10_000_000;
    sleep_until(due - 200_000).await;
    let (at, gone) = harness.end(&first.entry.replica, End::Sigkill)?;
    harness.say(at, &format!("{} to {}, right before the next poll is due", End::Sigkill, first.entry.replica));
    gone.await?;
    let second =
        begun(&mut harness, "the poll without a leader", |run| run.task == "poll" && run.due_at == due).await?;
    harness.say(second.entry.at, &format!("{} leads, and runs the poll of {}", second.entry.replica, second.due));

    let report = begun(&mut harness, "a report", |run| run.task == "report").await?;
    harness.say(report.entry.at, &format!("the report of {}", report.due));
    // Waits for two more polls, so that a tick that runs twice would be noticed.
    begun(&mut harness, "the poll after it", |run| run.task == "poll" && run.due_at > report.due_at).await?;
    harness.close().await?;

    let log = harness.log()?;
    let runs: Vec<Run> = log.iter().filter_map(Run::read).collect();
    let rows: Vec<_> = runs.iter().map(Run::row).collect();
    print_table(&["task", "due", "late", "run by", "token"], &rows);
    let (terms, overlaps) = overlaps(log);
    println!("{terms} terms");
    println!("overlaps: {overlaps}");
    check(&runs)?;
    println!("each tick was run once, also the one that fell due while no replica led");
    if overlaps == 0 { Ok(()) } else { Err("two leaders worked at the same time".into()) }
}

/// Waits for a run to begin.
async fn begun(harness: &mut Harness, what: &str, wanted: impl Fn(&Run) -> bool) -> Outcome<Run> {
    harness.wait(what, |log| log.iter().filter_map(Run::read).find(|run| wanted(run))).await
}

async fn sleep_until(wall: i64) {
    let left = wall - SystemClock.wall().0;
    tokio::time::sleep(Duration::from_micros(u64::try_from(left).unwrap_or(0))).await;
}

/// The beginning of a run in the log.
#[derive(Clone)]
struct Run {
    task: String,
    due: String,
    /// In microseconds since 1970.
    due_at: i64,
    late: Duration,
    entry: Entry,
}

impl Run {
    fn read(entry: &Entry) -> Option<Run> {
        let mut words = entry.what.split(' ');
        let (task, due) = (words.next()?.to_owned(), words.next()?.to_owned());
        let late = Duration::from_millis(words.next()?.parse().ok()?);
        let WallTime(due_at) = due.parse().ok()?;
        Some(Run { task, due, due_at, late, entry: entry.clone() })
    }

    fn row(&self) -> Vec<String> {
        let Entry { replica, token, .. } = &self.entry;
        let late = format!("{:.2} s", self.late.as_secs_f64());
        vec![self.task.clone(), self.due.clone(), late, replica.clone(), token.to_string()]
    }
}

/// Checks that no tick ran twice and no poll was skipped.
fn check(runs: &[Run]) -> Outcome<()> {
    let mut times: BTreeMap<(&str, i64), usize> = BTreeMap::new();
    for run in runs {
        *times.entry((&run.task, run.due_at)).or_default() += 1;
    }
    if let Some(((task, due), times)) = times.iter().find(|(_, times)| **times > 1) {
        return Err(format!("{task} of {} was run {times} times", WallTime(*due)).into());
    }
    let polls: Vec<i64> = times.keys().filter(|(task, _)| *task == "poll").map(|(_, due)| *due).collect();
    if polls.windows(2).any(|pair| pair[1] - pair[0] != 10_000_000) {
        return Err("a poll was lost".into());
    }
    Ok(())
}
