//! The scope of one run: the tasks, the span of time, and which faults occur, and how many.

use std::sync::Arc;
use std::time::Duration;

use lease_protocol::ticks::Timetable;
use lease_runtime::{CatchUp, Delivery, LeaderTask, LeaseSpec, Overlap, Term, Tick};

use super::mutant::Mutant;

/// From one tick to the next, in seconds.
pub(crate) const PERIOD: i64 = 60;

/// The ticks of one world have numbers below this.
pub(crate) const MOST_TICKS: usize = 8;

/// Each of these uses up one of the faults of a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The term is asked to end, and the lease is released when the bodies are gone.
    Drain,
    /// The term is over at once.
    Loss,
    /// The process dies, and another one starts in its place.
    Crash,
    /// The answer to a write is lost, or the write itself.
    Unknown,
    /// A write that its sender has given up takes effect later, or never.
    Late,
    /// Somebody changes something else in the Lease.
    Touch,
    /// A body fails.
    Failure,
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) name: Arc<str>,
    pub(crate) delivery: Delivery,
    pub(crate) catch_up: CatchUp,
    pub(crate) overlap: Overlap,
    pub(crate) timetable: Timetable,
}

#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) name: &'static str,
    pub(crate) tasks: Vec<Task>,
    /// How many ticks fall due before the world heals.
    pub(crate) ticks: u8,
    /// In how many steps the clock goes from one tick to the next.
    pub(crate) slots: u8,
    /// How far the clock of the second replica is ahead, in seconds.
    pub(crate) skew: i64,
    /// How many faults occur.
    pub(crate) faults: u8,
    /// Which of them.
    pub(crate) kinds: &'static [Fault],
    /// The answer to a write may arrive later than the write took effect.
    pub(crate) late_answers: bool,
    pub(crate) mutant: Option<Mutant>,
    /// If there are more steps than this, the run fails.
    pub(crate) cap: usize,
}

impl Scope {
    pub(crate) fn new(name: &'static str, tasks: Vec<Task>) -> Scope {
        Scope {
            name,
            tasks,
            ticks: 3,
            slots: 1,
            skew: 0,
            faults: 1,
            kinds: &[Fault::Drain, Fault::Loss, Fault::Crash, Fault::Unknown],
            late_answers: false,
            mutant: None,
            cap: 3_000_000,
        }
    }

    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.kinds.contains(&fault)
    }

    /// The slot at which the last tick falls due, without the one that follows the last fault.
    pub(crate) fn end(&self) -> u8 {
        self.ticks * self.slots
    }
}

impl Task {
    pub(crate) fn new(delivery: Delivery, catch_up: CatchUp, overlap: Overlap) -> Task {
        Task::named("report", delivery, catch_up, overlap)
    }

    pub(crate) fn named(name: &'static str, delivery: Delivery, catch_up: CatchUp, overlap: Overlap) -> Task {
        let body = |_: Term, _: Tick| async { Ok::<(), String>(()) };
        let mut task = LeaderTask::scheduled(name, LeaseSpec::new("ticks"), body)
            .every(Duration::from_secs(PERIOD.unsigned_abs()))
            .delivery(delivery)
            .catch_up(catch_up);
        // It follows from `catch_up = all`, and must not be set together with it.
        if (catch_up, overlap) != (CatchUp::All, Overlap::BufferOne) {
            task = task.overlap(overlap);
        }
        let timetable = task.timetable().expect("the settings are valid").expect("the task has a schedule");
        Task { name: name.into(), delivery, catch_up, overlap, timetable }
    }

    /// How many runs of the task may be under way at once.
    pub(crate) fn most(&self) -> usize {
        match self.overlap {
            Overlap::AllowAll(most) => most as usize,
            _ => 1,
        }
    }
}
