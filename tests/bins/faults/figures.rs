//! What a run prints at its end.

use std::time::Duration;

use lease_runtime::clock::Moment;

use crate::check::Outcome;
use crate::faults::Done;
use crate::plan::Kind;

pub(crate) fn of_faults(done: &[Done], outcome: &Outcome, took: Duration) {
    println!("\nfault             times  median time to the next beat");
    for kind in Kind::ALL {
        let times: usize = done.iter().map(|round| round.kinds.iter().filter(|other| **other == kind).count()).sum();
        if times > 0 {
            let (name, words) = kind.words();
            println!("{name:17} {times:5}  {:>8}   {words}", gap_after(kind, done, &outcome.beats));
        }
    }
    let longest = longest_gap(&outcome.beats);
    println!("\nlongest time without a beat: {:.1} s", longest.as_secs_f64());
    of_all(outcome);
    println!("the run took {:.0} s", took.as_secs_f64());
}

/// What both kinds of run print.
pub(crate) fn of_all(outcome: &Outcome) {
    println!("terms: {}, handovers: {}, effects: {}", outcome.terms, outcome.handovers, outcome.beats.len());
    println!("overlaps that a stop inside a poll explains: {}", outcome.explained.len());
    outcome.explained.iter().for_each(|told| println!("  {told}"));
    println!("writes that the target has accepted: {}, and refused: {}", outcome.accepted, outcome.refused);
    println!("ticks that were started: {}", outcome.ticks);
    println!("programs that exec has run: {}", outcome.programs);
    println!("states of the EndpointSlice: {}, Events of Kubernetes: {}", outcome.slices, outcome.kubernetes_events);
    println!("the logs of the processes:");
    outcome.logs.lines().for_each(|line| println!("  {line}"));
    println!("violations: {}", outcome.violations.len());
    outcome.violations.iter().take(20).for_each(|told| println!("  {told}"));
}

/// The median of the longest times without a beat, over the rounds in which nothing else happened.
fn gap_after(kind: Kind, done: &[Done], beats: &[Moment]) -> String {
    let alone = done.iter().filter(|round| round.kinds == [kind]);
    let gaps = alone.map(|round| longest_gap(around(beats, round.began, round.recovered)));
    median(gaps.collect()).map_or_else(|| "-".to_owned(), |gap| format!("{:.2} s", gap.as_secs_f64()))
}

/// The beats in a span of time, and the last one before it.
fn around(beats: &[Moment], from: Moment, to: Moment) -> &[Moment] {
    let first = beats.partition_point(|beat| *beat < from).saturating_sub(1);
    let end = beats.partition_point(|beat| *beat <= to);
    beats.get(first..end).unwrap_or_default()
}

fn longest_gap(beats: &[Moment]) -> Duration {
    beats.windows(2).map(|pair| pair[1].since(pair[0])).max().unwrap_or_default()
}

/// The middle one, or the upper one of two.
pub(crate) fn median<T: Ord + Copy>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}
