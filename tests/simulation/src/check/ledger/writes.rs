//! T1, T4 and T5 for each write of a record.

use lease_protocol::ticks::names::{PAUSE, RECORD_BYTES};
use lease_protocol::ticks::{OpenRun, Origin, TickCounts, TickRecord};
use lease_runtime::{CatchUp, Delivery, Overlap};

use super::{Broken, Ledger, must, read, second, seconds};
use crate::engine::Nanos;
use crate::journal::{Holder, LeaseState, Stored};
use crate::program::When;
use crate::tally::Tally;

impl Ledger {
    /// A write has changed the record.
    pub(super) fn written(
        &mut self,
        at: Nanos,
        stored: &Stored,
        old: Option<&String>,
        text: &str,
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        must!(text.len() < RECORD_BYTES, "the record has {} bytes", text.len());
        let record = read(text)?;
        let ahead = seconds(record.accounted_until.0) - second(at);
        must!(
            ahead <= self.ahead,
            "T3: the record keeps every leader with a correct clock from running ticks for {ahead} s"
        );
        let old = old.map(|text| read(text)).transpose()?;
        let open = old.as_ref().map(|old| old.open.as_slice()).unwrap_or_default();
        renews(stored, &without(&record.open, open))?;
        let old = match old {
            Some(old) if old.fingerprint == record.fingerprint => old,
            other => {
                let is_edited = other.is_some();
                must!(!is_edited || self.edited, "the schedule of a task that was not edited has changed");
                let until = other.map_or(i64::MIN, |other| other.accounted_until.0);
                must!(
                    record.accounted_until.0 >= until,
                    "T5: an edit sets accounted_until back, to {}",
                    record.accounted_until
                );
                self.rearm(&record, is_edited, tally)
            }
        };
        self.accounted(stored.revision, &old, &record, stored.before.as_ref(), tally)
    }

    /// The task is seen for the first time, or with another schedule. Runs that are open in such a record are those of
    /// requests.
    fn rearm(&mut self, record: &TickRecord, is_edited: bool, tally: &mut Tally) -> TickRecord {
        if is_edited {
            tally.add("schedules edited");
            let edited = self.edited;
            let begun = std::mem::take(&mut self.begun);
            let attempts = std::mem::take(&mut self.attempts);
            *self = Ledger { begun, attempts, ..Ledger::new(self.task.clone(), false, self.ahead) };
            self.edited = edited;
        }
        self.armed = Some(seconds(record.accounted_until.0));
        TickRecord::armed(record.fingerprint.clone(), record.accounted_until)
    }

    fn accounted(
        &mut self,
        revision: u64,
        old: &TickRecord,
        new: &TickRecord,
        before: Option<&LeaseState>,
        tally: &mut Tally,
    ) -> Result<(), Broken> {
        must!(new.accounted_until >= old.accounted_until, "T5: accounted_until goes back");
        must!(new.open.len() <= 4, "{} runs are open", new.open.len());
        for run in new.open.iter().filter(|run| run.unstarted) {
            must!(!self.begun.contains(&run.id), "rule 9: {} is given back, but it has begun", run.id);
            if self.given_back.insert(run.id) {
                tally.add("runs given back");
            }
        }
        if self.edited {
            // The two versions of the program take turns, and each begins anew. Only the attempts are followed.
            for run in &new.open {
                self.attempts.entry(run.id).or_insert(revision);
            }
            return Ok(());
        }
        let fresh = without(&new.open, &old.open);
        let mut closed = without(&old.open, &new.open);
        let taken = self.take(revision, &fresh, &mut closed, old, new)?;
        tally.add_many("ticks taken", taken);
        self.close(&closed, old, new, tally)?;
        let due = self.task.ticks_between(seconds(old.accounted_until.0), seconds(new.accounted_until.0));
        let skipped = self.skipped(&old.counts, &new.counts, before)?;
        tally.add_many("ticks not run", skipped);
        let given_up = self.gave_up(&closed, old, new);
        self.given_up += given_up;
        must!(
            !self.task.is_calendar() || taken + skipped == due + given_up,
            "T4: {due} ticks became due, {taken} were taken, and {skipped} counted as not run"
        );
        Ok(())
    }

    /// The runs that this write takes. Removes from `closed` those that are taken again. Returns how many ticks of the schedule
    /// are taken for the first time.
    fn take(
        &mut self,
        revision: u64,
        fresh: &[OpenRun],
        closed: &mut Vec<OpenRun>,
        old: &TickRecord,
        new: &TickRecord,
    ) -> Result<u64, Broken> {
        let mut taken = 0;
        for run in fresh {
            must!(self.attempts.insert(run.id, revision).is_none(), "two attempts have the id {}", run.id);
            if self.takes_again(run, closed)? {
                continue;
            }
            let once_again = self.task.when == When::Once && self.task.delivery == Delivery::AtLeastOnce;
            must!(run.attempt == 1 || once_again, "{} is attempt {}, but no earlier one is open", run.id, run.attempt);
            match run.origin {
                Origin::Schedule => {
                    taken += 1;
                    self.took(run, old, new)?;
                }
                Origin::Trigger => {
                    self.asked_for += 1;
                    let id = new.trigger.clone().unwrap_or_default();
                    let times = self.triggers.entry(id.clone()).or_default();
                    *times += 1;
                    must!(*times == 1, "T1: the trigger {id} is taken again");
                }
                Origin::Backfill => self.asked_for += 1,
            }
        }
        Ok(taken)
    }

    /// Whether this is a run that was open before: given back, or interrupted.
    fn takes_again(&mut self, run: &OpenRun, closed: &mut Vec<OpenRun>) -> Result<bool, Broken> {
        // A run that has not begun is taken up under the same attempt number, with both kinds of delivery.
        let up = closed.iter().position(|old| {
            (old.tick, old.origin, old.attempt) == (run.tick, run.origin, run.attempt) && !self.begun.contains(&old.id)
        });
        if let Some(at) = up {
            self.given_back.insert(closed.remove(at).id);
            return Ok(true);
        }
        let again = closed.iter().position(|old| {
            (old.tick, old.origin, old.attempt.saturating_add(1)) == (run.tick, run.origin, run.attempt)
        });
        if let Some(at) = again {
            must!(self.task.delivery == Delivery::AtLeastOnce, "T1: {} is taken again", run.tick);
            closed.remove(at);
            return Ok(true);
        }
        Ok(false)
    }

    fn took(&mut self, run: &OpenRun, old: &TickRecord, new: &TickRecord) -> Result<(), Broken> {
        let tick = seconds(run.tick.0);
        match self.task.when {
            When::Every { .. } | When::Cron(_) => {
                must!(self.task.tick_before(tick) == Some(tick), "{} is not a tick of the schedule", run.tick);
                let in_range = run.tick > old.accounted_until && run.tick <= new.accounted_until;
                must!(in_range, "T4: {} is taken outside of the range that this write accounts for", run.tick);
            }
            When::Delay(delay) => {
                let soonest = seconds(old.accounted_until.0) + delay.cast_signed();
                must!(tick >= soonest, "{} comes too soon after the previous run", run.tick);
            }
            When::Once => return Ok(()),
        }
        let last = self.taken.last().copied();
        must!(last.is_none_or(|last| last < tick), "T5: {} is taken after {last:?}", run.tick);
        self.taken.insert(tick);
        Ok(())
    }

    /// A run that was given back, and is too late now, was not run.
    fn gave_up(&self, closed: &[OpenRun], old: &TickRecord, new: &TickRecord) -> u64 {
        (closed.len() as u64).saturating_sub(new.counts.run() - old.counts.run())
    }

    fn close(&self, closed: &[OpenRun], old: &TickRecord, new: &TickRecord, tally: &mut Tally) -> Result<(), Broken> {
        let given_up = self.gave_up(closed, old, new);
        let never_begun =
            closed.iter().filter(|run| !self.begun.contains(&run.id) && run.origin == Origin::Schedule).count() as u64;
        must!(given_up <= never_begun, "T4: {given_up} runs were removed, but only {never_begun} had not begun");
        let late = new.counts.expired - old.counts.expired;
        must!(late >= given_up, "T4: {given_up} runs were removed, but only {late} are counted as expired");
        let ended = new.counts.run() - old.counts.run();
        must!(ended + given_up == closed.len() as u64, "T4: {} runs have ended, but {ended} are counted", closed.len());
        let completed = closed.iter().filter(|run| self.ended.get(&run.id) == Some(&true)).count() as u64;
        let done = new.counts.done - old.counts.done;
        must!(done <= completed, "rule 5: {done} runs are recorded as done, but {completed} were done");
        tally.add_many("runs abandoned", new.counts.abandoned - old.counts.abandoned);
        tally.add_many("runs cancelled", new.counts.cancelled - old.counts.cancelled);
        Ok(())
    }

    /// How many more ticks are counted as not run. Each must have a reason that applies.
    fn skipped(&self, old: &TickCounts, new: &TickCounts, before: Option<&LeaseState>) -> Result<u64, Broken> {
        let all = self.task.catch_up == CatchUp::All;
        let paused =
            before.is_some_and(|before| before.annotations.contains_key(&format!("{PAUSE}{}", self.task.name)));
        let rests = matches!(self.task.overlap, None | Some(Overlap::Skip | Overlap::AllowAll(_))) && !all;
        for (name, old, new, may) in [
            ("overlapped", old.overlapped, new.overlapped, rests),
            ("superseded", old.superseded, new.superseded, !all),
            ("expired", old.expired, new.expired, !all),
            ("paused", old.paused, new.paused, paused),
            ("over the limit", old.over_limit, new.over_limit, self.waits_long()),
            ("not leading", old.not_leading, new.not_leading, self.task.catch_up == CatchUp::None),
        ] {
            must!(new >= old, "T4: the count of {name} shrinks");
            must!(new == old || may, "T4: {} more are counted as {name}, but that reason does not apply", new - old);
        }
        Ok(new.not_run() - old.not_run())
    }
}

/// The runs of `these` that are not among `others`.
fn without(these: &[OpenRun], others: &[OpenRun]) -> Vec<OpenRun> {
    these.iter().filter(|run| others.iter().all(|other| other.id != run.id)).copied().collect()
}

/// Rule 6: a write that takes runs keeps the Lease for the process that sent it.
fn renews(stored: &Stored, fresh: &[OpenRun]) -> Result<(), Broken> {
    let (Some((by, _)), Some(run)) = (stored.by, fresh.first()) else { return Ok(()) };
    let holder = stored.after.as_ref().map(|after| after.holder);
    must!(holder == Some(Holder::Process(by)), "rule 6: {by} takes {} in a write that does not renew", run.id);
    Ok(())
}
