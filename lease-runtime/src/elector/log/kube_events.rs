//! The log lines about Events of Kubernetes.

use std::sync::Arc;

use super::{ElectionLog, OwnedValue, log_thread};
use crate::elector::rbac::EventDenial;
use crate::elector::text::shown;

impl ElectionLog {
    /// Nobody has to do anything about it: the election goes on without Events.
    pub(in crate::elector) fn events_denied(&self, denial: &EventDenial) {
        say!(info, self, denial = %denial, "no Kubernetes Events are written, and the election goes on without them");
    }

    pub(in crate::elector) fn events_refused(&self, why: &str) {
        say!(info, self, why = %why, "the API server refuses a Kubernetes Event, and the election goes on without it");
    }

    pub(in crate::elector) fn events_failed(&self, why: &str) {
        say!(debug, self, why = %why, "a Kubernetes Event could not be written");
    }

    pub(in crate::elector) fn events_dropped(&self, count: u64) {
        say!(debug, self, count, "Kubernetes Events were dropped: there were too many at once");
    }
}
