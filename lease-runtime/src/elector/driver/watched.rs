//! Tells the election what the watchdog has done.

use super::ElectionDriver;
use lease_protocol::election::{Event, LossReason, Now, Role, StopReason};

impl ElectionDriver {
    /// Tells the election that its term is ending.
    ///
    /// The watchdog and the election compare the same deadlines with the same clock. But the election may read the clock just
    /// before a deadline, and carry out its actions just after it. Then the term continues for the election, while the watchdog has
    /// asked its bodies to end.
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
