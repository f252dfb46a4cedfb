//! One replica on one lease: what it says, in the order in which it says it.

use jiff::Timestamp;

use crate::lease::Terms;
use crate::report::{Place, Report, Rule};

/// Who holds the lease, as a replica has last seen it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) enum Holder {
    /// Nobody: the lease was released or deleted, or there was none yet, which is not logged.
    #[default]
    Nobody,
    Another,
    /// A process that is proven dead.
    Dead,
}

/// A replica that takes part in the election of a lease.
#[derive(Default)]
pub(crate) struct Replica {
    holder: Holder,
    /// The term that has begun and not ended.
    open: Option<u64>,
    /// The token of its last term.
    last: Option<u64>,
    /// It logs requests and answers.
    is_traced: bool,
    /// The revision of the last answer.
    answered: Option<u64>,
    /// Starts of runs whose term was not logged yet: the lines of the election may be written later than those of the tasks.
    ahead: Vec<Ahead>,
    /// When it last said something about the election.
    last_said: Option<Timestamp>,
}

struct Ahead {
    term: u64,
    at: Timestamp,
    place: Place,
}

impl Replica {
    pub(crate) fn said(&mut self, at: Timestamp) {
        self.last_said = Some(at);
    }

    pub(crate) fn sees(&mut self, holder: Holder) {
        self.holder = holder;
    }

    pub(crate) fn sent(&mut self) {
        self.is_traced = true;
    }

    pub(crate) fn answered(&mut self, revision: u64) {
        self.answered = Some(revision);
    }

    /// Returns who held the lease before.
    pub(crate) fn begun(&mut self, term: u64, place: &Place, report: &mut Report) -> Holder {
        report.terms += 1;
        if let Some(open) = self.open {
            let what = format!("term {term} begins, and term {open} of the same replica has not ended");
            report.violates(Rule::Begin, place, what);
        }
        if let Some(last) = self.last.filter(|last| *last >= term) {
            let what = format!("term {term} begins after term {last} of the same replica: tokens must grow");
            report.violates(Rule::Token, place, what);
        }
        report.answered += u64::from(self.is_traced);
        if self.is_traced && self.answered != Some(term) {
            let answered = self.answered.map_or("no answer".to_owned(), |revision| format!("revision {revision}"));
            let what = format!("term {term} begins, and the last answer to this replica was: {answered}");
            report.violates(Rule::Begin, place, what);
        }
        self.ahead.retain(|start| start.term != term);
        (self.open, self.last) = (Some(term), Some(term));
        self.holder
    }

    /// It says something about a term that lasts.
    pub(crate) fn within(&self, term: u64, said: &str, place: &Place, report: &mut Report) {
        if self.open != Some(term) {
            let what = format!("{said} term {term}, {}", self.open_text());
            report.violates(Rule::End, place, what);
        }
    }

    pub(crate) fn ended(&mut self, term: u64, place: &Place, report: &mut Report) {
        self.within(term, "the replica ends", place, report);
        self.open = None;
    }

    pub(crate) fn failed(&mut self) {
        self.open = None;
    }

    pub(crate) fn released(&self, place: &Place, report: &mut Report) {
        report.releases += 1;
        match (self.open, self.last) {
            (Some(open), _) => {
                report.violates(Rule::Release, place, format!("the lease is released, and term {open} has not ended"));
            }
            (None, None) => {
                report.violates(Rule::Release, place, "the lease is released by a replica without a term".to_owned());
            }
            (None, Some(_)) => {}
        }
    }

    pub(crate) fn started(
        &mut self,
        (identity, term): (&str, u64),
        at: Timestamp,
        place: &Place,
        terms: &Terms,
        report: &mut Report,
    ) {
        report.runs += 1;
        if self.open == Some(term) {
            return;
        }
        match terms.ended(identity, term) {
            Some(end) => {
                report.violates(Rule::Run, place, format!("a run starts in term {term}, which has ended ({end})"));
            }
            None => self.ahead.push(Ahead { term, at, place: place.clone() }),
        }
    }

    fn open_text(&self) -> String {
        match self.open {
            Some(open) => format!("while term {open} lasts"),
            None => "which does not last".to_owned(),
        }
    }

    /// At the end of the log: a start ahead of its term is right only if the process ended before it could log the term.
    pub(crate) fn finish(self, patience: jiff::SignedDuration, report: &mut Report) {
        for Ahead { term, at, place } in self.ahead {
            let went_on = self.last_said.is_some_and(|said| said.duration_since(at) > patience);
            if went_on {
                report.violates(
                    Rule::Run,
                    &place,
                    format!("a run starts in term {term}, which this replica never began"),
                );
            } else {
                report.cut_off += 1;
            }
        }
    }
}
