//! The figures that the worlds add up to.

use std::ops::AddAssign;

use lease_runtime::Delivery;

use super::check::{Broken, Ledger, seconds};
use super::config::{Fault, Faults, When};
use super::server;

/// The figures of one world, or of many.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Figures {
    pub(crate) worlds: u64,
    pub(crate) replicas: u64,
    pub(crate) runs: u64,
    pub(crate) terms: u64,
    pub(crate) crashes: u64,
    pub(crate) handovers: u64,
    pub(crate) lost_answers: u64,
    pub(crate) hurried: u64,
    pub(crate) gets_of_holders: u64,
    pub(crate) writes_of_holders: u64,
    pub(crate) taken: u64,
    pub(crate) asked_for: u64,
    pub(crate) once: Share,
    pub(crate) again: Share,
    /// For at-most-once and at-least-once: ticks that a term had taken and not begun when it released the lease.
    pub(crate) graceful: [UnbegunTicks; 2],
    /// A leader without a record, for the same ticks and faults.
    pub(crate) unrecorded: Share,
}

/// What happened to ticks.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Share {
    /// Due since arming.
    pub(crate) ticks: u64,
    /// Of tasks that must run all their ticks.
    pub(crate) of_all: u64,
    /// Of those, the ticks that were not counted as paused and never started.
    pub(crate) never_started: u64,
    pub(crate) started_again: u64,
    pub(crate) completed_twice: u64,
}

/// Ticks that terms had taken and not begun when they ended gracefully.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct UnbegunTicks {
    pub(crate) ticks: u64,
    /// Of those, the ticks that were not taken again since.
    pub(crate) never_started: u64,
}

impl Figures {
    pub(crate) fn tally(&mut self, ledger: &Ledger, now: u64, faults: Faults) {
        self.taken += ledger.taken.len() as u64;
        self.asked_for += ledger.asked_for();
        let (When::Every { .. }, Some(armed)) = (ledger.task.when, ledger.armed) else { return };
        let end = seconds(server::time(now).0);
        let ticks = ledger.task.ticks_between(armed, end).unsigned_abs();
        let at_least_once = ledger.task.delivery == Delivery::AtLeastOnce;
        let share = if at_least_once { &mut self.again } else { &mut self.once };
        share.ticks += ticks;
        share.started_again += ledger.starts.values().filter(|times| **times > 1).count() as u64;
        share.completed_twice += ledger.completions.values().filter(|times| **times > 1).count() as u64;
        if ledger.task.runs_all() {
            // A tick that was taken when the world ended is about to be started.
            let settled = |tick: &&i64| **tick <= end - 15 - ledger.task.jitter;
            let taken = || ledger.taken.iter().filter(settled);
            share.of_all += taken().count() as u64;
            let unbegun = &mut self.graceful[usize::from(at_least_once)];
            unbegun.ticks += ledger.unbegun.len() as u64;
            unbegun.never_started += ledger.lost.len() as u64;
            share.never_started += taken().filter(|tick| !ledger.starts.contains_key(tick)).count() as u64;
        }
        // A leader without a record has no protection against a clock that is hours ahead, so that is not compared.
        let comparable = !faults.has(Fault::FarAhead);
        if comparable && ledger.task.runs_all() && ledger.task.delivery == Delivery::AtMostOnce {
            // Only ticks of the time with faults, because the comparison ends then.
            let due = ledger.taken.iter().filter(|tick| **tick <= ledger.faulty_until);
            self.unrecorded.ticks += due.clone().count() as u64;
            self.unrecorded.never_started += due.filter(|tick| !ledger.unrecorded.contains_key(tick)).count() as u64;
            self.unrecorded.started_again += ledger.unrecorded.values().filter(|times| **times > 1).count() as u64;
        }
    }

    /// Runs that a term gives back when it ends gracefully are run, with both kinds of delivery.
    pub(crate) fn check_graceful_ends(&self) {
        for unbegun in self.graceful {
            assert!(unbegun.ticks > 20, "too few ticks were taken and not begun: {self}");
            assert_eq!(unbegun.never_started, 0, "{self}");
        }
    }

    /// Without faults, a tick costs at most two writes besides the renewals, and no get.
    pub(crate) fn check_requests(&self, faults: Faults) -> Result<(), Broken> {
        let runs = self.taken + self.asked_for;
        if faults == Faults::NONE && (self.hurried > 2 * runs + 10 || self.gets_of_holders > 0) {
            return Err(Broken(format!(
                "W2: {} writes and {} gets beside the renewals for {runs} runs",
                self.hurried, self.gets_of_holders
            )));
        }
        Ok(())
    }
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Figures) {
        self.worlds += other.worlds.max(1);
        self.replicas += other.replicas;
        self.runs += other.runs;
        self.terms += other.terms;
        self.crashes += other.crashes;
        self.handovers += other.handovers;
        self.lost_answers += other.lost_answers;
        self.hurried += other.hurried;
        self.gets_of_holders += other.gets_of_holders;
        self.writes_of_holders += other.writes_of_holders;
        self.taken += other.taken;
        self.asked_for += other.asked_for;
        self.once += other.once;
        self.again += other.again;
        self.unrecorded += other.unrecorded;
        for (unbegun, other) in self.graceful.iter_mut().zip(other.graceful) {
            unbegun.ticks += other.ticks;
            unbegun.never_started += other.never_started;
        }
    }
}

impl AddAssign for Share {
    fn add_assign(&mut self, other: Share) {
        self.ticks += other.ticks;
        self.of_all += other.of_all;
        self.never_started += other.never_started;
        self.started_again += other.started_again;
        self.completed_twice += other.completed_twice;
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = |part: u64, of: u64| 100.0 * part as f64 / of.max(1) as f64;
        writeln!(
            f,
            "{} worlds, {} replicas, {} terms, {} crashes, {} handovers, {} lost answers, {} runs; holders: {} writes, {} \
             of them hurried, {} gets",
            self.worlds,
            self.replicas,
            self.terms,
            self.crashes,
            self.handovers,
            self.lost_answers,
            self.runs,
            self.writes_of_holders,
            self.hurried,
            self.gets_of_holders
        )?;
        for (name, share) in [("at_most_once", self.once), ("at_least_once", self.again)] {
            writeln!(
                f,
                "{name}: {} ticks, {:.3} % of those to be run never started, {:.3} % started again, {:.3} % completed twice",
                share.ticks,
                percent(share.never_started, share.of_all),
                percent(share.started_again, share.ticks),
                percent(share.completed_twice, share.ticks)
            )?;
        }
        for (name, UnbegunTicks { ticks, never_started }) in
            ["at_most_once", "at_least_once"].into_iter().zip(self.graceful)
        {
            writeln!(
                f,
                "graceful ends, {name}: {ticks} ticks were taken and not begun, {never_started} of them never started"
            )?;
        }
        write!(
            f,
            "in memory: {} ticks, {:.3} % never started, {:.3} % started again",
            self.unrecorded.ticks,
            percent(self.unrecorded.never_started, self.unrecorded.ticks),
            percent(self.unrecorded.started_again, self.unrecorded.ticks)
        )
    }
}
