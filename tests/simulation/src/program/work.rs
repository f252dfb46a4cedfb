//! How the bodies of a run behave.

use std::time::Duration;

use lease_runtime::LeaseSpec;

use super::ticking::TickTask;
use crate::journal::LeaseName;

/// The tasks of a replica, and the behaviour of their bodies. Chances are in thousandths for each beat.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// How many Leases there are.
    pub(crate) leases: usize,
    pub(crate) lease_duration: Duration,
    /// The work on the first Lease is the top of a stack.
    pub(crate) stack: bool,
    pub(crate) beat: Duration,
    pub(crate) grace: Duration,
    /// Bodies do not end when they are asked to end.
    pub(crate) stubborn: bool,
    pub(crate) failing: u32,
    pub(crate) panicking: u32,
    pub(crate) stepping_down: u32,
    /// A poll lasts up to [`longest_block`](Self::longest_block).
    pub(crate) blocking: u32,
    pub(crate) longest_block: Duration,
    pub(crate) ticks: Vec<TickTask>,
}

impl Work {
    pub(crate) fn spec(&self, lease: LeaseName) -> LeaseSpec {
        LeaseSpec::new(lease).lease_duration(self.lease_duration)
    }
}
