//! What a Lease says about the ticks of its tasks, for people, dashboards and tests.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::codec::Unreadable;
use super::counts::{TickCounts, TickOutcome};
use super::names::{PAUSE, RECORD};
use super::record::TickRecord;
use super::requests::{Annotations, record_text};
use crate::ticks::AttemptId;

/// What a Lease says about the ticks of one task.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use lease_protocol::ticks::TaskTicks;
///
/// // Those of a Lease, as kube reads it: `lease.metadata.annotations.unwrap_or_default()`. No candidate is needed.
/// let annotations: BTreeMap<String, String> = BTreeMap::new();
/// for (task, ticks) in TaskTicks::all(&annotations) {
///     println!("{task}: {:?}, {} done, next at {:?}", ticks.state(), ticks.counts().done, ticks.next());
/// }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskTicks {
    record: Result<TickRecord, Unreadable>,
    paused: bool,
}

/// The state of a task.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TickState {
    /// It has not run yet.
    Waiting,
    /// A run was taken, and its end is not known.
    Taken,
    /// The last run ended with this outcome.
    Ended(TickOutcome),
    /// The record of the task cannot be read, so no tick of it is run: see [`TaskTicks::trouble`].
    Unreadable,
}

/// A run, as the Lease shows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub struct TickRun {
    /// The nominal time.
    pub tick: Timestamp,
    /// The id of the attempt.
    pub id: AttemptId,
    /// The number of the attempt at this tick.
    pub attempt: u32,
    /// When its end was recorded. `None` if it has not been.
    pub ended: Option<Timestamp>,
}

impl TaskTicks {
    /// The ticks of each task that has a record in the annotations of a Lease, no matter which program wrote it.
    pub fn all(annotations: &BTreeMap<String, String>) -> BTreeMap<String, TaskTicks> {
        let tasks = annotations.keys().filter_map(|name| name.strip_prefix(RECORD));
        tasks.filter_map(|task| Some((task.to_owned(), TaskTicks::of(annotations, task)?))).collect()
    }

    /// The ticks of this task. `None` if it has no record.
    pub fn of(annotations: &Annotations, task: &str) -> Option<TaskTicks> {
        record_text(annotations, task).map(|text| TaskTicks::read(annotations, task, text))
    }

    fn read(annotations: &Annotations, task: &str, text: &str) -> TaskTicks {
        let paused = annotations.contains_key(&format!("{PAUSE}{task}"));
        TaskTicks { record: TickRecord::decode(text), paused }
    }

    fn record(&self) -> Option<&TickRecord> {
        self.record.as_ref().ok()
    }

    /// The state of the task.
    pub fn state(&self) -> TickState {
        match &self.record {
            Err(_) => TickState::Unreadable,
            Ok(record) if record.open.iter().any(|run| !run.unstarted) => TickState::Taken,
            Ok(record) => record.last.map_or(TickState::Waiting, |last| TickState::Ended(last.outcome)),
        }
    }

    /// Whether a task with `once` is done.
    pub fn is_done(&self) -> bool {
        self.record().is_some_and(TickRecord::is_done)
    }

    /// Whether the task is paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// The run that ended last.
    pub fn last(&self) -> Option<TickRun> {
        let last = self.record()?.last?;
        Some(TickRun { tick: last.tick.into(), id: last.id, attempt: last.attempt, ended: Some(last.at.into()) })
    }

    /// The runs that were taken and whose end has not been written, without those that were [given
    /// back](Self::given_back).
    pub fn running(&self) -> Vec<TickRun> {
        self.open(false)
    }

    /// The runs that were taken and given back, because the leader's term ended before their bodies began. The next
    /// leader starts them.
    pub fn given_back(&self) -> Vec<TickRun> {
        self.open(true)
    }

    fn open(&self, unstarted: bool) -> Vec<TickRun> {
        let open = self.record().map(|record| record.open.as_slice()).unwrap_or_default();
        open.iter()
            .filter(|run| run.unstarted == unstarted)
            .map(|run| TickRun { tick: run.tick.into(), id: run.id, attempt: run.attempt, ended: None })
            .collect()
    }

    /// Every tick up to this time has been taken, or counted as not run.
    pub fn accounted_until(&self) -> Option<Timestamp> {
        self.record().map(|record| record.accounted_until.into())
    }

    /// The id of the last trigger that was taken.
    pub fn last_trigger(&self) -> Option<&str> {
        self.record()?.trigger.as_deref()
    }

    /// When the next tick is due, as of the last write.
    pub fn next(&self) -> Option<Timestamp> {
        self.record()?.next.map(Timestamp::from)
    }

    /// How its ticks ended so far.
    pub fn counts(&self) -> TickCounts {
        self.record().map(|record| record.counts).unwrap_or_default()
    }

    /// Why its record cannot be read, and what to do.
    pub fn trouble(&self) -> Option<String> {
        self.record.as_ref().err().map(ToString::to_string)
    }
}

/// Its methods as fields. `trouble` is null if the record can be read.
#[cfg(feature = "serde")]
impl serde::Serialize for TaskTicks {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut fields = serializer.serialize_struct("TaskTicks", 11)?;
        fields.serialize_field("state", &self.state())?;
        fields.serialize_field("is_done", &self.is_done())?;
        fields.serialize_field("is_paused", &self.is_paused())?;
        fields.serialize_field("last", &self.last())?;
        fields.serialize_field("running", &self.running())?;
        fields.serialize_field("given_back", &self.given_back())?;
        fields.serialize_field("accounted_until", &self.accounted_until())?;
        fields.serialize_field("last_trigger", &self.last_trigger())?;
        fields.serialize_field("next", &self.next())?;
        fields.serialize_field("counts", &self.counts())?;
        fields.serialize_field("trouble", &self.trouble())?;
        fields.end()
    }
}
