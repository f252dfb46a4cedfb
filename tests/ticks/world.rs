//! Three processes, one Lease, one heap of events, and global time.

use std::collections::BTreeMap;
use std::sync::Arc;

use fastrand::Rng;
use lease_protocol::election::{Answer, Event, RequestId};
use lease_protocol::ticks::Edits;
use lease_runtime::AttemptId;
use lease_runtime::clock::WallTime;

use super::check::{Broken, Ledger};
use super::config::{Config, Fault, HOUR, MINUTE, REPLICAS, SECOND, When};
use super::driving::Sent;
use super::faults::Act;
use super::figures::Figures;
use super::replica::{Replica, SkewedClock};
use super::server::{Server, State};

/// An event.
#[allow(clippy::large_enum_variant, reason = "nearly all of them are the largest")]
pub(crate) enum Happening {
    /// Inside a process, if it has not been restarted since. A paused process handles it later.
    Local(usize, u32, Local),
    /// A request reaches the server.
    Arrives(Box<Sent>),
    Act(Act),
    /// Somebody writes annotations.
    Asked(Edits),
    /// Somebody triggers a task with an id that was used before.
    AskedAgain(Arc<str>, String),
    /// Checks whether everything has been caught up after the last fault.
    Observe,
}

pub(crate) enum Local {
    Wake,
    Event(Event),
    Answered { id: RequestId, answer: Answer, state: Option<State>, date: Option<WallTime> },
    Seen(State),
    Join { term: u32, task: usize },
    BodyBegins { task: Arc<str>, id: AttemptId },
    BodyEnds { task: Arc<str>, id: AttemptId, serial: u64 },
    Gone { term: u32 },
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) config: Config,
    pub(crate) rng: Rng,
    heap: BTreeMap<(u64, u64), Happening>,
    count: u64,
    pub(crate) serial: u64,
    pub(crate) server: Server,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) ledgers: BTreeMap<Arc<str>, Ledger>,
    pub(crate) last_trigger: BTreeMap<Arc<str>, String>,
    pub(crate) figures: Figures,
    /// No more faults.
    pub(crate) healing: bool,
    /// When everything was caught up.
    caught_up: Option<u64>,
    /// What happened, if it is to be printed.
    lines: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(config: Config, traced: bool) -> World {
        let mut rng = Rng::with_seed(config.seed ^ 0x7469_636b);
        let clocks: Vec<SkewedClock> = (0..REPLICAS).map(|index| clock(&mut rng, &config, index)).collect();
        let ledgers =
            config.tasks.iter().map(|task| (task.name.clone(), Ledger::new(task.clone(), config.span))).collect();
        let mut world = World {
            now: 0,
            rng,
            heap: BTreeMap::new(),
            count: 0,
            serial: 0,
            server: Server::default(),
            replicas: clocks.iter().enumerate().map(|(index, clock)| Replica::new(index, 0, *clock)).collect(),
            ledgers,
            last_trigger: BTreeMap::new(),
            figures: Figures { replicas: REPLICAS as u64, ..Figures::default() },
            healing: false,
            caught_up: None,
            lines: traced.then(Vec::new),
            config,
        };
        (0..REPLICAS).for_each(|r| world.boot(r));
        world.plan_faults();
        world
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.config.faults.has(fault) && !self.healing
    }

    /// Runs the world to its end, and returns the figures.
    pub(crate) fn run(mut self) -> Result<Figures, (Broken, Vec<String>)> {
        match self.go() {
            Ok(()) => Ok(self.figures),
            Err(Broken(what)) => {
                let at = self.now as f64 / SECOND as f64;
                Err((Broken(format!("at {at:.3} s: {what}")), self.lines.unwrap_or_default()))
            }
        }
    }

    fn go(&mut self) -> Result<(), Broken> {
        while let Some(((at, _), what)) = self.heap.pop_first() {
            self.now = at;
            match what {
                Happening::Local(r, incarnation, local) => {
                    let replica = &self.replicas[r];
                    if !replica.up || replica.incarnation != incarnation {
                        continue;
                    }
                    if replica.paused_until > at {
                        let resume = replica.paused_until;
                        self.at(resume, Happening::Local(r, incarnation, local));
                        continue;
                    }
                    self.local(r, local)?;
                }
                Happening::Arrives(sent) => self.arrives(*sent)?,
                Happening::Act(act) => self.act(act)?,
                Happening::Asked(edits) if !self.healing => self.annotate(&edits),
                Happening::Asked(_) => {}
                Happening::AskedAgain(task, id) => self.ask_again(&task, id),
                Happening::Observe => {
                    if self.observe()? {
                        return Ok(());
                    }
                }
            }
        }
        Err(Broken("no event is left before the end of the world".to_owned()))
    }

    pub(crate) fn at(&mut self, at: u64, what: Happening) -> (u64, u64) {
        self.count += 1;
        let key = (at.max(self.now), self.count);
        self.heap.insert(key, what);
        key
    }

    /// An event inside this start of a process, after a delay.
    pub(crate) fn later(&mut self, r: usize, after: u64, what: Local) {
        let incarnation = self.replicas[r].incarnation;
        self.at(self.now + after, Happening::Local(r, incarnation, what));
    }

    /// The process takes its next step at `at`, instead of at the time that was planned.
    pub(crate) fn wake(&mut self, r: usize, at: u64) {
        let replica = &mut self.replicas[r];
        if replica.wake.is_some_and(|(planned, _)| planned == at && planned > self.now) {
            return;
        }
        if let Some(key) = replica.wake.take() {
            self.heap.remove(&key);
        }
        let incarnation = self.replicas[r].incarnation;
        let key = self.at(at, Happening::Local(r, incarnation, Local::Wake));
        self.replicas[r].wake = Some(key);
    }

    pub(crate) fn say(&mut self, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:10.3} {}", self.now as f64 / SECOND as f64, what()));
        }
    }

    /// Checks the state after the last fault. Returns `true` at the end of the world.
    fn observe(&mut self) -> Result<bool, Broken> {
        self.at(self.now + 10 * SECOND, Happening::Observe);
        let annotations = self.server.annotations();
        let healed_for = self.now - self.config.span;
        match self.caught_up {
            None => {
                let waiting = self.ledgers.values().find_map(|ledger| {
                    ledger
                        .caught_up(self.now, &annotations)
                        .err()
                        .map(|Broken(what)| format!("{}: {what}", ledger.task.name))
                });
                match waiting {
                    // This is long enough for the longest body of the time with faults to end.
                    None if healed_for > 5 * MINUTE => self.caught_up = Some(self.now),
                    Some(what) if healed_for > 3 * HOUR => {
                        return Err(Broken(format!("T2, T3: not healed in three hours: {what}")));
                    }
                    _ => {}
                }
                Ok(false)
            }
            Some(since) if self.now < since + 2 * MINUTE => Ok(false),
            Some(_) => {
                for ledger in self.ledgers.values() {
                    let name = &ledger.task.name;
                    ledger
                        .conclude(self.now, &annotations)
                        .map_err(|Broken(what)| Broken(format!("{name}: {what}")))?;
                    self.figures.tally(ledger, self.now, self.config.faults);
                }
                self.figures.check_requests(self.config.faults)?;
                Ok(true)
            }
        }
    }
}

/// Clocks that are wrong, if this world has such faults.
fn clock(rng: &mut Rng, config: &Config, index: usize) -> SkewedClock {
    let rate = if config.faults.has(Fault::Drift) { rng.u64(900_000..=1_100_000) } else { 1_000_000 };
    let mut offset = if config.faults.has(Fault::Skew) { rng.i64(-180..=180) * 1_000_000 } else { rng.i64(0..500_000) };
    if config.faults.has(Fault::FarAhead) && index == 0 {
        let hours = if rng.bool() { rng.i64(1..48) } else { 24 * 365 * rng.i64(1..10) };
        offset = hours * HOUR.cast_signed();
    }
    SkewedClock { rate, offset }
}

impl When {
    pub(crate) fn period(self) -> Option<i64> {
        match self {
            When::Every { period, .. } => Some(period),
            When::Delay(_) | When::Once => None,
        }
    }
}
