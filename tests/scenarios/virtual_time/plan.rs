//! What goes wrong in a run, and what its bodies are like.

use std::time::Duration;

use fastrand::Rng;
use lease_runtime::embedded::Fault;

/// What goes wrong in a run, drawn from its seed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Of each request: how likely each fault is, in thousandths.
    pub(super) faults: [u32; 10],
    /// How likely per second, in thousandths, a candidate is cut off for a while.
    pub(super) partitions: u32,
    /// Somebody else's hands on the lease.
    pub(super) meddling: u32,
    /// Watches that break, end, or fall silent.
    pub(super) watches: u32,
    /// Candidates that end and come back. Not together with meddling: a process that has never seen the lease may create one
    /// that was deleted by hand while its holder is cut off, which is documented as what it is.
    pub(super) restarts: u32,
    /// Replicas that step down, and conditions that turn false and true.
    pub(super) moods: u32,
    pub(super) work: Work,
}

/// What the bodies are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// They do not end when they are asked to.
    pub(super) stubborn: bool,
    /// How likely per beat, in thousandths, they fail.
    pub(super) failing: u32,
    /// The one that beats stands on another, which ends after it.
    pub(super) stack: bool,
}

impl Plan {
    pub(super) fn draw(rng: &mut Rng) -> Plan {
        let mut maybe = |most: u32| if rng.bool() { rng.u32(1..=most) } else { 0 };
        let faults = [(); 10].map(|()| maybe(120));
        let (partitions, watches) = (maybe(40), maybe(60));
        let (mut meddling, mut restarts) = (maybe(20), maybe(30));
        let (moods, failing) = (maybe(30), maybe(80));
        if meddling > 0 && restarts > 0 {
            *if rng.bool() { &mut meddling } else { &mut restarts } = 0;
        }
        let work = Work { stubborn: rng.bool(), failing, stack: rng.bool() };
        Plan { faults, partitions, meddling, watches, restarts, moods, work }
    }

    pub(super) fn fault(&self, rng: &mut Rng) -> Option<Fault> {
        let kind = (0..self.faults.len()).find(|kind| rng.u32(..1000) < self.faults[*kind])?;
        let some = Duration::from_millis(rng.u64(1..12_000));
        Some(match kind {
            0 => Fault::hang(),
            1 => Fault::none().delayed(some),
            2 => Fault::none().slow_answer(some),
            3 => Fault::lost_answer().late(some),
            4 => Fault::status(504).after_commit(),
            5 => Fault::status(500),
            6 => Fault::status(429).retry_after(rng.u32(1..60)),
            7 => Fault::drop_connection(),
            8 => Fault::drop_connection().after_commit(),
            _ => Fault::half_a_body(),
        })
    }
}
