//! `describe`: one Lease with everything that is known about its tasks.

use std::fmt::Write;

use jiff::Timestamp;
use lease_protocol::election::shown;
use lease_runtime::TaskTicks;

use crate::age::{since, span, until};
use crate::args::Output;
use crate::cluster::Cluster;
use crate::error::CliError;
use crate::lease::LeaseView;
use crate::list::left;
use crate::output::formatted;
use crate::timers::{now, state, whole_seconds};

pub(crate) async fn run(cluster: &Cluster, lease: &str, output: Output) -> Result<String, CliError> {
    let lease = cluster.lease(lease).await?;
    let now = now();
    Ok(formatted(&lease.to_json(now), output).unwrap_or_else(|| described(&lease, now)))
}

fn described(lease: &LeaseView, now: Timestamp) -> String {
    let mut text = String::new();
    let mut put = |key: &str, value: &str| {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{:<14}{}", format!("{key}:"), shown(value));
    };
    let ago = |time: Timestamp| format!("{}, {} ago", whole_seconds(time), since(time, now));
    put("Name", &lease.name);
    put("Namespace", &lease.namespace);
    put("Holder", lease.holder.as_deref().unwrap_or("nobody"));
    put("Term", &known(lease.transitions));
    put("Duration", &lease.duration_seconds.map_or("unknown".to_owned(), span));
    put("Acquired", &lease.acquired.map_or("unknown".to_owned(), ago));
    put(
        "Renewed",
        &lease.renewed.map_or("unknown".to_owned(), |time| format!("~{}, by the clock of the holder", ago(time))),
    );
    put("Left", &left(lease, now));
    put("Tasks", &if lease.tasks.is_empty() { "unknown".to_owned() } else { lease.tasks.join(", ") });
    for (name, value) in &lease.requests {
        put("Request", &format!("{name}={value}"));
    }
    for (task, ticks) in &lease.ticks {
        text.push_str(&described_task(task, ticks, now));
    }
    text
}

fn known(number: Option<i64>) -> String {
    number.map_or("unknown".to_owned(), |number| number.to_string())
}

fn described_task(task: &str, ticks: &TaskTicks, now: Timestamp) -> String {
    let mut text = format!("\nTask {}:\n", shown(task));
    let mut put = |key: &str, value: &str| {
        let _ = writeln!(text, "  {:<12}{}", format!("{key}:"), shown(value));
    };
    put("State", &state(ticks));
    if let Some(trouble) = ticks.trouble() {
        put("Trouble", &trouble);
    }
    if let Some(next) = ticks.next() {
        put("Next", &format!("{}, in {}", whole_seconds(next), until(next, now)));
    }
    if let Some(last) = ticks.last() {
        let ended = last.ended.map_or(String::new(), |time| format!(", ended {} ago", since(time, now)));
        put("Last", &format!("{}, attempt {}{ended}", whole_seconds(last.tick), last.attempt));
    }
    for run in ticks.running() {
        put("Running", &format!("{}, attempt {}", whole_seconds(run.tick), run.attempt));
    }
    for run in ticks.given_back() {
        put("Given back", &format!("{}, attempt {}", whole_seconds(run.tick), run.attempt));
    }
    if let Some(id) = ticks.last_trigger() {
        put("Triggered", id);
    }
    let counts = ticks.counts().by_name();
    let counts: Vec<_> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    put("Ticks", &if counts.is_empty() { "not run yet".to_owned() } else { counts.join(", ") });
    text
}
