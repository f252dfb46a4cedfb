//! Writes that were stored differently than they were sent, because a mutating webhook or a policy of the cluster
//! changed them.

use std::fmt;

use super::record::Record;
use crate::clock::WallTime;

/// A field that was stored differently than it was sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AlteredField {
    /// The name of the field in a Lease.
    pub field: &'static str,
    /// What was sent.
    pub sent: String,
    /// What is stored.
    pub stored: String,
}

impl fmt::Display for AlteredField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} instead of {}", self.field, self.stored, self.sent)
    }
}

/// Whether the stored record is the one that was sent, or promises no less. This is never true of two writes of one
/// process, because their times differ by at least a second.
pub(super) fn promises_no_less(sent: &Record, stored: &Record) -> bool {
    sent.holder == stored.holder
        && stored.duration_seconds >= sent.duration_seconds
        && sent.transitions == stored.transitions
        && is_coarser(sent.acquired, stored.acquired)
        && is_coarser(sent.renewed, stored.renewed)
}

/// The fields in which the stored record promises less than the one that was sent.
pub(super) fn altered(sent: &Record, stored: &Record) -> Vec<AlteredField> {
    fn say(value: Option<impl fmt::Debug>) -> String {
        value.map_or_else(|| "absent".to_owned(), |value| format!("{value:?}"))
    }
    let mut all = Vec::new();
    let mut check = |field, same: bool, sent: String, stored: String| {
        if !same {
            all.push(AlteredField { field, sent, stored });
        }
    };
    check("holderIdentity", sent.holder == stored.holder, say(sent.holder.as_ref()), say(stored.holder.as_ref()));
    let (ours, theirs) = (sent.duration_seconds, stored.duration_seconds);
    check("leaseDurationSeconds", theirs >= ours, say(ours), say(theirs));
    let (ours, theirs) = (sent.transitions, stored.transitions);
    check("leaseTransitions", ours == theirs, say(ours), say(theirs));
    let times = [("acquireTime", sent.acquired, stored.acquired), ("renewTime", sent.renewed, stored.renewed)];
    for (field, ours, theirs) in times {
        let say = |time: Option<WallTime>| time.map_or_else(|| "absent".to_owned(), |time| time.to_string());
        check(field, is_coarser(ours, theirs), say(ours), say(theirs));
    }
    all
}

/// Whether the stored time is the one that was sent, or that time with all or part of its fraction of a second removed.
fn is_coarser(sent: Option<WallTime>, stored: Option<WallTime>) -> bool {
    match (sent, stored) {
        (Some(sent), Some(stored)) => stored <= sent && stored.0.div_euclid(1_000_000) == sent.0.div_euclid(1_000_000),
        (sent, stored) => sent == stored,
    }
}
