//! T1: each tick of a task with `at_most_once` starts at most once, in whatever process.

use std::collections::BTreeMap;

use lease_tests::log::Event;
use lease_tests::ticks::{Run, runs};

use crate::candidate::TICK;

pub(super) fn twice(events: &[Event]) -> Vec<String> {
    let mut starts: BTreeMap<String, Vec<Run>> = BTreeMap::new();
    for run in runs(events, TICK) {
        starts.entry(run.tick.clone()).or_default().push(run);
    }
    let twice = starts.into_iter().filter(|(_, runs)| runs.len() > 1);
    let told = twice.map(|(tick, runs)| {
        let by: Vec<String> =
            runs.iter().map(|run| format!("{} in term {}", run.event.identity, run.event.token)).collect();
        format!("the tick of {tick} was started {} times: by {}", runs.len(), by.join(", by "))
    });
    told.collect()
}
