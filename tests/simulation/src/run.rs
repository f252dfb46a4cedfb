//! One run: a seed makes a plan, and the plan a world. Faults, then a network without faults, and checks at every event.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fastrand::Rng;

use crate::check::{Broken, Checks};
use crate::engine::{Nanos, Network, SECOND, World, put_pods_and_services, wall_at};
use crate::journal::Trace;
use crate::nemesis::{Deed, LONGER, Nemesis, apply};
use crate::plan::Plan;
use crate::program::{Fair, LEASES, Steering, Work, run as program};
use crate::tally::Tally;

/// How long leadership and ticks are watched at the end of a run.
const STEADY: Nanos = 60 * SECOND;

/// What a run has shown.
pub(crate) struct Outcome {
    pub(crate) plan: Plan,
    pub(crate) broken: Option<Broken>,
    pub(crate) tally: Tally,
    pub(crate) trace: Trace,
    /// In simulated time.
    pub(crate) lasted: Nanos,
}

/// A run that is going on.
pub(crate) struct Run {
    pub(crate) world: World,
    pub(crate) plan: Plan,
    nemesis: Nemesis,
    steering: Vec<Option<Steering>>,
    /// When a replica that has no process starts again.
    back: Vec<Nanos>,
    /// When a replica that shuts down is killed.
    patience: Vec<Nanos>,
    starts: Vec<u32>,
    fair: Fair,
    checks: Checks,
    trace: Trace,
    rng: Rng,
    /// The calendars of all processes are kept right.
    exact_calendars: bool,
}

/// Runs a seed for so many seconds.
pub(crate) fn run(seed: u64, seconds: u64, with_lines: bool) -> Outcome {
    // The jitter of elections, and the ids of attempts, come from this generator of the thread.
    fastrand::seed(seed);
    let mut run = Run::with_plan(Plan::draw(seed), seed, with_lines);
    let broken = run.whole(seconds * SECOND).err();
    let lasted = run.world.now;
    let Run { world: World { tally, .. }, plan, trace, .. } = run;
    Outcome { plan, broken, tally, trace, lasted }
}

impl Run {
    pub(crate) fn with_plan(plan: Plan, seed: u64, with_lines: bool) -> Run {
        let network = Network::new(plan.step, plan.rates.len(), plan.network, Rng::with_seed(seed ^ 0x4e45_0000));
        let world = World::new(plan.step, plan.rates.clone(), &plan.machines, network, seed);
        plan.policy.into_iter().for_each(|policy| apply(policy, &world.server.api));
        let nodes = plan.rates.len();
        if plan.work.traffic {
            world.server.enter(|api| put_pods_and_services(api, nodes));
        }
        Run {
            world,
            nemesis: Nemesis::new(&plan, seed),
            steering: vec![None; nodes],
            back: vec![0; nodes],
            patience: vec![Nanos::MAX; nodes],
            starts: vec![0; nodes],
            fair: Fair::default(),
            checks: Checks::new(&plan),
            trace: Trace::new(with_lines),
            rng: Rng::with_seed(seed ^ 0x5255_0000),
            exact_calendars: false,
            plan,
        }
    }

    /// How long it may take after the last fault until each Lease has a leader that stays, and all ticks are caught up. A late
    /// write of the faulty time may restart a wait, and up to an hour of ticks may be waiting.
    fn healing(&self) -> Nanos {
        let written = if self.plan.policy.is_some() { LONGER } else { 0 };
        4 * SECOND * self.plan.work.lease_duration.as_secs().max(written) + 60 * SECOND
    }

    fn whole(&mut self, length: Nanos) -> Result<(), Broken> {
        let healthy = length.saturating_sub(STEADY);
        let fair = healthy.saturating_sub(self.healing());
        while self.world.now < fair {
            let deeds = self.nemesis.strike(&mut self.world, &self.steering);
            deeds.into_iter().for_each(|deed| self.carry_out(deed));
            self.pass(SECOND)?;
        }
        self.heal();
        self.checks.expect_health(healthy);
        while self.world.now < length {
            self.pass(SECOND)?;
        }
        let server = &self.world.server;
        let state = |lease| server.lease(lease).map(|state| (*state).clone());
        self.checks.conclude(length, state, &mut self.world.tally)
    }

    /// Global time passes. About once in each second, the replicas that are down start again.
    pub(crate) fn pass(&mut self, time: Nanos) -> Result<(), Broken> {
        let until = self.world.now + time;
        let mut tended = None;
        while self.world.now < until {
            if tended.is_none_or(|tended| self.world.now >= tended + SECOND) {
                tended = Some(self.world.now);
                (0..self.steering.len()).for_each(|node| self.tend(node));
                self.set_calendars();
            }
            self.world.step(until);
            self.check()?;
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), Broken> {
        while let Some((at, event)) = self.world.journal.next(self.world.now) {
            self.trace.note(at, &event);
            self.checks.see(at, &event, &mut self.world.tally)?;
        }
        Ok(())
    }

    /// After the faults, the calendars are set right again and again, although the clocks still run at rates of their own. A
    /// leader whose calendar is wrong waits with its ticks, or takes them late.
    fn set_calendars(&self) {
        if self.exact_calendars {
            for process in self.world.processes.iter().flatten() {
                process.enter(|| process.here.clock.set_wall(wall_at(process.here.now())));
            }
        }
    }

    /// Starts a replica that is due, and ends the process of one that has shut down.
    fn tend(&mut self, node: usize) {
        let now = self.world.now;
        let ended = self.steering[node].as_ref().is_some_and(|steering| steering.ended.load(Ordering::Relaxed));
        if ended || self.patience[node] <= now {
            self.world.tally.add(if ended {
                "processes ended in order"
            } else {
                "processes killed that should have ended"
            });
            self.end(node);
        }
        if self.world.processes[node].is_none() && self.back[node] <= now {
            self.start(node);
        }
    }

    fn start(&mut self, node: usize) {
        self.starts[node] += 1;
        let work = Arc::new(self.version(node));
        let steering = Steering::new(self.fair.clone());
        let process = self.world.start(node);
        process.spawn(program(Arc::clone(&process.here), work, steering.clone()));
        self.steering[node] = Some(steering);
        self.world.tally.add("processes started");
    }

    /// The program of the next start of a replica.
    fn version(&self, node: usize) -> Work {
        let mut work = self.plan.work.clone();
        if self.plan.edits && self.starts[node].is_multiple_of(2) {
            work.ticks.iter_mut().for_each(crate::program::TickTask::edit);
        }
        work
    }

    fn end(&mut self, node: usize) {
        self.world.kill(node);
        self.steering[node] = None;
        self.patience[node] = Nanos::MAX;
        self.back[node] = self.world.now + self.rng.u64(..30 * SECOND);
    }

    pub(crate) fn carry_out(&mut self, deed: Deed) {
        match deed {
            Deed::Crash(node) => {
                let who = self.world.processes[node].as_ref().map(|process| process.here.who);
                self.world.note("process killed", who);
                self.end(node);
            }
            Deed::CrashAtOnce(node) => {
                let who = self.world.processes[node].as_ref().map(|process| process.here.who);
                self.world.note("process killed soon after its start", who);
                self.end(node);
                self.back[node] = self.world.now;
            }
            Deed::ShutDown(node) => {
                let Some(steering) = self.steering[node].as_ref().filter(|s| !s.stop.is_cancelled()) else { return };
                let Some(process) = &self.world.processes[node] else { return };
                process.enter(|| steering.stop.cancel());
                self.patience[node] = self.world.now + 60 * SECOND;
                let who = process.here.who;
                self.world.note("process shut down in order", Some(who));
            }
            Deed::StepDown(node) => {
                let candidate = self.steering[node].as_ref().and_then(|steering| steering.candidate.get());
                let (Some(candidate), Some(process)) = (candidate, &self.world.processes[node]) else { return };
                if process.enter(|| candidate.step_down(self.plan.work.name(LEASES[0]))) {
                    let who = process.here.who;
                    self.world.note("step down", Some(who));
                }
            }
            Deed::Abandon(node) => {
                let Some(steering) = self.steering[node].as_ref().filter(|s| !s.abandon.is_cancelled()) else { return };
                let Some(process) = &self.world.processes[node] else { return };
                process.enter(|| steering.abandon.cancel());
                let who = process.here.who;
                let until = self.world.now + self.rng.u64(SECOND..30 * SECOND);
                self.patience[node] = self.patience[node].min(until);
                self.world.note("candidate dropped", Some(who));
            }
        }
    }

    /// The last fault is over.
    fn heal(&mut self) {
        self.fair.begin();
        self.world.network.heal();
        self.exact_calendars = true;
        let now = self.world.now;
        self.back.iter_mut().for_each(|back| *back = (*back).min(now));
        for lease in LEASES.into_iter().take(self.plan.work.leases) {
            self.world.server.meddle(now, lease, |api| crate::nemesis::resume_tasks(api, lease));
        }
        for (process, steering) in self.world.processes.iter().zip(&self.steering) {
            if let (Some(process), Some(steering)) = (process, steering) {
                process.enter(|| steering.ready.send_replace(true));
            }
        }
        self.world.note("faults over", None);
    }
}
