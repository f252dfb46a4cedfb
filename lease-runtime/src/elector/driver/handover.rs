//! Gives the lease up when an operator asks for it, and writes which candidate is to follow.

use super::ElectionDriver;
use lease_protocol::election::StopReason;
use lease_protocol::handover::{Asked, HolderWrite, OwnTerm, STEP_DOWN, asked, edit};
use lease_protocol::ticks::names::shown;
use lease_protocol::ticks::{Annotations, Edits};

impl ElectionDriver {
    /// What the write in flight says about requests and successors. Returns whether it says something.
    pub(super) fn edit_handover(&self, annotations: &Annotations, edits: &mut Edits) -> bool {
        let write = match () {
            () if self.election.is_acquiring() => HolderWrite::Acquire,
            () if self.election.is_releasing() => HolderWrite::Release,
            () => HolderWrite::Renew,
        };
        edit(write, annotations, self.own_term(), edits)
    }

    /// Looks whether the Lease asks this process to give it up. The candidate then does the same as for
    /// [`Candidate::step_down`](crate::Candidate::step_down): the first reason for the end of a term counts, and only the candidate
    /// knows whether it has to take part again.
    pub(super) fn hear_request(&mut self) {
        let Some(term_state) = self.out.term_state.as_ref().filter(|_| self.election.may_take()) else { return };
        let version = self.election.rests_on();
        let annotations = version.and_then(|version| self.requests.annotations(version));
        let Some(annotations) = annotations.filter(|annotations| annotations.contains_key(STEP_DOWN)) else {
            self.unreadable_request = None;
            return;
        };
        match asked(annotations, self.own_term()) {
            Asked::StepDown { to } if !term_state.is_cancelled() => {
                term_state.cancel(StopReason::StepDownRequested);
                self.log.asked_to_step_down(self.token, to.as_deref());
            }
            Asked::Unreadable(rule) if self.unreadable_request.is_none() => {
                self.unreadable_request = Some(rule);
                let text = annotations.get(STEP_DOWN).map_or_else(String::new, |text| shown(text));
                self.log.unreadable_request(&format!("{STEP_DOWN}={text}"), rule);
            }
            _ => {}
        }
    }

    fn own_term(&self) -> OwnTerm<'_> {
        OwnTerm { identity: &self.out.identity, transitions: self.transitions }
    }
}
