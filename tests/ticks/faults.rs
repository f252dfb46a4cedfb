//! The faults, and their end.

use std::sync::Arc;

use lease_protocol::election::{Answer, Event, StopReason};
use lease_protocol::ticks::Edits;
use lease_protocol::ticks::names::{BACKFILL, PAUSE, RECORD, TRIGGER};

use super::check::Broken;
use super::config::{Fault, HOUR, MINUTE, REPLICAS, SECOND};
use super::driving::Sent;
use super::replica::Replica;
use super::server;
use super::world::{Happening, Local, World};

/// An action from outside of the system.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// One fault of this kind. The next one follows after a while.
    Strike(Fault),
    /// A process starts.
    Start(usize),
    /// The network of a process is back.
    Reconnect(usize, u32),
    /// Somebody requests something for a task, through an annotation.
    Annotate(usize),
    /// The leader is asked to end its term.
    EndTerm,
    /// No more faults from now on.
    Heal,
}

impl World {
    pub(crate) fn plan_faults(&mut self) {
        for fault in Fault::ALL {
            if self.has(fault) {
                self.next_strike(fault);
            }
        }
        let span = self.config.span;
        self.at(span, Happening::Act(Act::Heal));
        self.at(span, Happening::Observe);
    }

    fn next_strike(&mut self, fault: Fault) {
        let mean = match fault {
            Fault::Crash | Fault::Handover | Fault::Partition => 8 * MINUTE,
            Fault::Pause => 5 * MINUTE,
            Fault::Steps => 15 * MINUTE,
            Fault::Requests => 3 * MINUTE,
            Fault::Foreign => 20 * SECOND,
            Fault::Graceful => 2 * MINUTE,
            _ => return,
        };
        let pause = self.rng.u64(..2 * mean);
        self.at(self.now + pause, Happening::Act(Act::Strike(fault)));
    }

    pub(crate) fn act(&mut self, act: Act) -> Result<(), Broken> {
        match act {
            Act::Strike(fault) if self.has(fault) => {
                self.strike(fault)?;
                self.next_strike(fault);
            }
            Act::Strike(_) => {}
            Act::Start(r) => {
                if !self.replicas[r].up {
                    let (incarnation, clock) = (self.replicas[r].incarnation, self.replicas[r].clock);
                    self.replicas[r] = Replica::new(r, incarnation, clock);
                    self.say(|| format!("{r} starts"));
                    self.boot(r);
                }
            }
            Act::Reconnect(r, incarnation) => {
                if self.replicas[r].up && self.replicas[r].incarnation == incarnation {
                    self.reconnect(r);
                }
            }
            Act::Annotate(task) => self.ask_for(task),
            Act::EndTerm if !self.healing => self.end_term(),
            Act::EndTerm => {}
            Act::Heal => self.heal(),
        }
        Ok(())
    }

    fn strike(&mut self, fault: Fault) -> Result<(), Broken> {
        // Mostly the leader, because faults of the others have little effect.
        let leader = self.replicas.iter().position(|replica| replica.up && replica.held.is_some());
        let r = leader.filter(|_| self.rng.u8(..4) > 0).unwrap_or_else(|| self.rng.usize(..REPLICAS));
        match fault {
            Fault::Crash => self.kill(r),
            Fault::Handover if self.replicas[r].up => {
                self.later(r, 0, Local::Event(Event::Withdraw(StopReason::Shutdown)));
            }
            Fault::Graceful => self.end_around_a_tick(),
            Fault::Partition => {
                let length = if self.rng.bool() { self.rng.u64(..20 * SECOND) } else { self.rng.u64(..3 * MINUTE) };
                self.replicas[r].cut_until = self.now + length;
                self.say(|| format!("{r} is cut off for {} s", length / SECOND));
                let incarnation = self.replicas[r].incarnation;
                self.at(self.now + length + 1, Happening::Act(Act::Reconnect(r, incarnation)));
                if self.rng.bool() && !self.has(Fault::NoWatch) {
                    self.later(r, SECOND, Local::Event(Event::WatchLost));
                }
            }
            Fault::Pause => {
                let length = if self.rng.bool() { self.rng.u64(..15 * SECOND) } else { self.rng.u64(..MINUTE) };
                self.replicas[r].paused_until = self.now + length;
                self.say(|| format!("{r} is paused for {} s", length / SECOND));
            }
            Fault::Steps => {
                let r = self.rng.usize(..REPLICAS);
                let step = if self.rng.bool() { self.rng.i64(-120..120) } else { self.rng.i64(-5..5) } * 1_000_000;
                self.replicas[r].clock.offset += step;
                self.say(|| format!("the calendar of {r} is set by {} s", step / 1_000_000));
            }
            Fault::Requests => {
                let task = self.rng.usize(..self.config.tasks.len());
                self.act(Act::Annotate(task))?;
            }
            Fault::Foreign => {
                let value = Some(self.rng.u32(..).to_string());
                self.annotate(&Edits::from([("example.com/touched".to_owned(), value)]));
            }
            _ => {}
        }
        Ok(())
    }

    /// The process that leads within 50 ms of a tick of one of the tasks is asked to end its term.
    fn end_around_a_tick(&mut self) {
        let tasks: Vec<_> = self.config.tasks.iter().filter_map(|task| task.when.period().map(|p| (task, p))).collect();
        let (task, period) = tasks[self.rng.usize(..tasks.len())];
        let last = task.tick_before(server::time(self.now).0.div_euclid(1_000_000)).unwrap_or_default();
        let tick = (last + period) * 1_000_000 - server::EPOCH;
        let at = tick.saturating_add(self.rng.i64(-50_000..=50_000)).unsigned_abs();
        self.at(at, Happening::Act(Act::EndTerm));
    }

    fn end_term(&mut self) {
        let leader = self.replicas.iter().position(|replica| replica.up && replica.held.is_some());
        let Some(r) = leader else { return };
        let reason =
            [StopReason::Shutdown, StopReason::SteppedDown, StopReason::Withdrawn][self.rng.usize(..3)].clone();
        self.replicas[r].comes_back = reason != StopReason::Shutdown;
        self.later(r, 0, Local::Event(Event::Withdraw(reason)));
    }

    /// A process dies and forgets everything.
    fn kill(&mut self, r: usize) {
        if !self.replicas[r].up {
            return;
        }
        self.figures.crashes += 1;
        self.say(|| format!("{r} dies"));
        let replica = &mut self.replicas[r];
        replica.up = false;
        replica.incarnation += 1;
        replica.held = None;
        for ledger in self.ledgers.values_mut() {
            ledger.live.retain(|(on, _)| *on != r);
        }
        let pause = if self.rng.bool() { self.rng.u64(..5 * SECOND) } else { self.rng.u64(..2 * MINUTE) };
        self.at(self.now + pause, Happening::Act(Act::Start(r)));
    }

    /// A process has left the election. It ends, and another one takes its place.
    pub(crate) fn left(&mut self, r: usize) {
        self.say(|| format!("{r} has left"));
        self.figures.handovers += 1;
        if std::mem::take(&mut self.replicas[r].comes_back) {
            let pause = self.rng.u64(..10 * SECOND);
            return self.later(r, pause, Local::Event(Event::Contend));
        }
        let replica = &mut self.replicas[r];
        replica.up = false;
        replica.incarnation += 1;
        replica.held = None;
        let pause = self.rng.u64(..10 * SECOND);
        self.at(self.now + pause, Happening::Act(Act::Start(r)));
    }

    fn reconnect(&mut self, r: usize) {
        if self.replicas[r].cut_until <= self.now && !self.config.faults.has(Fault::NoWatch) {
            self.later(r, 0, Local::Event(Event::WatchOpened));
            self.seen_by(r);
        }
    }

    fn ask_for(&mut self, task: usize) {
        let name = self.config.tasks[task].name.clone();
        let when = self.config.tasks[task].when;
        let key = |prefix: &str| format!("{prefix}{name}");
        let edits = match self.rng.u8(..4) {
            0 => {
                let resume = self.now + self.rng.u64(..2 * MINUTE);
                self.at(resume, Happening::Asked(Edits::from([(key(PAUSE), None)])));
                Edits::from([(key(PAUSE), Some("by hand".to_owned()))])
            }
            1 if when.period().is_some() => {
                let second = server::time(self.now).0.div_euclid(1_000_000);
                let from = second - self.rng.i64(0..600);
                let to = from + self.rng.i64(0..200);
                let time = |second: i64| lease_runtime::clock::WallTime(second * 1_000_000).to_string();
                Edits::from([(key(BACKFILL), Some(format!("{}/{}", time(from), time(to))))])
            }
            _ if when == super::config::When::Once => return,
            _ => {
                let id = format!("id-{}", self.now);
                self.last_trigger.insert(name.clone(), id.clone());
                if self.rng.bool() {
                    // The same request twice, as from a person who does not know whether the first was carried out.
                    let again = self.now + self.rng.u64(..30 * SECOND);
                    self.at(again, Happening::AskedAgain(name.clone(), id.clone()));
                }
                Edits::from([(key(TRIGGER), Some(id))])
            }
        };
        self.annotate(&edits);
    }

    /// Repeats a trigger, unless another one was sent in the meantime, because a record remembers only the last id.
    pub(crate) fn ask_again(&mut self, task: &Arc<str>, id: String) {
        if !self.healing && self.last_trigger.get(task) == Some(&id) {
            self.annotate(&Edits::from([(format!("{TRIGGER}{task}"), Some(id))]));
        }
    }

    /// Another program or a person writes annotations.
    pub(crate) fn annotate(&mut self, edits: &Edits) {
        debug_assert!(edits.keys().all(|name| !name.starts_with(RECORD)));
        self.say(|| format!("somebody writes {edits:?}"));
        self.server.annotate(edits);
        self.broadcast();
    }

    /// Carries a request to the server, unless a fault prevents it.
    pub(crate) fn carry(&mut self, mut sent: Sent) {
        let (r, id) = (sent.r, sent.id);
        let one_in = |world: &mut World, fault, most: u8| world.has(fault) && world.rng.u8(..most) == 0;
        if self.replicas[r].cut_until > self.now || one_in(self, Fault::LostRequests, 40) {
            return;
        }
        let latency = self.latency();
        if one_in(self, Fault::Refusals, 30) {
            let answer = Answer::Refused { retry_after: None, unreached: self.rng.bool() };
            self.later(r, latency, Local::Answered { id, answer, state: None, date: None });
            return;
        }
        if one_in(self, Fault::LateWrites, 30) {
            // Its sender has given the write up by then.
            sent.answered = false;
            let late = if self.rng.bool() { self.rng.u64(..6 * SECOND) } else { self.rng.u64(..30 * SECOND) };
            return self.arrive_after(latency + late, sent);
        }
        let slow = if self.has(Fault::LateWrites) && self.rng.u8(..8) == 0 { self.rng.u64(..2 * SECOND) } else { 0 };
        self.arrive_after(latency + slow, sent);
    }

    fn heal(&mut self) {
        self.say(|| "no more faults".to_owned());
        self.healing = true;
        for r in 0..REPLICAS {
            let offset = self.rng.i64(-500_000..500_000);
            let replica = &mut self.replicas[r];
            replica.cut_until = 0;
            replica.paused_until = 0;
            if replica.clock.offset.unsigned_abs() < HOUR / 2 {
                // A clock that is far ahead stays there, because it must not matter.
                replica.clock.offset = offset;
            }
            let up = replica.up;
            if up {
                self.reconnect(r);
            } else {
                self.at(self.now + SECOND, Happening::Act(Act::Start(r)));
            }
        }
        let annotations = self.server.annotations();
        let paused = annotations.keys().filter(|name| name.starts_with(PAUSE)).map(|name| (name.clone(), None));
        let resumed: Edits = paused.collect();
        if !resumed.is_empty() {
            self.annotate(&resumed);
        }
    }
}
