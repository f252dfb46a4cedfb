//! A task that fails on one replica, and works on another.
//!
//! ```sh
//! cargo run --example supervised                          # against the Lease API in this process
//! cargo run --example supervised -- --kubeconfig FILE     # against a cluster of your choice
//! ```
//!
//! `export` runs again and again on the leader of two replicas. The program can break a replica. When `export` fails, it runs
//! again after pauses that grow. After the fifth failure, the replica releases the lease and the other one leads, where `export`
//! works. A run that hangs is dropped and counts as a failure. Then the program repairs the first replica and stops the second,
//! and the first leads again. The program ends by itself in under a minute and prints a table of all runs. It fails if the runs
//! are not as expected.

use std::time::Duration;

use lease_examples::harness::{End, Entry, Harness, Outcome, WorkLog, overlaps, print_table};
use lease_runtime::clock::Moment;
use lease_runtime::{Candidate, Term, leader_only, shutdown_signal};

/// Writes one report, unless something is broken on this replica.
#[leader_only(
    lease = "export",
    lease_duration = "9s",
    restart = always,
    backoff = "200ms..2s",
    max_restarts = "4 in 1m",
    on_exhausted = resign,
    timeout = "1s"
)]
async fn export(term: Term, log: WorkLog) -> Result<(), String> {
    let mut run = Ending { log: &log, term: &term, end: "dropped" };
    log.note(&term, "started");
    if log.has_flag(&format!("{} is full", log.replica())) {
        run.end = "failed: no space left";
        return Err("no space left".to_owned());
    }
    if log.has_flag(&format!("{} hangs", log.replica())) {
        log.note(&term, "hangs");
        std::future::pending::<()>().await;
    }
    for _part in 0..5 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        log.note(&term, "wrote a part");
    }
    run.end = "done";
    Ok(())
}

/// Logs the end of a run, also of one that is dropped.
struct Ending<'a> {
    log: &'a WorkLog,
    term: &'a Term,
    end: &'static str,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.log.note(self.term, self.end);
    }
}

/// One replica.
async fn replica(log: WorkLog) -> Result<(), lease_runtime::Error> {
    let candidate = Candidate::from_env().await?;
    candidate.add(export(log));
    candidate.run_until(shutdown_signal()).await
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(log) = WorkLog::of_this_replica()? {
        return Ok(replica(log).await?);
    }
    let mut harness = Harness::open("supervised").await?;
    let [first, second] = ["replica-1", "replica-2"];
    harness.set_flag(&format!("{first} is full"))?;
    harness.start(first)?;
    let term = harness.wait_for("a leader", |entry| entry.what == "started").await?;
    harness.say(term.at, &format!("{first} leads, and its disk is full"));
    harness.start(second)?;
    let term = next_term(&mut harness, &term).await?;
    harness.say(term.at, &format!("{first} has released the lease, {} leads", term.replica));
    reports(&mut harness, term.token, 3).await?;

    let at = harness.set_flag(&format!("{second} hangs"))?;
    harness.say(at, &format!("{second} hangs"));
    // Before the run is dropped: the next one may begin at once, and would hang, too.
    harness.wait_for("a run that hangs", |entry| entry.what == "hangs").await?;
    harness.clear_flag(&format!("{second} hangs"))?;
    let dropped = harness.wait_for("a run to be dropped", |entry| entry.what == "dropped").await?;
    harness.say(dropped.at, "the run that hung was dropped");
    reports(&mut harness, term.token, 6).await?;

    let at = harness.clear_flag(&format!("{first} is full"))?;
    harness.say(at, &format!("{first} is repaired"));
    let (at, gone) = harness.end(second, End::Sigterm)?;
    harness.say(at, &format!("{} to {second}", End::Sigterm));
    let term = next_term(&mut harness, &term).await?;
    harness.say(term.at, &format!("{} leads", term.replica));
    gone.await?;
    reports(&mut harness, term.token, 3).await?;
    harness.close().await?;

    let runs = runs(harness.log()?);
    print_table(&["runs", "replica", "token", "end", "lasted", "then"], &rows(&runs));
    let (terms, overlaps) = overlaps(harness.log()?);
    println!("{terms} terms, {} runs", runs.len());
    println!("overlaps: {overlaps}");
    check(&runs)?;
    if overlaps == 0 { Ok(()) } else { Err("two leaders worked at the same time".into()) }
}

async fn next_term(harness: &mut Harness, term: &Entry) -> Outcome<Entry> {
    harness.wait_for("a successor", |entry| entry.what == "started" && entry.token > term.token).await
}

/// Waits until this many reports were written in a term.
async fn reports(harness: &mut Harness, token: u64, count: usize) -> Outcome<()> {
    let done = |log: &[Entry]| log.iter().filter(|entry| entry.token == token && entry.what == "done").count();
    harness.wait("reports", |log| (done(log) >= count).then_some(())).await
}

/// One run of the task in the log.
struct Run {
    replica: String,
    token: u64,
    began: Moment,
    ended: Moment,
    end: String,
}

impl Run {
    fn failed(&self) -> bool {
        self.end != "done"
    }
}

fn runs(log: &[Entry]) -> Vec<Run> {
    let mut began = None;
    let mut runs = Vec::new();
    for entry in log {
        let Entry { at, replica, token, what, .. } = entry;
        match what.as_str() {
            "started" => began = Some(*at),
            "wrote a part" | "hangs" => {}
            end => {
                let began = began.take().unwrap_or(*at);
                runs.push(Run { replica: replica.clone(), token: *token, began, ended: *at, end: end.to_owned() });
            }
        }
    }
    runs
}

/// A row for each failure, and one for each series of successful runs.
fn rows(runs: &[Run]) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut from = 0;
    for (index, run) in runs.iter().enumerate() {
        let next = runs.get(index + 1);
        if !run.failed() && next.is_some_and(|next| !next.failed() && next.token == run.token) {
            continue;
        }
        let numbers = if from == index { format!("{}", from + 1) } else { format!("{} to {}", from + 1, index + 1) };
        let then = next.map_or("the program ends".to_owned(), |next| {
            let pause = next.began.since(run.ended).as_millis();
            match next.token == run.token {
                true => format!("runs again after {pause} ms"),
                false => format!("{} leads after {pause} ms", next.replica),
            }
        });
        let took = format!("{} ms", run.ended.since(run.began).as_millis());
        rows.push(vec![numbers, run.replica.clone(), run.token.to_string(), run.end.clone(), took, then]);
        from = index + 1;
    }
    rows
}

/// Checks that the runs are as the settings say.
fn check(runs: &[Run]) -> Outcome<()> {
    let mut terms: Vec<Vec<&Run>> = Vec::new();
    for run in runs {
        match terms.last_mut().filter(|term| term.iter().all(|other| other.token == run.token)) {
            Some(term) => term.push(run),
            None => terms.push(vec![run]),
        }
    }
    let [full, hung, repaired] = &terms[..] else { return Err(format!("{} terms, not 3", terms.len()).into()) };
    let leaders = [full, hung, repaired].map(|term| term[0].replica.as_str());
    let dropped: Vec<_> = hung.iter().filter(|run| run.failed()).collect();
    let claims = [
        ("the leaders are replica-1, replica-2, replica-1", leaders == ["replica-1", "replica-2", "replica-1"]),
        ("a full disk fails every run", full.iter().all(|run| run.end == "failed: no space left")),
        ("one run and four restarts, then the lease is released", full.len() == 1 + 4),
        (
            "one run was dropped at its timeout",
            dropped.len() == 1 && dropped[0].ended.since(dropped[0].began).as_secs() >= 1,
        ),
        ("the repaired replica works", repaired.iter().all(|run| !run.failed())),
    ];
    match claims.iter().find(|(_, holds)| !holds) {
        Some((claim, _)) => Err(format!("not so: {claim}").into()),
        None => Ok(()),
    }
}
