//! What the log says in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use lease_runtime::clock::Moment;

use super::Entry;

#[derive(Debug, Default)]
pub(super) struct Report {
    began: Option<Moment>,
    first_leader: Duration,
    pub(super) handovers: Vec<Handover>,
}

#[derive(Debug)]
pub(super) struct Handover {
    pub(super) how: &'static str,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) took: Duration,
}

impl Report {
    pub(super) fn began(&mut self, since: Moment, first: Moment) {
        self.began = Some(since);
        self.first_leader = first.since(since);
    }

    /// Seconds since the beginning.
    pub(super) fn clock(&self, at: Moment) -> String {
        match self.began {
            Some(began) => format!("{:.2} s", at.since(began).as_secs_f64()),
            None => "0.00 s".to_owned(),
        }
    }

    /// Prints the table and returns the overlaps.
    pub(super) fn print(&self, log: &[Entry]) -> usize {
        println!();
        println!("| the leader is ended by | from      | to        | the successor works after |");
        println!("|------------------------|-----------|-----------|---------------------------|");
        for Handover { how, from, to, took } in &self.handovers {
            println!("| {how:<22} | {from:<9} | {to:<9} | {:>22} ms |", took.as_millis());
        }
        let (terms, overlaps) = overlaps(log);
        println!();
        println!(
            "first leader after {} ms; {terms} terms, {} entries of work",
            self.first_leader.as_millis(),
            log.len()
        );
        println!("overlaps: {overlaps}");
        overlaps
    }
}

/// How many terms there were, and how many entries were written by a term after a later one had begun.
fn overlaps(log: &[Entry]) -> (usize, usize) {
    // Fencing tokens grow from term to term, so they are the order in which the terms ought to lie in time.
    let mut began: BTreeMap<u64, Moment> = BTreeMap::new();
    for entry in log {
        let first = began.entry(entry.token).or_insert(entry.at);
        *first = (*first).min(entry.at);
    }
    let overlaps = log
        .iter()
        .filter(|entry| {
            let later = began.range(entry.token + 1..).map(|(_, at)| *at).min();
            later.is_some_and(|at| entry.at >= at)
        })
        .count();
    (began.len(), overlaps)
}
