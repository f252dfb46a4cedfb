//! The request log: each request, its caller, and how it ended.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::call::{RecordedRequest, Verb};
use lease_protocol::clock::{Clock, Moment};

/// How a request ended, as seen from the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Not yet answered.
    Open,
    /// Answered with this code. A watch is answered when it begins.
    Answered(u16),
    /// A fault closed its connection.
    Dropped,
    /// The caller gave up waiting.
    Abandoned,
}

/// One request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Its number, from 0, in order of arrival.
    pub id: u64,
    /// The request.
    pub call: Arc<RecordedRequest>,
    /// When it arrived, on the API's clock.
    pub at: Moment,
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended.
    pub ended: Option<Moment>,
}

impl Entry {
    /// The code of the answer, if there is one.
    pub fn code(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Answered(code) => Some(code),
            _ => None,
        }
    }
}

/// How many entries the log stores. The counts cover all requests.
const ENTRIES_KEPT: usize = 65_536;

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    kept: VecDeque<Entry>,
    counts: BTreeMap<(String, Verb), u64>,
}

/// The requests that an embedded API has seen. Clones share one log.
///
/// The log stores the latest 65,536 entries. The counts cover all requests.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    entries: Arc<Mutex<Entries>>,
    changed: Arc<watch::Sender<u64>>,
}

impl RequestLog {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stored entries, in order of arrival.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().kept.iter().cloned().collect()
    }

    /// How many requests arrived.
    pub fn total(&self) -> u64 {
        self.lock().counts.values().sum()
    }

    /// How many of the stored entries satisfy `predicate`.
    pub fn count(&self, predicate: impl Fn(&Entry) -> bool) -> usize {
        self.lock().kept.iter().filter(|entry| predicate(entry)).count()
    }

    /// How many requests of each verb arrived.
    pub fn by_verb(&self) -> BTreeMap<Verb, u64> {
        let mut out = BTreeMap::new();
        for ((_, verb), count) in &self.lock().counts {
            *out.entry(*verb).or_default() += count;
        }
        out
    }

    /// How many requests of each verb each caller sent.
    pub fn by_caller(&self) -> BTreeMap<String, BTreeMap<Verb, u64>> {
        let mut out: BTreeMap<String, BTreeMap<Verb, u64>> = BTreeMap::new();
        for ((caller, verb), count) in &self.lock().counts {
            out.entry(caller.clone()).or_default().insert(*verb, *count);
        }
        out
    }

    /// Deletes entries and counts. The numbers of entries continue.
    pub fn clear(&self) {
        let mut entries = self.lock();
        entries.kept.clear();
        entries.counts.clear();
    }

    /// Returns when at least `count` of the stored entries satisfy `predicate`. Cancel safe.
    pub async fn wait_for(&self, count: usize, predicate: impl Fn(&Entry) -> bool) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if self.count(&predicate) >= count {
                return;
            }
            if changed.changed().await.is_err() {
                return; // Not reached: this log owns the sender.
            }
        }
    }

    pub(crate) fn begin(&self, call: Arc<RecordedRequest>, clock: Arc<dyn Clock>) -> Pending {
        let at = clock.now();
        let mut entries = self.lock();
        let id = entries.next;
        entries.next += 1;
        *entries.counts.entry((call.caller.clone(), call.verb)).or_default() += 1;
        entries.kept.push_back(Entry { id, call, at, outcome: Outcome::Open, ended: None });
        if entries.kept.len() > ENTRIES_KEPT {
            entries.kept.pop_front();
        }
        drop(entries);
        self.changed.send_modify(|version| *version += 1);
        Pending { log: self.clone(), id, ended: false, clock }
    }
}

/// A request that is being answered. If this is dropped before the answer, the request is logged as abandoned.
#[derive(Debug)]
pub(crate) struct Pending {
    log: RequestLog,
    id: u64,
    ended: bool,
    clock: Arc<dyn Clock>,
}

impl Pending {
    pub(crate) fn end(&mut self, outcome: Outcome) {
        self.ended = true;
        let at = self.clock.now();
        let mut entries = self.log.lock();
        let first = entries.kept.front().map_or(0, |entry| entry.id);
        let index = self.id.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        if let Some(entry) = index.and_then(|index| entries.kept.get_mut(index)) {
            (entry.outcome, entry.ended) = (outcome, Some(at));
        }
        drop(entries);
        self.log.changed.send_modify(|version| *version += 1);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.ended {
            self.end(Outcome::Abandoned);
        }
    }
}
