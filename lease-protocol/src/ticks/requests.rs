//! The requests that people make of a task through annotations.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::codec::MOST_TRIGGER_ID;
use super::names::{BACKFILL, PAUSE, RECORD, TRIGGER, shown};
use crate::clock::WallTime;

/// The annotations of an object.
pub type Annotations = BTreeMap<String, String>;

/// The text of a task's record, if it has one. An annotation that was emptied by hand counts as removed.
pub(super) fn record_text<'a>(annotations: &'a Annotations, task: &str) -> Option<&'a str> {
    annotations.get(&format!("{RECORD}{task}")).map(String::as_str).filter(|text| !text.trim().is_empty())
}

/// The requests for one task, read from the annotations.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(super) struct TaskRequests {
    pub(super) paused: bool,
    pub(super) trigger: Option<String>,
    pub(super) backfill: Option<TimeRange>,
    /// Requests that cannot be understood, and why. Their annotations stay as they are.
    pub(super) refused: Vec<(String, &'static str)>,
}

/// A range of the past whose ticks are to be run. Both ends are included.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct TimeRange {
    pub(super) from: WallTime,
    pub(super) to: WallTime,
}

impl TaskRequests {
    pub(super) fn read(annotations: &Annotations, task: &str) -> TaskRequests {
        let get = |prefix: &str| annotations.get(&format!("{prefix}{task}"));
        let mut requests = TaskRequests { paused: get(PAUSE).is_some(), ..TaskRequests::default() };
        if let Some(id) = get(TRIGGER) {
            match check_trigger(id) {
                Ok(()) => requests.trigger = Some(id.clone()),
                Err(why) => requests.refused.push((format!("{TRIGGER}{task}={}", shown(id)), why)),
            }
        }
        if let Some(text) = get(BACKFILL) {
            match TimeRange::parse(text) {
                Ok(stretch) => requests.backfill = Some(stretch),
                Err(why) => requests.refused.push((format!("{BACKFILL}{task}={}", shown(text)), why)),
            }
        }
        requests
    }
}

/// Checks the id of a trigger. The error is the rule that it breaks.
pub fn check_trigger(id: &str) -> Result<(), &'static str> {
    if id.is_empty() {
        Err("a trigger needs an id, which it runs once for: any word that was not used before")
    } else if id.len() > MOST_TRIGGER_ID
        || !id.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
    {
        Err("an id has at most 36 ASCII characters, no blanks, quotes or backslashes")
    } else {
        Ok(())
    }
}

/// The annotation value for a backfill of this range. `None` if the range ends before it begins.
pub fn backfill_text(from: Timestamp, to: Timestamp) -> Option<String> {
    let [from, to] = [from, to].map(WallTime::from);
    (from <= to).then(|| TimeRange { from, to }.text())
}

impl TimeRange {
    /// Two RFC 3339 times with a `/` between them.
    pub(super) fn parse(text: &str) -> Result<TimeRange, &'static str> {
        let form = "a backfill is two times with `/` between, as in `2026-11-01T00:00:00Z/2026-11-02T00:00:00Z`";
        let (from, to) = text.split_once('/').ok_or(form)?;
        let time = |text: &str| text.trim().parse::<WallTime>();
        let (Ok(from), Ok(to)) = (time(from), time(to)) else { return Err(form) };
        if from > to {
            return Err("a backfill goes from the earlier to the later time");
        }
        Ok(TimeRange { from, to })
    }

    pub(super) fn text(self) -> String {
        format!("{}/{}", Timestamp::from(self.from), Timestamp::from(self.to))
    }
}
