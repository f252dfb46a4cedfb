//! The election's view of what the watchdog has done.

use super::ElectionDriver;
use lease_protocol::election::{Event, LossReason, Now, Role, StopReason};

impl ElectionDriver {
    /// Tells the election that its term is ending.
    ///
    /// The watchdog and the election compare the same deadlines with the same clock, and mostly come to the same. But the
    /// election may have read the clock just before a deadline, and have carried out what it then said just after: for it
    /// the term goes on, while its bodies have been asked to end.
    pub(super) fn agree_with_watchdog(&mut self, now: Now) {
        let timed_out = self
            .out
            .term_state
            .as_ref()
            .is_some_and(|term_state| term_state.stop_reason() == Some(StopReason::Lost(LossReason::NotRenewed)));
        if timed_out && self.election.role() == Role::Leading {
            for event in [Event::Withdraw(StopReason::Lost(LossReason::NotRenewed)), Event::Contend] {
                for action in self.election.step(event, now) {
                    self.perform(action);
                }
            }
        }
    }
}
