//! sqlx.

use lease_runtime::Candidate;
use lease_runtime::embedded::EmbeddedApi;
use sqlx::PgPool;

use super::postgres::Postgres;

mod recipe {
    use crate::context::*;

    include!(concat!(env!("OUT_DIR"), "/recipes/balances.rs"));

    pub(super) fn pool(options: PgConnectOptions) -> PgPool {
        pool_of_leader(options)
    }

    pub(super) fn task(pool: PgPool) -> LeaderTask<Result<(), sqlx::Error>> {
        settle(pool)
    }
}

/// Lets a new replica lead until its task is done.
async fn settle(api: &EmbeddedApi, pool: &PgPool) {
    let client = api.client_as("recipes", "shop");
    let candidate = Candidate::builder().client(client).namespace("shop").build().await.unwrap();
    let settled = candidate.add(recipe::task(pool.clone()));
    candidate.run().await.unwrap();
    settled.await.unwrap().unwrap();
}

async fn number(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

/// Needs PostgreSQL. Without it, the sample is only compiled.
#[tokio::test]
async fn a_leader_that_is_not_the_last_one_changes_nothing() {
    let Some(postgres) = Postgres::start().await else {
        println!("PostgreSQL is not installed: the sample about sqlx is not run");
        return;
    };
    let pool = recipe::pool(postgres.options());
    for statement in [
        "CREATE TABLE fences (lease text PRIMARY KEY, token bigint NOT NULL)",
        "INSERT INTO fences VALUES ('balances', 0)",
        "CREATE TABLE balances (amount bigint NOT NULL)",
        "INSERT INTO balances VALUES (0)",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let timeout: String = sqlx::query_scalar("SHOW statement_timeout").fetch_one(&pool).await.unwrap();
    assert_eq!(timeout, "5s");

    let api = EmbeddedApi::new();
    api.create_namespace("shop");
    settle(&api, &pool).await;
    let first = number(&pool, "SELECT token FROM fences").await;
    assert!(first > 0);
    settle(&api, &pool).await;
    assert!(number(&pool, "SELECT token FROM fences").await > first);
    assert_eq!(number(&pool, "SELECT amount FROM balances").await, 2);

    sqlx::query("UPDATE fences SET token = 1000000").execute(&pool).await.unwrap();
    settle(&api, &pool).await;
    assert_eq!(number(&pool, "SELECT token FROM fences").await, 1_000_000);
    assert_eq!(number(&pool, "SELECT amount FROM balances").await, 2, "it has written after a later leader");
    pool.close().await;
}
