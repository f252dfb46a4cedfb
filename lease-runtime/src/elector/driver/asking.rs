//! Asks whether the holder is dead, and watches over the lock by which others find out whether this process is.

use super::ElectionDriver;
use crate::elector::error::ElectorError;
use crate::elector::state_dir::FoundDead;
use lease_protocol::election::{Event, Role, StopReason};

impl ElectionDriver {
    /// Asks after the holder while this process waits for the lease. A holder has nothing to ask.
    pub(super) fn ask_after_holder(&mut self) {
        let Some(inquiry) = &mut self.deaths.inquiry else { return };
        let waits = self.election.role() == Role::Standby;
        let holder = self.election.holder().filter(|holder| waits && *holder != &*self.out.identity);
        inquiry.ask_after(holder);
    }

    /// The holder is dead. It may have the lease no longer by now: the election knows.
    pub(super) fn found_dead(&mut self, found: FoundDead) {
        match found {
            FoundDead::Follow(identity) => {
                self.step(Event::Dead(identity.to_string()));
                self.log.holder_is_dead(&identity);
            }
            FoundDead::Wait { identity, in_a_row } => self.log.holder_is_dead_again(&identity, in_a_row),
        }
    }

    /// Gives the lease up if the lock of this process is not held any more. Others may have found it free, so the bodies end now and
    /// have no grace.
    pub(super) fn look_after_lock(&mut self) {
        let Some(inquiry) = &self.deaths.inquiry else { return };
        let now = self.out.clock.now();
        self.deaths.began = self.out.term_state.as_ref().map(|_| self.deaths.began.unwrap_or(now));
        if self.deaths.lock_is_lost {
            return;
        }
        if inquiry.state_dir().is_held() {
            self.deaths.began.iter().for_each(|began| inquiry.state_dir().has_led_for(now.since(*began)));
            return;
        }
        self.deaths.lock_is_lost = true;
        // The bodies first: the rest logs and tells observers, which may block.
        if let Some(term_state) = &self.out.term_state {
            term_state.cancel(StopReason::Withdrawn);
            term_state.expire();
        }
        self.step(Event::Withdraw(StopReason::Withdrawn));
        self.record_problem(ElectorError::LockLost);
        self.out.status.fatal = true;
    }
}
