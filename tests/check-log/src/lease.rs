//! The terms of one lease, of all its replicas.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};

use crate::replica::Holder;
use crate::report::{Place, Report, Rule};

/// The terms of a lease, by their tokens.
#[derive(Default)]
pub(crate) struct Terms(BTreeMap<u64, Term>);

struct Term {
    identity: Rc<str>,
    /// Who held the lease before, as this replica has seen it.
    before: Holder,
    begun: Timestamp,
    place: Place,
    /// When it is over unless it is renewed, by the last line that says so.
    until: Option<Timestamp>,
    ended: Option<(Timestamp, Place)>,
}

impl Term {
    /// When it had ended for certain. The line that says so may come late, but after `until` no body runs.
    fn end(&self) -> Timestamp {
        let ended = self.ended.as_ref().map(|(at, _)| *at);
        ended.into_iter().chain(self.until).min().unwrap_or(self.begun)
    }
}

impl Terms {
    pub(crate) fn begin(
        &mut self,
        token: u64,
        identity: &Rc<str>,
        (begun, until): (Timestamp, Option<Timestamp>),
        before: Holder,
        place: &Place,
        report: &mut Report,
    ) {
        let Terms(terms) = self;
        let term = Term { identity: Rc::clone(identity), before, begun, place: place.clone(), until, ended: None };
        if let Some(before) = terms.insert(token, term) {
            let what = format!("token {token} was used before, by {} ({})", before.identity, before.place);
            report.violates(Rule::Token, place, what);
        }
    }

    fn of(&mut self, identity: &str, token: u64) -> Option<&mut Term> {
        let Terms(terms) = self;
        terms.get_mut(&token).filter(|term| &*term.identity == identity)
    }

    pub(crate) fn renew(&mut self, token: u64, identity: &str, until: Option<Timestamp>) {
        if let Some(term) = self.of(identity, token) {
            // A term whose last renewal has no such field is compared with nothing that is too early.
            term.until = until.or(term.until);
        }
    }

    pub(crate) fn end(&mut self, token: u64, identity: &str, at: Timestamp, place: &Place) {
        if let Some(term) = self.of(identity, token) {
            term.ended = Some((at, place.clone()));
        }
    }

    /// Where this replica has said that this term has ended.
    pub(crate) fn ended(&self, identity: &str, token: u64) -> Option<&Place> {
        let Terms(terms) = self;
        let term = terms.get(&token).filter(|term| &*term.identity == identity)?;
        term.ended.as_ref().map(|(_, place)| place)
    }

    /// Compares each term with the one before it, if another replica had that one.
    pub(crate) fn handovers(&self, tolerance: SignedDuration, report: &mut Report) {
        let Terms(terms) = self;
        for ((before, old), (token, new)) in terms.iter().zip(terms.iter().skip(1)) {
            if old.identity == new.identity {
                continue;
            }
            if old.ended.is_none() && matches!(new.before, Holder::Nobody | Holder::Dead) {
                // It has released the lease, or the Lease was deleted, or its process is dead. It ended without a line, and before
                // `until`.
                report.unlogged_ends += 1;
                continue;
            }
            let pause = new.begun.duration_since(old.end());
            report.handover(pause.as_secs_f64());
            if pause.saturating_add(tolerance) < SignedDuration::ZERO {
                let (identity, early) = (&old.identity, -pause.as_secs_f64());
                let end = old.ended.as_ref().map_or(&old.place, |(_, place)| place);
                let what =
                    format!("term {token} begins {early:.3} s before the end of term {before} of {identity} ({end})");
                report.violates(Rule::Overlap, &new.place, what);
            }
        }
    }
}
