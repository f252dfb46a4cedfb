//! Replaces the numbers that an election remembers: instants, versions, ids.
//!
//! A model checker explores finitely many states only if two states that differ just in how late it is, or in how often
//! the Lease was written, count as the same state. It cannot know where these numbers are stored, so the election
//! exposes them here.

use super::outstanding::{OutstandingWrite, WritePurpose};
use super::record::{Observation, Record, Version, View};
use super::state::Election;
use super::step::RequestId;
use super::token::FencingToken;
use crate::clock::{Moment, WallTime};

/// The purpose of a remembered instant. It decides from which age on the exact instant does not matter any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stamp {
    /// When the record that was seen last was first seen. Matters until the longest wait is over.
    Since,
    /// When that record was last confirmed. Compared with `Since` plus a part of a wait, `Asked` and `Clear`. Comes
    /// after `Since`.
    Confirmed,
    /// Until when the holder of a deleted Lease may believe that it leads. Compared with now and `Confirmed`. Comes
    /// after both.
    Clear,
    /// The instant from which the term counts. Matters until the bodies are dropped.
    Believed,
    /// When the get in flight was sent. Compared with `Confirmed`.
    Asked,
    /// When an outstanding write was sent, or an instant at which it had not taken effect yet. Becomes `Believed`.
    Sent,
    /// Something is due at this instant. Once it has passed, its age does not matter.
    Due,
}

/// Gives each remembered number its new value. The order of the numbers must stay the same.
pub trait Map {
    /// Maps an instant of this process' clock.
    fn moment(&mut self, stamp: Stamp, moment: &mut Moment);
    /// Maps a calendar time.
    fn wall(&mut self, wall: &mut WallTime);
    /// Maps the latest calendar time that this process has written into a record.
    fn written(&mut self, wall: &mut WallTime) {
        self.wall(wall);
    }

    /// Maps a revision.
    fn revision(&mut self, revision: &mut u64);

    /// Maps a revision that is only a lower bound: for what the write in flight makes, or for later tokens.
    fn bound(&mut self, revision: &mut u64) {
        self.revision(revision);
    }

    /// Maps an object's uid.
    fn uid(&mut self, uid: &mut String);
    /// Maps a count of transitions.
    fn transitions(&mut self, transitions: &mut i32);
    /// Maps a request's id: that of the get in flight, of the write in flight, or the next one.
    fn request(&mut self, id: &mut RequestId);

    /// Maps the id of a write that was given up.
    fn given_up(&mut self, id: &mut RequestId) {
        self.request(id);
    }

    /// Whether it can still be observed that a write which was given up has taken effect.
    fn matters(&self, _record: &Record) -> bool {
        true
    }

    /// Whether a record of this identity, which is proven dead, can still appear.
    fn can_appear(&self, _identity: &str) -> bool {
        true
    }

    /// Maps the numbers in a record.
    fn record(&mut self, record: &mut Record) {
        if let Some(transitions) = &mut record.transitions {
            self.transitions(transitions);
        }
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

    /// Maps an observation.
    fn observation(&mut self, observation: &mut Observation) {
        match observation {
            Observation::Present(view) => self.view(view),
            Observation::Missing { revision: Some(revision) } => self.revision(revision),
            Observation::Missing { revision: None } => {}
        }
    }
}

impl Election {
    /// Applies `map` to everything that this election remembers.
    pub fn map(&mut self, map: &mut impl Map) {
        if let Some(leave_by) = &mut self.leave_by {
            map.moment(Stamp::Due, leave_by);
        }
        if let Some(seen) = &mut self.seen {
            map.observation(&mut seen.observation);
            map.moment(Stamp::Since, &mut seen.since);
            map.moment(Stamp::Confirmed, &mut seen.confirmed);
        }
        if let Some(uid) = &mut self.known {
            map.uid(uid);
        }
        map.moment(Stamp::Clear, &mut self.clear_at);
        map.moment(Stamp::Due, &mut self.blind_at);
        map.revision(&mut self.highest);
        map.bound(&mut self.floor);
        map.bound(&mut self.disqualified_by);
        if let Some(term) = &mut self.term {
            let mut token = term.token.get();
            map.bound(&mut token);
            term.token = FencingToken::new(token);
            map.uid(&mut term.uid);
            map.transitions(&mut term.transitions);
            map.moment(Stamp::Believed, &mut term.from);
            map.moment(Stamp::Due, &mut term.renew_at);
            map.wall(&mut term.acquired);
            map.wall(&mut term.renewed);
        }
        if let Some(written) = &mut self.written {
            map.written(written);
        }
        if let Some(get) = &mut self.getting {
            map.request(&mut get.id);
            map.moment(Stamp::Asked, &mut get.sent);
            // Evidence is only about outstanding writes. Without one, drop it, so that equal states compare as equal.
            get.evidence = get.evidence.filter(|_| self.writing.is_some() || !self.given_up.is_empty());
            if let Some(evidence) = &mut get.evidence {
                map.moment(Stamp::Sent, evidence);
            }
        }
        if let Some(write) = &mut self.writing {
            map.request(&mut write.id);
            write.map(map);
        }
        let shown = self.view().cloned();
        self.given_up
            .retain(|write| shown.as_ref().is_some_and(|view| write.wrote(view)) || map.matters(&write.record));
        for write in &mut self.given_up {
            map.given_up(&mut write.id);
            write.map(map);
        }
        map.request(&mut self.next_id);
        // A proof is only about the records of one identity. Its instant says only since when a lease was free.
        let holder = shown.as_ref().and_then(|view| view.record.holder());
        self.dead.retain(|dead| holder == Some(dead) || map.can_appear(dead));
        self.dead.instants().for_each(|since| map.moment(Stamp::Due, since));
        map.moment(Stamp::Due, &mut self.pace.not_before);
        map.moment(Stamp::Due, &mut self.pace.spent_until);
        map.moment(Stamp::Due, &mut self.poll_at);
    }

    /// Whether the write in flight, if there is one, releases the lease.
    pub fn is_releasing(&self) -> bool {
        self.writing.as_ref().is_some_and(|write| write.purpose == WritePurpose::Release)
    }

    /// Whether the write in flight, if there is one, acquires the lease.
    pub fn is_acquiring(&self) -> bool {
        self.writing.as_ref().is_some_and(|write| write.purpose == WritePurpose::Acquire)
    }
}

impl OutstandingWrite {
    fn map(&mut self, map: &mut impl Map) {
        if let Some(base) = &mut self.base {
            map.version(base);
        }
        map.moment(Stamp::Sent, &mut self.sent);
        map.moment(Stamp::Sent, &mut self.from);
        if let Some(get_at) = &mut self.get_at {
            map.moment(Stamp::Due, get_at);
        }
        map.record(&mut self.record);
        map.bound(&mut self.floor);
    }
}
