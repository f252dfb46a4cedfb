//! Steps from one world to the next: terms and time. `writing.rs` has the writes, `bodies.rs` the runs.

use super::broken::Broken;
use super::mutant::Mutant;
use super::replica::{Replica, Standing};
use super::scope::Scope;
use super::tally::Tally;
use super::world::{Happening, World};

/// Carries out one event.
pub(crate) struct Stage<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) tally: Option<&'a Tally>,
    pub(crate) world: World,
}

impl World {
    /// The world after an event. `None` if the event has no effect.
    pub(crate) fn after(&self, happening: Happening, scope: &Scope, tally: Option<&Tally>) -> Option<World> {
        let mut stage = Stage { scope, tally, world: self.clone() };
        match stage.happens(happening) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(broken) => stage.world.broken = Some(broken),
        }
        stage.world.forget();
        Some(stage.world)
    }

    /// Forgets the runs that are not mentioned anywhere any more.
    fn forget(&mut self) {
        let writes = self.replicas.iter().filter_map(|replica| replica.write.as_ref()).chain(&self.orphan);
        let sent = writes.flat_map(|write| {
            write.edits.values().flatten().chain(write.stored.iter().flat_map(|stored| stored.values()))
        });
        let texts: Vec<&String> = sent.chain(self.lease.values()).collect();
        let runs: Vec<_> = self.replicas.iter().flat_map(|replica| &replica.runs).map(|run| run.start.id).collect();
        for ledger in &mut self.ledgers {
            ledger.fates.retain(|id, _| {
                let hex = id.to_string();
                runs.contains(id) || texts.iter().any(|text| text.contains(&hex))
            });
        }
    }
}

impl Stage<'_> {
    pub(crate) fn is(&self, mutant: Mutant) -> bool {
        self.scope.is(mutant)
    }

    pub(crate) fn count(&self, count: impl Fn(&Tally)) {
        self.tally.iter().for_each(|tally| count(tally));
    }

    fn happens(&mut self, happening: Happening) -> Result<bool, Broken> {
        use Happening::*;
        match happening {
            Tick => self.world.slot += 1,
            Begin(index) => self.begin(index),
            Write(index) => return self.write(index),
            Commit(index) => self.commit(index)?,
            Apply(index) => self.apply(index)?,
            Receive(index) => self.receive(index),
            LoseAnswer(index) => self.lose_answer(index)?,
            LoseWrite(index) => self.lose_write(index),
            GiveUp(index) => self.give_up(index),
            Land => self.land()?,
            Fade => self.world.orphan = None,
            See(index) => self.see_newest(index),
            Begins(index, place) => self.begins(index, place)?,
            Returns(index, place) => self.returns(index, place),
            Fails(index, place) => self.fails(index, place),
            Stops(index, place) => self.stops(index, place),
            Drain(index) => self.drain(index),
            Release(index) => self.release(index)?,
            Lose(index) => self.lose(index),
            Crash(index) => self.crash(index),
            Touch => {
                self.world.faults -= 1;
                self.changed();
            }
        }
        Ok(true)
    }

    fn begin(&mut self, index: usize) {
        self.changed();
        self.world.terms += 1;
        let time = self.time(index);
        let (terms, lease) = (i32::from(self.world.terms), self.world.lease.clone());
        let replica = &mut self.world.replicas[index];
        (replica.term, replica.stale) = (Standing::Leading, false);
        replica.ticks.begin(terms, time);
        for task in &self.scope.tasks {
            replica.ticks.join(task.name.clone(), task.timetable.clone(), time.wall);
        }
        self.show(index, lease, true);
    }

    /// The bodies are asked to end. Runs that have not begun are given back, and never begin.
    fn drain(&mut self, index: usize) {
        self.world.faults -= 1;
        self.world.replicas[index].term = Standing::Draining;
        if !self.is(Mutant::DrainNotTold) {
            self.world.replicas[index].ticks.drain();
        }
        self.ask_all(index);
        self.turn(index);
    }

    /// Nothing of the term is left. The release says how its last runs have ended.
    fn release(&mut self, index: usize) -> Result<(), Broken> {
        self.end(index);
        if let Some(write) = self.composed(index, false) {
            self.store(&write)?;
            self.world.replicas[index].ticks.committed(write.number);
        }
        self.changed();
        self.leave(index);
        Ok(())
    }

    fn lose(&mut self, index: usize) {
        self.world.faults -= 1;
        self.world.replicas[index].ticks.drain();
        self.ask_all(index);
        self.drop_all(index);
        self.abandon_write(index);
        self.end(index);
        self.leave(index);
    }

    fn end(&mut self, index: usize) {
        let replica = &mut self.world.replicas[index];
        self.scope.tasks.iter().for_each(|task| replica.ticks.leave(&task.name));
        replica.ticks.end();
    }

    fn leave(&mut self, index: usize) {
        let replica = &mut self.world.replicas[index];
        (replica.term, replica.fresh, replica.stale) = (Standing::Out, false, false);
        replica.view.clear();
    }

    fn crash(&mut self, index: usize) {
        self.world.faults -= 1;
        self.abandon_write(index);
        let starts = self.world.replicas[index].starts + 1;
        self.world.replicas[index] = Replica::new(starts);
    }

    /// What a driver does after each event: the core finds out whether there is something to write.
    pub(crate) fn turn(&mut self, index: usize) {
        let time = self.time(index);
        let _ = self.world.replicas[index].ticks.wants_write(time);
    }

    pub(crate) fn time(&self, index: usize) -> lease_protocol::ticks::TickTime {
        let random = if self.is(Mutant::OneId) { 1 } else { self.world.replicas[index].random(index) };
        self.scope.time(self.world.slot, index, random)
    }
}
