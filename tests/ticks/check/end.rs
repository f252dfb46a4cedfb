//! What must hold after the last fault: everything is caught up, and every tick is accounted for.

use lease_protocol::ticks::names::{BACKFILL, RECORD, TRIGGER};
use lease_protocol::ticks::{Annotations, Origin, TickRecord};
use lease_runtime::{Delivery, Overlap};

use super::{Broken, Ledger, seconds};
use crate::config::When;
use crate::server;

impl Ledger {
    fn record(&self, annotations: &Annotations) -> Result<TickRecord, Broken> {
        let text = annotations.get(&format!("{RECORD}{}", self.task.name));
        let text = text.ok_or_else(|| Broken("there is no record".to_owned()))?;
        TickRecord::decode(text).map_err(|why| Broken(format!("{why}: {text}")))
    }

    /// After the last fault, no run is open, no request is waiting, and no tick waits except those that have just
    /// fallen due.
    pub(crate) fn caught_up(&self, now: u64, annotations: &Annotations) -> Result<(), Broken> {
        let record = self.record(annotations)?;
        let asked =
            [TRIGGER, BACKFILL].iter().any(|prefix| annotations.contains_key(&format!("{prefix}{}", self.task.name)));
        must!(!asked, "a request has not been carried out");
        let recent = seconds(server::time(now).0) - 15 - self.task.jitter;
        let late = record.open.iter().find(|run| seconds(run.tick.0) <= recent && run.origin == Origin::Schedule);
        must!(late.is_none(), "{} is still open", late.map(|run| run.tick).unwrap_or_default());
        if let Some(due) = self.task.tick_before(recent) {
            must!(seconds(record.accounted_until.0) >= due, "ticks have been waiting since {}", record.accounted_until);
        }
        if let When::Delay(delay) = self.task.when {
            must!(
                seconds(record.accounted_until.0) + delay >= recent,
                "the next run has been waiting since {}",
                record.accounted_until
            );
        }
        if self.task.when == When::Once {
            must!(record.last.is_some(), "it has not run");
        }
        Ok(())
    }

    /// At the end, some time after everything has been caught up.
    pub(crate) fn conclude(&self, now: u64, annotations: &Annotations) -> Result<(), Broken> {
        self.caught_up(now, annotations)?;
        let record = self.record(annotations)?;
        let counts = &record.counts;
        let again = self.task.delivery == Delivery::AtLeastOnce;
        if let (When::Every { .. }, Some(armed)) = (self.task.when, self.armed) {
            let due = self.task.ticks_between(armed, seconds(record.accounted_until.0)).unsigned_abs() + self.asked_for;
            let accounted = counts.run() + counts.not_run() + record.open.len() as u64;
            must!(due == accounted, "T4: {due} ticks were due or asked for, {accounted} are accounted for: {counts:?}");
            let newest =
                self.task.tick_before(seconds(server::time(now).0) - 15 - self.task.jitter).unwrap_or_default();
            must!(self.taken.contains(&newest), "T3: the newest tick, {newest}, was not taken");
            must!(self.starts.contains_key(&newest), "T3: the newest tick, {newest}, was not started");
            must!(!again || self.completions.contains_key(&newest), "T3: the newest tick, {newest}, is not completed");
        }
        if again {
            let excused = if self.task.start_deadline.is_some() { counts.abandoned } else { 0 }
                + if self.task.overlap == Overlap::CancelOther { counts.cancelled } else { 0 }
                + self.given_up
                + record.open.len() as u64;
            let missing: Vec<i64> =
                self.taken.iter().filter(|tick| !self.completions.contains_key(tick)).copied().collect();
            must!(
                missing.len() as u64 <= excused,
                "T2: {missing:?} were taken, but never completed. {excused} of them are excused"
            );
        }
        if self.task.when == When::Once {
            let completed = self.completions.get(&0).copied().unwrap_or_default();
            must!(!again || completed > 0, "T2: it was never completed");
        }
        Ok(())
    }
}
