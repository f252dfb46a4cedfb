//! Whether the loop that runs the elections is alive.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Moment};

/// How often the loop turns even if nothing happens. Without it, a long silence would not mean that the loop is stuck.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// Whether the loop that runs the elections is alive: the answer of a liveness probe.
///
/// It does not say whether this process leads. A follower is healthy. So is a process that cannot reach the API server, because
/// a restart would not help.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub struct Health {
    /// The loop runs.
    pub running: bool,
    /// How long ago the loop was last active. Normally this is about a second at most. Much more means that the process gets no
    /// processor time, or that the loop is stuck.
    #[cfg_attr(feature = "serde", serde(rename = "last_turn_seconds", serialize_with = "seconds"))]
    pub last_turn: Duration,
    /// The revisions of the API server went backwards, as after restoring a backup. This process does not lead some lease until it
    /// is restarted.
    pub disqualified: bool,
}

#[cfg(feature = "serde")]
fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

impl Health {
    /// Whether the loop runs, was active in the last ten seconds, and this process is not disqualified from leading a lease. If not, a restart helps.
    pub fn is_alive(&self) -> bool {
        self.running && !self.disqualified && self.last_turn <= 10 * BEAT
    }
}

/// The time at which the loop was last active.
#[derive(Debug)]
pub(super) struct Heartbeat {
    pub(super) clock: Arc<dyn Clock>,
    last: AtomicU64,
    stopped: AtomicBool,
    disqualified: AtomicBool,
}

impl Heartbeat {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Arc<Heartbeat> {
        let last = AtomicU64::new(clock.now().as_nanos());
        Arc::new(Heartbeat { clock, last, stopped: AtomicBool::new(false), disqualified: AtomicBool::new(false) })
    }

    pub(super) fn beat(&self, now: Moment) {
        self.last.store(now.as_nanos(), Ordering::Relaxed);
    }

    pub(super) fn health(&self) -> Health {
        let last = Moment::from_nanos(self.last.load(Ordering::Relaxed));
        Health {
            running: !self.stopped.load(Ordering::Relaxed),
            last_turn: self.clock.now().since(last),
            disqualified: self.disqualified.load(Ordering::Relaxed),
        }
    }

    /// An election of this process does not lead again until the process is restarted.
    pub(super) fn disqualify(&self) {
        self.disqualified.store(true, Ordering::Relaxed);
    }
}

/// Marks the heartbeat as stopped, however the loop ends.
pub(super) struct HeartbeatGuard(pub(super) Arc<Heartbeat>);

impl Drop for HeartbeatGuard {
    fn drop(&mut self) {
        self.0.stopped.store(true, Ordering::Relaxed);
    }
}
