//! The harness, by what it shows of tasks.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;

use super::*;
use crate::spec::LeaseSpec;
use crate::task::{LeaderTask, TaskGroup};
use crate::term::Term;
use crate::tick::Tick;
use lease_protocol::election::StopReason;
use lease_protocol::ticks::{CatchUp, Delivery, Overlap, TickOutcome, TickState};

mod faults;
mod months;

const BILLING: LeaseSpec = LeaseSpec::new("billing");

/// A task that takes so long for each run.
fn taking(name: &'static str, seconds: u64) -> LeaderTask<Result<(), String>> {
    LeaderTask::scheduled(name, BILLING, move |_: Term, _: Tick| async move {
        sleep(Duration::from_secs(seconds)).await;
        Ok(())
    })
}

fn minutely(seconds: u64) -> LeaderTask<Result<(), String>> {
    taking("minutely", seconds).every(Duration::from_secs(60))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Runs in short: when, where, at which attempt, and what became of them.
fn story(timeline: &Timeline) -> Vec<String> {
    let short = |at: Timestamp| at.strftime("%H:%M:%S").to_string();
    timeline
        .iter()
        .map(|run| {
            let tick = run.tick.map(short).unwrap_or_default();
            format!("{tick} #{} on {} at {}: {}", run.attempt, run.replica, short(run.started), run.outcome)
        })
        .collect()
}
