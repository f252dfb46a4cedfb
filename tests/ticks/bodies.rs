//! The bodies of a term, as the supervisor of a task runs them.

use std::sync::Arc;

use lease_protocol::ticks::{RunEnd, RunStart};
use lease_runtime::AttemptId;

use super::check::Broken;
use super::config::{Fault, SECOND, When};
use super::replica::{Asked, Run};
use super::world::{Local, World};

impl World {
    /// A task takes its seat in the term.
    pub(crate) fn join(&mut self, r: usize, term: u32, task: usize) {
        let wall = self.wall(r);
        let task = &self.config.tasks[task];
        let (name, timetable) = (task.name.clone(), task.timetable.clone());
        let replica = &mut self.replicas[r];
        let Some(tenure) = replica.tenure.as_mut().filter(|tenure| tenure.number == term && !tenure.cancelled) else {
            return;
        };
        if !replica.done.contains(&name) {
            tenure.seats.insert(name.clone(), Default::default());
            replica.ticks.join(name, timetable, wall);
            replica.shown = None;
        }
    }

    /// Runs that the core has said to start.
    pub(crate) fn start(&mut self, r: usize, starts: Vec<RunStart>) -> Result<(), Broken> {
        for start in starts {
            let replica = &mut self.replicas[r];
            let seat = replica.tenure.as_mut().and_then(|tenure| tenure.seats.get_mut(&start.task));
            match seat {
                Some(seat) if !seat.ending => {
                    if start.replaces && !seat.runs.is_empty() {
                        let ids: Vec<AttemptId> = seat.runs.keys().copied().collect();
                        let task = start.task.clone();
                        if let Some(replaced) = seat.waiting.replace(start) {
                            replica.ticks.ended(replaced.id, RunEnd::Replaced);
                        }
                        ids.into_iter().for_each(|id| self.ask(r, &task, id, Asked::Replaced));
                    } else {
                        self.begin(r, start)?;
                    }
                }
                // Nobody is there to start it.
                _ => replica.ticks.ended(start.id, RunEnd::NotStarted),
            }
        }
        Ok(())
    }

    /// A run is handed to the thread of its body, which comes to it at once, or a little later.
    fn begin(&mut self, r: usize, start: RunStart) -> Result<(), Broken> {
        self.say(|| format!("{r} starts {} {} {} {:?}", start.task, start.tick, start.id, start.origin));
        self.serial += 1;
        let (serial, id, task) = (self.serial, start.id, start.task.clone());
        let tenure = self.replicas[r].tenure.as_mut().expect("a body has a term");
        let seat = tenure.seats.get_mut(&task).expect("it has a seat");
        seat.runs.insert(id, Run { start, begun: false, asked: None, serial });
        if self.rng.bool() {
            return self.body_begins(r, &task, id);
        }
        let pause = self.rng.u64(..20_000);
        self.later(r, pause, Local::BodyBegins { task, id });
        Ok(())
    }

    /// The first poll of a body, if the guard lets it through and nobody has taken the run back.
    pub(crate) fn body_begins(&mut self, r: usize, task: &Arc<str>, id: AttemptId) -> Result<(), Broken> {
        let (may_poll, slow) = (self.replicas[r].may_poll(self.now), self.has(Fault::SlowBodies));
        let seat = self.replicas[r].tenure.as_mut().and_then(|tenure| tenure.seats.get_mut(task));
        let Some(run) = seat.and_then(|seat| seat.runs.get_mut(&id)).filter(|run| !run.begun) else { return Ok(()) };
        if slow && self.rng.u8(..100) == 0 {
            // Its time was up before the runtime came to it.
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

    /// Asks a run to end. It uses a part of its grace, or more than that.
    pub(crate) fn ask(&mut self, r: usize, task: &Arc<str>, id: AttemptId, why: Asked) {
        self.serial += 1;
        let serial = self.serial;
        let seat = self.replicas[r].tenure.as_mut().and_then(|tenure| tenure.seats.get_mut(task));
        let Some(run) = seat.and_then(|seat| seat.runs.get_mut(&id)) else { return };
        if run.asked.is_none() {
            run.asked = Some(why);
            run.serial = serial;
            let grace = if self.rng.u8(..8) == 0 { 20 * SECOND } else { 2 * SECOND };
            let length = if self.healing { self.rng.u64(..SECOND) } else { self.rng.u64(..grace) };
            self.later(r, length, Local::BodyEnds { task: task.clone(), id, serial });
        }
    }

    /// A body would return, if it is polled.
    pub(crate) fn body_ends(&mut self, r: usize, task: &Arc<str>, id: AttemptId, serial: u64) -> Result<(), Broken> {
        let may_poll = self.replicas[r].may_poll(self.now);
        let seat = self.replicas[r].tenure.as_mut().and_then(|tenure| tenure.seats.get_mut(task));
        let Some(run) = seat.and_then(|seat| seat.runs.get_mut(&id)).filter(|run| run.serial == serial) else {
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
        let Some(seat) = replica.tenure.as_mut().and_then(|tenure| tenure.seats.get_mut(task)) else { return Ok(()) };
        seat.runs.remove(&id);
        let waiting = if seat.runs.is_empty() && !seat.ending { seat.waiting.take() } else { None };
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
        let Some(tenure) = &mut replica.tenure else { return };
        let mut asked = Vec::new();
        for (task, seat) in &mut tenure.seats {
            seat.ending = true;
            if let Some(start) = seat.waiting.take() {
                replica.ticks.ended(start.id, RunEnd::NotStarted);
            }
            // What has not begun is taken back, on the spot.
            let unstarted: Vec<AttemptId> = seat.runs.iter().filter(|(_, run)| !run.begun).map(|(id, _)| *id).collect();
            for id in unstarted {
                seat.runs.remove(&id);
                replica.ticks.ended(id, RunEnd::NotStarted);
            }
            asked.extend(seat.runs.keys().map(|id| (task.clone(), *id)));
        }
        for (task, id) in asked {
            self.ask(r, &task, id, Asked::TermOver);
        }
    }

    /// The term is over: what is left of its bodies is dropped.
    pub(crate) fn drop_all(&mut self, r: usize) -> Result<(), Broken> {
        let Some(tenure) = &self.replicas[r].tenure else { return Ok(()) };
        let left = tenure.seats.iter().flat_map(|(task, seat)| {
            seat.runs.values().map(|run| (task.clone(), run.start.id, run.asked == Some(Asked::Replaced)))
        });
        for (task, id, replaced) in left.collect::<Vec<_>>() {
            self.body_gone(r, &task, id, if replaced { RunEnd::Replaced } else { RunEnd::Interrupted })?;
        }
        Ok(())
    }

    /// Tasks whose bodies are gone leave, and the term is over when all have.
    pub(crate) fn leave(&mut self, r: usize) {
        let replica = &mut self.replicas[r];
        let Some(tenure) = replica.tenure.as_mut().filter(|tenure| tenure.cancelled && !tenure.gone) else { return };
        let left: Vec<Arc<str>> =
            tenure.seats.iter().filter(|(_, seat)| seat.runs.is_empty()).map(|(task, _)| task.clone()).collect();
        for task in left {
            tenure.seats.remove(&task);
            replica.ticks.leave(&task);
        }
        if tenure.seats.is_empty() {
            tenure.gone = true;
            let (number, pause) = (tenure.number, self.rng.u64(..20_000));
            self.later(r, pause, Local::Gone { term: number });
        }
    }

    /// A task that runs once is done, as the Lease says.
    pub(crate) fn done(&mut self, r: usize, task: &Arc<str>) {
        let replica = &mut self.replicas[r];
        let Some(tenure) = &mut replica.tenure else { return };
        if tenure.seats.get(task).is_some_and(|seat| seat.runs.is_empty() && !seat.ending) {
            tenure.seats.remove(task);
            replica.done.insert(task.clone());
            replica.ticks.leave(task);
        }
    }
}
