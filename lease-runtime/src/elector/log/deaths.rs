//! The log lines about holders that are dead.

use std::sync::Arc;

use super::{ElectionLog, OwnedValue, log_thread};
use crate::elector::text::shown;

impl ElectionLog {
    pub(in crate::elector) fn holder_is_dead(&self, holder: &str) {
        let holder = shown(holder).to_string();
        say!(info, self, "{holder} is proven dead: its lock is free");
    }

    pub(in crate::elector) fn holder_is_reported_dead(&self, holder: &str) {
        let holder = shown(holder).to_string();
        say!(info, self, "{holder} is proven dead: the kubelet reports that its container has terminated");
    }

    pub(in crate::elector) fn no_death_report(&self, problem: String) {
        say!(warn, self, "the pod of a silent holder cannot be read, so its lease is waited for: {problem}");
    }

    pub(in crate::elector) fn holder_is_dead_again(&self, holder: &str, in_a_row: u8) {
        let holder = shown(holder).to_string();
        say!(
            warn,
            self,
            in_a_row = u32::from(in_a_row),
            "{holder} is proven dead, and so are those before it, which led no longer than some minutes: this replica waits until the \
             lease has run out, as the others do"
        );
    }
}
