//! S3 and S9: tokens grow from term to term, and a process has one body at a time.

use std::collections::{BTreeMap, BTreeSet};

use lease_runtime::clock::Moment;
use lease_tests::log::Event;

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

/// A body that starts before the one before it is gone, in one process.
pub(super) fn two_bodies(events: &[Event]) -> Vec<String> {
    let mut live: BTreeMap<&str, u64> = BTreeMap::new();
    let mut broken = Vec::new();
    for event in events {
        if event.is("started")
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
