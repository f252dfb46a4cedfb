//! Makes worlds equal that differ only in how late it is and how often the Lease was written.
//!
//! The present is always the same instant: when time passes, all remembered instants move into the past. Ages stop
//! growing when they cannot matter any more. Revisions become ranks. Renew times and transitions keep their order and
//! their small distances. Uids and request ids are named in the order in which they appear. So clocks run for ever and
//! leases are renewed for ever in a finite number of worlds.

/// Implements the listed methods of `Map` so that they change nothing. It is defined before the modules that use it.
macro_rules! leave {
    ($($method:ident: $number:ty),*) => {
        $(fn $method(&mut self, _: &mut $number) {})*
    };
}

mod age;
mod numbers;

use std::time::Duration;

use lease_protocol::election::{Answer, Map, Observation, Record, Request, RequestId, Stamp};
use lease_runtime::clock::{Moment, WallTime};

use self::age::Age;
use self::numbers::{Found, Owned, Owner, Rename};
use super::config::Config;
use super::mutant::Mutant;
use super::node::{NOW, Node, record_of};
use super::world::{Broken, World};

impl World {
    /// Time passes.
    pub(crate) fn tick(&mut self, config: &Config) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let mut pass = Pass { by: config.rate[index] };
            node.core.map(&mut pass);
            if let Some(bodies) = &mut node.bodies {
                bodies.drop_at = bodies.drop_at - pass.by;
            }
            if let Some(ghost) = &mut node.ghost {
                *ghost = *ghost - pass.by;
            }
            if let Some(sent) = node.get.as_mut().and_then(|get| get.sent.as_mut()) {
                *sent = *sent - pass.by;
            }
        }
    }

    /// The representative of all worlds that are the same as this one.
    pub(crate) fn normalized(mut self, config: &Config) -> World {
        self.forget(config);
        self.age(config);
        let mut found = Found::new(config.deletions > 0);
        self.visit(&mut found, config);
        let mut rename = Rename::from(found);
        self.visit(&mut rename, config);
        self
    }

    /// Drops everything that can have no effect any more.
    fn forget(&mut self, config: &Config) {
        let lenience = config.lenience();
        let strict = !lenience.any_version && !lenience.upsert;
        let current = self.server.object.as_ref().map(|view| &view.version);
        // A version that is gone never comes back, so a write that names it cannot succeed.
        let impossible = |request: &Request| match request {
            Request::Replace { base, .. } => strict && Some(base) != current,
            _ => false,
        };
        self.orphans.retain(|request| !impossible(request));
        let shown = self.server.object.iter().map(|view| view.record.clone());
        let shown = shown.chain(self.orphans.iter().filter_map(record_of).cloned());
        let in_flight = self.nodes.iter().flat_map(|node| {
            let asked = node.write.iter().filter_map(|write| write.request.as_ref()).filter_map(record_of).cloned();
            let got = node.get.iter().filter_map(|get| get.shown.as_ref());
            let observations = got.chain(&node.watched).filter_map(|observation| match observation {
                Observation::Present(view) => Some(view.record.clone()),
                Observation::Missing { .. } => None,
            });
            asked.chain(observations)
        });
        let mut shows = Shows { records: shown.chain(in_flight).collect(), all: config.confuses_the_dead() };
        let seen = |dead: &str| self.nodes.iter().any(|node| node.core.holder() == Some(dead));
        self.dead.retain(|dead| shows.can_appear(dead) || seen(dead));
        for node in &mut self.nodes {
            node.core.map(&mut shows);
            let mut ids = Ids::default();
            node.core.map(&mut ids);
            // The core matches answers by id. Its last id is the next one, which no message carries.
            if ids.bound > self.server.revision {
                self.broken.get_or_insert(Broken::BoundTooHigh);
            }
            node.get.take_if(|get| !ids.known.contains(&get.id));
            if let Some(write) = node.write.take_if(|write| !ids.known.contains(&write.id)) {
                self.orphans.extend(write.request.filter(|request| write.answer.is_none() && !impossible(request)));
            }
            if let Some(write) = &mut node.write
                && (write.answer.is_some() || write.request.as_ref().is_some_and(impossible))
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
        // The next token will be higher than this one in any case, unless an old answer is still in flight.
        if !config.is(Mutant::TokenIsTransitions) && lowest.min().is_none_or(|lowest| self.newest < lowest) {
            self.newest = 0;
        }
    }

    /// Limits ages where they stop to matter.
    fn age(&mut self, config: &Config) {
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let mut age = Age::of(node, index, config);
            node.core.map(&mut age);
            node.ghost.take_if(|until| *until <= NOW);
            if let Some(bodies) = &mut node.bodies {
                bodies.drop_at = if bodies.over { NOW } else { bodies.drop_at.max(NOW) };
            }
            if let Some(sent) = node.get.as_mut().and_then(|get| get.sent.as_mut()) {
                *sent = (*sent).max(NOW - config.longest());
            }
        }
    }

    /// Passes every number to `map`, always in the same order.
    fn visit(&mut self, map: &mut impl Owned, config: &Config) {
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
        for node in &mut self.nodes {
            node.visit(map);
        }
        map.owner(Owner::Other);
        for orphan in &mut self.orphans {
            visit_request(orphan, map);
        }
    }
}

impl Node {
    fn visit(&mut self, map: &mut impl Owned) {
        map.owner(Owner::Process(self.name));
        self.core.map(map);
        let mut names = Names { get: None, write: None };
        if let Some(get) = &mut self.get {
            names.get = Some(get.id);
            if let Some(observation) = &mut get.shown {
                map.observation(observation);
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
        if let Some(observation) = &mut self.watched {
            map.observation(observation);
        }
        if let Some(answer) = &mut self.stray {
            visit_answer(answer, map);
        }
        self.core.map(&mut names);
        if let Some(get) = &mut self.get {
            names.request(&mut get.id);
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
        Answer::Shown(observation) => map.observation(observation),
        Answer::Conflict | Answer::Refused { .. } | Answer::Unknown => {}
    }
}

/// Moves all instants into the past.
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

/// Forgets the writes whose record cannot be observed any more, and the dead of whom no record can.
struct Shows {
    records: Vec<Record>,
    /// For mutants that confuse the dead: none is forgotten.
    all: bool,
}

impl Map for Shows {
    fn matters(&self, record: &Record) -> bool {
        self.records.contains(record)
    }
    fn can_appear(&self, identity: &str) -> bool {
        self.all || self.records.iter().any(|record| record.holder() == Some(identity))
    }
    fn moment(&mut self, _: Stamp, _: &mut Moment) {}
    leave!(wall: WallTime, revision: u64, transitions: i32, uid: String, request: RequestId);
}

/// Gives the get the id 0, the write 1, and the next request 2.
struct Names {
    get: Option<RequestId>,
    write: Option<RequestId>,
}

impl Map for Names {
    fn request(&mut self, id: &mut RequestId) {
        *id = if Some(*id) == self.get {
            RequestId(0)
        } else if Some(*id) == self.write {
            RequestId(1)
        } else {
            RequestId(2)
        };
    }
    fn given_up(&mut self, id: &mut RequestId) {
        // Its answer may still arrive if it is the write in flight. Otherwise it never arrives.
        *id = if Some(*id) == self.write { RequestId(1) } else { RequestId(u32::MAX) };
    }
    fn moment(&mut self, _: Stamp, _: &mut Moment) {}
    leave!(wall: WallTime, revision: u64, transitions: i32, uid: String);
}

#[test]
fn a_process_waits_for_the_record_of_its_predecessor() {
    use super::world::Happening::{Crash, ServeGet, ServeWrite, Tick, Wake};
    let config =
        Config { crashes: 1, orphans: 1, late_answers: false, duration: &[2, 2], ..Config::new("predecessor") };
    let events = [Wake(0), ServeGet(0), ServeWrite(0), Crash(0), Wake(0), ServeGet(0)];
    let mut world = events.into_iter().fold(World::new(&config), |world, event| world.after(event, &config, None));
    assert_eq!(world.nodes[0].core.holder(), Some("a"), "{world:?}");
    // The clock of this node advances by 0.8 s in a tick, and the record asks for 2 s.
    for tick in 0..3 {
        assert!(!world.nodes[0].is_due(), "it takes the lease after {tick} ticks");
        world = world.after(Tick, &config, None);
    }
    assert!(world.nodes[0].is_due());
}
