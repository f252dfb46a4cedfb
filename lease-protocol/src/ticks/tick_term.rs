//! What a term remembers about the ticks that it takes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::WallTime;

/// The term that ticks are taken in.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct TickTerm {
    pub(super) transitions: i32,
    pub(super) acquired: WallTime,
    /// The bodies were asked to end: nothing is taken any more.
    pub(super) draining: bool,
    /// Tasks that run once, and have failed in this term.
    pub(super) failed: BTreeSet<Arc<str>>,
    /// Tasks whose first record this term has written.
    pub(super) armed: BTreeSet<Arc<str>>,
    /// Tasks whose ticks count from a time that this term has found out.
    pub(super) arming: BTreeMap<Arc<str>, Arming>,
    /// Tasks that the annotations had no room for when they were last written.
    pub(super) full: BTreeSet<Arc<str>>,
}

/// Since when the ticks of a task count, and what this replica's clock showed then.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Arming {
    pub(super) upto: WallTime,
    pub(super) wall: WallTime,
}
