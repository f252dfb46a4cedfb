//! What a term remembers about the ticks that it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::WallTime;

/// The term in which ticks are taken.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct TickTerm {
    pub(super) transitions: i32,
    pub(super) acquired: WallTime,
    /// The bodies were asked to end, so no more runs are taken.
    pub(super) draining: bool,
    /// Tasks with `once` that have failed in this term.
    pub(super) failed: BTreeSet<Arc<str>>,
    /// Tasks whose first record this term has written.
    pub(super) armed: BTreeSet<Arc<str>>,
    /// Tasks whose ticks count from a time that this term has determined.
    pub(super) arming: BTreeMap<Arc<str>, Arming>,
    /// Tasks whose annotations had no room in the last write.
    pub(super) full: BTreeSet<Arc<str>>,
}

/// From when the ticks of a task count, and what this replica's clock showed when that was determined.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Arming {
    pub(super) upto: WallTime,
    pub(super) wall: WallTime,
}
