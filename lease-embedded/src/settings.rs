//! The settings of an embedded API.

use std::sync::Arc;
use std::time::Duration;

use lease_protocol::clock::Clock;

use super::clock::ServerClock;

/// The settings of an embedded API.
#[derive(Clone, Debug)]
#[must_use]
pub struct Settings {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: Option<u64>,
    pub(crate) changes_kept: usize,
    pub(crate) bookmark_every: Duration,
    pub(crate) coordinated: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            clock: Arc::new(ServerClock),
            seed: None,
            changes_kept: 4_096,
            bookmark_every: Duration::from_secs(60),
            coordinated: false,
        }
    }
}

impl Settings {
    /// The clock for the times of objects, answers and log entries. A test in virtual time must set its own clock.
    pub fn clock(mut self, clock: impl Clock) -> Settings {
        self.clock = Arc::new(clock);
        self
    }

    /// The seed of uids and generated names. The same seed gives the same ones. Random by default.
    pub fn seed(mut self, seed: u64) -> Settings {
        self.seed = Some(seed);
        self
    }

    /// How many changes are stored for watches that start from an earlier version or fall behind (4,096 by default). A watch that
    /// needs older ones gets 410.
    pub fn changes_kept(mut self, count: usize) -> Settings {
        self.changes_kept = count;
        self
    }

    /// How often a watch with bookmarks gets one (once a minute by default), in addition to the one shortly before its end.
    pub fn bookmark_every(mut self, period: Duration) -> Settings {
        self.bookmark_every = period;
        self
    }

    /// Whether the feature gate `CoordinatedLeaderElection` is on. It is off by default, as in Kubernetes. If it is off, writes
    /// drop `strategy` and `preferredHolder`.
    pub fn coordinated_leader_election(mut self, on: bool) -> Settings {
        self.coordinated = on;
        self
    }
}
