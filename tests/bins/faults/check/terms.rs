//! S3 and S9: tokens grow from term to term, and a process has one body at a time.

use std::collections::{BTreeMap, BTreeSet};

use lease_runtime::clock::Moment;
use lease_tests::log::Event;

use crate::candidate::program::RUN_BY;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Term {
    pub(super) token: u64,
    pub(super) identity: String,
    pub(super) started: Moment,
}

/// The terms, in the order in which their bodies started. A body that starts again in its term is not another term.
pub(super) fn all(events: &[Event]) -> Vec<Term> {
    let mut known = BTreeSet::new();
    let started = events.iter().filter(|event| event.is("started"));
    let new = started.filter(|event| known.insert((event.token, event.identity.clone())));
    new.map(|event| Term { token: event.token, identity: event.identity.clone(), started: event.at }).collect()
}

pub(super) fn broken(terms: &[Term]) -> Vec<String> {
    let backwards = terms.windows(2).filter(|pair| pair[1].token <= pair[0].token);
    let told = backwards.map(|pair| {
        let [a, b] = [&pair[0], &pair[1]];
        format!("tokens do not grow: {} of {} began after {} of {}", b.token, b.identity, a.token, a.identity)
    });
    told.collect()
}

/// Whether this is the start of a program of `exec`. Each is a process of its own, and writes no end if it is killed.
pub(super) fn is_program(event: &Event) -> bool {
    event.is("started") && event.detail.starts_with(RUN_BY)
}

/// An effect of a program of `exec` after the next one has started, in whatever term.
pub(super) fn two_programs(events: &[Event]) -> Vec<String> {
    let mut latest: BTreeMap<&str, u32> = BTreeMap::new();
    let mut broken = Vec::new();
    for event in events {
        if is_program(event) {
            latest.insert(&event.identity, event.pid);
        } else if latest.get(event.identity.as_str()).is_some_and(|pid| *pid != event.pid) {
            broken.push(format!("a program of exec goes on beside the next one: {event}"));
        }
    }
    broken
}

/// A body that starts before the one before it is gone, in one process.
pub(super) fn two_bodies(events: &[Event]) -> Vec<String> {
    let mut live: BTreeMap<&str, u64> = BTreeMap::new();
    let mut broken = Vec::new();
    for event in events {
        if event.is("started")
            && !is_program(event)
            && let Some(old) = live.insert(&event.identity, event.token)
        {
            broken.push(format!("{} has started a body in term {} beside that of {old}", event.identity, event.token));
        } else if event.is("stopped") {
            live.remove(event.identity.as_str());
        }
    }
    broken
}

/// The target refuses only tokens of terms that have been replaced.
pub(super) fn refused_too_much(terms: &[Term], events: &[Event]) -> Vec<String> {
    let replaced = |event: &Event| terms.iter().any(|term| term.token > event.token && term.started < event.at);
    let wrong = events.iter().filter(|event| event.is("refused") && !replaced(event));
    wrong.map(|event| format!("the target has refused the latest term: {event}")).collect()
}
