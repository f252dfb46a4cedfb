//! The fuse: a leader that dies again and again is not followed at once for ever.
//!
//! Each process counts how many followed each other by proof of death, up to itself.

use std::time::Duration;

/// From so many on, the next process does not follow by proof of death, but waits as all others do. If a leader dies again and again
/// right after it began, the other replicas get their turn.
const TOO_MANY_IN_A_ROW: u8 = 3;

/// After so long a term, whatever killed the predecessors did not kill this process.
const STEADY: Duration = Duration::from_secs(300);

/// Whether a process may follow a dead one that had followed so many.
pub(super) fn may_follow(in_a_row: u8) -> bool {
    in_a_row < TOO_MANY_IN_A_ROW
}

/// The count of a process which had this one, and now follows a dead process with that one.
pub(super) fn after_following(own: u8, dead: u8) -> u8 {
    own.max(dead.saturating_add(1))
}

/// Whether the count is zero again after a term has lasted for so long.
pub(super) fn is_over_after(term: Duration) -> bool {
    term >= STEADY
}
