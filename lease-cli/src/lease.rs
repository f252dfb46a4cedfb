//! What a Lease says, whichever program wrote it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::api::DynamicObject;
use lease_protocol::handover::{STEP_DOWN, TRANSFER_TO};
use lease_protocol::ticks::names::{BACKFILL, PAUSE, TASKS, TRIGGER};
use lease_runtime::{TaskTicks, TickRun};
use serde_json::{Map, Value, json};

/// A Lease, as read at some time.
#[derive(PartialEq, Debug)]
pub(crate) struct LeaseView {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// `None` if nobody holds it.
    pub(crate) holder: Option<String>,
    /// `leaseTransitions`: how often the holder has changed.
    pub(crate) transitions: Option<i64>,
    pub(crate) duration_seconds: Option<i64>,
    pub(crate) acquired: Option<Timestamp>,
    /// By the clock of the holder.
    pub(crate) renewed: Option<Timestamp>,
    /// The tasks that the holder runs, by its own word, and those that have a record.
    pub(crate) tasks: Vec<String>,
    pub(crate) ticks: BTreeMap<String, TaskTicks>,
    /// The requests that wait, as annotation and value.
    pub(crate) requests: BTreeMap<String, String>,
}

impl LeaseView {
    pub(crate) fn read(object: &DynamicObject) -> LeaseView {
        let spec = &object.data["spec"];
        let time = |field: &str| spec[field].as_str().and_then(|text| text.parse().ok());
        let annotations = object.metadata.annotations.clone().unwrap_or_default();
        let holder = spec["holderIdentity"].as_str().filter(|holder| !holder.is_empty()).map(str::to_owned);
        let ticks = TaskTicks::all(&annotations);
        let mut tasks = tasks_of_holder(&annotations, holder.as_deref());
        tasks.extend(ticks.keys().cloned());
        tasks.sort();
        tasks.dedup();
        let is_request = |name: &String| {
            [PAUSE, TRIGGER, BACKFILL].iter().any(|purpose| name.starts_with(purpose))
                || [STEP_DOWN, TRANSFER_TO].contains(&name.as_str())
        };
        LeaseView {
            namespace: object.metadata.namespace.clone().unwrap_or_default(),
            name: object.metadata.name.clone().unwrap_or_default(),
            holder,
            transitions: spec["leaseTransitions"].as_i64(),
            duration_seconds: spec["leaseDurationSeconds"].as_i64(),
            acquired: time("acquireTime"),
            renewed: time("renewTime"),
            tasks,
            ticks,
            requests: annotations.into_iter().filter(|(name, _)| is_request(name)).collect(),
        }
    }

    /// The seconds until other candidates may take the lease, if the clocks of this machine and of the holder agree. Negative if that
    /// time has passed. `None` if nobody holds it, or it does not say.
    pub(crate) fn left_seconds(&self, now: Timestamp) -> Option<i64> {
        self.holder.as_ref()?;
        let until = self.renewed?.as_second().checked_add(self.duration_seconds?)?;
        until.checked_sub(now.as_second())
    }

    /// What changes with each renewal.
    pub(crate) fn renewal(&self) -> (Option<&str>, Option<i64>, Option<Timestamp>) {
        (self.holder.as_deref(), self.transitions, self.renewed)
    }

    /// The earliest next tick.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.ticks.values().filter(|ticks| !ticks.is_paused()).filter_map(TaskTicks::next).min()
    }

    /// The run that ended last.
    pub(crate) fn last(&self) -> Option<TickRun> {
        self.ticks.values().filter_map(TaskTicks::last).max_by_key(|run| run.ended)
    }

    /// For programs: the values as the Lease has them.
    pub(crate) fn to_json(&self, now: Timestamp) -> Value {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
        // A record is made of texts and numbers, so this conversion has no error.
        let ticks: Map<String, Value> = self
            .ticks
            .iter()
            .map(|(task, ticks)| (task.clone(), serde_json::to_value(ticks).unwrap_or_default()))
            .collect();
        json!({
            "namespace": self.namespace,
            "name": self.name,
            "holder": self.holder,
            "transitions": self.transitions,
            "duration_seconds": self.duration_seconds,
            "acquired": time(self.acquired),
            "renewed": time(self.renewed),
            "left_seconds": self.left_seconds(now),
            "tasks": self.tasks,
            "ticks": ticks,
            "requests": self.requests,
        })
    }
}

/// The names in the annotation of the holder. Those that an earlier holder wrote do not count.
fn tasks_of_holder(annotations: &BTreeMap<String, String>, holder: Option<&str>) -> Vec<String> {
    let said: Option<Value> = annotations.get(TASKS).and_then(|text| serde_json::from_str(text).ok());
    let said = said.filter(|said| holder.is_some() && said["holder"].as_str() == holder);
    let names = said.as_ref().and_then(|said| said["tasks"].as_array());
    names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
