//! The record as text.
//!
//! A JSON object, for people and their tools: `{"v":1,"schedule":"9f3a01c7","upto":"2026-11-25T02:00:00Z","term":7,
//! "last":{..},"next":"..","counts":{"done":41}}`. Any other text in the annotation is an error, never a panic, and
//! stays as it is.

use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Map, Value, json};

use super::counts::{TickCounts, TickOutcome};
use super::names::RECORD_BYTES;
use super::record::{EndedRun, MOST_OPEN, OpenRun, Origin, TickRecord};
use crate::clock::WallTime;
use crate::ticks::AttemptId;

/// The version of the format that this library writes and reads.
const VERSION: u64 = 1;

/// Longer trigger ids are refused, so that the length of a record is bounded.
pub(super) const MOST_TRIGGER_ID: usize = 36;

/// Why an annotation cannot be read as a record.
#[derive(Clone, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Unreadable {
    /// A later version of the library wrote it.
    #[error(
        "its format is version {found}, and this program knows version {VERSION}: let the newer version lead, or upgrade"
    )]
    Newer {
        /// The version that the annotation names.
        found: u64,
    },
    /// It is not a record.
    #[error("it cannot be read ({what}): remove the annotation, and ticks count from then on")]
    Broken {
        /// What is wrong with it.
        what: String,
    },
}

impl TickRecord {
    /// The value of the annotation: less than 512 bytes. If it would be longer, fields that only people read are left
    /// out. In the longest case the marks of given-back runs are left out too, and these runs then count as
    /// interrupted.
    pub fn encode(&self) -> String {
        let mut fields = self.fields();
        for spare in ["", "next", "tzdata", "missed", "trigger", "last", "unstarted"] {
            fields.remove(spare);
            let text = Value::Object(fields.clone()).to_string();
            if text.len() < RECORD_BYTES {
                return text;
            }
        }
        Value::Object(fields).to_string()
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
        put("v", VERSION.into());
        put("schedule", self.fingerprint.as_str().into());
        put("upto", time(self.accounted_until).into());
        if let Some(civil) = self.civil {
            put("civil", civil.strftime("%Y-%m-%dT%H:%M").to_string().into());
        }
        if let Some(data) = &self.zone_data {
            put("tzdata", data.as_str().into());
        }
        put("term", self.term.into());
        if !self.open.is_empty() {
            put("running", self.open.iter().map(open).collect());
        }
        // Stored as indices into `running`. A version of this library that does not know the field treats these runs as
        // interrupted, as it did before the field existed.
        let unstarted = self.open.iter().enumerate().filter(|(_, run)| run.unstarted);
        let unstarted: Vec<Value> = unstarted.map(|(place, _)| place.into()).collect();
        if !unstarted.is_empty() {
            put("unstarted", unstarted.into());
        }
        if let Some(last) = &self.last {
            put("last", ended(last));
        }
        if let Some(next) = self.next {
            put("next", time(next).into());
        }
        if let Some(trigger) = &self.trigger {
            put("trigger", trigger.as_str().into());
        }
        if self.missed > 0 {
            put("missed", TickCounts::capped(self.missed).into());
        }
        let mut counts = self.counts;
        let counts: Map<String, Value> = counts
            .named()
            .into_iter()
            .filter(|(_, count)| **count > 0)
            .map(|(name, count)| (name.to_owned(), TickCounts::capped(*count).into()))
            .collect();
        if !counts.is_empty() {
            put("counts", Value::Object(counts));
        }
        fields
    }

    /// Reads an annotation's value.
    ///
    /// # Errors
    ///
    /// If the text is not a record, or a record of a later version. No text makes it panic.
    pub fn decode(text: &str) -> Result<TickRecord, Unreadable> {
        let broken = |what: String| Unreadable::Broken { what };
        let value: Value = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
        let fields = value.as_object().ok_or_else(|| broken("not a JSON object".to_owned()))?;
        match fields.get("v").and_then(Value::as_u64) {
            Some(found) if found > VERSION => return Err(Unreadable::Newer { found }),
            Some(VERSION) => {}
            _ => return Err(broken("`v` is not its version".to_owned())),
        }
        read(fields).map_err(|field| broken(format!("`{field}` is not what it should be")))
    }
}

/// The error is the name of the first field that is wrong.
fn read(fields: &Map<String, Value>) -> Result<TickRecord, &'static str> {
    let text = |name: &'static str| match fields.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or(name),
    };
    let count = |name: &'static str| match fields.get(name) {
        None => Ok(0),
        Some(value) => value.as_u64().map(TickCounts::capped).ok_or(name),
    };
    let moment = |name: &'static str| text(name)?.map(|text| parse_time(text).ok_or(name)).transpose();
    let fingerprint = text("schedule")?.filter(|hex| hex.len() <= 8).ok_or("schedule")?.to_owned();
    let civil = text("civil")?.map(|civil| civil.parse::<DateTime>().map_err(|_| "civil")).transpose()?;
    let mut open = match fields.get("running") {
        None => Vec::new(),
        Some(Value::Array(runs)) if runs.len() <= MOST_OPEN => {
            runs.iter().map(parse_open).collect::<Option<Vec<_>>>().ok_or("running")?
        }
        Some(_) => return Err("running"),
    };
    match fields.get("unstarted") {
        None => {}
        Some(Value::Array(places)) => {
            for place in places {
                let place = place.as_u64().and_then(|place| usize::try_from(place).ok());
                place.and_then(|place| open.get_mut(place)).ok_or("unstarted")?.unstarted = true;
            }
        }
        Some(_) => return Err("unstarted"),
    }
    let mut counts = TickCounts::default();
    match fields.get("counts") {
        None => {}
        Some(Value::Object(said)) => {
            for (name, count) in counts.named() {
                if let Some(value) = said.get(name) {
                    *count = value.as_u64().map(TickCounts::capped).ok_or("counts")?;
                }
            }
        }
        Some(_) => return Err("counts"),
    }
    Ok(TickRecord {
        fingerprint,
        accounted_until: moment("upto")?.ok_or("upto")?,
        civil,
        zone_data: text("tzdata")?.filter(|data| data.len() <= 16).map(str::to_owned),
        term: match fields.get("term") {
            None => 0,
            Some(value) => value.as_i64().and_then(|term| term.try_into().ok()).ok_or("term")?,
        },
        open,
        last: fields.get("last").map(|last| parse_ended(last).ok_or("last")).transpose()?,
        next: moment("next")?,
        trigger: text("trigger")?.filter(|id| id.len() <= MOST_TRIGGER_ID).map(str::to_owned),
        missed: count("missed")?,
        counts,
    })
}

fn open(run: &OpenRun) -> Value {
    let OpenRun { tick, id, attempt, origin, unstarted: _ } = run;
    let origin = match origin {
        Origin::Schedule => return json!([seconds(*tick), id.to_string(), attempt]),
        Origin::Trigger => "t",
        Origin::Backfill => "b",
    };
    json!([seconds(*tick), id.to_string(), attempt, origin])
}

fn parse_open(value: &Value) -> Option<OpenRun> {
    let parts = value.as_array()?;
    let origin = match parts.get(3).map(Value::as_str) {
        None => Origin::Schedule,
        Some(Some("t")) => Origin::Trigger,
        Some(Some("b")) => Origin::Backfill,
        Some(_) => return None,
    };
    Some(OpenRun {
        tick: from_seconds(parts.first()?.as_i64()?)?,
        id: parse_id(parts.get(1)?)?,
        attempt: parts.get(2)?.as_u64()?.try_into().ok()?,
        origin,
        unstarted: false,
    })
}

fn ended(run: &EndedRun) -> Value {
    let EndedRun { tick, id, attempt, outcome, at } = run;
    json!({
        "tick": time(*tick), "id": id.to_string(), "attempt": attempt, "state": outcome.word(), "at": time(*at),
    })
}

fn parse_ended(value: &Value) -> Option<EndedRun> {
    let word = value.get("state")?.as_str()?;
    Some(EndedRun {
        tick: parse_time(value.get("tick")?.as_str()?)?,
        id: parse_id(value.get("id")?)?,
        attempt: value.get("attempt")?.as_u64()?.try_into().ok()?,
        outcome: TickOutcome::ALL.into_iter().find(|outcome| outcome.word() == word)?,
        at: parse_time(value.get("at")?.as_str()?)?,
    })
}

fn parse_id(value: &Value) -> Option<AttemptId> {
    let text = value.as_str().filter(|text| text.len() <= 16)?;
    u64::from_str_radix(text, 16).ok().map(AttemptId)
}

/// In whole seconds: ticks have no fractions, and people read the other times.
fn seconds(at: WallTime) -> i64 {
    at.0.div_euclid(1_000_000)
}

fn from_seconds(seconds: i64) -> Option<WallTime> {
    Timestamp::from_second(seconds).ok().map(WallTime::from)
}

fn time(at: WallTime) -> String {
    // Times after the last year that can be written become the last instant of that year: nothing is due there.
    Timestamp::from(WallTime(seconds(at).saturating_mul(1_000_000))).to_string()
}

fn parse_time(text: &str) -> Option<WallTime> {
    text.parse().ok()
}
