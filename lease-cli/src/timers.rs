//! `timers`: scheduled tasks in the columns of `systemctl list-timers`.

use jiff::Timestamp;
use lease_runtime::clock::{Clock, SystemClock};
use lease_runtime::{TaskTicks, TickState};
use serde_json::{Value, json};

use crate::age::{since, until};
use crate::args::Output;
use crate::cluster::Cluster;
use crate::error::CliError;
use crate::output::formatted;
use crate::table::{or_dash, table};

const HEADER: [&str; 8] = ["NEXT", "LEFT", "LAST", "PASSED", "STATE", "TASK", "LEASE", "NAMESPACE"];

pub(crate) async fn run(cluster: &Cluster, everywhere: bool, output: Output) -> Result<String, CliError> {
    let leases = cluster.leases(everywhere).await?.leases;
    let now = now();
    let mut timers: Vec<_> =
        leases.iter().flat_map(|lease| lease.ticks.iter().map(move |(task, ticks)| (lease, task, ticks))).collect();
    // Those without a next tick come last.
    timers.sort_by_key(|(_, _, ticks)| (ticks.next().is_none(), ticks.next()));
    let json: Vec<Value> = timers
        .iter()
        .map(|(lease, task, ticks)| {
            json!({ "namespace": lease.namespace, "lease": lease.name, "task": task, "ticks": serde_json::to_value(ticks).unwrap_or_default() })
        })
        .collect();
    let rows: Vec<[String; 8]> = timers
        .iter()
        .map(|(lease, task, ticks)| {
            let [next, left, last, passed, state] = cells(ticks, now);
            [next, left, last, passed, state, (*task).clone(), lease.name.clone(), lease.namespace.clone()]
        })
        .collect();
    Ok(formatted(&Value::Array(json), output).unwrap_or_else(|| table(HEADER, &rows)))
}

fn cells(ticks: &TaskTicks, now: Timestamp) -> [String; 5] {
    let (next, last) = (ticks.next(), ticks.last().and_then(|run| run.ended));
    [
        or_dash(next.map(whole_seconds)),
        or_dash(next.map(|time| until(time, now))),
        or_dash(last.map(whole_seconds)),
        or_dash(last.map(|time| since(time, now))),
        state(ticks),
    ]
}

/// The state in one word, or two if the task is paused.
pub(crate) fn state(ticks: &TaskTicks) -> String {
    let word = match ticks.state() {
        TickState::Waiting => "waiting".to_owned(),
        TickState::Taken => "running".to_owned(),
        TickState::Ended(outcome) => format!("{outcome:?}").to_lowercase(),
        TickState::Unreadable => "unreadable".to_owned(),
        _ => "unknown".to_owned(),
    };
    if ticks.is_paused() { format!("paused,{word}") } else { word }
}

/// A time without fractions of a second.
pub(crate) fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// The time of this machine.
pub(crate) fn now() -> Timestamp {
    SystemClock.wall().into()
}
