//! Drives a process: what `elector/driver/` and `elector/lease_ticks.rs` do, without sockets and timers.

use lease_protocol::election::{Action, Answer, Event, Now, Observation, Request, RequestId, Role};
use lease_protocol::ticks::{Annotations, Edits, TickTime};
use lease_runtime::clock::WallTime;

use super::check::Broken;
use super::config::{Fault, SECOND};
use super::replica::HeldTerm;
use super::server;
use super::world::{Happening, Local, World};

/// A request in flight to the server.
pub(crate) struct Sent {
    pub(crate) r: usize,
    pub(crate) incarnation: u32,
    /// The last term that has begun in the sender.
    pub(crate) term: u32,
    pub(crate) id: RequestId,
    pub(crate) request: Request,
    pub(crate) edits: Edits,
    /// When it was composed, the term was held and the bodies had not been asked to end.
    pub(crate) may_take: bool,
    pub(crate) answered: bool,
}

/// The longest sleep of a holder, so that it soon notices when its calendar was set.
const SLICE: u64 = SECOND;

impl World {
    pub(crate) fn wall(&self, r: usize) -> WallTime {
        self.replicas[r].clock.wall(self.now)
    }

    fn time(&mut self, r: usize) -> TickTime {
        let replica = &self.replicas[r];
        let now = replica.clock.moment(self.now);
        let server = replica.date.map(|(date, heard)| date.plus(now.since(heard)));
        TickTime { wall: self.wall(r), server, random: self.rng.u64(..) }
    }

    /// A process starts.
    pub(crate) fn boot(&mut self, r: usize) {
        self.later(r, 0, Local::Event(Event::Woken));
        if !self.config.faults.has(Fault::NoWatch) {
            let pause = self.rng.u64(..SECOND / 10);
            self.later(r, pause, Local::Event(Event::WatchOpened));
        }
    }

    pub(crate) fn local(&mut self, r: usize, local: Local) -> Result<(), Broken> {
        match local {
            Local::Wake => {
                self.replicas[r].wake = None;
                self.step(r, Event::Woken)?;
            }
            Local::Event(event) => self.step(r, event)?,
            Local::Answered { id, answer, state, date } => {
                let replica = &mut self.replicas[r];
                let now = replica.clock.moment(self.now);
                if let Some(date) = date {
                    replica.date = Some((date, now));
                }
                if let Some(state) = &state {
                    replica.keep(state);
                }
                if let Answer::Committed(_) = answer
                    && let Some((_, number)) = replica.composed.take_if(|(composed, _)| *composed == id)
                {
                    replica.ticks.committed(number);
                }
                self.step(r, Event::Answered { id, answer })?;
            }
            Local::Seen(state) => {
                self.replicas[r].keep(&state);
                self.step(r, Event::Seen(Observation::Present(state.view)))?;
            }
            Local::Join { term, task } => self.join(r, term, task),
            Local::BodyBegins { task, id } => self.body_begins(r, &task, id)?,
            Local::BodyEnds { task, id, serial } => self.body_ends(r, &task, id, serial)?,
            Local::Gone { term } => {
                let replica = &mut self.replicas[r];
                if replica.held.take_if(|held| held.number == term).is_some() {
                    replica.ticks.end();
                    self.step(r, Event::Drained)?;
                }
            }
        }
        self.tick(r)?;
        self.remember(r);
        self.leave(r);
        self.sleep(r);
        Ok(())
    }

    fn step(&mut self, r: usize, event: Event) -> Result<(), Broken> {
        let random = self.rng.u8(..);
        let replica = &mut self.replicas[r];
        let now = Now { moment: replica.clock.moment(self.now), wall: replica.clock.wall(self.now), random };
        for action in replica.election.step(event, now) {
            self.perform(r, action)?;
        }
        Ok(())
    }

    fn perform(&mut self, r: usize, action: Action) -> Result<(), Broken> {
        let time = self.time(r);
        let replica = &mut self.replicas[r];
        match action {
            Action::Send { id, request } => self.send(r, id, request),
            Action::Begin(grant) => {
                replica.terms += 1;
                replica.shown = None;
                replica.ticks.begin(grant.transitions, time);
                let (number, deadlines) = (replica.terms, grant.deadlines);
                let joined = Default::default();
                replica.held = Some(HeldTerm { number, deadlines, cancelled: false, over: false, joined, gone: false });
                self.figures.terms += 1;
                self.say(|| format!("{r} begins a term"));
                let pause = if self.rng.u8(..4) == 0 { SECOND } else { 5_000 };
                for task in 0..self.config.tasks.len() {
                    let pause = self.rng.u64(..pause);
                    self.later(r, pause, Local::Join { term: number, task });
                }
                self.remember_from(r);
            }
            Action::Extend(deadlines) => {
                replica.held.iter_mut().for_each(|held| held.deadlines = deadlines);
            }
            Action::Cancel(reason) => {
                replica.ticks.drain();
                replica.held.iter_mut().for_each(|held| held.cancelled = true);
                self.say(|| format!("{r} asks its bodies to end: {reason}"));
                self.ask_all(r);
            }
            Action::Expire => {
                replica.held.iter_mut().for_each(|held| held.over = true);
                self.say(|| format!("{r} has lost its term"));
                self.drop_all(r)?;
            }
            Action::Left { .. } => self.left(r),
            Action::Rewatch => {}
            Action::Altered(_) => {}
            Action::Disqualified { .. } => return Err(Broken("W3: revisions went backwards".to_owned())),
        }
        Ok(())
    }

    fn send(&mut self, r: usize, id: RequestId, request: Request) {
        let mut edits = Edits::new();
        let (time, gets) = (self.time(r), matches!(request, Request::Get));
        let replica = &mut self.replicas[r];
        let may_take = replica.election.may_take();
        if let Request::Replace { base, .. } = &request {
            let annotations = replica.annotations(base);
            let Some(annotations) = annotations else {
                // This state is no longer remembered because many newer ones were seen, so the write would conflict.
                self.later(r, 0, Local::Answered { id, answer: Answer::Conflict, state: None, date: None });
                return;
            };
            if !replica.election.is_acquiring() {
                let (number, composed) = replica.ticks.compose(&annotations, time, may_take);
                replica.composed = Some((id, number));
                edits = composed;
            }
        }
        if replica.election.role() == Role::Leading {
            if gets { self.figures.gets_of_holders += 1 } else { self.figures.writes_of_holders += 1 }
        }
        let timeout = self.config_timeout(r);
        self.later(r, timeout, Local::Answered { id, answer: Answer::Unknown, state: None, date: None });
        let (incarnation, term) = (self.replicas[r].incarnation, self.replicas[r].terms);
        self.carry(Sent { r, incarnation, term, id, request, edits, may_take, answered: true });
    }

    /// The timeout in global time.
    fn config_timeout(&self, r: usize) -> u64 {
        let timeout = lease_protocol::election::Timing::default().attempt_timeout();
        let micros = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
        micros * 1_000_000 / self.replicas[r].clock.rate
    }

    /// A request reaches the server. Its answer may reach the process.
    pub(crate) fn arrives(&mut self, sent: Sent) -> Result<(), Broken> {
        let Sent { r, incarnation, term, id, request, edits, may_take, answered } = sent;
        let before = self.server.object.as_ref().map(|state| (state.view.version.clone(), state.annotations.clone()));
        let answer = self.server.serve(&request, &edits);
        if let Answer::Committed(view) = &answer
            && before.as_ref().is_none_or(|(version, _)| *version != view.version)
        {
            let empty = Annotations::new();
            let before = before.as_ref().map_or(&empty, |(_, annotations)| annotations);
            let after = self.server.annotations();
            for (name, value) in &edits {
                self.say(|| format!("{r} writes {name} {}", value.as_deref().unwrap_or("away")));
            }
            let writer = (r, incarnation, term);
            for (name, ledger) in &mut self.ledgers {
                ledger
                    .written(self.now, writer, before, &after, may_take)
                    .map_err(|Broken(what)| Broken(format!("{name}: {what}")))?;
            }
            if view.record.holder().is_none() {
                // It has released the lease.
                self.ledgers.values_mut().for_each(|ledger| ledger.left(writer));
            }
            self.broadcast();
        }
        let current = &self.replicas[r];
        if !answered || !current.up || current.incarnation != incarnation {
            return Ok(());
        }
        if current.cut_until > self.now || (self.has(Fault::LostAnswers) && self.rng.u8(..25) == 0) {
            self.figures.lost_answers += 1;
            return Ok(());
        }
        let state = match answer {
            Answer::Committed(_) | Answer::Shown(_) => self.server.object.clone(),
            _ => None,
        };
        let date = Some(server::date(self.now));
        let latency = self.latency();
        self.later(r, latency, Local::Answered { id, answer, state, date });
        Ok(())
    }

    /// Every process with a watch sees the new state.
    pub(crate) fn broadcast(&mut self) {
        let Some(state) = self.server.object.clone() else { return };
        if self.config.faults.has(Fault::NoWatch) {
            return;
        }
        for r in 0..self.replicas.len() {
            if self.replicas[r].up && self.replicas[r].cut_until <= self.now {
                let late = if self.rng.u8(..32) == 0 { self.rng.u64(..2 * SECOND) } else { 0 };
                let latency = self.latency() + late;
                self.later(r, latency, Local::Seen(state.clone()));
            }
        }
    }

    /// Passes the state of the Lease to the ticks, and renews early if they want a write.
    fn tick(&mut self, r: usize) -> Result<(), Broken> {
        let replica = &mut self.replicas[r];
        if let Some(version) = replica.election.rests_on().cloned()
            && replica.shown.as_ref() != Some(&version)
            && let Some(annotations) = replica.annotations(&version)
        {
            replica.shown = Some(version);
            let starts = replica.ticks.see(&annotations);
            self.start(r, starts)?;
            for task in self.replicas[r].ticks.done_once() {
                self.done(r, &task);
            }
        }
        if self.replicas[r].held.is_none() {
            return Ok(());
        }
        let time = self.time(r);
        let starts = self.replicas[r].ticks.poll(time);
        self.start(r, starts)?;
        let replica = &mut self.replicas[r];
        if replica.ticks.wants_write(time) && replica.election.can_hurry() {
            self.figures.hurried += 1;
            self.step(r, Event::Hurry)?;
        }
        Ok(())
    }

    fn sleep(&mut self, r: usize) {
        let replica = &self.replicas[r];
        let clock = replica.clock;
        let mut at = replica.election.wake_at().and_then(|at| clock.when(at));
        if let Some(held) = &replica.held {
            let tick = replica.ticks.wake_at().map(|at| clock.when_wall(at));
            let stop = clock.when(held.deadlines.hard_stop).filter(|stop| *stop > self.now);
            at = [at, tick, stop, Some(self.now + SLICE)].into_iter().flatten().min();
        }
        if let Some(at) = at {
            // Timers count in whole milliseconds.
            self.wake(r, at.max(self.now + 1000));
        }
    }

    /// For comparison: a leader without a record, which checks again and again whether a tick is due. It remembers
    /// ticks from the start of its term on.
    fn remember_from(&mut self, r: usize) {
        let wall = self.wall(r);
        let second = wall.0.div_euclid(1_000_000);
        let ticks = self.config.tasks.iter().filter_map(|task| Some((task.name.clone(), task.tick_before(second)?)));
        self.replicas[r].unrecorded = ticks.collect();
    }

    fn remember(&mut self, r: usize) {
        let second = self.wall(r).0.div_euclid(1_000_000);
        let replica = &self.replicas[r];
        let leads = replica.held.as_ref().is_some_and(|held| !held.cancelled) && replica.may_poll(self.now);
        if self.healing || !leads {
            return;
        }
        for task in &self.config.tasks {
            let (Some(due), Some(last)) = (task.tick_before(second), self.replicas[r].unrecorded.get_mut(&task.name))
            else {
                continue;
            };
            if due > *last {
                *last = due;
                let ledger = self.ledgers.get_mut(&task.name).expect("a task of this run");
                *ledger.unrecorded.entry(due).or_default() += 1;
            }
        }
    }
}

impl World {
    pub(crate) fn latency(&mut self) -> u64 {
        self.rng.u64(1_000..20_000)
    }

    pub(crate) fn seen_by(&mut self, r: usize) {
        if let Some(state) = self.server.object.clone() {
            let latency = self.latency();
            self.later(r, latency, Local::Seen(state));
        }
    }

    pub(crate) fn arrive_after(&mut self, after: u64, sent: Sent) {
        self.at(self.now + after, Happening::Arrives(Box::new(sent)));
    }
}
