//! The attribute with all lints of clippy and most of the compiler's. A lint that fires here would fire in a user's crate, for
//! code that the user has not written.
//!
//! These contradict others of their group or the form of a test, and are off: `blanket_clippy_restriction_lints` (the group
//! itself), `implicit_return` (or else `needless_return`), `separated_literal_suffix` (or else `unseparated_literal_suffix`),
//! `std_instead_of_alloc`, `tests_outside_test_module`, and `arbitrary_source_item_ordering`, which would sort this file by the
//! alphabet. One is off because of the attribute: `single_call_fn` forbids functions that are called in one place, and a body is
//! called only in its constructor.
#![deny(
    warnings,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::restriction,
    missing_docs,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unused_lifetimes,
    unused_qualifications,
    variant_size_differences
)]
#![allow(
    clippy::arbitrary_source_item_ordering,
    clippy::blanket_clippy_restriction_lints,
    clippy::implicit_return,
    clippy::separated_literal_suffix,
    clippy::single_call_fn,
    clippy::std_instead_of_alloc,
    clippy::tests_outside_test_module,
    reason = "see above"
)]

use core::future::pending;
use core::hint::black_box;
use std::sync::Arc;

use lease_runtime::{LeaderTask, Term, Tick, leader_only};

/// How a run fails.
#[derive(Clone, Debug)]
struct Failure;

/// A part of the lease's name.
const REGION: &str = "north";

/// All keys for a lease and for a task.
#[leader_only(
    lease = "ledger",
    namespace = "payments",
    name = "ledger.payments",
    lease_duration = "30s",
    renew_deadline = "20s",
    retry_period = "500ms",
    leader_label,
    leader_service = "ledger",
    restart = always,
    backoff = "1s..1m",
    max_restarts = "5 in 1m",
    on_exhausted = exit,
    initial_delay = "5s",
    timeout = "1h",
    grace = "1m",
    on_overrun = report,
    on_loss = exit
)]
async fn all_keys(term: Term, batch: usize) -> Result<usize, Failure> {
    term.cancelled().await;
    if batch == 0 { Err(Failure) } else { Ok(batch) }
}

/// All keys for a task that runs by cron.
#[leader_only(
    lease = "billing",
    cron = "0 2 * * *",
    time_zone = "Europe/Prague",
    jitter = "5m",
    overlap = allow_all(2),
    catch_up = all,
    max_catch_up = 7,
    start_deadline = "6h",
    delivery = at_least_once,
    retry = 3,
    backoff = "1s..1m"
)]
async fn report(term: Term, batch: usize, tick: Tick) -> Result<(), Failure> {
    term.cancelled().await;
    if tick.attempt() > 1 && batch == 0 { Err(Failure) } else { Ok(()) }
}

/// At a fixed rate, and without a tick.
#[leader_only(lease = "billing", every = "1h", offset = "5m", start_deadline = unlimited, timeout = "2h")]
async fn poll(term: Term) {
    term.cancelled().await;
}

/// With a delay, and with a pattern.
#[leader_only(lease = "billing", delay = "5s", catch_up = none)]
async fn clean((left, right): (u8, u8), _: Tick) {
    black_box((left, right));
    pending::<()>().await;
}

/// Once.
#[leader_only(lease = "billing", once, delivery = at_most_once)]
async fn migrate(tick: Tick) {
    drop(tick);
    pending::<()>().await;
}

/// The name of the lease contains arguments.
#[leader_only(lease = "{REGION}-{shard:03}-{pair.0}", namespace = "team-{owner}")]
async fn shards(shard: u32, pair: (u8, u8), owner: String, term: Term) {
    term.cancelled().await;
    black_box((shard, pair, owner));
}

/// Copied, never returning, and with a pattern.
#[leader_only(lease = "forever")]
async fn forever((left, right): (u8, u8), _: u8) -> ! {
    black_box((left, right));
    pending().await
}

/// Generic.
#[leader_only(lease = "generic")]
async fn generic<T, const N: usize>(items: [T; N], term: Term)
where
    T: Clone + Send + 'static,
{
    term.cancelled().await;
    black_box(items);
}

/// A type with methods.
#[derive(Clone)]
struct Ledger {
    /// Which of them.
    id: u32,
}

impl Ledger {
    /// Shared among its runs.
    #[leader_only(lease = "ledger-{self.id}", restart = never)]
    async fn shared(self: Arc<Self>, term: Term) {
        term.cancelled().await;
        black_box(self);
    }

    /// Cloned for each run.
    #[leader_only(lease = "ledger")]
    async fn cloned(self, term: Term) {
        term.cancelled().await;
        black_box(self);
    }

    /// Names itself.
    #[leader_only(lease = "ledger")]
    async fn by_id(id: u32, term: Term) {
        term.cancelled().await;
        black_box(Self { id });
    }
}

/// They are tasks.
#[test]
fn tasks() {
    let ledger = Ledger { id: 7 };
    let tasks: [LeaderTask<()>; 8] = [
        poll(),
        clean((7, 7)),
        migrate(),
        shards(7, (7, 7), String::new()),
        generic([7_u8, 7_u8]),
        Arc::new(ledger.clone()).shared(),
        ledger.cloned(),
        Ledger::by_id(7),
    ];
    drop((tasks, all_keys(7), report(7), forever((7, 7), 7)));
}
