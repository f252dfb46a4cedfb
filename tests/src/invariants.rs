//! The properties that must hold in every scenario. They are checked on the complete log at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use lease_protocol::election::Timing;
use lease_runtime::clock::Moment;
use lease_runtime::embedded::{Entry, Verb};

use crate::log::{Event, TermSpan, terms};

/// The exceptions that a scenario declares for its log.
#[derive(Clone, Debug, Default)]
pub struct Excuses {
    /// Terms that may overlap with a later one, and why: a body that was told to continue, or a lease that was released by
    /// somebody other than its holder.
    pub overlap: BTreeMap<u64, &'static str>,
}

/// All violations in a log.
pub fn broken(events: &[Event], excuses: &Excuses) -> Vec<String> {
    let mut broken = Vec::new();
    for lease in leases(events) {
        let events = under(events, lease);
        let terms = terms(&events);
        mutual_exclusion(&terms, excuses, &mut broken);
        token_order(&terms, &mut broken);
        one_body(&events, &mut broken);
    }
    broken
}

/// The leases in the log. Each has its own election, so each is checked separately.
fn leases(events: &[Event]) -> BTreeSet<&str> {
    events.iter().filter(|event| event.is_work()).map(|event| event.lease.as_str()).collect()
}

/// The events of a lease, and the events that belong to no lease.
fn under(events: &[Event], lease: &str) -> Vec<Event> {
    events.iter().filter(|event| event.lease == lease || !event.is_work()).cloned().collect()
}

/// S1: nothing of a term happens once a later term has begun.
fn mutual_exclusion(terms: &[TermSpan], excuses: &Excuses, broken: &mut Vec<String>) {
    for (index, later) in terms.iter().enumerate() {
        for earlier in terms.iter().take(index) {
            if earlier.token < later.token
                && earlier.last >= later.first
                && !excuses.overlap.contains_key(&earlier.token)
            {
                broken.push(format!(
                    "two at once: term {} of {} (process {}) was seen {:?} after term {} of {} (process {}) had begun",
                    earlier.token,
                    earlier.identity,
                    earlier.pid,
                    earlier.last.since(later.first),
                    later.token,
                    later.identity,
                    later.pid
                ));
            }
        }
    }
}

/// S3: tokens grow from term to term, and no two terms have the same.
fn token_order(terms: &[TermSpan], broken: &mut Vec<String>) {
    for pair in terms.windows(2) {
        let [a, b] = pair else { continue };
        if a.token == b.token {
            broken.push(format!("one token, two terms: {} of {} and of {}", a.token, a.identity, b.identity));
        } else if b.first <= a.first {
            broken.push(format!("tokens out of order: {} began after {}", a.token, b.token));
        }
    }
}

/// S9: in one process, a body ends before it begins again. When a process has ended, all its bodies have ended.
fn one_body(events: &[Event], broken: &mut Vec<String>) {
    let mut live: BTreeMap<u32, u64> = BTreeMap::new();
    for event in events {
        let Event { pid, token, .. } = event;
        if event.is("started") {
            if let Some(old) = live.insert(*pid, *token) {
                broken.push(format!(
                    "process {pid} started a body in term {token} while that of term {old} was not gone"
                ));
            }
        } else if event.is("stopped") {
            if live.remove(pid) != Some(*token) {
                broken.push(format!("process {pid} stopped a body of term {token} twice"));
            }
        } else if event.is("exited")
            && let Some(token) = live.remove(pid)
        {
            broken.push(format!("process {pid} ended before its body of term {token} was gone"));
        }
    }
}

/// Checks that need the API's log of requests. `callers` maps each process to the name of its requests.
pub fn broken_requests(
    events: &[Event],
    requests: &[Entry],
    callers: &BTreeMap<u32, String>,
    timings: &BTreeMap<u32, Timing>,
    excuses: &Excuses,
) -> Vec<String> {
    let mut broken = Vec::new();
    // If no event names a lease, the scenario has only one, so its name does not matter.
    let single = events.iter().all(|event| event.lease.is_empty());
    for (pid, caller) in callers {
        let Some(timing) = timings.get(pid) else { continue };
        let mut elections: BTreeMap<&str, (Vec<&Event>, Vec<&Entry>)> = BTreeMap::new();
        for event in events.iter().filter(|event| event.pid == *pid && event.is_work()) {
            elections.entry(&event.lease).or_default().0.push(event);
        }
        for entry in requests.iter().filter(|entry| entry.call.caller == *caller && entry.call.resource == "leases") {
            let lease = if single { "" } else { entry.call.name.as_deref().unwrap_or_default() };
            elections.entry(lease).or_default().1.push(entry);
        }
        for (work, own) in elections.values() {
            if !work.iter().any(|event| excuses.overlap.contains_key(&event.token)) {
                guard(*pid, work, own, timing, &mut broken);
            }
            release(*pid, work, own, &mut broken);
            storm(*pid, own, timing, &mut broken);
        }
    }
    broken
}

/// How much later than the beginning of its poll an event may be written, on a busy machine.
const POLL: Duration = Duration::from_millis(300);

/// S2: no work later than the hard stop, counted from the arrival of the last write that could have allowed it. (The holder
/// counts from when it sent the write, which is earlier.)
fn guard(pid: u32, work: &[&Event], own: &[&Entry], timing: &Timing, broken: &mut Vec<String>) {
    let writes: Vec<Moment> = own
        .iter()
        .filter(|entry| entry.call.verb.is_write() && entry.call.holder().is_some_and(|holder| !holder.is_empty()))
        .map(|entry| entry.at)
        .collect();
    let late = work.iter().find(|event| {
        let last = writes.iter().rev().find(|at| **at <= event.at);
        last.is_none_or(|at| event.at.since(*at) > timing.hard_stop() + POLL)
    });
    if let Some(event) = late {
        broken.push(format!("process {pid} continued to work although no write allowed it any more: {event}"));
    }
}

/// S6: no release arrives before the last event of the term's bodies.
fn release(pid: u32, work: &[&Event], own: &[&Entry], broken: &mut Vec<String>) {
    for release in own.iter().filter(|entry| entry.call.holder() == Some("")) {
        let begun_before: BTreeSet<u64> =
            work.iter().filter(|event| event.at <= release.at).map(|event| event.token).collect();
        let late = work.iter().find(|event| event.at > release.at && begun_before.contains(&event.token));
        if let Some(event) = late {
            broken.push(format!("process {pid} released the lease {:?} before {event}", event.at.since(release.at)));
        }
    }
}

/// L2: a process never exceeds the election's limit of requests: 8 at once, and then one per quarter of a retry period.
fn storm(pid: u32, own: &[&Entry], timing: &Timing, broken: &mut Vec<String>) {
    const WINDOW: Duration = Duration::from_secs(2);
    let interval = timing.retry_period.as_secs_f64() / 4.0;
    let allowed = 8.0 + 1.0 + WINDOW.as_secs_f64() / interval;
    let at: Vec<Moment> = own.iter().filter(|entry| entry.call.verb != Verb::Watch).map(|entry| entry.at).collect();
    let mut first = 0;
    for (index, moment) in at.iter().enumerate() {
        while at.get(first).is_some_and(|old| moment.since(*old) > WINDOW) {
            first += 1;
        }
        let count = index + 1 - first;
        if count as f64 > allowed {
            broken.push(format!("process {pid} sent {count} requests within {WINDOW:?}"));
            return;
        }
    }
}
