//! A write that was stored otherwise than it was sent: a mutating webhook or policy of the cluster has changed it on its way.

use std::fmt;

use super::record::Record;
use crate::clock::WallTime;

/// A field that is stored otherwise than it was sent.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AlteredField {
    /// Its name in a Lease.
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

/// Whether what is stored is what was sent, or promises no less. No two writes of one process have this in common: their times
/// differ by a second at least.
pub(super) fn promises_no_less(sent: &Record, stored: &Record) -> bool {
    sent.holder == stored.holder
        && stored.duration_seconds >= sent.duration_seconds
        && sent.transitions == stored.transitions
        && is_coarser(sent.acquired, stored.acquired)
        && is_coarser(sent.renewed, stored.renewed)
}

/// The fields that are stored otherwise than they were sent, and promise less.
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

/// The same time, or one without its fraction of a second or a part of that.
fn is_coarser(sent: Option<WallTime>, stored: Option<WallTime>) -> bool {
    match (sent, stored) {
        (Some(sent), Some(stored)) => stored <= sent && stored.0.div_euclid(1_000_000) == sent.0.div_euclid(1_000_000),
        (sent, stored) => sent == stored,
    }
}
