//! The whole: two nodes, a server, what is on its way between them, and what can happen next.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use lease_protocol::election::{Answer, Event, Now, Observation, Request, Role, StopReason};

use super::config::{Config, EVER};
use super::mutant::Mutant;
use super::node::{NOW, Node, STEP, Write, record_of};
use super::server::Server;

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct World {
    pub(crate) nodes: [Node; 2],
    pub(crate) server: Server,
    /// Writes that their senders have given up, and that may yet take effect.
    pub(crate) orphans: Vec<Request>,
    pub(crate) left: Left,
    /// The highest token of a term so far; 0 once nothing lower can appear any more.
    pub(crate) newest: u64,
    /// A rule was broken by the last action. Nothing happens after that.
    pub(crate) broken: Option<Broken>,
}

/// What can still happen, of the things that are counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Left {
    pub(crate) deletions: u8,
    pub(crate) withdrawals: u8,
    pub(crate) returns: u8,
    pub(crate) labels: u8,
    pub(crate) crashes: u8,
    pub(crate) unknowns: u8,
}

/// A rule that one action alone can break.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Broken {
    TokenDidNotGrow,
    ReleasedWithBodies,
    CompetedWithBodies,
    TwoTermsInOneProcess,
    /// A write that was to replace a Lease brought a deleted one back.
    Resurrected,
    /// A lower bound above all revisions there are.
    BoundTooHigh,
    /// Revisions seemed to go backwards, which they never do here.
    Barred,
}

/// Something that happens. A node is named by its index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Happening {
    /// Time passes on both clocks, for each at its own speed.
    Tick,
    /// The node's timer fires. As late as it likes: a process can be stopped, or starved, at any time.
    Wake(usize),
    /// The server serves the node's look. Unless looks can be late, the answer arrives at once.
    ServeLook(usize),
    /// The answer to the look arrives.
    HearLook(usize),
    /// The node gives its look up.
    LoseLook(usize),
    /// The server serves the node's write. Unless answers can be late, this one arrives at once.
    ServeWrite(usize),
    /// The answer to the write arrives.
    HearWrite(usize),
    /// The answer to the write is lost: the node does not know.
    LoseAnswer(usize),
    /// The node gives the write up while it is still on its way.
    GiveUp(usize),
    /// The write is refused.
    Refuse(usize),
    /// A write that was given up takes effect, if it still can.
    Land(usize),
    /// A write that was given up is lost for good.
    Vanish(usize),
    /// The node's bodies are gone.
    Drain(usize),
    /// The node is told to leave.
    Withdraw(usize),
    /// The node is told to come back.
    Return(usize),
    /// The process is killed, and another starts in its place.
    Crash(usize),
    /// Somebody deletes the Lease.
    Delete,
    /// Somebody labels the Lease.
    Label,
    /// The watch takes up the present state, to be delivered some time.
    Watch(usize),
    /// The watch delivers what it took up.
    HearWatch(usize),
    /// A late answer is taken for that of the request in flight. Mutants only.
    Mistake(usize),
}

/// What happened on the way, and how often: a check of what cannot happen proves nothing.
#[derive(Default, Debug)]
pub(crate) struct Tally {
    pub(crate) takeovers: Count,
    pub(crate) handovers: Count,
    pub(crate) recreations: Count,
    /// Acquisitions over the own record: of a write whose outcome was unknown, or of a term that ran out.
    pub(crate) reacquired: Count,
    /// Writes that took effect after their sender had given up.
    pub(crate) landed: Count,
    /// Writes that took effect without their sender's knowing.
    pub(crate) unknown: Count,
}

#[derive(Default, Debug)]
pub(crate) struct Count {
    times: AtomicU64,
    told: AtomicBool,
}

impl Count {
    /// True once, after it has happened.
    pub(crate) fn is_news(&self) -> bool {
        self.times.load(Ordering::Relaxed) > 0 && !self.told.swap(true, Ordering::Relaxed)
    }
}

/// Follows one happening from a world to the next.
pub(crate) struct Stage<'a> {
    pub(crate) config: &'a Config,
    pub(crate) tally: Option<&'a Tally>,
    pub(crate) world: World,
}

impl World {
    pub(crate) fn new(config: &Config) -> World {
        let nodes = [0, 1].map(|index| Node::new(config.identity(index), index, config));
        let left = Left {
            deletions: config.deletions,
            withdrawals: config.withdrawals,
            returns: config.returns,
            labels: config.labels,
            crashes: config.crashes,
            unknowns: config.unknowns,
        };
        let world = World { nodes, server: Server::default(), orphans: Vec::new(), left, newest: 0, broken: None };
        let mut stage = Stage { config, tally: None, world };
        for index in 0..2 {
            if config.watch[index] {
                stage.feed(index, Event::WatchOpened);
            }
        }
        stage.world.normalized(config)
    }

    /// What can happen in this world.
    pub(crate) fn happenings(&self, config: &Config, out: &mut Vec<Happening>) {
        use Happening::*;
        if self.broken.is_some() {
            return;
        }
        out.push(Tick);
        for (index, node) in self.nodes.iter().enumerate() {
            if node.is_due() {
                out.push(Wake(index));
            }
            if let Some(look) = &node.look {
                if look.shown.is_some() {
                    out.push(HearLook(index));
                } else if config.looks_beside_writes || node.write.is_none() {
                    out.push(ServeLook(index));
                }
                if config.looks_beside_writes || node.write.is_none() {
                    out.push(LoseLook(index));
                }
            }
            if let Some(write) = &node.write {
                if write.answer.is_some() {
                    out.push(HearWrite(index));
                    if self.left.unknowns > 0 {
                        out.push(LoseAnswer(index));
                    }
                } else {
                    out.push(ServeWrite(index));
                    if !config.late_answers && self.left.unknowns > 0 {
                        out.push(LoseAnswer(index));
                    }
                    if self.left.unknowns > 0 && self.orphans.len() < config.orphans {
                        out.push(GiveUp(index));
                    }
                    if config.refusals {
                        out.push(Refuse(index));
                    }
                }
            }
            // To end by themselves in the very moment of a deadline counts as ending in time or too late, as the core has it.
            if node.bodies.as_ref().is_some_and(|bodies| bodies.told || self.left.withdrawals > 0) {
                out.push(Drain(index));
            }
            if node.wants && self.left.withdrawals > 0 {
                out.push(Withdraw(index));
            }
            if !node.wants && self.left.returns > 0 {
                out.push(Return(index));
            }
            if self.left.crashes > 0 && self.orphans.len() < config.orphans {
                out.push(Crash(index));
            }
            if config.watch[index] {
                // One at a time keeps the states few. What it brings may be older than what the node knows.
                let free = self.nodes.iter().all(|node| node.watched.is_none());
                if free && self.server.revision > 0 {
                    out.push(Watch(index));
                }
                if node.watched.is_some() {
                    out.push(HearWatch(index));
                }
            }
            if node.stray.is_some() && node.write.is_some() {
                out.push(Mistake(index));
            }
        }
        for index in 0..self.orphans.len() {
            out.extend([Land(index), Vanish(index)]);
        }
        // A process that never saw the Lease creates it at once, so deleting one that is held is safe only for those who
        // have met it: the documented limit of rule C3.
        if self.left.deletions > 0 && self.server.object.is_some() && self.nodes.iter().all(|node| node.met) {
            out.push(Delete);
        }
        if self.left.labels > 0 && self.server.object.is_some() {
            out.push(Label);
        }
    }

    pub(crate) fn after(&self, happening: Happening, config: &Config, tally: Option<&Tally>) -> World {
        let mut stage = Stage { config, tally, world: self.clone() };
        stage.happens(happening);
        stage.refuse_the_doomed();
        stage.world.normalized(config)
    }
}

impl Stage<'_> {
    fn count(&self, counter: impl Fn(&Tally) -> &Count) {
        if let Some(tally) = self.tally {
            counter(tally).times.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lose(&mut self) {
        if self.config.unknowns < EVER {
            self.world.left.unknowns -= 1;
        }
    }

    pub(crate) fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Tick => self.world.tick(self.config),
            Happening::Wake(index) => self.feed(index, Event::Woken),
            Happening::ServeLook(index) => self.serve_look(index),
            Happening::HearLook(index) => self.hear_look(index),
            Happening::LoseLook(index) => {
                if let Some(look) = self.world.nodes[index].look.take() {
                    self.feed(index, Event::Answered { id: look.id, answer: Answer::Unknown });
                }
            }
            Happening::ServeWrite(index) => {
                self.serve_write(index);
                if !self.config.late_answers {
                    self.hear_write(index);
                }
            }
            Happening::HearWrite(index) => self.hear_write(index),
            Happening::LoseAnswer(index) => {
                self.serve_write(index);
                let node = &mut self.world.nodes[index];
                if let Some(write) = node.write.take() {
                    if self.config.is(Mutant::StaleAnswer) {
                        node.stray = write.answer.clone();
                    }
                    self.lose();
                    if matches!(write.answer, Some(Answer::Committed(_))) {
                        self.count(|tally| &tally.unknown);
                    }
                    self.feed(index, Event::Answered { id: write.id, answer: Answer::Unknown });
                }
            }
            Happening::GiveUp(index) => {
                if let Some(write) = self.world.nodes[index].write.take() {
                    self.world.orphans.extend(write.request);
                    self.lose();
                    self.feed(index, Event::Answered { id: write.id, answer: Answer::Unknown });
                }
            }
            Happening::Refuse(index) => {
                if let Some(write) = self.world.nodes[index].write.take() {
                    let answer = Answer::Refused { retry_after: None, unreached: false };
                    self.feed(index, Event::Answered { id: write.id, answer });
                }
            }
            Happening::Land(orphan) => {
                let request = self.world.orphans.remove(orphan);
                if let Answer::Committed(_) = self.commit(&request) {
                    self.count(|tally| &tally.landed);
                }
            }
            Happening::Vanish(orphan) => {
                self.world.orphans.remove(orphan);
            }
            Happening::Drain(index) => self.drain(index),
            Happening::Withdraw(index) => {
                self.world.left.withdrawals -= 1;
                self.world.nodes[index].wants = false;
                self.feed(index, Event::Withdraw(StopReason::Shutdown));
            }
            Happening::Return(index) => {
                self.world.left.returns -= 1;
                self.world.nodes[index].wants = true;
                self.feed(index, Event::Contend);
            }
            Happening::Crash(index) => self.crash(index),
            Happening::Delete => {
                self.world.left.deletions -= 1;
                self.world.server.delete();
            }
            Happening::Label => {
                self.world.left.labels -= 1;
                self.world.server.label();
            }
            Happening::Watch(index) => self.world.nodes[index].watched = Some(self.world.server.watched()),
            Happening::HearWatch(index) => {
                if let Some(sight) = self.world.nodes[index].watched.take() {
                    self.see(index, sight);
                }
            }
            Happening::Mistake(index) => {
                let node = &mut self.world.nodes[index];
                if let (Some(answer), Some(write)) = (node.stray.take(), node.write.take()) {
                    self.feed(index, Event::Answered { id: write.id, answer });
                }
            }
        }
    }

    pub(crate) fn feed(&mut self, index: usize, event: Event) {
        self.feed_at(index, event, STEP);
    }

    fn feed_at(&mut self, index: usize, event: Event, now: Now) {
        let World { nodes, newest, broken, .. } = &mut self.world;
        if let Err(rule) = nodes[index].feed(event, now, self.config, index, newest) {
            broken.get_or_insert(rule);
        }
        let dropped = self.world.nodes[index].dropped.take();
        self.world.orphans.extend(dropped);
    }

    /// The server answers a write, and this is what it meant.
    pub(crate) fn commit(&mut self, request: &Request) -> Answer {
        let before = self.world.server.object.clone();
        let answer = self.world.server.apply(request, self.config.lenience());
        if before.is_none() && matches!((request, &answer), (Request::Replace { .. }, Answer::Committed(_))) {
            self.world.broken.get_or_insert(Broken::Resurrected);
        }
        if let (Answer::Committed(_), Some(record)) = (&answer, record_of(request)) {
            let was = before.as_ref().and_then(|view| view.record.holder());
            match (was, record.holder()) {
                (None, Some(_)) if before.is_some() => self.count(|tally| &tally.handovers),
                (None, Some(_)) if self.world.left.deletions < self.config.deletions => {
                    self.count(|tally| &tally.recreations);
                }
                (Some(old), Some(new)) if old != new => self.count(|tally| &tally.takeovers),
                (Some(_), Some(_))
                    if before.as_ref().is_some_and(|view| view.record.transitions != record.transitions) =>
                {
                    self.count(|tally| &tally.reacquired);
                }
                _ => {}
            }
        }
        answer
    }

    pub(crate) fn serve_look(&mut self, index: usize) {
        let sight = self.world.server.sight();
        if let Some(look) = &mut self.world.nodes[index].look {
            look.shown.get_or_insert(sight);
        }
        if !self.config.late_looks {
            self.hear_look(index);
        }
    }

    pub(crate) fn hear_look(&mut self, index: usize) {
        let Some(look) = self.world.nodes[index].look.take_if(|look| look.shown.is_some()) else { return };
        let Some(sight) = look.shown else { return };
        let node = &mut self.world.nodes[index];
        node.met |= matches!(sight, Observation::Present(_));
        if matches!(sight, Observation::Missing { .. })
            && self.config.is(Mutant::CreatesWhenMissing)
            && node.bodies.is_none()
        {
            // It forgets that there ever was one.
            *node = Node { met: true, ..Node::new(self.config.identity(index), index, self.config) };
            self.feed(index, Event::Woken);
            self.serve_look_again(index);
            return;
        }
        let mut now = STEP;
        if let (Some(sent), None) = (look.sent, &node.bodies) {
            now.moment = sent;
        }
        let own = sight_names(&sight, self.config.identity(index));
        let answer = Answer::Shown(self.config.seen_by(index, sight));
        self.feed_at(index, Event::Answered { id: look.id, answer }, now);
        if self.config.is(Mutant::BelievesOwnName)
            && own
            && let Some(bodies) = &mut self.world.nodes[index].bodies
            && !bodies.over
        {
            bodies.drop_at = NOW + self.config.timing(index).drop_after();
        }
    }

    /// For a mutant: answers the first look of a process that forgot everything.
    fn serve_look_again(&mut self, index: usize) {
        let sight = self.world.server.sight();
        if let Some(look) = self.world.nodes[index].look.take() {
            self.feed(index, Event::Answered { id: look.id, answer: Answer::Shown(sight) });
        }
    }

    pub(crate) fn serve_write(&mut self, index: usize) {
        let Some(write) = self.world.nodes[index].write.clone() else { return };
        let answer = match &write.request {
            _ if write.answer.is_some() => return,
            Some(request) => self.commit(request),
            None => Answer::Conflict,
        };
        self.world.nodes[index].write = Some(Write { answer: Some(answer), ..write });
    }

    /// A write that names a version which is gone conflicts whenever it is served. To tell so late is little help to the
    /// adversary, since the look that must follow can be as late. But it wakes a holder that might sleep: with a guard that
    /// is wrong while it sleeps (mutants), and in some large scopes, conflicts are late, too.
    fn refuse_the_doomed(&mut self) {
        let lenience = self.config.lenience();
        if self.config.late_conflicts || lenience.any_version || lenience.upsert {
            return;
        }
        for index in 0..2 {
            let current = self.world.server.object.as_ref().map(|view| &view.version);
            let doomed = self.world.nodes[index].write.take_if(|write| match &write.request {
                Some(Request::Replace { base, .. }) => write.answer.is_none() && Some(base) != current,
                _ => matches!(write.answer, Some(Answer::Conflict)),
            });
            if let Some(write) = doomed {
                self.feed(index, Event::Answered { id: write.id, answer: Answer::Conflict });
            }
        }
    }

    pub(crate) fn hear_write(&mut self, index: usize) {
        let Some(write) = self.world.nodes[index].write.take_if(|write| write.answer.is_some()) else { return };
        let Some(answer) = write.answer else { return };
        self.world.nodes[index].met |= matches!(answer, Answer::Committed(_));
        self.feed(index, Event::Answered { id: write.id, answer });
    }

    pub(crate) fn see(&mut self, index: usize, sight: Observation) {
        self.world.nodes[index].met |= matches!(sight, Observation::Present(_));
        let sight = self.config.seen_by(index, sight);
        self.feed(index, Event::Seen(sight));
    }

    pub(crate) fn drain(&mut self, index: usize) {
        let node = &mut self.world.nodes[index];
        let Some(bodies) = node.bodies.take() else { return };
        self.feed(index, Event::Drained);
        if !bodies.told {
            // They have ended by themselves, or whoever ran them is gone. Unless the term was over anyway, the core takes
            // this for a withdrawal.
            self.world.left.withdrawals -= 1;
            let node = &mut self.world.nodes[index];
            node.wants = node.core.role() == Role::Standby;
        }
    }

    fn crash(&mut self, index: usize) {
        self.world.left.crashes -= 1;
        let next = Node::new(["a2", "b2"][index], index, self.config);
        let dead = std::mem::replace(&mut self.world.nodes[index], next);
        let under_way = dead.write.filter(|write| write.answer.is_none()).and_then(|write| write.request);
        self.world.orphans.extend(under_way);
        if self.config.watch[index] {
            self.feed(index, Event::WatchOpened);
        }
    }
}

fn sight_names(sight: &Observation, identity: &str) -> bool {
    matches!(sight, Observation::Present(view) if view.record.holder() == Some(identity))
}

impl World {
    /// The only node that leads.
    pub(crate) fn leader(&self) -> Option<usize> {
        match (self.nodes[0].leads(), self.nodes[1].leads()) {
            (true, false) => Some(0),
            (false, true) => Some(1),
            _ => None,
        }
    }

    pub(crate) fn is_out(&self, index: usize) -> bool {
        self.nodes[index].core.role() == Role::Out
    }
}
