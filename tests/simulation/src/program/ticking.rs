//! The scheduled tasks of a run.

use std::sync::Arc;
use std::time::Duration;

use lease_runtime::{CatchUp, Cause, Delivery, LeaderTask, Overlap, Term, Tick};
use tokio::time::sleep;

use super::{Fair, Work, observed};
use crate::engine::Here;
use crate::journal::{Event, LeaseName, TickCause};

/// The task whose schedule is edited.
const EDITED: &str = "report";

/// When a task is due. In seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    Every { period: u64, offset: u64 },
    Cron(&'static str),
    Delay(u64),
    Once,
}

/// A scheduled task.
#[derive(Clone, Debug)]
pub(crate) struct TickTask {
    pub(crate) name: &'static str,
    pub(crate) lease: LeaseName,
    pub(crate) when: When,
    pub(crate) delivery: Delivery,
    pub(crate) catch_up: CatchUp,
    pub(crate) overlap: Option<Overlap>,
    /// How long a run takes at most.
    pub(crate) longest_run: Duration,
    /// How many of a thousand runs fail.
    pub(crate) failing: u32,
}

impl TickTask {
    /// Whether versions of the program differ in its schedule.
    pub(crate) fn is_edited(&self) -> bool {
        self.name == EDITED && matches!(self.when, When::Every { .. })
    }

    /// The same task in every other version of the program.
    pub(crate) fn edit(&mut self) {
        if self.is_edited()
            && let When::Every { period, .. } = &mut self.when
        {
            *period += 7;
        }
    }

    /// How many runs may be under way at once.
    pub(crate) fn most(&self) -> usize {
        match self.overlap {
            Some(Overlap::AllowAll(most)) => most as usize,
            _ => 1,
        }
    }

    pub(super) fn task(&self, here: &Arc<Here>, work: &Work, fair: &Fair) -> LeaderTask<Result<(), &'static str>> {
        let (this, here, fair) = (self.clone(), Arc::clone(here), fair.clone());
        let task = LeaderTask::scheduled(self.name, work.spec(self.lease), move |term: Term, tick: Tick| {
            let inner = run(this.clone(), Arc::clone(&here), fair.clone(), tick);
            observed::body(Arc::clone(&here), this.lease, this.name, &term, inner)
        });
        self.settings(task)
    }

    fn settings(&self, task: LeaderTask<Result<(), &'static str>>) -> LeaderTask<Result<(), &'static str>> {
        let mut task = match self.when {
            When::Every { period, offset } => {
                task.every(Duration::from_secs(period)).offset(Duration::from_secs(offset))
            }
            When::Cron(pattern) => task.cron(pattern),
            When::Delay(delay) => task.delay(Duration::from_secs(delay)),
            When::Once => task.once(),
        };
        task = task.delivery(self.delivery);
        if !matches!(self.when, When::Once | When::Delay(_)) {
            task = task.catch_up(self.catch_up);
        }
        if self.catch_up == CatchUp::All {
            // More than can wait in a run, so that no tick is over the limit.
            task = task.max_catch_up(1000);
        }
        match self.overlap {
            Some(overlap) => task.overlap(overlap),
            None => task,
        }
    }
}

async fn run(task: TickTask, here: Arc<Here>, fair: Fair, tick: Tick) -> Result<(), &'static str> {
    let (who, name, id) = (here.who, task.name, tick.attempt_id());
    let cause = match tick.cause() {
        Cause::Trigger(id) => TickCause::Trigger(id.to_string()),
        Cause::Backfill => TickCause::Backfill,
        _ => TickCause::Schedule,
    };
    let (nominal, attempt) = (tick.nominal(), tick.attempt());
    here.write(Event::Tick { who, task: name, nominal, attempt, id, cause });
    let longest = u64::try_from(task.longest_run.as_millis()).unwrap_or(u64::MAX);
    sleep(Duration::from_millis(here.random(1, longest))).await;
    let failed = !fair.is_fair() && here.chance(task.failing);
    here.write(Event::TickEnded { who, task: name, id, completed: !failed });
    if failed { Err("by chance") } else { Ok(()) }
}
