//! The history of one task, as far as the rules need it: what writes have taken, and what bodies did.

use std::collections::BTreeMap;

use lease_protocol::ticks::{OpenRun, RunStart, TickCounts, TickRecord};
use lease_runtime::{AttemptId, CatchUp, Delivery, Overlap};

use super::broken::{Broken, Rule, must};
use super::clock::number;
use super::scope::{MOST_TICKS, Task};

/// How far a run has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Fate {
    /// A write has taken it.
    Taken,
    /// A write has given it back.
    GivenBack,
    /// Its body was polled.
    Begun,
    /// Its body has returned.
    Done,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Ledger {
    /// Ticks count from this time on, in seconds since the start.
    pub(crate) armed: Option<i64>,
    /// The newest tick of the schedule that was taken.
    newest: Option<i64>,
    /// How often the body of each tick began, and how often it returned. More than two are two.
    pub(crate) starts: [u8; MOST_TICKS],
    pub(crate) completions: [u8; MOST_TICKS],
    /// The runs that are still mentioned somewhere.
    pub(crate) fates: BTreeMap<AttemptId, Fate>,
}

/// What a write has done, for the figures.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) taken: usize,
    pub(crate) again: usize,
    pub(crate) taken_up: usize,
    pub(crate) abandoned: u64,
    pub(crate) skipped: u64,
}

impl Ledger {
    pub(crate) fn new() -> Ledger {
        let none = [0; MOST_TICKS];
        Ledger { armed: None, newest: None, starts: none, completions: none, fates: BTreeMap::new() }
    }

    /// A write has changed the record. `may_take` says that its writer led when it was composed, and that the bodies
    /// had not been asked to end.
    pub(crate) fn written(
        &mut self,
        task: &Task,
        old: Option<TickRecord>,
        new: &TickRecord,
        may_take: bool,
    ) -> Result<Written, Broken> {
        let old = old.unwrap_or_else(|| {
            self.armed = Some(super::clock::since_start(new.accounted_until));
            TickRecord::armed(new.fingerprint.clone(), new.accounted_until)
        });
        must!(T5, new.accounted_until >= old.accounted_until, "`upto` goes back to {}", new.accounted_until);
        self.note_given_back(new)?;
        let gone: Vec<OpenRun> = missing(&old.open, &new.open);
        let fresh: Vec<OpenRun> = missing(&new.open, &old.open);
        must!(Drain, fresh.is_empty() || may_take, "{} is taken while the bodies are asked to end", fresh[0].tick);
        let mut closed = gone;
        let mut written = Written::default();
        for run in &fresh {
            self.take(task, run, &old, new, &mut closed, &mut written)?;
        }
        self.account(task, &old, new, &closed, &mut written)?;
        Ok(written)
    }

    fn note_given_back(&mut self, new: &TickRecord) -> Result<(), Broken> {
        for run in new.open.iter().filter(|run| run.unstarted) {
            let has_begun = matches!(self.fates.get(&run.id), Some(Fate::Begun | Fate::Done));
            must!(Back, !has_begun, "{} is given back, but it has begun", run.tick);
            self.fates.insert(run.id, Fate::GivenBack);
        }
        Ok(())
    }

    fn has_begun(&self, id: AttemptId) -> bool {
        matches!(self.fates.get(&id), Some(Fate::Begun | Fate::Done))
    }

    /// A write takes this run: for the first time, once more, or after it was given back.
    fn take(
        &mut self,
        task: &Task,
        run: &OpenRun,
        old: &TickRecord,
        new: &TickRecord,
        closed: &mut Vec<OpenRun>,
        written: &mut Written,
    ) -> Result<(), Broken> {
        must!(Taken, !self.fates.contains_key(&run.id), "two runs have the id {}", run.id);
        self.fates.insert(run.id, Fate::Taken);
        let same = |old: &OpenRun, more: u32| (old.tick, old.attempt + more) == (run.tick, run.attempt);
        if let Some(at) = closed.iter().position(|old| same(old, 0) && !self.has_begun(old.id)) {
            self.fates.insert(closed.remove(at).id, Fate::GivenBack);
            written.taken_up += 1;
            return Ok(());
        }
        if let Some(at) = closed.iter().position(|old| same(old, 1)) {
            must!(T1, task.delivery == Delivery::AtLeastOnce, "{} is taken again", run.tick);
            closed.remove(at);
            written.again += 1;
            return Ok(());
        }
        must!(T4, run.attempt == 1, "{} is attempt {}, and no earlier one is open", run.tick, run.attempt);
        must!(
            T4,
            old.accounted_until < run.tick && run.tick <= new.accounted_until,
            "{} is outside of what this write accounts for",
            run.tick
        );
        let tick = number(run.tick);
        must!(T4, tick.is_some(), "{} is no tick", run.tick);
        must!(T5, self.newest < tick, "{} is taken after {:?}", run.tick, self.newest);
        self.newest = tick;
        written.taken += 1;
        Ok(())
    }

    fn account(
        &self,
        task: &Task,
        old: &TickRecord,
        new: &TickRecord,
        closed: &[OpenRun],
        written: &mut Written,
    ) -> Result<(), Broken> {
        let ended = difference(new.counts.run(), old.counts.run())?;
        // A run that was given back, and is too late now, was not run.
        let expired = closed.iter().filter(|run| !self.has_begun(run.id)).count() as u64;
        let late = difference(new.counts.expired, old.counts.expired)?;
        let given_up = (closed.len() as u64).saturating_sub(ended);
        must!(T4, ended <= closed.len() as u64, "{ended} ends are counted, and {} runs have ended", closed.len());
        must!(T4, given_up <= expired.min(late), "{given_up} runs are gone from the record, and not counted");
        let completed = closed.iter().filter(|run| self.fates.get(&run.id) == Some(&Fate::Done)).count() as u64;
        let done = difference(new.counts.done, old.counts.done)?;
        must!(End, done <= completed, "{done} runs are recorded as done, and {completed} were done");
        written.skipped = skipped(task, &old.counts, &new.counts)?;
        written.abandoned = difference(new.counts.abandoned, old.counts.abandoned)?;
        let due = super::clock::ticks_between(old.accounted_until, new.accounted_until);
        must!(
            T4,
            written.taken as u64 + written.skipped == due + given_up,
            "{due} ticks became due, {} were taken, and {} counted as not run",
            written.taken,
            written.skipped
        );
        Ok(())
    }

    /// A body was polled for the first time.
    pub(crate) fn began(&mut self, task: &Task, start: &RunStart) -> Result<(), Broken> {
        must!(Back, self.fates.get(&start.id) != Some(&Fate::GivenBack), "{} begins, and was given back", start.tick);
        must!(Taken, self.fates.get(&start.id) == Some(&Fate::Taken), "{} begins, and was not taken", start.tick);
        self.fates.insert(start.id, Fate::Begun);
        let starts = count(&mut self.starts, start);
        let once = task.delivery == Delivery::AtMostOnce;
        must!(T1, !once || starts == 1, "{} begins a second time", start.tick);
        Ok(())
    }

    /// A body has returned, or has failed for good.
    pub(crate) fn completed(&mut self, start: &RunStart, done: bool) {
        if done {
            self.fates.insert(start.id, Fate::Done);
        }
        count(&mut self.completions, start);
    }
}

/// How many more ticks are counted as not run. Each must have a reason that applies to the task.
fn skipped(task: &Task, old: &TickCounts, new: &TickCounts) -> Result<u64, Broken> {
    let all = task.catch_up == CatchUp::All;
    let rests = matches!(task.overlap, Overlap::Skip | Overlap::AllowAll(_)) && !all;
    for (name, old, new, may) in [
        ("overlapped", old.overlapped, new.overlapped, rests),
        ("superseded", old.superseded, new.superseded, !all),
        ("expired", old.expired, new.expired, !all),
        ("paused", old.paused, new.paused, false),
        ("over the limit", old.over_limit, new.over_limit, false),
        ("not leading", old.not_leading, new.not_leading, task.catch_up == CatchUp::None),
    ] {
        must!(T4, difference(new, old)? == 0 || may, "ticks are counted as {name}, and that reason does not apply");
    }
    difference(new.not_run(), old.not_run())
}

fn difference(new: u64, old: u64) -> Result<u64, Broken> {
    must!(T4, new >= old, "a count shrinks from {old} to {new}");
    Ok(new - old)
}

/// The runs of the first list that are not in the second.
fn missing(all: &[OpenRun], there: &[OpenRun]) -> Vec<OpenRun> {
    all.iter().filter(|run| there.iter().all(|other| other.id != run.id)).copied().collect()
}

fn count(counts: &mut [u8; MOST_TICKS], start: &RunStart) -> u8 {
    let at = number(start.tick).and_then(|tick| usize::try_from(tick).ok());
    let Some(count) = at.and_then(|at| counts.get_mut(at)) else { return 0 };
    *count = (*count + 1).min(2);
    *count
}
