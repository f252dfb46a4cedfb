// One function of each kind. Their expansions are in `expanded.rs`.

use std::convert::Infallible;
use std::fmt::{Debug, Error};
use std::sync::Arc;

use lease_runtime::{LeaderTask, Term, Tick, leader_only};

/// Says hello from the leader.
#[leader_only(lease = "hello")]
pub(crate) async fn hello() {
    println!("hello");
}

#[leader_only(
    lease = "reindexer",
    namespace = "search",
    lease_duration = "30s",
    renew_deadline = "20s",
    retry_period = "500ms",
    name = "reindex.search",
    grace = "2m",
    on_overrun = report
)]
pub(crate) async fn reindex(term: Term, mut index: Vec<String>, batch: usize) -> Result<(), Error> {
    index.truncate(batch);
    drop(term);
    Ok(())
}

#[leader_only(lease = "generic")]
pub(crate) async fn generic<T, const N: usize>(
    items: [T; N],
    (left, right): (u8, u8),
    sink: impl Fn(T) + Clone + Send + 'static,
) where
    T: Debug + Clone + Send + 'static,
{
    items.into_iter().for_each(sink);
    println!("{left} {right}");
}

#[leader_only(lease = "forever")]
pub(crate) async fn forever(_: Term, number: u8) -> ! {
    println!("{number}");
    std::future::pending().await
}

/// The names are taken.
#[leader_only(lease = "term")]
pub(crate) async fn term(term: u8, leadership: Term) {
    println!("{term} {leadership:?}");
}

#[leader_only(
    lease = "shard-{shard:03}",
    restart = always,
    backoff = "250ms..1h",
    max_restarts = "3 in 2m",
    on_exhausted = stop,
    initial_delay = "5s",
    timeout = "30s",
    on_loss = exit
)]
pub(crate) async fn drain(shard: u32, lease: String) {
    println!("{shard} {lease}");
}

/// Reports on the day before.
#[leader_only(
    lease = "billing",
    cron = "0 2 * * *",
    time_zone = "Europe/Prague",
    jitter = "5m",
    catch_up = all,
    max_catch_up = 7,
    start_deadline = unlimited,
    delivery = at_least_once,
    retry = 3,
    backoff = "1s..1m",
    timeout = "1h"
)]
pub(crate) async fn report(tick: Tick, folder: String) -> Result<(), Error> {
    println!("{folder}/{}", tick.nominal());
    Ok(())
}

#[leader_only(lease = "billing", every = "1m", offset = "30s", overlap = allow_all(2), start_deadline = "2m", timeout = "5m")]
pub(crate) async fn poll(_: Tick, term: Term) {
    drop(term);
}

#[leader_only(lease = "billing", delay = "5s", catch_up = none)]
pub(crate) async fn clean() {}

#[leader_only(lease = "billing", once)]
pub(crate) async fn tick(tick: Tick) {
    drop(tick);
}

#[leader_only(lease = "conditional")]
#[inline]
#[deprecated]
pub(crate) async fn conditional(#[cfg(unix)] unix: u8, #[cfg(windows)] term: Term) {
    #[cfg(unix)]
    println!("{unix}");
    #[cfg(windows)]
    println!("{term:?}");
}

#[derive(Clone)]
pub(crate) struct Ledger(pub(crate) u8);

impl Ledger {
    const LEASE: &'static str = "ledger";

    /// Posts what is due.
    #[leader_only(lease = Ledger::LEASE)]
    pub(crate) async fn run(self: Arc<Self>, _term: Term) -> Result<Self, Error> {
        Ok(Ledger(self.0))
    }

    #[leader_only(lease = "ledger-{self.0}")]
    pub(crate) async fn numbered(self) {
        println!("{}", self.0);
    }

    #[leader_only(lease = "ledger")]
    pub(crate) async fn of(number: u8) {
        println!("{}", Self(number).0);
    }
}

/// What the functions above return.
pub(crate) fn tasks() {
    #[allow(deprecated)]
    let conditional = conditional(7);
    let _: Vec<LeaderTask<()>> = vec![hello(), generic([7, 7], (7, 7), drop), term(7), conditional, Ledger::of(7)];
    let _: Vec<LeaderTask<()>> = vec![drain(7, String::new()), Ledger(7).numbered()];
    let _: Vec<LeaderTask<()>> = vec![poll(), clean(), tick()];
    let _: LeaderTask<Result<(), Error>> = reindex(vec![], 7);
    let _: LeaderTask<Result<(), Error>> = report(String::new());
    let _: LeaderTask<Infallible> = forever(7);
    let _: LeaderTask<Result<Ledger, Error>> = Arc::new(Ledger(7)).run();
}
