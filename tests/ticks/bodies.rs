//! The bodies of a term. They are run as the supervisor of a task runs them.

use std::sync::Arc;

use lease_protocol::ticks::{RunEnd, RunStart};
use lease_runtime::AttemptId;

use super::check::Broken;
use super::config::{Fault, SECOND, When};
use super::replica::{Asked, Run};
use super::world::{Local, World};

impl World {
    /// A task joins the term.
    pub(crate) fn join(&mut self, r: usize, term: u32, task: usize) {
        let wall = self.wall(r);
        let task = &self.config.tasks[task];
        let (name, timetable) = (task.name.clone(), task.timetable.clone());
        let replica = &mut self.replicas[r];
        let Some(held) = replica.held.as_mut().filter(|held| held.number == term && !held.cancelled) else {
            return;
        };
        if !replica.done.contains(&name) {
            held.joined.insert(name.clone(), Default::default());
            replica.ticks.join(name, timetable, wall);
            replica.shown = None;
        }
    }

    /// Starts the runs that the core returned.
    pub(crate) fn start(&mut self, r: usize, starts: Vec<RunStart>) -> Result<(), Broken> {
        for start in starts {
            let replica = &mut self.replicas[r];
            let joined = replica.held.as_mut().and_then(|held| held.joined.get_mut(&start.task));
            match joined {
                Some(joined) if !joined.ending => {
                    if start.replaces && !joined.runs.is_empty() {
                        let ids: Vec<AttemptId> = joined.runs.keys().copied().collect();
                        let task = start.task.clone();
                        if let Some(replaced) = joined.waiting.replace(start) {
                            replica.ticks.ended(replaced.id, RunEnd::Replaced);
                        }
                        ids.into_iter().for_each(|id| self.ask(r, &task, id, Asked::Replaced));
                    } else {
                        self.begin(r, start)?;
                    }
                }
                // The task has not joined, or is ending, so the run is not started.
                _ => replica.ticks.ended(start.id, RunEnd::NotStarted),
            }
        }
        Ok(())
    }

    /// Passes a run to the thread of its body, which polls it at once or a little later.
    fn begin(&mut self, r: usize, start: RunStart) -> Result<(), Broken> {
        self.say(|| format!("{r} starts {} {} {} {:?}", start.task, start.tick, start.id, start.origin));
        self.serial += 1;
        let (serial, id, task) = (self.serial, start.id, start.task.clone());
        let held = self.replicas[r].held.as_mut().expect("a body has a term");
        let joined = held.joined.get_mut(&task).expect("its task has joined");
        joined.runs.insert(id, Run { start, begun: false, asked: None, serial });
        if self.rng.bool() {
            return self.body_begins(r, &task, id);
        }
        let pause = self.rng.u64(..20_000);
        self.later(r, pause, Local::BodyBegins { task, id });
        Ok(())
    }

    /// The first poll of a body, if the guard allows it and the run was not taken back.
    pub(crate) fn body_begins(&mut self, r: usize, task: &Arc<str>, id: AttemptId) -> Result<(), Broken> {
        let (may_poll, slow) = (self.replicas[r].may_poll(self.now), self.has(Fault::SlowBodies));
        let joined = self.replicas[r].held.as_mut().and_then(|held| held.joined.get_mut(task));
        let Some(run) = joined.and_then(|joined| joined.runs.get_mut(&id)).filter(|run| !run.begun) else {
            return Ok(());
        };
        if slow && self.rng.u8(..100) == 0 {
            // Its timeout passed before the runtime polled it.
            return self.body_gone(r, task, id, RunEnd::NotStarted);
        }
        if !may_poll {
            return Ok(());
        }
        run.begun = true;
        let (start, serial) = (run.start.clone(), run.serial);
        let (replicas, now) = (&self.replicas, self.now);
        let ledger = self.ledgers.get_mut(task).expect("a task of this run");
        ledger
            .started(now, r, &start, |other| replicas[other].may_poll(now))
            .map_err(|Broken(what)| Broken(format!("{task}: {what}")))?;
        self.figures.runs += 1;
        let length = self.length(task);
        self.later(r, length, Local::BodyEnds { task: task.clone(), id, serial });
        Ok(())
    }

    /// How long a body takes.
    fn length(&mut self, task: &Arc<str>) -> u64 {
        if self.healing {
            return self.rng.u64(..SECOND);
        }
        let period = match self.ledgers[task].task.when {
            When::Every { period, .. } => period.unsigned_abs(),
            When::Delay(_) | When::Once => 10,
        };
        match self.rng.u8(..20) {
            0 if self.has(Fault::SlowBodies) => self.rng.u64(..3 * period * SECOND),
            1..4 if self.has(Fault::SlowBodies) => self.rng.u64(..period * SECOND),
            _ => self.rng.u64(..period * SECOND / 5),
        }
    }

    /// Asks a run to end. It uses a part of its grace period, or exceeds it.
    pub(crate) fn ask(&mut self, r: usize, task: &Arc<str>, id: AttemptId, why: Asked) {
        self.serial += 1;
        let serial = self.serial;
        let joined = self.replicas[r].held.as_mut().and_then(|held| held.joined.get_mut(task));
        let Some(run) = joined.and_then(|joined| joined.runs.get_mut(&id)) else { return };
        if run.asked.is_none() {
            run.asked = Some(why);
            run.serial = serial;
            let grace = if self.rng.u8(..8) == 0 { 20 * SECOND } else { 2 * SECOND };
            let length = if self.healing { self.rng.u64(..SECOND) } else { self.rng.u64(..grace) };
            self.later(r, length, Local::BodyEnds { task: task.clone(), id, serial });
        }
    }

    /// A body returns, if it is polled.
    pub(crate) fn body_ends(&mut self, r: usize, task: &Arc<str>, id: AttemptId, serial: u64) -> Result<(), Broken> {
        let may_poll = self.replicas[r].may_poll(self.now);
        let joined = self.replicas[r].held.as_mut().and_then(|held| held.joined.get_mut(task));
        let Some(run) = joined.and_then(|joined| joined.runs.get_mut(&id)).filter(|run| run.serial == serial) else {
            return Ok(());
        };
        let interrupted = match run.asked {
            Some(Asked::Replaced) => RunEnd::Replaced,
            Some(Asked::TermOver) | None => RunEnd::Interrupted,
        };
        let (start, asked) = (run.start.clone(), run.asked.is_some());
        let end = if !run.begun && run.asked != Some(Asked::Replaced) {
            RunEnd::NotStarted
        } else if !may_poll || !run.begun || (asked && self.rng.bool()) {
            interrupted
        } else {
            let failed = !self.healing && self.rng.u8(..20) == 0;
            self.ledgers.get_mut(task).expect("a task of this run").completed(&start, failed);
            if failed { RunEnd::Failed } else { RunEnd::Done }
        };
        self.body_gone(r, task, id, end)
    }

    /// Nothing is left of a body.
    pub(crate) fn body_gone(&mut self, r: usize, task: &Arc<str>, id: AttemptId, end: RunEnd) -> Result<(), Broken> {
        self.say(|| format!("{r} ends {task} {id} {end:?}"));
        let replica = &mut self.replicas[r];
        let Some(joined) = replica.held.as_mut().and_then(|held| held.joined.get_mut(task)) else { return Ok(()) };
        joined.runs.remove(&id);
        let waiting = if joined.runs.is_empty() && !joined.ending { joined.waiting.take() } else { None };
        self.ledgers.get_mut(task).expect("a task of this run").gone(id);
        replica.ticks.ended(id, end);
        match waiting {
            Some(start) => self.begin(r, start),
            None => Ok(()),
        }
    }

    /// The bodies of the term are asked to end.
    pub(crate) fn ask_all(&mut self, r: usize) {
        let replica = &mut self.replicas[r];
        let Some(held) = &mut replica.held else { return };
        let mut asked = Vec::new();
        for (task, joined) in &mut held.joined {
            joined.ending = true;
            if let Some(start) = joined.waiting.take() {
                replica.ticks.ended(start.id, RunEnd::NotStarted);
            }
            // Runs that have not begun are taken back at once.
            let unstarted: Vec<AttemptId> =
                joined.runs.iter().filter(|(_, run)| !run.begun).map(|(id, _)| *id).collect();
            for id in unstarted {
                joined.runs.remove(&id);
                replica.ticks.ended(id, RunEnd::NotStarted);
            }
            asked.extend(joined.runs.keys().map(|id| (task.clone(), *id)));
        }
        for (task, id) in asked {
            self.ask(r, &task, id, Asked::TermOver);
        }
    }

    /// The term is over: its remaining bodies are dropped.
    pub(crate) fn drop_all(&mut self, r: usize) -> Result<(), Broken> {
        let Some(held) = &self.replicas[r].held else { return Ok(()) };
        let left = held.joined.iter().flat_map(|(task, joined)| {
            joined.runs.values().map(|run| (task.clone(), run.start.id, run.asked == Some(Asked::Replaced)))
        });
        for (task, id, replaced) in left.collect::<Vec<_>>() {
            self.body_gone(r, &task, id, if replaced { RunEnd::Replaced } else { RunEnd::Interrupted })?;
        }
        Ok(())
    }

    /// Tasks whose bodies are gone leave. The term is over when all tasks have left.
    pub(crate) fn leave(&mut self, r: usize) {
        let replica = &mut self.replicas[r];
        let Some(held) = replica.held.as_mut().filter(|held| held.cancelled && !held.gone) else { return };
        let left: Vec<Arc<str>> =
            held.joined.iter().filter(|(_, joined)| joined.runs.is_empty()).map(|(task, _)| task.clone()).collect();
        for task in left {
            held.joined.remove(&task);
            replica.ticks.leave(&task);
        }
        if held.joined.is_empty() {
            held.gone = true;
            let (number, pause) = (held.number, self.rng.u64(..20_000));
            self.later(r, pause, Local::Gone { term: number });
        }
    }

    /// A task with `once` is done according to the Lease.
    pub(crate) fn done(&mut self, r: usize, task: &Arc<str>) {
        let replica = &mut self.replicas[r];
        let Some(held) = &mut replica.held else { return };
        if held.joined.get(task).is_some_and(|joined| joined.runs.is_empty() && !joined.ending) {
            held.joined.remove(task);
            replica.done.insert(task.clone());
            replica.ticks.leave(task);
        }
    }
}
