//! An old leader is stopped between the check and the effect, and the next one raises meanwhile. Each of them has a connection, and
//! the tests decide whose statement is next. So an order that needs bad luck in production happens each time.

use std::time::Duration;

use lease_examples::harness::Outcome;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;

use super::*;

/// How an old leader ended whose check had passed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    /// Its effect was committed after the raise had returned. So the next leader had already decided without it.
    Stale,
    /// Its effect was refused after the raise had returned.
    Refused,
    /// The raise waited until its transaction had ended.
    RaiseWaited,
}

struct Db {
    postgres: Postgres,
    /// Looks on.
    watcher: PgConnection,
}

fn fence(token: i64) -> Fence {
    Fence { lease: "shop/ledger".to_owned(), token }
}

impl Db {
    /// `None` where PostgreSQL is not installed.
    async fn start() -> Option<Db> {
        let Some(postgres) = Postgres::start().await.unwrap() else {
            println!("{}", Postgres::ABSENT);
            return None;
        };
        let mut watcher = postgres.connect().await.unwrap();
        sqlx::query(FENCE_TABLE).execute(&mut watcher).await.unwrap();
        sqlx::raw_sql(WORK_TABLES).execute(&mut watcher).await.unwrap();
        Some(Db { postgres, watcher })
    }

    /// A connection of the old leader, which has raised its token 1, and one of the next, which has not raised its token 2.
    async fn leaders(&mut self) -> (PgConnection, PgConnection) {
        run(&mut self.watcher, "TRUNCATE lease_fence, ledger").await.unwrap();
        let mut old = self.postgres.connect().await.unwrap();
        fence(1).raise(&mut old).await.unwrap();
        (old, self.postgres.connect().await.unwrap())
    }

    /// Returns whether the statement of this process of the server waits for a lock. If it does not, it ends.
    async fn waits<T>(&mut self, pid: i32, statement: &JoinHandle<T>) -> bool {
        let watching = async {
            loop {
                let blocked = sqlx::query_scalar("SELECT cardinality(pg_blocking_pids($1)) > 0").bind(pid);
                if blocked.fetch_one(&mut self.watcher).await.unwrap() {
                    return true;
                }
                if statement.is_finished() {
                    return false;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), watching).await.expect("it does not wait and does not end")
    }

    async fn entries(&mut self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM ledger").fetch_one(&mut self.watcher).await.unwrap()
    }
}

async fn run(db: &mut PgConnection, statement: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(statement).execute(db).await.map(drop)
}

async fn pid(db: &mut PgConnection) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(db).await.unwrap()
}

async fn passes(db: &mut PgConnection, check: &str) -> bool {
    let check = sqlx::query(check).bind(fence(1).lease).bind(fence(1).token);
    check.fetch_optional(db).await.unwrap().is_some()
}

const EFFECT: &str = "INSERT INTO ledger (token, entry) VALUES (1, 'late')";

fn raise(mut db: PgConnection) -> JoinHandle<PgConnection> {
    tokio::spawn(async move {
        fence(2).raise(&mut db).await.unwrap();
        db
    })
}

/// The old leader checks, and is stopped. The next one raises. The old one continues.
async fn stopped_after_check(db: &mut Db, isolation: &str, check: &str, between: &str) -> Seen {
    let (mut old, mut new) = db.leaders().await;
    run(&mut old, &format!("BEGIN ISOLATION LEVEL {isolation}")).await.unwrap();
    assert!(passes(&mut old, check).await);
    run(&mut old, between).await.unwrap();
    let pid = pid(&mut new).await;
    let raising = raise(new);
    let waits = db.waits(pid, &raising).await;
    let mut end = run(&mut old, EFFECT).await;
    if end.is_ok() {
        end = run(&mut old, "COMMIT").await;
    }
    raising.await.unwrap();
    assert_eq!(db.entries().await, i64::from(end.is_ok()));
    match (waits, end) {
        (true, Ok(())) => Seen::RaiseWaited,
        (true, Err(error)) => panic!("the raise waited for a transaction that was not committed: {error}"),
        (false, Ok(())) => Seen::Stale,
        (false, Err(_)) => Seen::Refused,
    }
}

/// The mutants of the check are shown to be no fence by the scenario that the check withstands.
#[tokio::test]
async fn only_a_lock_on_the_row_of_the_token_is_a_fence() {
    let Some(mut db) = Db::start().await else { return };
    let (none, key_share) = (CHECK.replace("FOR SHARE", ""), CHECK.replace("FOR SHARE", "FOR KEY SHARE"));
    for isolation in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
        for (check, between, expected) in [
            (CHECK, "", Seen::RaiseWaited),
            (&none, "", Seen::Stale),
            (&key_share, "", Seen::Stale),
            // The check in a transaction of its own.
            (CHECK, "COMMIT; BEGIN", Seen::Stale),
        ] {
            let seen = stopped_after_check(&mut db, isolation, check, between).await;
            assert_eq!(seen, expected, "{isolation}, {check}, {between}");
        }
    }
}

/// The next leader does not raise, and decides on what it reads. The check alone does not help.
#[tokio::test]
async fn without_a_raise_the_next_leader_decides_on_what_may_change() {
    let Some(mut db) = Db::start().await else { return };
    for (raises, expected) in [(true, 0), (false, 1)] {
        let (mut old, mut new) = db.leaders().await;
        if raises {
            fence(2).raise(&mut new).await.unwrap();
        }
        let read = db.entries().await;
        let late = book(fence(1), &mut old).await;
        assert_eq!((matches!(late, Err(WriteError::Fenced)), read), (raises, 0), "{late:?}");
        assert_eq!(db.entries().await, expected, "the entries beside which the next leader has decided");
    }
}

/// The raise is under way when the old leader checks: the check waits, and fails. So does the check that is part of the effect.
#[tokio::test]
async fn a_check_that_meets_a_raise_waits_and_is_refused() {
    let Some(mut db) = Db::start().await else { return };
    for in_one_statement in [false, true] {
        let (mut old, mut new) = db.leaders().await;
        run(&mut new, "BEGIN").await.unwrap();
        fence(2).raise(&mut new).await.unwrap();
        let pid = pid(&mut old).await;
        let checking = tokio::spawn(async move {
            match in_one_statement {
                true => book(fence(1), &mut old).await.is_ok(),
                false => passes(&mut old, CHECK).await,
            }
        });
        assert!(db.waits(pid, &checking).await, "it does not wait for the raise");
        run(&mut new, "COMMIT").await.unwrap();
        assert!(!checking.await.unwrap());
        assert_eq!(db.entries().await, 0);
    }
}

/// A leader that is stopped inside a transaction for longer than the timeout of its connection.
#[tokio::test]
async fn the_server_ends_a_transaction_for_which_the_raise_waits() {
    let Some(mut db) = Db::start().await else { return };
    let (mut old, mut new) = db.leaders().await;
    run(&mut old, "SET idle_in_transaction_session_timeout = '200ms'; BEGIN").await.unwrap();
    assert!(passes(&mut old, CHECK).await);
    fence(2).raise(&mut new).await.unwrap();
    run(&mut old, EFFECT).await.unwrap_err();
    assert_eq!(db.entries().await, 0);
    let late = fence(1).raise(&mut db.watcher).await;
    assert!(matches!(late, Err(WriteError::Fenced)), "an earlier leader raises its token again: {late:?}");
    let pool = pool_of_leader(db.postgres.url().parse().unwrap());
    let timeout: String =
        sqlx::query_scalar("SHOW idle_in_transaction_session_timeout").fetch_one(&pool).await.unwrap();
    assert_eq!(timeout, "2s");
    pool.close().await;
}

/// Two attempts at a tick, with every crash in between that the database can see.
#[tokio::test]
async fn a_tick_has_its_effect_once() -> Outcome<()> {
    let Some(mut db) = Db::start().await else { return Ok(()) };
    let (old, mut new) = db.leaders().await;
    old.close().await?;
    let pool = pool_of_leader(db.postgres.url().parse()?);
    // A crash before the commit leaves no key and no effect.
    let mut crashed = fence(1).begin(&pool).await?;
    sqlx::query("INSERT INTO interest_runs VALUES ('monday', 'a')").execute(&mut *crashed).await?;
    crashed.rollback().await?;
    assert!(book_interest(&fence(1), &pool, "monday", "b").await?);
    // A crash after the commit: the next leader runs the tick again.
    fence(2).raise(&mut new).await?;
    assert!(!book_interest(&fence(2), &pool, "monday", "c").await?);
    assert!(book_interest(&fence(2), &pool, "tuesday", "d").await?);
    let late = book_interest(&fence(1), &pool, "wednesday", "e").await;
    assert!(matches!(late, Err(WriteError::Fenced)), "{late:?}");
    assert_eq!(db.entries().await, 2);
    let attempts: Vec<String> =
        sqlx::query_scalar("SELECT attempt_id FROM interest_runs ORDER BY tick").fetch_all(&pool).await?;
    assert_eq!(attempts, ["b", "d"]);
    pool.close().await;
    Ok(())
}
