//! Tests of the harness, through its timeline.

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

/// A task whose runs each take so long.
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

/// The runs as short texts: when, where, at which attempt, and how they ended.
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
