//! Renaming what an election remembers: instants, versions, ids.
//!
//! A model checker explores finitely many states only if two that differ just in "how late it is" or "how often the Lease
//! was written" are the same state. It cannot know where such numbers are kept; this is where an election says so.

use super::core::{Election, Purpose};
use super::record::{FencingToken, Record, Sight, Version, View};
use super::step::RequestId;
use crate::clock::{Moment, WallTime};

/// Gives each remembered number its new value. Must keep the order of what it maps.
pub trait Map {
    /// Maps an instant of this process' clock.
    fn moment(&mut self, moment: &mut Moment);
    /// Maps a calendar time.
    fn wall(&mut self, wall: &mut WallTime);
    /// Maps a revision.
    fn revision(&mut self, revision: &mut u64);
    /// Maps an object's uid.
    fn uid(&mut self, uid: &mut String);
    /// Maps a request's id.
    fn request(&mut self, id: &mut RequestId);

    /// Maps the times in a record.
    fn record(&mut self, record: &mut Record) {
        for wall in [&mut record.acquired, &mut record.renewed].into_iter().flatten() {
            self.wall(wall);
        }
    }

    /// Maps a version.
    fn version(&mut self, version: &mut Version) {
        self.uid(&mut version.uid);
        self.revision(&mut version.revision);
    }

    /// Maps a view.
    fn view(&mut self, view: &mut View) {
        self.version(&mut view.version);
        self.record(&mut view.record);
    }

    /// Maps a sight.
    fn sight(&mut self, sight: &mut Sight) {
        match sight {
            Sight::Present(view) => self.view(view),
            Sight::Missing { revision: Some(revision) } => self.revision(revision),
            Sight::Missing { revision: None } => {}
        }
    }
}

impl Election {
    /// Applies `map` to everything that this election remembers.
    pub fn map(&mut self, map: &mut impl Map) {
        if let Some(leave_by) = &mut self.leave_by {
            map.moment(leave_by);
        }
        if let Some(seen) = &mut self.seen {
            map.sight(&mut seen.sight);
            map.moment(&mut seen.since);
            map.moment(&mut seen.confirmed);
        }
        map.revision(&mut self.highest);
        if let Some(term) = &mut self.term {
            let FencingToken(token) = &mut term.token;
            map.revision(token);
            map.moment(&mut term.sent);
            map.wall(&mut term.acquired);
            map.wall(&mut term.renewed);
            map.wall(&mut term.attempted);
        }
        if let Some(look) = &mut self.looking {
            map.request(&mut look.id);
            map.moment(&mut look.sent);
        }
        if let Some(write) = &mut self.writing {
            map.request(&mut write.id);
            map.moment(&mut write.sent);
            map.record(&mut write.record);
            map.revision(&mut write.floor);
        }
        map.request(&mut self.next_id);
        map.moment(&mut self.pace.not_before);
        map.moment(&mut self.pace.spent_until);
        map.moment(&mut self.poll_at);
    }

    /// Whether the write in flight, if any, is an acquiring one.
    pub fn is_acquiring(&self) -> bool {
        self.writing.as_ref().is_some_and(|write| write.purpose == Purpose::Acquire)
    }
}
