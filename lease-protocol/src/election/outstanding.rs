//! Requests whose answer is outstanding.

use super::altered::promises_no_less;
use super::record::{Record, Version, View};
use super::step::RequestId;
use crate::clock::Moment;

/// The look in flight.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct OutstandingGet {
    pub(super) id: RequestId,
    pub(super) sent: Moment,
    /// Sent because a watch had been quiet for suspiciously long.
    pub(super) probe: bool,
    /// When it was sent, if a write was outstanding then (rule R2).
    pub(super) evidence: Option<Moment>,
}

/// A write whose answer is outstanding: it is in flight, or was given up.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct OutstandingWrite {
    pub(super) id: RequestId,
    pub(super) purpose: WritePurpose,
    /// The state that it replaces. `None`: it creates the Lease.
    pub(super) base: Option<Version>,
    /// Read before the request was handed out (rule H1).
    pub(super) sent: Moment,
    /// It had not taken effect before this: `sent`, or when a later look was sent that still showed `base` (rule R2).
    pub(super) from: Moment,
    /// When to look whether it has taken effect, if it is not answered before.
    pub(super) get_at: Option<Moment>,
    pub(super) record: Record,
    /// The highest revision seen when it was sent: what it makes must be higher (rule W3).
    pub(super) floor: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum WritePurpose {
    Acquire,
    Renew,
    Release,
}

impl OutstandingWrite {
    /// R1: only this write can have written what `view` shows. No two records of ours are the same, so the whole record is
    /// compared, as that of an answer is; and a replacement stays in its object.
    pub(super) fn wrote(&self, view: &View) -> bool {
        let same_object = self.base.as_ref().is_none_or(|base| base.uid == view.version.uid);
        same_object && promises_no_less(&self.record, &view.record) && view.version.revision > self.floor
    }
}
