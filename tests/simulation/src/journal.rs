//! What happens in a run, in global time. All checks read it, and two runs of one seed must write the same.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use lease_runtime::AttemptId;

use crate::engine::{Nanos, Who};

/// The name of a Lease.
pub(crate) type LeaseName = &'static str;

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Event {
    /// The world or the network did this to a process, or to all.
    Fault { kind: &'static str, to: Option<Who> },
    /// A process has started.
    Process { who: Who },
    /// A process is gone.
    Gone { who: Who },
    /// A process has sent a request. `stamp` is the renew time in it, and `print` stands for all of its content.
    Sent {
        who: Who,
        number: u64,
        verb: Verb,
        lease: Option<LeaseName>,
        stamp: Option<String>,
        local: Nanos,
        print: u64,
    },
    /// The Lease was changed, by a process or by somebody else.
    Stored(Box<Stored>),
    /// The EndpointSlice of a Lease has this fencing token, and leads to this pod.
    Led { lease: LeaseName, token: u64, pod: Option<String> },
    /// The pod of a replica has the labels of these Leases.
    Labelled { node: u8, leases: Vec<LeaseName> },
    /// A part of an answer has arrived. `stamps` are the renew times in it.
    Arrived { who: Who, number: u64, status: u16, stamps: Vec<Stamp>, print: u64 },
    /// A body was polled for the first time.
    Started { who: Who, lease: LeaseName, task: &'static str, token: u64 },
    /// A poll of a body, until this time.
    Polled { who: Who, lease: LeaseName, task: &'static str, token: u64, until: Nanos },
    /// The lower layer of a stack was asked to end.
    Asked { who: Who, lease: LeaseName, token: u64 },
    /// The future of a body is gone.
    Dropped { who: Who, lease: LeaseName, task: &'static str, token: u64 },
    /// A run of a scheduled task has begun.
    Tick { who: Who, task: &'static str, nominal: Timestamp, attempt: u32, id: AttemptId, cause: TickCause },
    /// A run has ended by itself.
    TickEnded { who: Who, task: &'static str, id: AttemptId, completed: bool },
    /// An observer was told of this.
    Told { who: Who, lease: LeaseName, told: Told },
}

/// What an observer is told.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Told {
    TermBegan(u64),
    TermCancelled(u64),
    TermEnded(u64),
    RunBegan(String),
    RunEnded(String),
}

/// The renew time of a Lease. No two writes of one Lease have the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Stamp {
    pub(crate) lease: LeaseName,
    pub(crate) time: String,
}

/// What a request does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Verb {
    Get,
    List,
    Watch,
    Write,
    Other,
}

/// Why a run was started.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum TickCause {
    Schedule,
    Trigger(String),
    Backfill,
}

/// A new state of a Lease.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Stored {
    pub(crate) lease: LeaseName,
    /// The process and the number of its request. `None`: not a process of the run.
    pub(crate) by: Option<(Who, u64)>,
    pub(crate) revision: u64,
    pub(crate) before: Option<LeaseState>,
    /// `None`: the Lease was deleted.
    pub(crate) after: Option<LeaseState>,
}

/// The state of a Lease.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct LeaseState {
    pub(crate) holder: Holder,
    pub(crate) stamp: Option<String>,
    pub(crate) annotations: BTreeMap<String, String>,
    /// Those that the runtime, the program or the deployment set.
    pub(crate) labels: Vec<(String, String)>,
    /// The uids of its owners.
    pub(crate) owners: Vec<String>,
}

/// Who holds a Lease.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Holder {
    Nobody,
    Process(Who),
    /// Somebody who is not a process of the run.
    Stranger,
}

/// The order of two events at the same time is the order in which they were written.
struct Entry {
    at: Nanos,
    number: u64,
    event: Event,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[derive(Default)]
struct Pages {
    written: u64,
    /// Events that no check has seen yet. The clock of a process that blocks is ahead, and so are its events.
    pending: BinaryHeap<Reverse<Entry>>,
}

/// A handle on the journal of a run.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Pages>>);

impl Journal {
    pub(crate) fn write(&self, at: Nanos, event: Event) {
        let Journal(pages) = self;
        let mut pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
        let number = pages.written;
        pages.written += 1;
        pages.pending.push(Reverse(Entry { at, number, event }));
    }

    /// The next event that is not later than `until`.
    pub(crate) fn next(&self, until: Nanos) -> Option<(Nanos, Event)> {
        let Journal(pages) = self;
        let mut pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
        let Reverse(first) = pages.pending.peek()?;
        if first.at > until {
            return None;
        }
        pages.pending.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }
}

/// A number that stands for a text. Identities have 64 random bits, which are left out: two runs have different ones.
pub(crate) fn print(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'_') {
        let (before, after) = rest.split_at(at + 1);
        hasher.write(before);
        let is_nonce = after.len() >= 16 && after[..16].iter().all(u8::is_ascii_hexdigit);
        rest = if is_nonce { &after[16..] } else { after };
    }
    hasher.write(rest);
    hasher.finish()
}

/// The trace of a run: a hash of its events, and the events themselves if they are wanted.
pub(crate) struct Trace {
    hasher: DefaultHasher,
    pub(crate) count: u64,
    pub(crate) lines: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn new(with_lines: bool) -> Trace {
        Trace { hasher: DefaultHasher::new(), count: 0, lines: with_lines.then(Vec::new) }
    }

    pub(crate) fn note(&mut self, at: Nanos, event: &Event) {
        (at, event).hash(&mut self.hasher);
        self.count += 1;
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>12.6} {event:?}", at as f64 / 1e9));
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hasher.clone().finish()
    }
}
