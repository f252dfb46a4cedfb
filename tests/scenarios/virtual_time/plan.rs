//! The faults of a run, and the behaviour of its bodies.

use std::time::Duration;

use fastrand::Rng;
use lease_runtime::embedded::Fault;

/// The faults of a run, chosen by its seed.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// For each request, the probability of each fault in thousandths.
    pub(super) faults: [u32; 10],
    /// The probability per second that a candidate is cut off for some time, in thousandths.
    pub(super) partitions: u32,
    /// Other writers change the lease.
    pub(super) meddling: u32,
    /// Watches break, end, or become silent.
    pub(super) watches: u32,
    /// Candidates end and start again. Not together with other writers: if the lease is deleted by hand while its holder is cut
    /// off, a process that has never seen the lease may create it and lead. This is documented.
    pub(super) restarts: u32,
    /// Replicas step down, and conditions become false and true.
    pub(super) moods: u32,
    pub(super) work: Work,
}

/// The behaviour of the bodies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    /// They do not end when they are asked to end.
    pub(super) stubborn: bool,
    /// The probability per beat that they fail, in thousandths.
    pub(super) failing: u32,
    /// The body is the upper layer of a stack. The lower layer ends after it.
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
