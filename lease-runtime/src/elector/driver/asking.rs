//! Asks whether the holder is dead, and watches over the lock by which others find out whether this process is.

use super::ElectionDriver;
use super::deaths::Death;
use crate::elector::error::ElectorError;
use crate::elector::state_dir::FoundDead;
use lease_protocol::election::{Event, Role, StopReason};

impl ElectionDriver {
    /// Asks after the holder while this process waits for the lease. A holder has nothing to ask.
    pub(super) fn ask_after_holder(&mut self) {
        let waits = self.election.role() == Role::Standby;
        let holder = self.election.holder().filter(|holder| waits && *holder != &*self.out.identity);
        self.deaths.inquiry.iter_mut().for_each(|inquiry| inquiry.ask_after(holder));
        if let Some(pods) = &mut self.deaths.pods {
            // A holder that renews lives. To be late by a fifth is more than the jitter of a healthy one.
            let late = self.out.timing.renew_period() * 6 / 5;
            let is_late = self.election.seen_since().is_some_and(|since| self.out.clock.now() >= since + late);
            pods.ask_after(holder.filter(|_| is_late));
        }
    }

    /// The holder is dead. It may have the lease no longer by now: the election knows.
    pub(super) fn found_dead(&mut self, found: Death) {
        match found {
            Death::Report(identity) => {
                self.step(Event::Dead(identity.to_string()));
                self.log.holder_is_reported_dead(&identity);
            }
            Death::Lock(FoundDead::Follow(identity)) => {
                self.step(Event::Dead(identity.to_string()));
                self.log.holder_is_dead(&identity);
            }
            Death::Lock(FoundDead::Wait { identity, in_a_row }) => self.log.holder_is_dead_again(&identity, in_a_row),
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
