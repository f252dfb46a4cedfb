//! One name for worlds that differ only in how late it is and how often the Lease was written.
//!
//! The present is always the same instant: when time passes, all that is remembered moves into the past. Ages that cannot
//! matter any more stop growing. Revisions become ranks; renew times and transitions keep their order and their small
//! distances; uids and request ids get names in the order of their appearance. So clocks run for ever and leases are
//! renewed for ever in a finite number of worlds.

use std::time::Duration;

use lease_protocol::election::{Answer, Map, Observation, Record, Request, RequestId, Stamp};
use lease_runtime::clock::{Moment, WallTime};

use super::config::Config;
use super::mutant::Mutant;
use super::node::{NOW, Node, record_of};
use super::world::{Broken, World};

/// One second of renew time: the step by which a renewal advances it.
const WALL_STEP: i64 = 1_000_000;
/// Just before: the smallest distance that can be told.
const INSTANT: Duration = Duration::from_nanos(1);

impl World {
    /// Time passes.
    pub(crate) fn tick(&mut self, config: &Config) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let mut pass = Pass { by: config.rate[index] };
            node.core.map(&mut pass);
            if let Some(bodies) = &mut node.bodies {
                bodies.drop_at = bodies.drop_at - pass.by;
            }
            if let Some(sent) = node.look.as_mut().and_then(|look| look.sent.as_mut()) {
                *sent = *sent - pass.by;
            }
        }
    }

    /// The representative of all worlds that are the same as this one.
    pub(crate) fn normalized(mut self, config: &Config) -> World {
        self.forget(config);
        self.age(config);
        let mut found = Found { deletions: config.deletions > 0, ..Found::default() };
        self.visit(&mut found, config);
        let mut rename = Rename::from(found);
        self.visit(&mut rename, config);
        self
    }

    /// Drops what can have no effect any more.
    fn forget(&mut self, config: &Config) {
        let lenience = config.lenience();
        let strict = !lenience.any_version && !lenience.upsert;
        let current = self.server.object.as_ref().map(|view| &view.version);
        // A version that is gone never comes back.
        let doomed = |request: &Request| match request {
            Request::Replace { base, .. } => strict && Some(base) != current,
            _ => false,
        };
        self.orphans.retain(|request| !doomed(request));
        let shown = self.server.object.iter().map(|view| view.record.clone());
        let shown = shown.chain(self.orphans.iter().filter_map(record_of).cloned());
        let under_way = self.nodes.iter().flat_map(|node| {
            let asked = node.write.iter().filter_map(|write| write.request.as_ref()).filter_map(record_of).cloned();
            let looked = node.look.iter().filter_map(|look| look.shown.as_ref());
            let sights = looked.chain(&node.watched).filter_map(|sight| match sight {
                Observation::Present(view) => Some(view.record.clone()),
                Observation::Missing { .. } => None,
            });
            asked.chain(sights)
        });
        let mut shows = Shows { records: shown.chain(under_way).collect() };
        for node in &mut self.nodes {
            node.core.map(&mut shows);
            let mut ids = Ids::default();
            node.core.map(&mut ids);
            // The core ignores answers by id; its last id is the next one, which no message carries.
            if ids.bound > self.server.revision {
                self.broken.get_or_insert(Broken::BoundTooHigh);
            }
            node.look.take_if(|look| !ids.known.contains(&look.id));
            if let Some(write) = node.write.take_if(|write| !ids.known.contains(&write.id)) {
                self.orphans.extend(write.request.filter(|request| write.answer.is_none() && !doomed(request)));
            }
            if let Some(write) = &mut node.write
                && (write.answer.is_some() || write.request.as_ref().is_some_and(doomed))
            {
                write.request = None;
            }
        }
        let answers = self.nodes.iter().flat_map(|node| {
            let strays = node.stray.iter();
            node.write.iter().filter_map(|write| write.answer.as_ref()).chain(strays)
        });
        let lowest = answers.filter_map(|answer| match answer {
            Answer::Committed(view) => Some(view.version.revision),
            _ => None,
        });
        // The next token will be higher than this one whatever it is, unless an old answer is still under way.
        if !config.is(Mutant::TokenIsTransitions) && lowest.min().is_none_or(|lowest| self.newest < lowest) {
            self.newest = 0;
        }
    }

    /// Lets ages stop where they stop to matter.
    fn age(&mut self, config: &Config) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let mut age = Age {
                identity: config.identity(index).as_bytes()[0],
                watch: config.watch[index],
                longest: config.longest(),
                held: config.timing(index).drop_after(),
                over: node.bodies.as_ref().is_some_and(|bodies| bodies.over),
                doomed: !node
                    .write
                    .as_ref()
                    .is_some_and(|write| write.request.is_some() || matches!(write.answer, Some(Answer::Committed(_)))),
                bounded: !config.is(Mutant::StaleAnswer),
                sight: Seen::Nothing,
                since: NOW,
                confirmed: (NOW, NOW),
            };
            node.core.map(&mut age);
            if let Some(bodies) = &mut node.bodies {
                bodies.drop_at = if bodies.over { NOW } else { bodies.drop_at.max(NOW) };
            }
            if let Some(sent) = node.look.as_mut().and_then(|look| look.sent.as_mut()) {
                *sent = (*sent).max(NOW - config.longest());
            }
        }
    }

    /// Shows `map` every number, always in the same order.
    fn visit(&mut self, map: &mut (impl Map + Owned), config: &Config) {
        map.owner(Owner::Other);
        if let Some(object) = &mut self.server.object {
            map.view(object);
        }
        map.revision(&mut self.server.revision);
        if config.is(Mutant::TokenIsTransitions) && self.newest > 0 {
            let mut transitions = self.newest as i32 - 1;
            map.transitions(&mut transitions);
            self.newest = transitions as u64 + 1;
        } else {
            map.revision(&mut self.newest);
        }
        for (index, node) in self.nodes.iter_mut().enumerate() {
            node.visit(index, map);
        }
        map.owner(Owner::Other);
        for orphan in &mut self.orphans {
            visit_request(orphan, map);
        }
    }
}

impl Node {
    fn visit(&mut self, index: usize, map: &mut (impl Map + Owned)) {
        map.owner(Owner::Node(index));
        self.core.map(map);
        let mut names = Names { look: None, write: None };
        if let Some(look) = &mut self.look {
            names.look = Some(look.id);
            if let Some(sight) = &mut look.shown {
                map.sight(sight);
            }
        }
        if let Some(write) = &mut self.write {
            names.write = Some(write.id);
            if let Some(request) = &mut write.request {
                visit_request(request, map);
            }
            if let Some(answer) = &mut write.answer {
                visit_answer(answer, map);
            }
        }
        if let Some(sight) = &mut self.watched {
            map.sight(sight);
        }
        if let Some(answer) = &mut self.stray {
            visit_answer(answer, map);
        }
        self.core.map(&mut names);
        if let Some(look) = &mut self.look {
            names.request(&mut look.id);
        }
        if let Some(write) = &mut self.write {
            names.request(&mut write.id);
        }
    }
}

fn visit_request(request: &mut Request, map: &mut impl Map) {
    match request {
        Request::Get => {}
        Request::Create(record) => map.record(record),
        Request::Replace { base, record } => {
            map.version(base);
            map.record(record);
        }
    }
}

fn visit_answer(answer: &mut Answer, map: &mut impl Map) {
    match answer {
        Answer::Committed(view) => map.view(view),
        Answer::Shown(sight) => map.sight(sight),
        Answer::Conflict | Answer::Refused { .. } | Answer::Unknown => {}
    }
}

/// Whose numbers come next.
trait Owned {
    fn owner(&mut self, _owner: Owner) {}
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
enum Owner {
    Node(usize),
    #[default]
    Other,
}

/// A map that leaves alone what it does not name.
macro_rules! leave {
    ($($method:ident: $number:ty),*) => {
        $(fn $method(&mut self, _: &mut $number) {})*
    };
}

/// Moves everything into the past.
struct Pass {
    by: Duration,
}

impl Map for Pass {
    fn moment(&mut self, _: Stamp, moment: &mut Moment) {
        *moment = *moment - self.by;
    }
    leave!(wall: WallTime, revision: u64, transitions: i32, uid: String, request: RequestId);
}

/// Collects the ids that the core knows, and the highest of its bounds.
#[derive(Default)]
struct Ids {
    known: Vec<RequestId>,
    bound: u64,
}

impl Map for Ids {
    fn request(&mut self, id: &mut RequestId) {
        self.known.push(*id);
    }
    fn bound(&mut self, revision: &mut u64) {
        self.bound = self.bound.max(*revision);
    }
    fn moment(&mut self, _: Stamp, _: &mut Moment) {}
    leave!(wall: WallTime, revision: u64, transitions: i32, uid: String);
}

/// Forgets the writes whose record nobody can see any more.
struct Shows {
    records: Vec<Record>,
}

impl Map for Shows {
    fn matters(&self, record: &Record) -> bool {
        self.records.contains(record)
    }
    fn moment(&mut self, _: Stamp, _: &mut Moment) {}
    leave!(wall: WallTime, revision: u64, transitions: i32, uid: String, request: RequestId);
}

/// Names the look 0, the write 1, and the next request 2.
struct Names {
    look: Option<RequestId>,
    write: Option<RequestId>,
}

impl Map for Names {
    fn request(&mut self, id: &mut RequestId) {
        *id = if Some(*id) == self.look {
            RequestId(0)
        } else if Some(*id) == self.write {
            RequestId(1)
        } else {
            RequestId(2)
        };
    }
    fn given_up(&mut self, id: &mut RequestId) {
        // Its answer is still to come, or never comes.
        *id = if Some(*id) == self.write { RequestId(1) } else { RequestId(u32::MAX) };
    }
    fn moment(&mut self, _: Stamp, _: &mut Moment) {}
    leave!(wall: WallTime, revision: u64, transitions: i32, uid: String);
}

/// Stops ages, and blanks what is never read again. Each case must leave every comparison that the core can make as it is.
struct Age {
    /// The first letter of the node's name.
    identity: u8,
    watch: bool,
    /// No wait is longer.
    longest: Duration,
    /// No belief lasts longer.
    held: Duration,
    /// The term is over: what it wrote, and when, decides nothing any more.
    over: bool,
    /// What is written gets a higher revision than all that was seen. Not so when answers are mixed up.
    bounded: bool,
    /// The write in flight will not take effect: what it says does not matter.
    doomed: bool,
    sight: Seen,
    since: Moment,
    /// Before and after.
    confirmed: (Moment, Moment),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Nothing,
    /// Held by somebody else.
    Held,
    /// Free, or our own: there is nothing to wait for.
    Free,
    Missing,
}

impl Map for Age {
    fn moment(&mut self, stamp: Stamp, moment: &mut Moment) {
        match stamp {
            Stamp::Since => {
                // Of what is free nobody waits for the end of a wait. Of what is missing the end is `Clear`, and only a probe
                // of the watch counts from here.
                if self.sight == Seen::Free || self.sight == Seen::Missing && !self.watch {
                    *moment = NOW - self.longest;
                }
                self.since = *moment;
                *moment = (*moment).max(NOW - self.longest);
            }
            Stamp::Confirmed => {
                let since = self.since.max(NOW - self.longest);
                // With a watch, how long after `since` it was decides on a probe.
                let counts = self.watch && self.sight != Seen::Free;
                let after = if counts { (*moment).since(self.since).min(self.longest) } else { Duration::ZERO };
                self.confirmed = (*moment, since + after);
                *moment = self.confirmed.1;
            }
            Stamp::Clear if *moment <= NOW => {
                // Past for good once the Lease was seen to be missing after it; until then, still to be looked after.
                let settled = self.sight != Seen::Missing || self.confirmed.0 >= *moment;
                *moment = if settled { NOW - self.longest } else { NOW };
            }
            Stamp::Clear => {}
            Stamp::Asked => {
                let (before, after) = self.confirmed;
                *moment = if before <= *moment { after } else { after - INSTANT };
            }
            Stamp::Believed if self.over => *moment = NOW,
            Stamp::Sent if self.doomed => *moment = NOW,
            Stamp::Believed | Stamp::Sent => *moment = (*moment).max(NOW - self.held),
            Stamp::Due => *moment = (*moment).max(NOW),
        }
    }

    fn sight(&mut self, sight: &mut Observation) {
        self.sight = match sight {
            Observation::Missing { .. } => Seen::Missing,
            Observation::Present(view) => match view.record.holder() {
                Some(holder) if holder.as_bytes()[0] != self.identity => Seen::Held,
                _ => Seen::Free,
            },
        };
    }

    fn bound(&mut self, revision: &mut u64) {
        // The server's revision is never lower, which `forget` has checked, so what it makes next is higher.
        if self.bounded {
            *revision = 0;
        }
    }

    fn wall(&mut self, wall: &mut WallTime) {
        if self.over {
            wall.0 = 0;
        }
    }

    fn written(&mut self, _: &mut WallTime) {}

    fn transitions(&mut self, transitions: &mut i32) {
        if self.over {
            *transitions = 0;
        }
    }

    fn record(&mut self, record: &mut Record) {
        if self.doomed {
            record.transitions = None;
            record.renewed = None;
        }
    }
    leave!(revision: u64, uid: String, request: RequestId);
}

/// Collects all numbers.
#[derive(Default)]
struct Found {
    owner: Owner,
    revisions: Vec<u64>,
    transitions: Vec<i32>,
    /// Renew times are compared only between records of one holder.
    walls: Vec<(Owner, i64)>,
    uids: Vec<String>,
    /// The Lease can be deleted.
    deletions: bool,
}

fn owner_of(record: &Record) -> Owner {
    match record.holder().map(|holder| holder.as_bytes()[0]) {
        Some(b'a') => Owner::Node(0),
        Some(b'b') => Owner::Node(1),
        _ => Owner::Other,
    }
}

impl Owned for Found {
    fn owner(&mut self, owner: Owner) {
        self.owner = owner;
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
        let outside = std::mem::replace(&mut self.owner, owner_of(record));
        if let Some(transitions) = &mut record.transitions {
            self.transitions(transitions);
        }
        for wall in [&mut record.acquired, &mut record.renewed].into_iter().flatten() {
            self.wall(wall);
        }
        self.owner = outside;
    }

    fn moment(&mut self, _: Stamp, _: &mut Moment) {}
    leave!(request: RequestId);
}

/// Gives all numbers their new values.
struct Rename {
    owner: Owner,
    revisions: Vec<u64>,
    transitions: Vec<(i32, i32)>,
    walls: Vec<((Owner, i64), i64)>,
    uids: Vec<String>,
}

impl From<Found> for Rename {
    fn from(mut found: Found) -> Rename {
        // 0 stands for "none so far", and for a first record, and must stay itself.
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
            // The next one is this plus one. Where a Lease can be deleted, and counting begins anew, that must be the same as
            // a later one if and only if it was. Otherwise the current one is the highest.
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
            // A new one is one step more than the highest of its term.
            last = ((owner, value), last.1 + (value - last.0.1).min(WALL_STEP));
            walls.push(last);
        }
        Rename { owner: Owner::Other, revisions: found.revisions, transitions, walls, uids: found.uids }
    }
}

impl Owned for Rename {
    fn owner(&mut self, owner: Owner) {
        self.owner = owner;
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
        let outside = std::mem::replace(&mut self.owner, owner_of(record));
        if let Some(transitions) = &mut record.transitions {
            self.transitions(transitions);
        }
        for wall in [&mut record.acquired, &mut record.renewed].into_iter().flatten() {
            self.wall(wall);
        }
        self.owner = outside;
    }

    fn moment(&mut self, _: Stamp, _: &mut Moment) {}
    leave!(request: RequestId);
}
