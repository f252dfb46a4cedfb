//! What a leader writes, and what becomes of it.

use lease_protocol::ticks::Annotations;

use super::broken::{Broken, Rule, must};
use super::ledger::Written;
use super::mutant::Mutant;
use super::replica::{Standing, Write, edited};
use super::stage::Stage;
use super::world::World;

impl Stage<'_> {
    /// The newest state of the Lease is another one now.
    pub(crate) fn changed(&mut self) {
        let blind = self.is(Mutant::WritesBlind);
        if !blind {
            self.world.orphan = None;
        }
        for replica in &mut self.world.replicas {
            replica.fresh = false;
            if let Some(write) = &mut replica.write {
                write.possible &= blind;
                write.newest = false;
            }
        }
    }

    /// What a write would change. `None` if it has nothing to say.
    pub(crate) fn composed(&mut self, index: usize, may_take: bool) -> Option<Write> {
        let time = self.time(index);
        let replica = &mut self.world.replicas[index];
        replica.composed += 1;
        let (number, edits) = replica.ticks.compose(&replica.view, time, may_take);
        let edits = self.scope.sent(&replica.view, edits);
        let possible = replica.fresh || self.scope.is(Mutant::WritesBlind);
        (!edits.is_empty()).then_some(Write { number, edits, may_take, possible, stored: None, newest: false })
    }

    /// Sends a write. `false` if it would say nothing.
    pub(crate) fn write(&mut self, index: usize) -> Result<bool, Broken> {
        let mut time = self.time(index);
        if self.is(Mutant::ClockStands) {
            time = self.scope.time(0, index, 0);
        }
        let urgent = self.world.replicas[index].ticks.wants_write(time);
        let leads = self.world.replicas[index].term == Standing::Leading;
        let may_take = leads || self.is(Mutant::DrainNotTold);
        let Some(write) = self.composed(index, may_take) else { return Ok(false) };
        let write = Write { may_take: leads, ..write };
        must!(Urgent, urgent || !self.takes(index, &write)?, "a tick can be taken, and no write is wanted");
        let replica = &mut self.world.replicas[index];
        let expected = edited(&replica.view, &write.edits);
        replica.write = Some(write);
        if self.is(Mutant::StartsWhenComposed) {
            let starts = self.world.replicas[index].ticks.see(&expected);
            self.start(index, starts);
        }
        self.answer_impossible(index);
        Ok(true)
    }

    /// Whether the write takes a run.
    fn takes(&self, index: usize, write: &Write) -> Result<bool, Broken> {
        let view = &self.world.replicas[index].view;
        let after = edited(view, &write.edits);
        for task in &self.scope.tasks {
            let old = World::record(view, &task.name)?.map(|record| record.open).unwrap_or_default();
            let new = World::record(&after, &task.name)?.map(|record| record.open).unwrap_or_default();
            if new.iter().any(|run| old.iter().all(|old| old.id != run.id)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A write that names a state which is gone conflicts, whenever it is served.
    fn answer_impossible(&mut self, index: usize) {
        let replica = &mut self.world.replicas[index];
        if replica.write.take_if(|write| !write.possible && write.stored.is_none()).is_some() {
            replica.stale = true;
            self.count(|tally| tally.conflicts.add(1));
        }
    }

    fn answer_all_impossible(&mut self) {
        (0..self.world.replicas.len()).for_each(|index| self.answer_impossible(index));
    }

    pub(crate) fn apply(&mut self, index: usize) -> Result<(), Broken> {
        let Some(mut write) = self.world.replicas[index].write.take() else { return Ok(()) };
        if write.stored.is_none() {
            self.store(&write)?;
            self.changed();
            (write.stored, write.newest) = (Some(self.world.lease.clone()), true);
        }
        self.world.replicas[index].write = Some(write);
        self.answer_all_impossible();
        Ok(())
    }

    /// The server stores a write.
    pub(crate) fn store(&mut self, write: &Write) -> Result<(), Broken> {
        if self.is(Mutant::BelievesWhatItSent) {
            return Ok(());
        }
        let after = edited(&self.world.lease, &write.edits);
        for at in 0..self.scope.tasks.len() {
            let written = self.written(at, &after, write.may_take)?;
            self.count(|tally| tally.write(&written));
        }
        self.world.lease = after;
        Ok(())
    }

    fn written(&mut self, at: usize, after: &Annotations, may_take: bool) -> Result<Written, Broken> {
        let task = &self.scope.tasks[at];
        let old = World::record(&self.world.lease, &task.name)?;
        let new = World::record(after, &task.name)?;
        if old == new {
            return Ok(Written::default());
        }
        let removed = || Broken { rule: Rule::Record, what: "the record was removed".to_owned() };
        let new = new.ok_or_else(removed)?;
        self.world.ledgers[at].written(task, old, &new, may_take)
    }

    pub(crate) fn commit(&mut self, index: usize) -> Result<(), Broken> {
        self.apply(index)?;
        self.receive(index);
        Ok(())
    }

    pub(crate) fn receive(&mut self, index: usize) {
        let Some(write) = self.world.replicas[index].write.take() else { return };
        let replica = &mut self.world.replicas[index];
        replica.ticks.committed(write.number);
        let stored = match self.scope.is(Mutant::BelievesWhatItSent) {
            true => Some(edited(&replica.view, &write.edits)),
            false => write.stored,
        };
        // The watch may have shown this state, or a later one, before the answer arrived.
        match stored {
            Some(stored) if !replica.fresh => self.show(index, stored, write.newest),
            _ => self.turn(index),
        }
    }

    pub(crate) fn lose_answer(&mut self, index: usize) -> Result<(), Broken> {
        self.apply(index)?;
        self.count(|tally| tally.unknown.add(1));
        self.lose_write(index);
        Ok(())
    }

    pub(crate) fn lose_write(&mut self, index: usize) {
        self.world.faults -= 1;
        let replica = &mut self.world.replicas[index];
        replica.stale = true;
        let write = replica.write.take();
        if let Some(write) = write.filter(|_| self.is(Mutant::TrustsUnknown)) {
            let replica = &mut self.world.replicas[index];
            replica.ticks.committed(write.number);
            let expected = edited(&replica.view, &write.edits);
            self.show(index, expected, false);
        }
    }

    pub(crate) fn give_up(&mut self, index: usize) {
        self.world.faults -= 1;
        self.abandon_write(index);
        self.world.replicas[index].stale = true;
    }

    /// The sender does not wait for the answer any more. A write that was not carried out yet may still take effect.
    pub(crate) fn abandon_write(&mut self, index: usize) {
        let write = self.world.replicas[index].write.take();
        if let Some(write) = write.filter(|write| write.stored.is_none()) {
            self.world.orphan = Some(write);
        }
    }

    pub(crate) fn land(&mut self) -> Result<(), Broken> {
        let Some(write) = self.world.orphan.take() else { return Ok(()) };
        self.store(&write)?;
        self.count(|tally| tally.landed.add(1));
        self.changed();
        self.answer_all_impossible();
        Ok(())
    }

    pub(crate) fn see_newest(&mut self, index: usize) {
        self.world.replicas[index].stale = false;
        self.show(index, self.world.lease.clone(), true);
    }

    /// The term rests on this state from now on.
    pub(crate) fn show(&mut self, index: usize, state: Annotations, newest: bool) {
        let replica = &mut self.world.replicas[index];
        let state = self.scope.shown(&state, replica.composed > 0);
        let starts = replica.ticks.see(&state);
        (replica.view, replica.fresh) = (state, newest);
        self.start(index, starts);
        self.turn(index);
    }
}
