//! Steps from one world to the next.

use lease_protocol::election::{Answer, Election, Event, Now, Observation, Record, Request, Role, StopReason};

use super::{Broken, Count, Happening, Left, Tally, World};
use crate::config::{Config, EVER};
use crate::mutant::Mutant;
use crate::node::{NOW, Node, STEP, Write, record_of};
use crate::server::Server;

/// Carries out one event.
pub(crate) struct Stage<'a> {
    pub(crate) config: &'a Config,
    pub(crate) tally: Option<&'a Tally>,
    pub(crate) world: World,
}

impl World {
    pub(crate) fn new(config: &Config) -> World {
        let nodes = (0..config.nodes()).map(|index| Node::new(0, index, config)).collect();
        let left = Left {
            deletions: config.deletions,
            withdrawals: config.withdrawals,
            returns: config.returns,
            labels: config.labels,
            crashes: config.crashes,
            replacements: config.replacements,
            hurries: config.hurries,
            unknowns: config.unknowns,
        };
        let world = World {
            nodes,
            server: Server::default(),
            orphans: Vec::new(),
            dead: Vec::new(),
            left,
            newest: 0,
            broken: None,
        };
        let mut stage = Stage { config, tally: None, world };
        for index in 0..config.nodes() {
            if config.watch[index] {
                stage.feed(index, Event::WatchOpened);
            }
        }
        stage.world.normalized(config)
    }

    pub(crate) fn after(&self, happening: Happening, config: &Config, tally: Option<&Tally>) -> World {
        let mut stage = Stage { config, tally, world: self.clone() };
        stage.happens(happening);
        stage.answer_impossible_writes();
        stage.world.normalized(config)
    }
}

impl Stage<'_> {
    pub(super) fn count(&self, counter: impl Fn(&Tally) -> &Count) {
        if let Some(tally) = self.tally {
            counter(tally).add();
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
            Happening::ServeGet(index) => self.serve_get(index),
            Happening::ReceiveGet(index) => self.receive_get(index),
            Happening::LoseGet(index) => {
                if let Some(get) = self.world.nodes[index].get.take() {
                    self.feed(index, Event::Answered { id: get.id, answer: Answer::Unknown });
                }
            }
            Happening::ServeWrite(index) => {
                self.serve_write(index);
                if !self.config.late_answers {
                    self.receive_write(index);
                }
            }
            Happening::ReceiveWrite(index) => self.receive_write(index),
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
                    let holder = record_of(&request).and_then(Record::holder);
                    let nodes = &self.world.nodes;
                    if holder.is_some_and(|holder| nodes.iter().any(|node| node.core.is_proven_dead(holder))) {
                        self.count(|tally| &tally.landed_dead);
                    }
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
                self.come_back(index);
            }
            Happening::Crash(index) => self.crash(index),
            Happening::Prove(index, dead) => self.prove(index, dead),
            Happening::Replace(index) => self.replace(index),
            Happening::Hurry(index) => self.hurry(index),
            Happening::Delete => self.delete(),
            Happening::Label => {
                self.world.left.labels -= 1;
                self.world.server.label();
            }
            Happening::Watch(index) => self.world.nodes[index].watched = Some(self.world.server.watched()),
            Happening::ReceiveWatch(index) => {
                if let Some(observation) = self.world.nodes[index].watched.take() {
                    self.see(index, observation);
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
        self.take_the_next_for_dead(index);
        let dropped = self.world.nodes[index].dropped.take();
        self.world.orphans.extend(dropped);
    }

    /// The server carries out a write. Also counts what the write meant.
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

    pub(crate) fn serve_get(&mut self, index: usize) {
        let observation = self.world.server.observation();
        if let Some(get) = &mut self.world.nodes[index].get {
            get.shown.get_or_insert(observation);
        }
        if !self.config.late_gets {
            self.receive_get(index);
        }
    }

    pub(crate) fn receive_get(&mut self, index: usize) {
        let Some(get) = self.world.nodes[index].get.take_if(|get| get.shown.is_some()) else { return };
        let Some(observation) = get.shown else { return };
        let node = &mut self.world.nodes[index];
        node.seen_lease |= matches!(observation, Observation::Present(_));
        if matches!(observation, Observation::Missing { .. })
            && self.config.is(Mutant::CreatesWhenMissing)
            && node.bodies.is_none()
        {
            // The process forgets that the Lease existed.
            *node = Node { seen_lease: true, ..Node::new(node.start, index, self.config) };
            self.feed(index, Event::Woken);
            self.serve_get_again(index);
            return;
        }
        let mut now = STEP;
        if let (Some(sent), None) = (get.sent, &node.bodies) {
            now.moment = sent;
        }
        let own = names_holder(&observation, node.name);
        let answer = Answer::Shown(self.config.seen_by(index, node.name, observation));
        self.feed_at(index, Event::Answered { id: get.id, answer }, now);
        if self.config.is(Mutant::BelievesOwnName)
            && own
            && let Some(bodies) = &mut self.world.nodes[index].bodies
            && !bodies.over
        {
            bodies.drop_at = NOW + self.config.timing(index).drop_after();
        }
    }

    /// For a mutant: answers the first get of a process that forgot everything.
    pub(super) fn serve_get_again(&mut self, index: usize) {
        let observation = self.world.server.observation();
        if let Some(get) = self.world.nodes[index].get.take() {
            self.feed(index, Event::Answered { id: get.id, answer: Answer::Shown(observation) });
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

    /// A write that names a version which is gone conflicts, whenever it is served. A late conflict gives the adversary
    /// little, because the get that follows it can be late too. But it wakes a holder that might otherwise sleep. So
    /// conflicts are late for mutants, whose guard may be wrong while the holder sleeps, and in some large scopes.
    fn answer_impossible_writes(&mut self) {
        let lenience = self.config.lenience();
        if self.config.late_conflicts || lenience.any_version || lenience.upsert {
            return;
        }
        for index in 0..self.world.nodes.len() {
            let current = self.world.server.object.as_ref().map(|view| &view.version);
            let impossible = self.world.nodes[index].write.take_if(|write| match &write.request {
                Some(Request::Replace { base, .. }) => write.answer.is_none() && Some(base) != current,
                _ => matches!(write.answer, Some(Answer::Conflict)),
            });
            if let Some(write) = impossible {
                self.feed(index, Event::Answered { id: write.id, answer: Answer::Conflict });
            }
        }
    }

    pub(crate) fn receive_write(&mut self, index: usize) {
        let Some(write) = self.world.nodes[index].write.take_if(|write| write.answer.is_some()) else { return };
        let Some(answer) = write.answer else { return };
        self.world.nodes[index].seen_lease |= matches!(answer, Answer::Committed(_));
        self.feed(index, Event::Answered { id: write.id, answer });
    }

    pub(crate) fn see(&mut self, index: usize, observation: Observation) {
        self.world.nodes[index].seen_lease |= matches!(observation, Observation::Present(_));
        let observation = self.config.seen_by(index, self.world.nodes[index].name, observation);
        self.feed(index, Event::Seen(observation));
    }

    pub(crate) fn drain(&mut self, index: usize) {
        let node = &mut self.world.nodes[index];
        let Some(bodies) = node.bodies.take() else { return };
        self.feed(index, Event::Drained);
        if !bodies.cancelled {
            // The bodies have ended by themselves, or the runtime that ran them is gone. Unless the term was over
            // anyway, the core treats this as a withdrawal.
            self.world.left.withdrawals -= 1;
            let node = &mut self.world.nodes[index];
            node.wants = node.core.role() == Role::Standby;
        }
    }

    fn come_back(&mut self, index: usize) {
        let node = &mut self.world.nodes[index];
        if self.config.anew && node.core.role() == Role::Out {
            let (name, timing) = (node.name.to_owned(), self.config.timing(index));
            node.core = match self.config.is(Mutant::RemembersNothing) {
                true => Election::new(name, timing),
                false => Election::recalling(name, timing, node.core.memory()),
            };
        } else {
            self.feed(index, Event::Contend);
        }
    }

    fn hurry(&mut self, index: usize) {
        self.world.left.hurries -= 1;
        self.count(|tally| &tally.hurries);
        self.feed(index, Event::Hurry);
        if self.config.is(Mutant::CountsFromHurry)
            && let Some(bodies) = &mut self.world.nodes[index].bodies
        {
            bodies.drop_at = NOW + self.config.timing(index).drop_after();
        }
    }

    fn delete(&mut self) {
        self.world.left.deletions -= 1;
        self.world.server.delete();
        if self.world.left.deletions + 1 < self.config.deletions {
            self.count(|tally| &tally.deleted_again);
        }
        if self.world.left.deletions > 0 {
            self.world.nodes.iter_mut().for_each(|node| node.seen_lease = false);
        }
    }
}

fn names_holder(observation: &Observation, identity: &str) -> bool {
    matches!(observation, Observation::Present(view) if view.record.holder() == Some(identity))
}
