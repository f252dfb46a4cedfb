//! The items that are measured, one in each file. Each is the same for both kinds of candidates.

pub(crate) mod crash;
pub(crate) mod crowd;
pub(crate) mod graceful;
pub(crate) mod hole;
pub(crate) mod pause;
pub(crate) mod refused;
pub(crate) mod requests;
pub(crate) mod restart;
pub(crate) mod slow;
pub(crate) mod stopped;

use std::time::Duration;

/// How many leases are measured at the same time for `runs` runs, and how many runs each has.
fn divide(runs: usize, side_by_side: usize) -> (usize, usize) {
    let leases = runs.min(side_by_side);
    (leases, runs.div_ceil(leases))
}

/// A random time between two bounds, in seconds.
fn a_while(from: u64, to: u64) -> Duration {
    Duration::from_millis(fastrand::u64(from * 1000..to * 1000))
}
