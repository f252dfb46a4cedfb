//! PostgreSQL refuses what an earlier leader writes, and a tick has its effect once.
//!
//! ```sh
//! cargo run --example fenced_postgres                          # against the Lease API in this process
//! cargo run --example fenced_postgres -- --kubeconfig FILE     # against a cluster of your choice
//! cargo test --example fenced_postgres                         # which checks are a fence, and which are not
//! ```
//!
//! It starts a PostgreSQL of its own, and needs its programs: `apt-get install postgresql` on Debian and Ubuntu.
//!
//! A leader is stopped while a write of it is on its way. The next leader *raises* its fencing token in the table `lease_fence`,
//! and writes. The first one continues, and the database refuses its write. Then the leader is killed after a tick has had its
//! effect and before the Lease says so. The next leader runs the tick again, and finds the effect. The program ends by itself in
//! under a minute. It fails if a write was accepted after one with a higher token, or if a tick had its effect twice or not at all.

use lease_examples::harness::{End, Harness, Outcome, Postgres, WorkLog, overlaps, stop_the_leader, write_until_end};
use lease_runtime::{Candidate, Cause, Term, Tick, leader_only, shutdown_signal};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgExecutor, PgPool, Transaction};

// ---- the fence, to copy into a program

/// Of a migration, once.
const FENCE_TABLE: &str = "CREATE TABLE lease_fence (lease text PRIMARY KEY, token bigint NOT NULL)";
/// No row is changed: there is a later leader.
const RAISE: &str = "INSERT INTO lease_fence VALUES ($1, $2)
    ON CONFLICT (lease) DO UPDATE SET token = EXCLUDED.token WHERE lease_fence.token <= EXCLUDED.token";
/// No row: there is a later leader. `FOR SHARE` makes it a fence: a raise waits for the transactions that have this lock.
const CHECK: &str = "SELECT 1 FROM lease_fence WHERE lease = $1 AND token = $2 FOR SHARE";

/// The fence of one term.
#[derive(Clone, Debug)]
struct Fence {
    /// The key in `lease_fence`, with the namespace: several clusters or namespaces may use one database.
    lease: String,
    token: i64,
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("a later leader has raised the fence. Nothing was written. This term is over: the body should return")]
    Fenced,
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
}

impl Fence {
    fn of(term: &Term) -> Fence {
        Fence { lease: term.lease().to_string(), token: term.fencing_token().into() }
    }

    /// Raises the token, in a transaction of its own. Call it before the term reads what it decides on: when it returns, no
    /// transaction of an earlier term can be committed any more. Again is harmless. Dropped in the middle, it may have had its effect.
    async fn raise(&self, db: impl PgExecutor<'_>) -> Result<(), WriteError> {
        let raised = sqlx::query(RAISE).bind(&self.lease).bind(self.token).execute(db).await?;
        if raised.rows_affected() == 1 { Ok(()) } else { Err(WriteError::Fenced) }
    }

    /// Begins a transaction that is committed before a later leader raises its token, or not at all. Dropped, it is rolled back.
    async fn begin(&self, pool: &PgPool) -> Result<Transaction<'static, sqlx::Postgres>, WriteError> {
        let mut transaction = pool.begin().await?;
        let check = sqlx::query(CHECK).bind(&self.lease).bind(self.token);
        check.fetch_optional(&mut *transaction).await?.ok_or(WriteError::Fenced)?;
        Ok(transaction)
    }
}

/// A leader that is stopped inside a transaction makes the next one wait for its raise. The server ends such a transaction.
fn pool_of_leader(options: PgConnectOptions) -> PgPool {
    let options = options.options([("idle_in_transaction_session_timeout", "2s"), ("statement_timeout", "5s")]);
    PgPoolOptions::new().max_connections(3).connect_lazy_with(options)
}

// ---- the work

const WORK_TABLES: &str = "
    CREATE TABLE ledger (id bigserial PRIMARY KEY, token bigint NOT NULL, entry text NOT NULL);
    CREATE TABLE interest_runs (tick text PRIMARY KEY, attempt_id text NOT NULL);";

/// The check and the effect in one statement: one round trip, where one statement is enough.
const BOOK: &str = "WITH fence AS (SELECT 1 FROM lease_fence WHERE lease = $1 AND token = $2 FOR SHARE)
    INSERT INTO ledger (token, entry) SELECT $2, $3 FROM fence";

async fn book(fence: Fence, db: impl PgExecutor<'_>) -> Result<(), WriteError> {
    let booked = sqlx::query(BOOK).bind(&fence.lease).bind(fence.token).bind("booking").execute(db).await?;
    if booked.rows_affected() == 1 { Ok(()) } else { Err(WriteError::Fenced) }
}

#[leader_only(lease = "fenced-ledger", lease_duration = "3s")]
async fn bookings(term: Term, pool: PgPool, log: WorkLog) -> Result<(), WriteError> {
    let fence = Fence::of(&term);
    fence.raise(&pool).await?;
    write_until_end(&term, &log, || {
        let (fence, pool) = (fence.clone(), pool.clone());
        async move { book(fence, &pool).await }
    })
    .await
}

/// Each tick completes at least once. Its key in `interest_runs` makes that exactly one effect.
#[leader_only(lease = "fenced-ledger", lease_duration = "3s", every = "10s", delivery = at_least_once)]
async fn interest(term: Term, tick: Tick, pool: PgPool, log: WorkLog) -> Result<(), WriteError> {
    let fence = Fence::of(&term);
    fence.raise(&pool).await?; // The other task of the lease may not have done it yet.
    let (key, attempt) = (key(&tick), tick.attempt_id().to_string());
    let is_first = book_interest(&fence, &pool, &key, &attempt).await?;
    log.note(&term, &format!("{} {key}", if is_first { BOOKED } else { FOUND }));
    if log.has_flag(HANG) {
        log.note(&term, &format!("{HANGS} {key}"));
        std::future::pending::<()>().await; // Until it is killed.
    }
    Ok(())
}

/// The same for each attempt at a tick, on any replica. (`attempt_id` is another one for each attempt, so it is no such key.)
fn key(tick: &Tick) -> String {
    match tick.cause() {
        Cause::Trigger(id) => id.to_string(),
        _ => tick.nominal().to_string(),
    }
}

/// The key and the effect are in one transaction. Returns `false` if an earlier attempt has had its effect.
async fn book_interest(fence: &Fence, pool: &PgPool, key: &str, attempt: &str) -> Result<bool, WriteError> {
    let mut transaction = fence.begin(pool).await?;
    let run = sqlx::query("INSERT INTO interest_runs VALUES ($1, $2) ON CONFLICT (tick) DO NOTHING");
    let is_first = run.bind(key).bind(attempt).execute(&mut *transaction).await?.rows_affected() == 1;
    if is_first {
        let effect = sqlx::query("INSERT INTO ledger (token, entry) VALUES ($1, $2)");
        effect.bind(fence.token).bind(format!("interest {key}")).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(is_first)
}

// ---- the scenario

const DATABASE: &str = "DATABASE_URL";
const HANG: &str = "hang";
const HANGS: &str = "hangs after the interest of";
const BOOKED: &str = "booked the interest of";
const FOUND: &str = "found the interest of";
/// Writes that were accepted after one with a higher token.
const BACKWARDS: &str =
    "SELECT count(*) FROM (SELECT token, lag(token) OVER (ORDER BY id) AS before FROM ledger) AS pairs
    WHERE token < before";
/// Ticks whose effect is not there exactly once.
const NOT_ONCE: &str = "SELECT count(*) FROM interest_runs
    WHERE (SELECT count(*) FROM ledger WHERE entry = 'interest ' || tick) <> 1";

/// One replica.
async fn replica(log: WorkLog) -> Outcome<()> {
    let pool = pool_of_leader(std::env::var(DATABASE)?.parse()?);
    let candidate = Candidate::from_env().await?;
    candidate.add(bookings(pool.clone(), log.clone()));
    candidate.add(interest(pool, log));
    Ok(candidate.run_until(shutdown_signal()).await?)
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(log) = WorkLog::of_this_replica()? {
        return replica(log).await;
    }
    let Some(postgres) = Postgres::start().await? else {
        println!("{}", Postgres::ABSENT);
        return Ok(());
    };
    let mut db = postgres.connect().await?;
    sqlx::query(FENCE_TABLE).execute(&mut db).await?;
    sqlx::raw_sql(WORK_TABLES).execute(&mut db).await?;
    let mut harness = Harness::open("fenced-postgres").await?;
    harness.give(DATABASE, postgres.url());

    let [first, second] = ["replica-1", "replica-2"];
    let why = stop_the_leader(&mut harness, [first, second]).await?;
    if why != WriteError::Fenced.to_string() {
        return Err(format!("the late write has failed for another reason: {why}").into());
    }

    harness.set_flag(HANG)?;
    let hangs = harness.wait_for("a tick", |entry| entry.what.starts_with(HANGS)).await?;
    let (at, gone) = harness.end(&hangs.replica, End::Sigkill)?;
    gone.await?;
    harness.clear_flag(HANG)?;
    harness.say(at, &format!("{} {}, and is killed before the Lease says that it is done", hangs.replica, hangs.what));
    let found = hangs.what.replace(HANGS, FOUND);
    let again = harness.wait_for("the next attempt", |entry| entry.what == found).await?;
    harness.say(again.at, &format!("{} runs the tick again, and {}", again.replica, again.what));
    harness.close().await?;

    for (query, what) in
        [(BACKWARDS, "writes were accepted after one with a higher token"), (NOT_ONCE, "ticks had no effect, or two")]
    {
        let count: i64 = sqlx::query_scalar(query).fetch_one(&mut db).await?;
        println!("{count} {what}");
        if count > 0 {
            return Err("the fence has a hole".into());
        }
    }
    let (terms, overlaps) = overlaps(harness.log()?);
    println!("{terms} terms");
    println!("overlaps: {overlaps}");
    if overlaps == 0 { Ok(()) } else { Err("two leaders worked at the same time".into()) }
}

// ---- the tests: which checks are a fence

#[cfg(test)]
#[path = "fenced_postgres/tests.rs"]
mod tests;
