//! Limits how many requests of one candidate are sent at once.
//!
//! On HTTP/1.1 each request takes a connection. When the elections of hundreds of shards begin at the same instant, they would
//! open as many connections. Each needs a TLS handshake, computed on the one thread that also renews, so all would be slower. On
//! HTTP/2 requests share a few connections, and the limit only matters for very many.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::multiplexed::Multiplexed;

/// The limit for holders, and for others. With answers that take 5 ms, 6,000 requests a second: a thousand leases are renewed in a
/// sixth of one.
pub(super) const MOST: usize = 32;

/// The same on HTTP/2.
const MOST_MULTIPLEXED: usize = 256;

/// The limits for the requests of all elections.
pub(super) struct InFlight {
    multiplexed: Multiplexed,
    http1: Turns,
    http2: Turns,
}

struct Turns {
    /// For processes that hold a lease. Other requests never delay a renewal.
    holding: Semaphore,
    waiting: Semaphore,
    /// For what is no part of an election. It may hang, and must not keep candidates from their turn.
    traffic: Semaphore,
}

impl Turns {
    fn new(most: usize) -> Turns {
        let [holding, waiting, traffic] = [(); 3].map(|()| Semaphore::new(most));
        Turns { holding, waiting, traffic }
    }
}

impl InFlight {
    pub(super) fn new(multiplexed: Multiplexed) -> InFlight {
        InFlight { multiplexed, http1: Turns::new(MOST), http2: Turns::new(MOST_MULTIPLEXED) }
    }

    /// The limits for the protocol that the server speaks, as far as it is known. The first connection shows it.
    fn turns(&self) -> &Turns {
        if self.multiplexed.is_on() { &self.http2 } else { &self.http1 }
    }

    /// The requests use HTTP/2, whose connections are checked for signs of life.
    pub(super) fn is_multiplexed(&self) -> bool {
        self.multiplexed.is_on()
    }

    /// How many signs of life the server has given, apart from answers.
    pub(super) fn signs(&self) -> u64 {
        self.multiplexed.signs()
    }

    /// Waits for a turn, which ends when the permit is dropped. A process that does not hold a lease loses nothing by waiting.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns().waiting.acquire().await.ok()
    }

    /// The same for a request that leads traffic to a leader.
    pub(super) async fn turn_of_traffic(&self) -> Option<SemaphorePermit<'_>> {
        self.turns().traffic.acquire().await.ok()
    }

    /// The same for a process that holds a lease. It waits no longer than `patience`: if answers are so slow that its turn does not
    /// come in time, the request goes without one. A term is worth a connection. A read after an unclear answer is as urgent as the
    /// renewal that it delays.
    pub(super) async fn turn_of_holder(&self, patience: Duration) -> Option<SemaphorePermit<'_>> {
        tokio::time::timeout(patience, self.turns().holding.acquire()).await.ok()?.ok()
    }
}
