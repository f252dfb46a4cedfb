//! T1 to T5: what the record of a scheduled task says, and what its bodies did.

mod due;
mod end;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use lease_protocol::ticks::TickRecord;
use lease_protocol::ticks::names::RECORD;
use lease_runtime::{AttemptId, Delivery};

use super::{Broken, Known, must};
use crate::engine::{Nanos, Who, wall_at};
use crate::journal::{Event, LeaseState, Stored, TickCause};
use crate::program::{TickTask, When};
use crate::tally::Tally;

/// How far a tick may be ahead of the server's clock if the clocks are exact, in seconds: what the ticks tolerate, and whole seconds.
const AHEAD: i64 = 15;
/// No process is without an answer for longer than the faults last, in seconds.
const SILENCE: i64 = 420;

/// How far a tick may be ahead of the server's clock, in seconds. Between two answers, a process follows its own clock.
pub(super) fn tolerated(rates: &[u64]) -> i64 {
    let drift = rates.iter().map(|rate| rate.abs_diff(1000)).max().unwrap_or_default();
    AHEAD + SILENCE * drift.cast_signed() / 1000
}

/// The history of one task.
pub(super) struct Ledger {
    pub(super) task: TickTask,
    /// The schedule changes with versions of the program, and each change begins anew.
    edited: bool,
    /// How far a tick may be ahead of the server's clock.
    ahead: i64,
    /// Ticks count from this second on.
    armed: Option<i64>,
    /// The ticks of the schedule that a write has taken, in seconds.
    taken: BTreeSet<i64>,
    /// Attempts that a write has taken, and the revision of that write.
    attempts: BTreeMap<AttemptId, u64>,
    /// Attempts whose record is gone with a deleted Lease. They may still begin, and a new record does not know of them.
    outlived: BTreeSet<AttemptId>,
    /// Attempts whose body was polled.
    begun: BTreeSet<AttemptId>,
    /// Attempts that a write has given back.
    given_back: BTreeSet<AttemptId>,
    /// Runs that were given back, and then not run because it was too late.
    given_up: u64,
    /// Attempts whose body has returned, and whether it was without an error.
    ended: BTreeMap<AttemptId, bool>,
    starts: BTreeMap<i64, u32>,
    completions: BTreeMap<i64, u32>,
    /// It runs once, and was done before the Lease was deleted.
    was_done: bool,
    /// Runs of triggers and backfills that were taken.
    asked_for: u64,
    triggers: BTreeMap<String, u32>,
    triggers_begun: BTreeMap<String, u32>,
    /// The nominal time and the cause of runs that have begun.
    runs: BTreeMap<AttemptId, (i64, TickCause)>,
}

impl Ledger {
    pub(super) fn new(task: TickTask, edits: bool, ahead: i64) -> Ledger {
        let edited = edits && task.is_edited();
        Ledger {
            task,
            edited,
            ahead,
            armed: None,
            taken: BTreeSet::new(),
            attempts: BTreeMap::new(),
            outlived: BTreeSet::new(),
            begun: BTreeSet::new(),
            given_back: BTreeSet::new(),
            given_up: 0,
            ended: BTreeMap::new(),
            starts: BTreeMap::new(),
            completions: BTreeMap::new(),
            was_done: false,
            asked_for: 0,
            triggers: BTreeMap::new(),
            triggers_begun: BTreeMap::new(),
            runs: BTreeMap::new(),
        }
    }

    pub(super) fn see(&mut self, at: Nanos, event: &Event, known: &Known, tally: &mut Tally) -> Result<(), Broken> {
        let name = self.task.name;
        let seen = match event {
            Event::Stored(stored) if stored.lease == self.task.lease => self.stored(at, stored, tally),
            Event::Tick { who, task, nominal, id, cause, attempt } if *task == name => {
                tally.add(if *attempt > 1 { "runs begun again" } else { "runs begun" });
                self.started(at, *who, nominal.as_second(), *id, cause, known)
            }
            Event::TickEnded { task, id, completed, .. } if *task == name => {
                tally.add(if *completed { "runs done" } else { "runs failed" });
                self.returned(*id, *completed);
                Ok(())
            }
            _ => Ok(()),
        };
        seen.map_err(|Broken(what)| Broken(format!("{name}: {what}")))
    }

    fn stored(&mut self, at: Nanos, stored: &Stored, tally: &mut Tally) -> Result<(), Broken> {
        let Some(after) = &stored.after else {
            // The records are gone with the Lease, and so are the promises about them.
            self.begin_anew();
            return Ok(());
        };
        let name = format!("{RECORD}{}", self.task.name);
        let old = stored.before.as_ref().and_then(|before| before.annotations.get(&name));
        let new = after.annotations.get(&name);
        if old == new {
            return Ok(());
        }
        must!(new.is_some(), "the record was removed");
        self.written(at, stored, old, new.map(String::as_str).unwrap_or_default(), tally).map_err(|Broken(what)| {
            let [old, new] = [old, new].map(|text| text.map(String::as_str).unwrap_or("nothing"));
            Broken(format!("{what}\n  before: {old}\n  after:  {new}"))
        })
    }

    fn begin_anew(&mut self) {
        let (edited, attempts) = (self.edited, std::mem::take(&mut self.attempts));
        let outlived = attempts.keys().copied().collect();
        let was_done = self.was_done || self.completions.contains_key(&0);
        *self = Ledger { edited, attempts, outlived, was_done, ..Ledger::new(self.task.clone(), false, self.ahead) };
    }

    /// A body was polled for the first time.
    fn started(
        &mut self,
        at: Nanos,
        who: Who,
        tick: i64,
        id: AttemptId,
        cause: &TickCause,
        known: &Known,
    ) -> Result<(), Broken> {
        let taken = self.attempts.get(&id);
        must!(taken.is_some(), "rule 1: {id} is started, and no write has taken it");
        let reached = known.reached(who, self.task.lease);
        must!(reached >= taken.copied(), "rule 1: {id} is started before {who} knows that its write succeeded");
        must!(!self.given_back.contains(&id), "rule 9: {id} is started, but it was given back");
        self.begun.insert(id);
        if self.outlived.contains(&id) {
            return Ok(());
        }
        self.runs.insert(id, (tick, cause.clone()));
        let once = self.task.delivery == Delivery::AtMostOnce;
        match cause {
            TickCause::Schedule => {
                let ahead = tick - second(at);
                must!(
                    ahead <= self.ahead || self.task.when == When::Once,
                    "rule 8: the tick {tick} starts {ahead} s early"
                );
                let starts = self.starts.entry(self.key(tick)).or_default();
                *starts += 1;
                must!(!once || *starts == 1, "T1: the tick {tick} is started {starts} times");
            }
            TickCause::Trigger(trigger) => {
                let times = self.triggers_begun.entry(trigger.clone()).or_default();
                *times += 1;
                must!(!once || *times == 1, "T1: the trigger {trigger} is started again");
            }
            TickCause::Backfill => {}
        }
        Ok(())
    }

    fn returned(&mut self, id: AttemptId, completed: bool) {
        self.ended.insert(id, completed);
        if let Some((tick, TickCause::Schedule)) = self.runs.get(&id) {
            *self.completions.entry(self.key(*tick)).or_default() += 1;
        }
    }

    /// A task that runs once has one tick, whatever its nominal time.
    fn key(&self, tick: i64) -> i64 {
        if self.task.when == When::Once { 0 } else { tick }
    }

    fn record(&self, state: Option<&LeaseState>) -> Result<TickRecord, Broken> {
        let text = self.text(state).ok_or_else(|| Broken("there is no record".to_owned()))?;
        read(text)
    }

    fn text<'a>(&self, state: Option<&'a LeaseState>) -> Option<&'a String> {
        state?.annotations.get(&format!("{RECORD}{}", self.task.name))
    }
}

fn read(text: &str) -> Result<TickRecord, Broken> {
    TickRecord::decode(text).map_err(|why| Broken(format!("unreadable: {why}: {text}")))
}

/// The calendar second at a global time.
fn second(at: Nanos) -> i64 {
    seconds(wall_at(at).0)
}

fn seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}
