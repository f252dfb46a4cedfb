//! Known mistakes, made around the core: in the driver, in the bodies, in the server, or by changing what the core is
//! shown.

use lease_protocol::ticks::names::RECORD;
use lease_protocol::ticks::{Annotations, Edits, TickRecord};

use super::scope::Scope;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mutant {
    /// A run starts when the write that takes it is composed (rule 1).
    StartsWhenComposed,
    /// A write whose outcome is unknown counts as successful (rule 1).
    TrustsUnknown,
    /// The answer of the server is taken for what was sent, and the server has dropped the annotations (rule 1).
    BelievesWhatItSent,
    /// Two attempts have the same id (rule 3).
    OneId,
    /// Writes name no version (rule 4).
    WritesBlind,
    /// The end of a run is reported for another run of the task (rule 5).
    EndsTheOther,
    /// A run that was stopped is reported as done (rule 5).
    ReportsDone,
    /// The core is not told that the bodies were asked to end (rule 6).
    DrainNotTold,
    /// A new leader does not see the runs that its predecessor has left open (rule 7).
    HidesOpenRuns,
    /// The end of a run is not reported (rule 7).
    ForgetsEnds,
    /// A run that is given back can still begin (rule 9).
    PermitNotRevoked,
    /// A run that has begun is given back (rule 9).
    GivesBackBegun,
    /// The record does not remember which tick was taken last.
    KeepsTheMark,
    /// A tick that replaces a run does not wait for the end of that run.
    DoesNotWait,
    /// The clock of the core stands still, so that it does not ask for a write when a tick falls due.
    ClockStands,
}

impl Mutant {
    /// No single step breaks a rule. Only what does not happen any more is wrong.
    pub(crate) fn is_found_late(self) -> bool {
        self == Mutant::ForgetsEnds
    }
}

impl Scope {
    /// The annotations of the Lease as they reach a core.
    pub(crate) fn shown(&self, annotations: &Annotations, mine: bool) -> Annotations {
        let mut annotations = annotations.clone();
        if self.is(Mutant::HidesOpenRuns) && !mine {
            self.edit(&mut annotations, |record| record.open.clear());
        }
        annotations
    }

    /// The changes of a write as they are sent.
    pub(crate) fn sent(&self, before: &Annotations, edits: Edits) -> Edits {
        if !self.is(Mutant::KeepsTheMark) {
            return edits;
        }
        let changed = edits.into_iter().map(|(name, value)| {
            let old = before.get(&name).and_then(|text| TickRecord::decode(text).ok());
            let new = value.as_ref().and_then(|text| TickRecord::decode(text).ok());
            let value = match (old, new) {
                (Some(old), Some(new)) => Some(TickRecord { accounted_until: old.accounted_until, ..new }.encode()),
                _ => value,
            };
            (name, value)
        });
        changed.collect()
    }

    fn edit(&self, annotations: &mut Annotations, change: impl Fn(&mut TickRecord)) {
        for task in &self.tasks {
            if let Some(text) = annotations.get_mut(&format!("{RECORD}{}", task.name))
                && let Ok(mut record) = TickRecord::decode(text)
            {
                change(&mut record);
                *text = record.encode();
            }
        }
    }
}
