//! Functions of edition 2021 in a crate that has renamed the runtime. The test is that they compile.
#![deny(warnings, clippy::all, clippy::pedantic)]

use std::sync::Arc;
use std::time::Duration;

use elections::{leader_only, LeaderTask, Term, Tick};

/// Syncs the ledger.
#[leader_only(lease = "ledger", lease_duration = "30s", grace = "1m", restart = always, crate = elections)]
pub async fn sync_ledger(term: Term, batch: usize) -> Result<(), std::fmt::Error> {
    while !term.is_cancelled() {
        tokio::time::sleep(Duration::from_secs(batch as u64)).await;
    }
    Ok(())
}

/// Drains a shard. `gen` is a keyword since edition 2024.
#[leader_only(crate = elections, lease = "shard-{gen}", backoff = "1s..1m", on_loss = exit)]
pub async fn drain(gen: u32) -> ! {
    println!("draining {gen}");
    std::future::pending().await
}

/// Reports on the day before.
#[leader_only(lease = "billing", cron = "@daily", time_zone = "Europe/Prague", delivery = at_least_once, crate = elections)]
pub async fn report(gen: Tick, folder: String) -> Result<(), std::fmt::Error> {
    tokio::task::yield_now().await;
    println!("{folder}/{}", gen.nominal());
    Ok(())
}

/// A ledger.
pub struct Ledger {
    /// Which of them.
    pub id: u32,
}

impl Ledger {
    /// Posts what is due.
    #[leader_only(lease = "ledger-{self.id}", crate = ::elections)]
    pub async fn post(self: Arc<Self>) {
        tokio::task::yield_now().await;
        println!("posting to {}", self.id);
    }
}

macro_rules! job {
    ($name:ident, $lease:literal, $($param:ident: $ty:ty),*) => {
        /// From a macro.
        #[leader_only(lease = $lease, timeout = "5m", crate = elections)]
        pub async fn $name($($param: $ty),*) {
            tokio::task::yield_now().await;
            $(let _ = $param;)*
        }
    };
}
job!(clean, "cleaner-{region}", region: String, term: Term);

/// What the functions above return.
#[must_use]
pub fn tasks() -> Vec<LeaderTask<()>> {
    drop((sync_ledger(7), drain(7), report(String::new())));
    vec![Arc::new(Ledger { id: 7 }).post(), clean("north".to_owned())]
}
