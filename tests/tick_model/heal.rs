//! Healing: from every world, if there are no more faults, everything is caught up, and one more tick runs.
//!
//! The continuation without faults is a function of the world. So the checker computes it for each world and need not
//! search for infinite runs. The worlds on the way are remembered, which makes this cost about one step per world.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use lease_protocol::ticks::TickRecord;
use lease_runtime::{CatchUp, Delivery, Overlap};

use super::broken::{Broken, Rule, must};
use super::ledger::Ledger;
use super::replica::{Progress, Replica, Standing};
use super::scope::{Scope, Task};
use super::world::{Happening, World};

/// More steps than any continuation needs.
const STEPS: usize = 200;

/// The worlds that are known to heal.
#[derive(Default, Debug)]
pub(crate) struct Healing {
    known: Mutex<HashSet<u64>>,
}

impl Healing {
    /// Follows the continuation without faults to its end.
    pub(crate) fn check(&self, world: &World, scope: &Scope) -> Result<(), Broken> {
        let mut now = world.clone();
        let mut path = vec![digest(&now)];
        while !self.lookup(path[path.len() - 1]) {
            must!(T3, path.len() < STEPS, "there is no end to what is written");
            let Some(next) = now.fair_step(scope)? else { break };
            if let Some(broken) = next.broken {
                return Err(broken);
            }
            path.push(digest(&next));
            now = next;
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).extend(path);
        Ok(())
    }

    fn lookup(&self, digest: u64) -> bool {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&digest)
    }
}

fn digest(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

impl World {
    /// The next step without faults: messages arrive, bodies return, a leader writes what it has to say, and only when
    /// nothing else is left, time passes. `None` at the end.
    fn fair_step(&self, scope: &Scope) -> Result<Option<World>, Broken> {
        let next = |happening| self.after(happening, scope, None);
        if let Some(next) = self.pending().and_then(next).or_else(|| self.said(scope)) {
            return Ok(Some(next));
        }
        if let Some(index) = self.replicas.iter().position(|replica| replica.term == Standing::Draining) {
            return Ok(next(Happening::Release(index)));
        }
        if !self.is_held() {
            return Ok(next(Happening::Begin(0)));
        }
        self.is_settled(scope)?;
        Ok(if self.slot < scope.end() + scope.slots { next(Happening::Tick) } else { None })
    }

    /// The world after a holder has sent what it has to say.
    fn said(&self, scope: &Scope) -> Option<World> {
        let holder = self.replicas.iter().position(Replica::holds)?;
        self.after(Happening::Write(holder), scope, None)
    }

    /// What is under way.
    fn pending(&self) -> Option<Happening> {
        let orphan = self.orphan.as_ref().map(|_| Happening::Land);
        orphan.or_else(|| self.pending_of(0)).or_else(|| self.pending_of(1))
    }

    fn pending_of(&self, index: usize) -> Option<Happening> {
        let replica = &self.replicas[index];
        if !replica.holds() {
            return None;
        }
        if let Some(write) = &replica.write {
            let applied = write.stored.is_some();
            return Some(if applied { Happening::Receive(index) } else { Happening::Commit(index) });
        }
        if replica.stale || !replica.fresh {
            return Some(Happening::See(index));
        }
        body(replica, index)
    }

    /// What must hold when nothing is left to do.
    fn is_settled(&self, scope: &Scope) -> Result<(), Broken> {
        for (task, ledger) in scope.tasks.iter().zip(&self.ledgers) {
            let record = World::record(&self.lease, &task.name)?;
            let none = || Broken { rule: Rule::T3, what: "a leader has written no record".to_owned() };
            let record = record.ok_or_else(none)?;
            let calm = self.slot == scope.end() + scope.slots;
            settled(task, ledger, &record, scope.newest(self.slot), calm)?;
        }
        Ok(())
    }
}

/// The next step of a body: it begins, and it returns, unless it was asked to end.
fn body(replica: &Replica, index: usize) -> Option<Happening> {
    let place = replica.runs.iter().position(|run| run.progress != Progress::Waiting)?;
    let run = &replica.runs[place];
    Some(match run.progress {
        Progress::Begun if run.asked.is_some() => Happening::Stops(index, place),
        Progress::Begun => Happening::Returns(index, place),
        _ => Happening::Begins(index, place),
    })
}

/// What must hold for one task. `calm` says that nothing was under way when the newest tick fell due.
fn settled(task: &Task, ledger: &Ledger, record: &TickRecord, newest: i64, calm: bool) -> Result<(), Broken> {
    must!(T3, record.open.is_empty(), "{} is still open", record.open[0].tick);
    let upto = super::clock::since_start(record.accounted_until).div_euclid(super::scope::PERIOD);
    must!(T3, upto >= newest, "ticks have been waiting since tick {upto}");
    let armed = ledger.armed.unwrap_or_default().div_euclid(super::scope::PERIOD);
    let due = (upto - armed).max(0).unsigned_abs();
    let (run, not_run) = (record.counts.run(), record.counts.not_run());
    must!(T4, due == run + not_run, "{due} ticks were due, {run} were run, and {not_run} were not");
    let completed = |tick: i64| {
        let at = usize::try_from(tick).ok();
        at.and_then(|at| ledger.completions.get(at)).is_some_and(|times| *times > 0)
    };
    let again = task.delivery == Delivery::AtLeastOnce;
    if again && task.catch_up == CatchUp::All {
        let lost = (armed + 1..=newest).find(|tick| !completed(*tick));
        must!(T2, lost.is_none(), "tick {} was never completed", lost.unwrap_or_default());
    }
    let waits = matches!(task.overlap, Overlap::BufferOne | Overlap::CancelOther);
    if newest > armed && (calm || again && task.catch_up == CatchUp::Latest && waits) {
        must!(T3, completed(newest), "the newest tick, {newest}, is not completed");
    }
    Ok(())
}
