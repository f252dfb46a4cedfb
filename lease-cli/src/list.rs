//! `list`: Leases in columns.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::age::{since, span, until};
use crate::args::Output;
use crate::cluster::Cluster;
use crate::error::CliError;
use crate::lease::LeaseView;
use crate::output::formatted;
use crate::table::{or_dash, table};
use crate::timers::now;

pub(crate) const HEADER: [&str; 10] =
    ["NAMESPACE", "NAME", "HOLDER", "TERM", "HELD", "RENEWED", "LEFT", "TASKS", "NEXT", "LAST"];

pub(crate) async fn run(cluster: &Cluster, everywhere: bool, output: Output) -> Result<String, CliError> {
    let leases = cluster.leases(everywhere).await?.leases;
    let now = now();
    let json: Vec<Value> = leases.iter().map(|lease| lease.to_json(now)).collect();
    let rows: Vec<_> = leases.iter().map(|lease| row(lease, None, now)).collect();
    Ok(formatted(&Value::Array(json), output).unwrap_or_else(|| table(HEADER, &rows)))
}

/// The cells of a Lease. `seen` is how long ago this process saw the last renewal, by its own clock.
pub(crate) fn row(lease: &LeaseView, seen: Option<Duration>, now: Timestamp) -> [String; 10] {
    let held = lease.holder.as_ref().and(lease.acquired);
    let renewed = lease.holder.as_ref().and(lease.renewed);
    let seen = seen.map(|seen| i64::try_from(seen.as_secs()).unwrap_or(i64::MAX)).filter(|_| lease.holder.is_some());
    let (renewed, left) = match seen {
        Some(ago) => (Some(span(ago)), seen_left(lease, ago)),
        None => (renewed.map(|time| format!("~{}", since(time, now))), left(lease, now)),
    };
    [
        lease.namespace.clone(),
        lease.name.clone(),
        or_dash(lease.holder.clone()),
        or_dash(lease.transitions.map(|count| count.to_string())),
        or_dash(held.map(|time| since(time, now))),
        or_dash(renewed),
        left,
        if lease.tasks.is_empty() { "-".to_owned() } else { lease.tasks.len().to_string() },
        or_dash(lease.next().map(|time| until(time, now))),
        or_dash(lease.last().and_then(|run| run.ended).map(|time| since(time, now))),
    ]
}

/// How long others still have to wait, if they saw the last renewal so long ago.
fn seen_left(lease: &LeaseView, ago: i64) -> String {
    match lease.duration_seconds.map(|duration| duration.saturating_sub(ago)) {
        None => "-".to_owned(),
        Some(seconds) if seconds <= 0 => "expired".to_owned(),
        Some(seconds) => span(seconds),
    }
}

/// How long the holder still has, by its own renewal.
pub(crate) fn left(lease: &LeaseView, now: Timestamp) -> String {
    match lease.left_seconds(now) {
        None => "-".to_owned(),
        Some(seconds) if seconds <= 0 => "expired".to_owned(),
        Some(seconds) => format!("~{}", span(seconds)),
    }
}
