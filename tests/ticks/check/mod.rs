//! Checks in global time what must hold, from the writes to the Lease and from what bodies did.

use std::collections::{BTreeMap, BTreeSet};

use lease_protocol::ticks::names::{PAUSE, RECORD};
use lease_protocol::ticks::{Annotations, OpenRun, Origin, RunStart, TickCounts, TickRecord};
use lease_runtime::{AttemptId, CatchUp, Delivery, Overlap};

use super::config::{Task, When};
use super::server;

/// A rule that does not hold, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Broken(pub(crate) String);

macro_rules! must {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err(Broken(format!($($text)+)));
        }
    };
}

mod end;

/// How far a tick may be ahead of the server's clock, in seconds: the core's tolerance, plus what the clocks drift
/// between two answers.
const AHEAD: i64 = 12;

/// A term: the replica, the start of its process, and the term within that.
pub(crate) type Writer = (usize, u32, u32);

/// The history of one task.
pub(crate) struct Ledger {
    pub(crate) task: Task,
    /// Ticks count from this second on.
    pub(crate) armed: Option<i64>,
    /// The ticks of the schedule that a write has taken, in seconds.
    pub(crate) taken: BTreeSet<i64>,
    /// Attempts that a write has shown to be taken.
    attempts: BTreeSet<AttemptId>,
    /// Which term has taken an attempt, and for which tick of the schedule.
    takers: BTreeMap<AttemptId, (Writer, Option<i64>)>,
    /// Attempts whose body was polled.
    begun: BTreeSet<AttemptId>,
    /// Attempts that a write has given back.
    given_back: BTreeSet<AttemptId>,
    /// Runs that were given back, and then not run because it was too late.
    given_up: u64,
    /// Ticks that a term had taken and not begun when it released the lease. `lost` are those that were not taken again
    /// since.
    pub(crate) unbegun: BTreeSet<i64>,
    pub(crate) lost: BTreeSet<i64>,
    /// Attempts whose body has returned, and whether it has failed.
    completed: BTreeMap<AttemptId, bool>,
    pub(crate) starts: BTreeMap<i64, u32>,
    pub(crate) completions: BTreeMap<i64, u32>,
    /// Runs of triggers and backfills that were taken.
    asked_for: u64,
    triggers: BTreeMap<String, (u32, u32)>,
    backfills: BTreeMap<i64, u32>,
    pub(crate) live: Vec<(usize, AttemptId)>,
    /// For comparison: how often a leader without a record would have started each tick.
    pub(crate) unrecorded: BTreeMap<i64, u32>,
    /// The last second for which it is compared.
    pub(crate) faulty_until: i64,
}

impl Ledger {
    pub(crate) fn new(task: Task, span: u64) -> Ledger {
        Ledger {
            task,
            armed: None,
            taken: BTreeSet::new(),
            attempts: BTreeSet::new(),
            takers: BTreeMap::new(),
            begun: BTreeSet::new(),
            given_back: BTreeSet::new(),
            given_up: 0,
            unbegun: BTreeSet::new(),
            lost: BTreeSet::new(),
            completed: BTreeMap::new(),
            starts: BTreeMap::new(),
            completions: BTreeMap::new(),
            asked_for: 0,
            triggers: BTreeMap::new(),
            backfills: BTreeMap::new(),
            live: Vec::new(),
            unrecorded: BTreeMap::new(),
            faulty_until: seconds(server::time(span).0) - 120,
        }
    }

    /// A write has changed the annotations. `may_take` says that its writer led when the write was composed, and that
    /// the bodies had not been asked to end.
    pub(crate) fn written(
        &mut self,
        now: u64,
        writer: Writer,
        before: &Annotations,
        after: &Annotations,
        may_take: bool,
    ) -> Result<(), Broken> {
        let name = format!("{RECORD}{}", self.task.name);
        let (old, new) = (before.get(&name), after.get(&name));
        if old == new {
            return Ok(());
        }
        must!(new.is_some(), "the record was removed");
        let text = new.map(String::as_str).unwrap_or_default();
        must!(text.len() < 512, "the record has {} bytes: {text}", text.len());
        let read = |text: &str| TickRecord::decode(text).map_err(|why| Broken(format!("unreadable: {why}: {text}")));
        let record = read(text)?;
        let ahead = seconds(record.accounted_until.0) - seconds(server::time(now).0);
        must!(
            ahead <= AHEAD,
            "T3: the record keeps every leader with a correct clock from running ticks for {ahead} s: {text}"
        );
        let old = match old {
            Some(old) => read(old)?,
            None => {
                self.armed = Some(seconds(record.accounted_until.0));
                let armed = TickRecord::armed(record.fingerprint.clone(), record.accounted_until);
                TickRecord { counts: TickCounts::default(), ..armed }
            }
        };
        self.accounted(&old, &record, writer, before, may_take).map_err(|Broken(what)| {
            let old = before.get(&name).map(String::as_str).unwrap_or("nothing");
            Broken(format!("{what}\n  before: {old}\n  after:  {text}"))
        })
    }

    /// T4 and T5, for each write.
    fn accounted(
        &mut self,
        old: &TickRecord,
        new: &TickRecord,
        writer: Writer,
        before: &Annotations,
        may_take: bool,
    ) -> Result<(), Broken> {
        must!(new.accounted_until >= old.accounted_until, "T5: accounted_until goes back");
        must!(new.open.len() <= 4, "{} runs are open", new.open.len());
        let fresh: Vec<OpenRun> =
            new.open.iter().filter(|run| old.open.iter().all(|o| o.id != run.id)).copied().collect();
        let gone: Vec<OpenRun> =
            old.open.iter().filter(|run| new.open.iter().all(|n| n.id != run.id)).copied().collect();
        must!(fresh.is_empty() || may_take, "rule 6: taken while the bodies were asked to end");
        for run in new.open.iter().filter(|run| run.unstarted) {
            must!(!self.begun.contains(&run.id), "rule 9: {} is given back, but it has begun", run.id);
            self.given_back.insert(run.id);
        }
        let mut closed = gone.clone();
        let mut taken = 0;
        for run in &fresh {
            must!(self.attempts.insert(run.id), "two attempts have the id {}", run.id);
            let tick = seconds(run.tick.0);
            self.takers.insert(run.id, (writer, (run.origin == Origin::Schedule).then_some(tick)));
            self.lost.remove(&tick);
            // A run that has not begun is taken up under the same attempt number, with both kinds of delivery.
            let up = closed.iter().position(|old| {
                (old.tick, old.origin, old.attempt) == (run.tick, run.origin, run.attempt)
                    && !self.begun.contains(&old.id)
            });
            if let Some(at) = up {
                self.given_back.insert(closed.remove(at).id);
                continue;
            }
            let again = closed.iter().position(|old| {
                (old.tick, old.origin, old.attempt.saturating_add(1)) == (run.tick, run.origin, run.attempt)
            });
            if let Some(at) = again {
                must!(self.task.delivery == Delivery::AtLeastOnce, "T1: {} is taken again", run.tick);
                closed.remove(at);
                continue;
            }
            let once_again = self.task.when == When::Once && self.task.delivery == Delivery::AtLeastOnce;
            must!(
                run.attempt == 1 || once_again,
                "{} is attempt {}, but no earlier attempt is open",
                run.id,
                run.attempt
            );
            match run.origin {
                Origin::Schedule => {
                    taken += 1;
                    self.took(run, tick, old, new)?;
                }
                Origin::Trigger => {
                    self.asked_for += 1;
                    let id = new.trigger.clone().unwrap_or_default();
                    let times = self.triggers.entry(id.clone()).or_default();
                    times.0 += 1;
                    must!(times.0 == 1, "T1: the trigger {id} is taken again");
                }
                Origin::Backfill => self.asked_for += 1,
            }
        }
        let ended = new.counts.run() - old.counts.run();
        // A run that was given back, and is too late now, was not run.
        let given_up = (closed.len() as u64).saturating_sub(ended);
        let back = closed.iter().filter(|run| !self.begun.contains(&run.id) && run.origin == Origin::Schedule).count();
        must!(
            given_up <= back as u64,
            "T4: {given_up} runs were removed from the record, but only {back} had not begun"
        );
        self.given_up += given_up;
        let late = new.counts.expired - old.counts.expired;
        must!(
            late >= given_up,
            "T4: {given_up} runs were removed from the record, but only {late} are counted as expired"
        );
        must!(ended + given_up == closed.len() as u64, "T4: {} runs have ended, but {ended} are counted", closed.len());
        let completed = closed.iter().filter(|run| self.completed.get(&run.id) == Some(&false)).count() as u64;
        let done = new.counts.done - old.counts.done;
        must!(done <= completed, "rule 5: {done} runs are recorded as done, but {completed} were done");
        let due =
            self.task.ticks_between(seconds(old.accounted_until.0), seconds(new.accounted_until.0)).unsigned_abs();
        let skipped = self.skipped(&old.counts, &new.counts, before)?;
        if let When::Every { .. } = self.task.when {
            must!(
                taken + skipped == due + given_up,
                "T4: {due} ticks became due, {taken} were taken, and {skipped} counted as not run"
            );
        }
        Ok(())
    }

    fn took(&mut self, run: &OpenRun, tick: i64, old: &TickRecord, new: &TickRecord) -> Result<(), Broken> {
        match self.task.when {
            When::Every { .. } => {
                must!(self.task.tick_before(tick) == Some(tick), "{} is not a tick of the schedule", run.tick);
                must!(
                    run.tick > old.accounted_until && run.tick <= new.accounted_until,
                    "T4: {} is taken outside of the range that this write accounts for",
                    run.tick
                );
            }
            When::Delay(delay) => {
                must!(
                    tick >= seconds(old.accounted_until.0) + delay,
                    "{} comes too soon after the previous run",
                    run.tick
                );
            }
            When::Once => return Ok(()),
        }
        let last = self.taken.last().copied();
        must!(last.is_none_or(|last| last < tick), "T5: {} is taken after {last:?}", run.tick);
        self.taken.insert(tick);
        Ok(())
    }

    /// How many more ticks are counted as not run. Each must have a reason that applies.
    fn skipped(&self, old: &TickCounts, new: &TickCounts, before: &Annotations) -> Result<u64, Broken> {
        let Task { overlap, catch_up, .. } = &self.task;
        let paused = before.contains_key(&format!("{PAUSE}{}", self.task.name));
        let rests = matches!(overlap, Overlap::Skip | Overlap::AllowAll(_)) && *catch_up != CatchUp::All;
        for (name, old, new, may) in [
            ("overlapped", old.overlapped, new.overlapped, rests),
            ("superseded", old.superseded, new.superseded, *catch_up != CatchUp::All),
            ("expired", old.expired, new.expired, !self.task.runs_all()),
            ("paused", old.paused, new.paused, paused),
            ("over the limit", old.over_limit, new.over_limit, false),
            ("not leading", old.not_leading, new.not_leading, *catch_up == CatchUp::None),
        ] {
            must!(new >= old, "T4: the count of {name} shrinks");
            must!(new == old || may, "T4: {} more are counted as {name}, but that reason does not apply", new - old);
        }
        Ok(new.not_run() - old.not_run())
    }

    /// A body was polled for the first time. `others` says on which replicas bodies may be polled at this instant.
    pub(crate) fn started(
        &mut self,
        now: u64,
        replica: usize,
        start: &RunStart,
        others: impl Fn(usize) -> bool,
    ) -> Result<(), Broken> {
        let tick = seconds(start.tick.0);
        must!(self.attempts.contains(&start.id), "rule 1: {} is started before it was taken", start.id);
        must!(!self.given_back.contains(&start.id), "rule 9: {} is started, but it was given back", start.id);
        self.begun.insert(start.id);
        let here = self.live.iter().filter(|(on, _)| *on == replica).count();
        must!(here < self.task.most(), "{} runs at once on one replica", here + 1);
        let there = self.live.iter().any(|(on, _)| *on != replica && others(*on));
        must!(!there, "S1: {} is started while another replica runs the task", start.tick);
        let once = self.task.delivery == Delivery::AtMostOnce;
        match start.origin {
            Origin::Schedule => {
                let ahead = tick - seconds(server::time(now).0);
                must!(ahead <= AHEAD || self.task.when == When::Once, "rule 8: {} starts {ahead} s early", start.tick);
                let key = if self.task.when == When::Once { 0 } else { tick };
                let starts = self.starts.entry(key).or_default();
                *starts += 1;
                must!(!once || *starts == 1, "T1: {} is started {starts} times", start.tick);
            }
            Origin::Trigger => {
                let id = start.trigger.clone().unwrap_or_default();
                let times = self.triggers.entry(id.clone()).or_default();
                times.1 += 1;
                must!(!once || times.1 == 1, "T1: the trigger {id} is started again");
            }
            Origin::Backfill => *self.backfills.entry(tick).or_default() += 1,
        }
        self.live.push((replica, start.id));
        Ok(())
    }

    /// A body has returned, possibly with an error.
    pub(crate) fn completed(&mut self, start: &RunStart, failed: bool) {
        self.completed.insert(start.id, failed);
        if start.origin == Origin::Schedule {
            let key = if self.task.when == When::Once { 0 } else { seconds(start.tick.0) };
            *self.completions.entry(key).or_default() += 1;
        }
    }

    /// This term has released the lease. Runs that it has taken and not begun are left to the next leader.
    pub(crate) fn left(&mut self, ended: Writer) {
        let unbegun = self.takers.iter().filter(|(id, (writer, _))| *writer == ended && !self.begun.contains(id));
        let ticks: Vec<i64> = unbegun.filter_map(|(_, (_, tick))| *tick).collect();
        let waiting = ticks.into_iter().filter(|tick| !self.starts.contains_key(tick));
        let waiting: Vec<i64> = waiting.collect();
        self.unbegun.extend(&waiting);
        self.lost.extend(waiting);
    }

    /// Nothing is left of a body.
    pub(crate) fn gone(&mut self, id: AttemptId) {
        self.live.retain(|(_, live)| *live != id);
    }

    /// How many runs of triggers and backfills were taken.
    pub(crate) fn asked_for(&self) -> u64 {
        self.asked_for
    }
}

pub(crate) fn seconds(micros: i64) -> i64 {
    micros.div_euclid(1_000_000)
}
