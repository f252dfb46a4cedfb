//! The whole world: two replicas, the annotations of one Lease, and the history that the rules are about.

use lease_protocol::ticks::names::RECORD;
use lease_protocol::ticks::{Annotations, TickRecord};

use super::broken::{Broken, Rule};
use super::ledger::Ledger;
use super::replica::{Progress, Replica, Standing, Write};
use super::scope::{Fault, Scope};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct World {
    /// The time, in slots.
    pub(crate) slot: u8,
    pub(crate) lease: Annotations,
    /// How many terms there have been.
    pub(crate) terms: u8,
    pub(crate) replicas: [Replica; 2],
    /// A write whose sender has given it up, is dead or has lost its term, and that may still take effect.
    pub(crate) orphan: Option<Write>,
    /// One for each task.
    pub(crate) ledgers: Vec<Ledger>,
    /// How many faults may still occur.
    pub(crate) faults: u8,
    /// The rule that the last step broke. Nothing happens after that.
    pub(crate) broken: Option<Broken>,
}

/// An event. A replica is named by its index, and one of its runs by the place in its list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Happening {
    /// Time passes on all clocks.
    Tick,
    /// A term of this replica begins: its acquisition has taken effect.
    Begin(usize),
    /// The leader sends what it has to say about ticks.
    Write(usize),
    /// The write takes effect, and its answer arrives.
    Commit(usize),
    /// The write takes effect. Its answer is under way.
    Apply(usize),
    /// The answer arrives.
    Receive(usize),
    /// The answer is lost.
    LoseAnswer(usize),
    /// The write is lost, and its sender does not know that.
    LoseWrite(usize),
    /// The sender gives the write up. It may still take effect.
    GiveUp(usize),
    /// The write that was given up takes effect.
    Land,
    /// The write that was given up is lost.
    Fade,
    /// The leader sees the newest state of the Lease.
    See(usize),
    /// A body is polled for the first time.
    Begins(usize, usize),
    /// A body returns.
    Returns(usize, usize),
    /// A body fails.
    Fails(usize, usize),
    /// A body that was asked to end is dropped before it returns.
    Stops(usize, usize),
    /// The bodies of the term are asked to end.
    Drain(usize),
    /// The bodies are gone, and the lease is released.
    Release(usize),
    /// The term is over: its bodies are dropped.
    Lose(usize),
    /// The process dies, and another starts in its place.
    Crash(usize),
    /// Somebody changes something else in the Lease.
    Touch,
}

impl World {
    pub(crate) fn new(scope: &Scope) -> World {
        World {
            slot: 0,
            lease: Annotations::new(),
            terms: 0,
            replicas: [Replica::new(0), Replica::new(0)],
            orphan: None,
            ledgers: scope.tasks.iter().map(|_| Ledger::new()).collect(),
            faults: scope.faults,
            broken: None,
        }
    }

    /// Some replica leads, or its bodies were asked to end and it has not released the lease.
    pub(crate) fn is_held(&self) -> bool {
        self.replicas.iter().any(Replica::holds)
    }

    /// The record of a task in these annotations.
    pub(crate) fn record(annotations: &Annotations, task: &str) -> Result<Option<TickRecord>, Broken> {
        let unreadable = |why| Broken { rule: Rule::Record, what: format!("{why}") };
        annotations.get(&format!("{RECORD}{task}")).map(|text| TickRecord::decode(text).map_err(unreadable)).transpose()
    }

    /// The events that can happen in this world. Those without an effect are sorted out later.
    pub(crate) fn happenings(&self, scope: &Scope, out: &mut Vec<Happening>) {
        if self.broken.is_some() {
            return;
        }
        if self.slot < scope.end() {
            out.push(Happening::Tick);
        }
        for index in 0..self.replicas.len() {
            self.happenings_of(index, scope, out);
        }
        if self.orphan.is_some() {
            out.extend([Happening::Land, Happening::Fade]);
        }
        if self.can(scope, Fault::Touch) {
            out.push(Happening::Touch);
        }
    }

    fn can(&self, scope: &Scope, fault: Fault) -> bool {
        self.faults > 0 && scope.has(fault)
    }

    fn happenings_of(&self, index: usize, scope: &Scope, out: &mut Vec<Happening>) {
        use Happening::*;
        let replica = &self.replicas[index];
        if !replica.holds() {
            // Two replicas that have done nothing yet differ only in their clocks.
            let same = self.terms == 0 && index > 0 && scope.skew == 0;
            if !self.is_held() && !same {
                out.push(Begin(index));
            }
            return;
        }
        match &replica.write {
            None if !replica.stale => out.push(Write(index)),
            None => {}
            Some(write) => self.answers(index, write, scope, out),
        }
        if replica.stale || !replica.fresh {
            out.push(See(index));
        }
        for (place, run) in replica.runs.iter().enumerate() {
            match run.progress {
                Progress::Waiting => {}
                Progress::Handed => out.push(Begins(index, place)),
                Progress::Begun => out.push(Returns(index, place)),
            }
            if run.asked.is_some() && run.progress != Progress::Waiting {
                out.push(Stops(index, place));
            }
            if run.progress == Progress::Begun && self.can(scope, Fault::Failure) {
                out.push(Fails(index, place));
            }
        }
        if replica.term == Standing::Draining && self.can_release(index) {
            out.push(Release(index));
        }
        if replica.term == Standing::Leading && self.can(scope, Fault::Drain) {
            out.push(Drain(index));
        }
        let ends = [(Fault::Loss, Lose(index)), (Fault::Crash, Crash(index))];
        out.extend(ends.into_iter().filter(|(fault, _)| self.can(scope, *fault)).map(|(_, end)| end));
    }

    fn answers(&self, index: usize, write: &Write, scope: &Scope, out: &mut Vec<Happening>) {
        use Happening::*;
        let applied = write.stored.is_some();
        match applied {
            true => out.push(Receive(index)),
            false => out.push(Commit(index)),
        }
        if scope.late_answers && !applied {
            out.push(Apply(index));
        }
        if self.can(scope, Fault::Unknown) {
            out.push(LoseAnswer(index));
            out.extend((!applied).then_some(LoseWrite(index)));
        }
        if self.can(scope, Fault::Late) && !applied && self.orphan.is_none() {
            out.push(GiveUp(index));
        }
    }

    pub(crate) fn can_release(&self, index: usize) -> bool {
        let replica = &self.replicas[index];
        replica.runs.is_empty() && replica.write.is_none() && replica.fresh && !replica.stale
    }
}
