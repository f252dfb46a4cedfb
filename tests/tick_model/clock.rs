//! Calendar time in a world. Ticks are computed here independently of the core.

use lease_protocol::ticks::TickTime;
use lease_runtime::clock::WallTime;

use super::scope::{PERIOD, Scope};

/// Midnight of 2026-11-25, which is tick 0. Each world begins then.
const EPOCH: i64 = 1_795_564_800;
const MICROS: i64 = 1_000_000;

/// In seconds since the start.
pub(crate) fn since_start(at: WallTime) -> i64 {
    at.0.div_euclid(MICROS) - EPOCH
}

/// The number of this tick. `None` if it is no tick of the schedule.
pub(crate) fn number(tick: WallTime) -> Option<i64> {
    let second = since_start(tick);
    (second % PERIOD == 0).then_some(second / PERIOD)
}

/// How many ticks there are after one time and up to another.
pub(crate) fn ticks_between(after: WallTime, upto: WallTime) -> u64 {
    let newest = |at| since_start(at).div_euclid(PERIOD);
    (newest(upto) - newest(after)).max(0).unsigned_abs()
}

impl Scope {
    /// The time of a step of a replica in this slot.
    pub(crate) fn time(&self, slot: u8, replica: usize, random: u64) -> TickTime {
        let second = EPOCH + i64::from(slot) * PERIOD / i64::from(self.slots);
        let skew = if replica == 1 { self.skew } else { 0 };
        let server = Some(WallTime(second * MICROS));
        TickTime { wall: WallTime((second + skew) * MICROS), server, random }
    }

    /// The newest tick that is due in this slot, by the clock of the server.
    pub(crate) fn newest(&self, slot: u8) -> i64 {
        i64::from(slot / self.slots)
    }
}
