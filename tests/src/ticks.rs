//! The scheduled tasks of a replica under test, and their events.
//!
//! | event | when | detail |
//! |---|---|---|
//! | `tick` | a run begins | task, nominal time, attempt, cause |
//! | `tick-ended` | a run has ended | task, nominal time, `done`, `asked` or `dropped` |

use std::time::Duration;

use lease_runtime::{CatchUp, Delivery, Overlap};

use crate::log::Event;

/// A task with a period, and the length of its runs.
#[derive(Clone, PartialEq, Debug)]
pub struct TickTask {
    /// Its name.
    pub name: String,
    /// The period.
    pub every: Duration,
    /// The offset.
    pub offset: Duration,
    /// How long a run takes.
    pub takes: Duration,
    /// What happens to ticks during a run.
    pub overlap: Option<Overlap>,
    /// What happens to ticks that could not run when they were due.
    pub catch_up: CatchUp,
    /// What happens to interrupted runs.
    pub delivery: Delivery,
}

impl TickTask {
    /// A task that is due every ten seconds, the shortest period that is recorded.
    pub fn new(name: &str) -> TickTask {
        TickTask {
            name: name.to_owned(),
            every: Duration::from_secs(10),
            offset: Duration::ZERO,
            takes: Duration::from_millis(100),
            overlap: None,
            catch_up: CatchUp::Latest,
            delivery: Delivery::AtMostOnce,
        }
    }

    /// The task as an argument of the program.
    pub fn to_arg(&self) -> String {
        let millis = |span: Duration| span.as_millis();
        let overlap = match self.overlap {
            None => "default".to_owned(),
            Some(Overlap::Skip) => "skip".to_owned(),
            Some(Overlap::BufferOne) => "buffer_one".to_owned(),
            Some(Overlap::CancelOther) => "cancel_other".to_owned(),
            Some(Overlap::AllowAll(most)) => most.to_string(),
            Some(other) => unreachable!("{other:?} has no name here"),
        };
        let catch_up = match self.catch_up {
            CatchUp::None => "none",
            CatchUp::Latest => "latest",
            CatchUp::All => "all",
            other => unreachable!("{other:?} has no name here"),
        };
        let delivery = match self.delivery {
            Delivery::AtMostOnce => "at_most_once",
            Delivery::AtLeastOnce => "at_least_once",
            other => unreachable!("{other:?} has no name here"),
        };
        let (every, offset, takes) = (millis(self.every), millis(self.offset), millis(self.takes));
        format!("task={},{every},{offset},{takes},{overlap},{catch_up},{delivery}", self.name)
    }

    /// Parses the text after `task=` of [`to_arg`](TickTask::to_arg). `None` if it is not a task.
    pub fn parse(value: &str) -> Option<TickTask> {
        let mut parts = value.split(',');
        let name = parts.next()?.to_owned();
        let mut millis = || parts.next()?.parse().ok().map(Duration::from_millis);
        let (every, offset, takes) = (millis()?, millis()?, millis()?);
        let overlap = match parts.next()? {
            "default" => None,
            "skip" => Some(Overlap::Skip),
            "buffer_one" => Some(Overlap::BufferOne),
            "cancel_other" => Some(Overlap::CancelOther),
            most => Some(Overlap::AllowAll(most.parse().ok()?)),
        };
        let catch_up = match parts.next()? {
            "none" => CatchUp::None,
            "latest" => CatchUp::Latest,
            "all" => CatchUp::All,
            _ => return None,
        };
        let delivery = match parts.next()? {
            "at_most_once" => Delivery::AtMostOnce,
            "at_least_once" => Delivery::AtLeastOnce,
            _ => return None,
        };
        Some(TickTask { name, every, offset, takes, overlap, catch_up, delivery })
    }
}

/// The beginning of a run, from its event.
#[derive(Clone, PartialEq, Debug)]
pub struct Run {
    /// The task.
    pub task: String,
    /// The nominal time.
    pub tick: String,
    /// The number of the attempt.
    pub attempt: u32,
    /// `schedule`, `backfill` or the id of a trigger.
    pub cause: String,
    /// The event.
    pub event: Event,
}

/// The runs of a task that have begun, in order.
///
/// # Panics
///
/// If an event has another form.
pub fn runs(events: &[Event], task: &str) -> Vec<Run> {
    let run = |event: &Event| {
        let mut words = event.detail.split(' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("not a run: {event}")).to_owned();
        let (task, tick, attempt, cause) = (word(), word(), word(), word());
        let attempt = attempt.parse().unwrap_or_else(|_| panic!("no attempt: {event}"));
        Run { task, tick, attempt, cause, event: event.clone() }
    };
    events.iter().filter(|event| event.is("tick")).map(run).filter(|run| run.task == task).collect()
}
