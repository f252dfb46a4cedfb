//! L2: a process never sends more requests about a Lease than its pace allows, whatever happens.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Broken, must};
use crate::engine::{Nanos, SECOND, Who};
use crate::journal::{Event, LeaseName, Verb};
use lease_protocol::election::Timing;

/// Requests are counted over so long.
const WINDOW: Nanos = 2 * SECOND;

/// The requests of all processes in the last window.
pub(super) struct Storm {
    most: usize,
    sent: BTreeMap<(Who, LeaseName), VecDeque<Nanos>>,
}

impl Storm {
    pub(super) fn new(timing: Timing) -> Storm {
        // A burst of eight, then one in a quarter of a retry period, on a clock that runs fast by an eighth. A slow request is
        // sent once more beside the first, and at most two are slow at once.
        let interval = timing.retry_period.mul_f64(0.25 / 1.125);
        let steady = Duration::from_nanos(WINDOW).div_duration_f64(interval);
        Storm { most: 8 + 2 + 1 + steady.ceil() as usize, sent: BTreeMap::new() }
    }

    pub(super) fn see(&mut self, at: Nanos, event: &Event) -> Result<(), Broken> {
        let Event::Sent { who, verb, lease: Some(lease), .. } = event else { return Ok(()) };
        if !matches!(verb, Verb::Get | Verb::Write) {
            return Ok(());
        }
        let sent = self.sent.entry((*who, lease)).or_default();
        sent.push_back(at);
        while sent.front().is_some_and(|first| first + WINDOW < at) {
            sent.pop_front();
        }
        let count = sent.len();
        must!(count <= self.most, "L2: {who} has sent {count} requests about {lease} within two seconds");
        Ok(())
    }
}
