//! How many requests of one candidate begin at once.
//!
//! On HTTP/1.1 each takes a connection. Elections that begin at the same instant, as those of hundreds of shards do, would
//! open as many, each with its TLS handshake, and be slower for it: the handshakes are computed on the one thread that also
//! renews. On HTTP/2 they share a few connections, and only a flood has to take turns.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::multiplexed::Multiplexed;

/// Of either kind. With answers that take 5 ms, 6,000 requests a second: a thousand leases are renewed in a sixth of one.
pub(super) const MOST: usize = 32;

/// The same on HTTP/2.
const MOST_MULTIPLEXED: usize = 256;

/// Takes turns with the requests of all elections.
pub(super) struct InFlight {
    multiplexed: Multiplexed,
    http1: Turns,
    http2: Turns,
}

struct Turns {
    /// For those who hold a lease. What others look for or take over never keeps a renewal waiting.
    holding: Semaphore,
    waiting: Semaphore,
}

impl Turns {
    fn new(most: usize) -> Turns {
        Turns { holding: Semaphore::new(most), waiting: Semaphore::new(most) }
    }
}

impl InFlight {
    pub(super) fn new(multiplexed: Multiplexed) -> InFlight {
        InFlight { multiplexed, http1: Turns::new(MOST), http2: Turns::new(MOST_MULTIPLEXED) }
    }

    /// By what the server speaks as far as is known, which the first connection tells.
    fn turns(&self) -> &Turns {
        if self.multiplexed.is_on() { &self.http2 } else { &self.http1 }
    }

    /// The requests go by HTTP/2, whose connections are watched over.
    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed.is_on()
    }

    /// How many signs of life the server has given, beside answers.
    pub(super) fn signs(&self) -> u64 {
        self.multiplexed.signs()
    }

    /// Waits for a turn, which ends when the permit is dropped. Who does not hold a lease has nothing to lose by waiting.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns().waiting.acquire().await.ok()
    }

    /// The same for one who holds a lease, and who waits no longer than `patience`: where answers are so slow that turns do
    /// not come in time, it goes without one. A term is worth a connection. The look that an unclear answer calls for is as
    /// urgent as the renewal that it delays.
    pub(super) async fn turn_of_holder(&self, patience: Duration) -> Option<SemaphorePermit<'_>> {
        tokio::time::timeout(patience, self.turns().holding.acquire()).await.ok()?.ok()
    }
}
