//! One process: the two production cores, its clocks, the guard of its term, and its bodies.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use lease_protocol::election::{Deadlines, Election, RequestId, Timing, Version};
use lease_protocol::ticks::{Annotations, RunStart, Ticks};
use lease_runtime::AttemptId;
use lease_runtime::clock::{Moment, WallTime};

use super::server::{EPOCH, State};

/// How many states of the Lease a process remembers, so that it can compose a write that replaces one of them.
const RECENT_STATES: usize = 8;

pub(crate) struct Replica {
    /// The number of this start of the process.
    pub(crate) incarnation: u32,
    pub(crate) up: bool,
    pub(crate) clock: SkewedClock,
    /// It takes no steps until then.
    pub(crate) paused_until: u64,
    /// No message reaches it or leaves it until then.
    pub(crate) cut_until: u64,
    pub(crate) election: Election,
    pub(crate) ticks: Ticks,
    pub(crate) held: Option<HeldTerm>,
    pub(crate) terms: u32,
    recent: VecDeque<(Version, Rc<Annotations>)>,
    pub(crate) shown: Option<Version>,
    pub(crate) composed: Option<(RequestId, u64)>,
    /// The server's time in the last answer, and when that answer came.
    pub(crate) date: Option<(WallTime, Moment)>,
    /// It has stepped down or withdrawn, and takes part again later.
    pub(crate) comes_back: bool,
    /// Tasks with `once` that are done. They do not join again.
    pub(crate) done: BTreeSet<Arc<str>>,
    /// The next step that only the time causes.
    pub(crate) wake: Option<(u64, u64)>,
    /// For comparison: the last tick of each task that a leader without a record remembers.
    pub(crate) unrecorded: BTreeMap<Arc<str>, i64>,
}

/// The clocks of a process, computed from global time in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SkewedClock {
    /// The rate of the monotonic clock, in millionths.
    pub(crate) rate: u64,
    /// The offset of the calendar, in microseconds.
    pub(crate) offset: i64,
}

/// A term, in the view of the bodies.
pub(crate) struct HeldTerm {
    pub(crate) number: u32,
    pub(crate) deadlines: Deadlines,
    pub(crate) cancelled: bool,
    pub(crate) over: bool,
    pub(crate) joined: BTreeMap<Arc<str>, JoinedTask>,
    /// The bodies are gone, and the election is about to be notified.
    pub(crate) gone: bool,
}

/// A task that has joined a term.
#[derive(Default)]
pub(crate) struct JoinedTask {
    pub(crate) runs: BTreeMap<AttemptId, Run>,
    pub(crate) waiting: Option<RunStart>,
    pub(crate) ending: bool,
}

/// A run of a body.
pub(crate) struct Run {
    pub(crate) start: RunStart,
    /// It was polled.
    pub(crate) begun: bool,
    pub(crate) asked: Option<Asked>,
    /// The number of the end that counts. The run may be asked to end sooner.
    pub(crate) serial: u64,
}

/// Why a run was asked to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asked {
    Replaced,
    TermOver,
}

impl SkewedClock {
    pub(crate) fn moment(self, now: u64) -> Moment {
        // The machine has been up for an hour, so that instants before the start exist.
        Moment::from_nanos(3_600_000_000_000 + now * self.rate / 1000)
    }

    /// When the clock shows this moment. `None` if that is too far in the future.
    pub(crate) fn when(self, moment: Moment) -> Option<u64> {
        let nanos = moment.as_nanos().saturating_sub(3_600_000_000_000);
        Some(nanos.checked_mul(1000)?.div_ceil(self.rate))
    }

    pub(crate) fn wall(self, now: u64) -> WallTime {
        WallTime(EPOCH + now.cast_signed() + self.offset)
    }

    pub(crate) fn when_wall(self, wall: WallTime) -> u64 {
        u64::try_from(wall.0.saturating_sub(EPOCH).saturating_sub(self.offset)).unwrap_or(0)
    }
}

impl Replica {
    pub(crate) fn new(index: usize, incarnation: u32, clock: SkewedClock) -> Replica {
        Replica {
            incarnation,
            up: true,
            clock,
            paused_until: 0,
            cut_until: 0,
            election: Election::new(format!("replica-{index}-{incarnation}"), Timing::default()),
            ticks: Ticks::default(),
            held: None,
            terms: 0,
            recent: VecDeque::new(),
            shown: None,
            composed: None,
            date: None,
            comes_back: false,
            done: BTreeSet::new(),
            wake: None,
            unrecorded: BTreeMap::new(),
        }
    }

    pub(crate) fn keep(&mut self, state: &State) {
        let version = &state.view.version;
        self.recent.retain(|(recent, _)| recent != version);
        if self.recent.len() == RECENT_STATES {
            self.recent.pop_front();
        }
        self.recent.push_back((version.clone(), state.annotations.clone()));
    }

    pub(crate) fn annotations(&self, version: &Version) -> Option<Rc<Annotations>> {
        self.recent.iter().find(|(recent, _)| recent == version).map(|(_, annotations)| annotations.clone())
    }

    /// Whether the guard lets a body be polled now.
    pub(crate) fn may_poll(&self, now: u64) -> bool {
        let held = self.held.as_ref().filter(|held| self.up && !held.over);
        held.is_some_and(|held| self.clock.moment(now) < held.deadlines.drop_at)
    }
}
