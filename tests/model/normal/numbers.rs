//! Revisions, transitions, renew times and uids. Only their order and their small distances matter.

use lease_protocol::election::{Map, Record, RequestId, Stamp};
use lease_runtime::clock::{Moment, WallTime};

use crate::config::NAMES;

/// One second of renew time, by which a renewal advances it.
const WALL_STEP: i64 = 1_000_000;
/// A map that treats the renew times of each node apart, because only those of one holder are compared.
pub(super) trait Owned: Map + Sized {
    fn owner_mut(&mut self) -> &mut Owner;

    /// The following numbers belong to `owner`.
    fn owner(&mut self, owner: Owner) {
        *self.owner_mut() = owner;
    }

    /// The numbers in a record belong to its holder.
    fn record_of_holder(&mut self, record: &mut Record) {
        let outside = std::mem::replace(self.owner_mut(), owner_of(record));
        if let Some(transitions) = &mut record.transitions {
            self.transitions(transitions);
        }
        for wall in [&mut record.acquired, &mut record.renewed].into_iter().flatten() {
            self.wall(wall);
        }
        *self.owner_mut() = outside;
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Owner {
    Process(&'static str),
    #[default]
    Other,
}

/// Collects all numbers.
#[derive(Default)]
pub(super) struct Found {
    owner: Owner,
    revisions: Vec<u64>,
    transitions: Vec<i32>,
    /// Renew times are compared only between records of one holder.
    walls: Vec<(Owner, i64)>,
    uids: Vec<String>,
    /// The Lease can be deleted.
    deletions: bool,
}

impl Found {
    pub(super) fn new(deletions: bool) -> Found {
        Found { deletions, ..Found::default() }
    }
}

fn owner_of(record: &Record) -> Owner {
    let name = |holder| NAMES.as_flattened().iter().find(|name| **name == holder);
    record.holder().and_then(name).map_or(Owner::Other, |name| Owner::Process(name))
}

impl Owned for Found {
    fn owner_mut(&mut self) -> &mut Owner {
        &mut self.owner
    }
}

impl Map for Found {
    fn revision(&mut self, revision: &mut u64) {
        if !self.revisions.contains(revision) {
            self.revisions.push(*revision);
        }
    }

    fn transitions(&mut self, transitions: &mut i32) {
        if !self.transitions.contains(transitions) {
            self.transitions.push(*transitions);
        }
    }

    fn wall(&mut self, wall: &mut WallTime) {
        let key = (self.owner, wall.0);
        if !self.walls.contains(&key) {
            self.walls.push(key);
        }
    }

    fn uid(&mut self, uid: &mut String) {
        if !self.uids.contains(uid) {
            self.uids.push(uid.clone());
        }
    }

    fn record(&mut self, record: &mut Record) {
        self.record_of_holder(record);
    }

    fn moment(&mut self, _: Stamp, _: &mut Moment) {}
    leave!(request: RequestId);
}

/// Gives all numbers their new values.
pub(super) struct Rename {
    owner: Owner,
    revisions: Vec<u64>,
    transitions: Vec<(i32, i32)>,
    walls: Vec<((Owner, i64), i64)>,
    uids: Vec<String>,
}

impl From<Found> for Rename {
    fn from(mut found: Found) -> Rename {
        // 0 stands for "none so far" and for the first record, so it must stay 0.
        found.revisions.push(0);
        found.revisions.sort_unstable();
        found.revisions.dedup();
        if found.deletions {
            found.transitions.push(0);
        }
        found.transitions.sort_unstable();
        found.transitions.dedup();
        let mut transitions = Vec::with_capacity(found.transitions.len());
        let mut last: Option<(i32, i32)> = None;
        for value in found.transitions {
            // The next count is this one plus one. If a Lease can be deleted, counting begins again, so the next count
            // may equal a later one. Whether it does must stay the same. Without deletions, the current count is the
            // highest.
            let gap = if found.deletions { 2 } else { 1 };
            last = Some(last.map_or((value, 0), |last| (value, last.1 + (value - last.0).min(gap))));
            transitions.extend(last);
        }
        found.walls.sort_unstable();
        let mut walls = Vec::with_capacity(found.walls.len());
        let mut last = (found.walls.first().copied().unwrap_or_default(), 0);
        for (owner, value) in found.walls {
            if last.0.0 != owner {
                last = ((owner, value), 0);
            }
            // A new renew time is one step later than the latest of its term.
            last = ((owner, value), last.1 + (value - last.0.1).min(WALL_STEP));
            walls.push(last);
        }
        Rename { owner: Owner::Other, revisions: found.revisions, transitions, walls, uids: found.uids }
    }
}

impl Owned for Rename {
    fn owner_mut(&mut self) -> &mut Owner {
        &mut self.owner
    }
}

impl Map for Rename {
    fn revision(&mut self, revision: &mut u64) {
        if let Some(rank) = self.revisions.iter().position(|known| known == revision) {
            *revision = rank as u64;
        }
    }

    fn transitions(&mut self, transitions: &mut i32) {
        if let Some((_, value)) = self.transitions.iter().find(|(known, _)| known == transitions) {
            *transitions = *value;
        }
    }

    fn wall(&mut self, wall: &mut WallTime) {
        let key = (self.owner, wall.0);
        if let Some((_, value)) = self.walls.iter().find(|(known, _)| *known == key) {
            wall.0 = *value;
        }
    }

    fn uid(&mut self, uid: &mut String) {
        if let Some(name) = self.uids.iter().position(|known| known == uid) {
            *uid = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"][name].to_owned();
        }
    }

    fn record(&mut self, record: &mut Record) {
        self.record_of_holder(record);
    }

    fn moment(&mut self, _: Stamp, _: &mut Moment) {}
    leave!(request: RequestId);
}
