//! S1 and S3: polls of different terms of one Lease do not overlap, and follow the order of the tokens.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Broken, Known, must};
use crate::engine::{Nanos, Who};
use crate::journal::{Event, Holder, Stored};
use crate::tally::Tally;
use lease_protocol::election::Timing;
use lease_protocol::handover::TRANSFER_TO;

/// The lease duration that a stranger writes when it overwrites the holder.
const OF_STRANGERS: Duration = Duration::from_secs(15);

/// The terms of one Lease.
pub(super) struct Exclusion {
    timing: Timing,
    /// The newest term that was polled.
    newest: Option<TermPolls>,
    /// Terms of this process below this token may overlap with a later one: somebody else has freed its Lease.
    excused: BTreeMap<Who, u64>,
    /// The process whose holding a stranger has overwritten. Nobody has taken the Lease since.
    displaced: Option<Who>,
    /// The holder of the Lease when it was deleted, and the revision of the deletion.
    deleted: Option<(Who, u64)>,
}

struct TermPolls {
    who: Who,
    token: u64,
    /// The end of its latest poll, and how long that lasted.
    until: Nanos,
    lasted: Nanos,
}

impl Exclusion {
    pub(super) fn new(timing: Timing) -> Exclusion {
        Exclusion { timing, newest: None, excused: BTreeMap::new(), displaced: None, deleted: None }
    }

    pub(super) fn see(&mut self, at: Nanos, event: &Event, known: &Known, tally: &mut Tally) -> Result<(), Broken> {
        match event {
            Event::Polled { who, token, until, .. } => self.polled(at, *who, *token, *until, tally),
            Event::Stored(stored) => {
                self.stored(stored, known, tally);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The process was killed, perhaps inside a poll.
    pub(super) fn gone(&mut self, at: Nanos, who: Who) {
        if let Some(newest) = self.newest.as_mut().filter(|newest| newest.who == who) {
            newest.until = newest.until.min(at);
        }
    }

    fn polled(&mut self, at: Nanos, who: Who, token: u64, until: Nanos, tally: &mut Tally) -> Result<(), Broken> {
        let polls = TermPolls { who, token, until, lasted: until - at };
        let Some(newest) = &self.newest else {
            self.newest = Some(polls);
            return Ok(());
        };
        if token < newest.token {
            let excused = self.excused.get(&who).is_some_and(|below| token < *below);
            must!(
                excused,
                "S1: term {token} of {who} is polled after term {} of {} has begun",
                newest.token,
                newest.who
            );
            tally.add("overlap after somebody freed a held Lease");
            return Ok(());
        }
        must!(token > newest.token || who == newest.who, "S3: {who} and {} have the same token, {token}", newest.who);
        if token > newest.token {
            tally.add("terms");
            if newest.who != who {
                tally.add("terms of another process");
            }
            self.follows(at, &polls, tally)?;
        }
        self.newest = Some(polls);
        Ok(())
    }

    /// A poll that lasts longer than the margin is the only one that may still be going on. The real process is ended then.
    fn follows(&self, at: Nanos, next: &TermPolls, tally: &mut Tally) -> Result<(), Broken> {
        let Some(last) = self.newest.as_ref().filter(|last| last.until > at) else { return Ok(()) };
        let excused = self.excused.get(&last.who).is_some_and(|below| last.token < *below);
        let blocked = Duration::from_nanos(last.lasted) >= self.timing.poll_margin();
        must!(
            blocked || excused,
            "S1: term {} of {} begins inside a poll of term {} of {}",
            next.token,
            next.who,
            last.token,
            last.who
        );
        tally.add("term begun beside a body that blocks");
        Ok(())
    }

    fn stored(&mut self, stored: &Stored, known: &Known, tally: &mut Tally) {
        let held_by = |holder: Holder| if let Holder::Process(who) = holder { Some(who) } else { None };
        let before = stored.before.as_ref().and_then(|before| held_by(before.holder));
        match (&stored.after, stored.by) {
            (None, _) => self.deleted = before.map(|who| (who, stored.revision)),
            (Some(after), None) if after.holder == Holder::Nobody => {
                // One stranger may have overwritten the holder, and the next one cleared it.
                self.excused.extend(before.or(self.displaced).map(|who| (who, stored.revision)));
            }
            (Some(_), None) => self.displaced = before.or(self.displaced),
            // A process that has never seen the Lease creates a missing one at once.
            (Some(_), Some((by, _))) if stored.before.is_none() => {
                let has_seen = known.reached(by, stored.lease).is_some();
                if let Some((holder, revision)) = self.deleted.filter(|_| !has_seen) {
                    self.excused.insert(holder, revision);
                }
            }
            (Some(after), Some((by, _))) => {
                let displaced = self.displaced.take().filter(|_| self.timing.lease_duration > OF_STRANGERS);
                // The candidate waits for as long as the stranger says, and the displaced holder may not have seen it yet.
                self.excused.extend(displaced.map(|who| (who, stored.revision)));
                let follower = held_by(after.holder).filter(|holder| *holder == by && before != Some(by));
                if follower.is_some() && before.is_some() {
                    tally.add("takeovers of an expired lease");
                }
                let named = stored.before.as_ref().filter(|before| before.holder == Holder::Nobody);
                let named = named.and_then(|before| before.annotations.get(TRANSFER_TO));
                match named.filter(|_| after.holder == Holder::Process(by)) {
                    Some(named) if *named == by.to_string() => tally.add("lease taken by the named candidate"),
                    Some(_) => tally.add("lease taken by another than the named candidate"),
                    None => {}
                }
                if super::released(stored).is_some() {
                    tally.add("releases");
                }
            }
        }
    }
}
