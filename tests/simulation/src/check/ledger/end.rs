//! T2, T3 and T4 at the end of a run: everything is caught up, and every tick is accounted for.

use lease_protocol::ticks::names::{BACKFILL, TRIGGER};
use lease_protocol::ticks::{Origin, TickRecord};
use lease_runtime::{CatchUp, Delivery, Overlap};

use super::{Broken, Ledger, must, second, seconds};
use crate::engine::Nanos;
use crate::journal::LeaseState;
use crate::program::When;
use crate::tally::Tally;

/// How soon after it is due a tick must have been taken, on a network without faults and with clocks that drift.
const SOON: i64 = 30;

impl Ledger {
    /// The faults are long over.
    pub(in crate::check) fn conclude(
        &self,
        at: Nanos,
        state: Option<LeaseState>,
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        if self.edited {
            return Ok(());
        }
        // If somebody deletes the Lease, the processes that know that a `once` is done do not write its record again. They also
        // do not close a run of a process that did not know it, and is gone.
        let was_done = self.task.when == When::Once && self.was_done;
        if was_done && self.text(state.as_ref()).is_none() {
            return Ok(());
        }
        let record = self.record(state.as_ref())?;
        if was_done && !record.open.is_empty() {
            return Ok(());
        }
        let concluded = if self.waits_long() {
            Ok(())
        } else {
            self.caught_up(second(at), state.as_ref(), &record)
                .and_then(|()| self.accounted_for(second(at), &record))
                .and_then(|()| self.delivered(&record))
        };
        tally.add("ledgers closed");
        concluded.map_err(|Broken(what)| Broken(format!("{}: {what}\n  {record:?}", self.task.name)))
    }

    /// A leader whose calendar was hours or years behind has armed the task then, and with `all`, all ticks since then wait.
    pub(super) fn waits_long(&self) -> bool {
        self.task.catch_up == CatchUp::All && self.armed.is_some_and(|armed| armed < second(0) - SOON)
    }

    /// No request is waiting, and no tick waits except those that have just fallen due.
    fn caught_up(&self, now: i64, state: Option<&LeaseState>, record: &TickRecord) -> Result<(), Broken> {
        let asked = |prefix: &str| {
            let name = format!("{prefix}{}", self.task.name);
            state.is_some_and(|state| state.annotations.contains_key(&name))
        };
        // A task that is done for good does not listen any more.
        let listens = self.task.is_calendar();
        must!(!listens || !asked(TRIGGER) && !asked(BACKFILL), "a request has not been carried out");
        let recent = now - SOON;
        let late = record.open.iter().find(|run| seconds(run.tick.0) <= recent && run.origin == Origin::Schedule);
        must!(late.is_none(), "T3: the run of {:?} is still open", late.map(|run| run.tick));
        let accounted = seconds(record.accounted_until.0);
        match self.task.when {
            When::Every { .. } | When::Cron(_) => {
                let due = self.task.tick_before(recent).unwrap_or_default();
                must!(accounted >= due, "T3: ticks have been waiting since {}", record.accounted_until);
            }
            When::Delay(delay) => must!(
                accounted + delay.cast_signed() >= recent,
                "T3: the next run has been waiting since {}",
                record.accounted_until
            ),
            When::Once => must!(record.last.is_some(), "T3: it has not run"),
        }
        Ok(())
    }

    fn accounted_for(&self, now: i64, record: &TickRecord) -> Result<(), Broken> {
        let (true, Some(armed)) = (self.task.is_calendar(), self.armed) else { return Ok(()) };
        let due = self.task.ticks_between(armed, seconds(record.accounted_until.0)) + self.asked_for;
        let counts = &record.counts;
        let accounted = counts.run() + counts.not_run() + record.open.len() as u64;
        must!(due == accounted, "T4: {due} ticks were due or asked for, and {accounted} are accounted for");
        let newest = self.task.tick_before(now - SOON).unwrap_or_default();
        // A run that lasts may keep the newest tick from being run, and so may a backfill.
        let is_short = self.task.longest_run.as_secs() < 5 && self.asked_for == 0;
        let runs_newest = self.task.catch_up == CatchUp::All || is_short;
        must!(!runs_newest || self.taken.contains(&newest), "T3: the newest tick, {newest}, was not taken");
        must!(!runs_newest || self.starts.contains_key(&newest), "T3: the newest tick, {newest}, was not started");
        Ok(())
    }

    /// With `at_least_once`, each tick that was taken was also completed.
    fn delivered(&self, record: &TickRecord) -> Result<(), Broken> {
        if self.task.delivery != Delivery::AtLeastOnce {
            return Ok(());
        }
        if self.task.when == When::Once {
            // Its own run, or that of a trigger.
            must!(self.ended.values().any(|completed| *completed), "T2: it was never completed");
            return Ok(());
        }
        let cancelled = if self.task.overlap == Some(Overlap::CancelOther) { record.counts.cancelled } else { 0 };
        let excused = cancelled + self.given_up + record.open.len() as u64;
        let missing: Vec<i64> =
            self.taken.iter().filter(|tick| !self.completions.contains_key(tick)).copied().collect();
        must!(
            missing.len() as u64 <= excused,
            "T2: {missing:?} were taken, but never completed; {excused} are excused"
        );
        Ok(())
    }
}
