//! Requests that have not been answered.

use super::altered::promises_no_less;
use super::record::{Record, Version, View};
use super::step::RequestId;
use crate::clock::Moment;

/// The get in flight.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct OutstandingGet {
    pub(super) id: RequestId,
    pub(super) sent: Moment,
    /// Sent because the watch has been silent for a suspiciously long time.
    pub(super) probe: bool,
    /// When it was sent, if a write was outstanding then (rule R2).
    pub(super) evidence: Option<Moment>,
}

/// A write that has not been answered. It is in flight, or was given up.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct OutstandingWrite {
    pub(super) id: RequestId,
    pub(super) purpose: WritePurpose,
    /// The state that it replaces. `None` if it creates the Lease.
    pub(super) base: Option<Version>,
    /// When it was sent. The clock is read before the request is handed out (rule H1).
    pub(super) sent: Moment,
    /// The write had not taken effect before this instant: `sent`, or when a later get was sent that still showed
    /// `base` (rule R2).
    pub(super) from: Moment,
    /// When to get the Lease to see whether the write has taken effect, if no answer comes before.
    pub(super) get_at: Option<Moment>,
    pub(super) record: Record,
    /// The highest revision seen when it was sent. The revision that it makes must be higher (rule W3).
    pub(super) floor: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum WritePurpose {
    Acquire,
    Renew,
    Release,
}

impl OutstandingWrite {
    /// R1: only this write can have written what `view` shows. No two of our records are the same, so the whole record
    /// is compared, as in an answer. A replacement stays in the same object.
    pub(super) fn wrote(&self, view: &View) -> bool {
        let same_object = self.base.as_ref().is_none_or(|base| base.uid == view.version.uid);
        same_object && promises_no_less(&self.record, &view.record) && view.version.revision > self.floor
    }
}
