//! C6: a process that takes a lease without a wait takes that of a dead holder on its own machine, and is not the fourth in a row.

use std::collections::BTreeMap;

use super::{Broken, must};
use crate::engine::{Nanos, SECOND, Who};
use crate::journal::{Event, LeaseName};
use crate::tally::Tally;

/// How many processes may follow each other by proof of death.
const MOST_IN_A_ROW: u32 = 3;

/// A process that lived for less than this has had no term of five minutes, however fast its clock runs.
const STEADY: Nanos = 260 * SECOND;

/// The processes that are dead, and who has followed them.
pub(super) struct Deaths {
    machines: Vec<Option<u8>>,
    started: BTreeMap<Who, Nanos>,
    gone: BTreeMap<Who, Nanos>,
    /// How many followed each other, up to this one.
    in_a_row: BTreeMap<Who, u32>,
}

impl Deaths {
    pub(super) fn new(machines: Vec<Option<u8>>) -> Deaths {
        Deaths { machines, started: BTreeMap::new(), gone: BTreeMap::new(), in_a_row: BTreeMap::new() }
    }

    pub(super) fn see(&mut self, at: Nanos, event: &Event, tally: &mut Tally) {
        match event {
            Event::Process { who } => drop(self.started.insert(*who, at)),
            Event::Gone { who } => drop(self.gone.insert(*who, at)),
            Event::Stored(stored) if stored.by.is_some_and(|(by, _)| self.gone.contains_key(&by)) => {
                tally.add("writes of a dead process");
            }
            _ => {}
        }
    }

    /// `by` has sent a write that takes the lease of `holder` over, and has not waited.
    pub(super) fn takes_at_once(&mut self, lease: LeaseName, by: Who, holder: Who, sent: Nanos) -> Result<(), Broken> {
        let is_dead = self.gone.get(&holder).is_some_and(|gone| *gone <= sent);
        must!(is_dead, "C6: {by} takes {lease} over without a wait, and {holder} lives");
        must!(
            self.share_a_machine(by, holder),
            "C6: {by} takes {lease} over without a wait, and cannot know that {holder} is dead"
        );
        let before = self.in_a_row(holder);
        must!(before < MOST_IN_A_ROW, "C6: {by} takes {lease} over without a wait, after {before} that did the same");
        let own = self.in_a_row.entry(by).or_default();
        *own = (*own).max(before + 1);
        Ok(())
    }

    /// `by` has waited for the lease of `holder`. Returns whether it had to although it knew that `holder` is dead.
    pub(super) fn waits_although_dead(&self, by: Who, holder: Who) -> bool {
        self.gone.contains_key(&holder) && self.share_a_machine(by, holder) && self.in_a_row(holder) >= MOST_IN_A_ROW
    }

    fn in_a_row(&self, who: Who) -> u32 {
        let born = self.started.get(&who).copied().unwrap_or_default();
        let lived = self.gone.get(&who).copied().unwrap_or_default().saturating_sub(born);
        self.in_a_row.get(&who).copied().filter(|_| lived < STEADY).unwrap_or_default()
    }

    fn share_a_machine(&self, one: Who, other: Who) -> bool {
        let [one, other] = [one, other].map(|who| self.machines.get(usize::from(who.node)).copied().flatten());
        one.is_some() && one == other
    }
}
