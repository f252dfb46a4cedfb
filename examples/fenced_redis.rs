//! Redis or Valkey refuses what an earlier leader writes.
//!
//! ```sh
//! cargo run --example fenced_redis                          # against the Lease API in this process
//! cargo run --example fenced_redis -- --kubeconfig FILE     # against a cluster of your choice
//! cargo test --example fenced_redis                         # why the token is a text, and has a fixed width
//! ```
//!
//! It starts a server of its own, and needs its program: `apt-get install redis-server` on Debian and Ubuntu.
//!
//! One script compares the token and has the effect. A leader is stopped while a write of it is on its way. The next leader *raises*
//! its token, and writes. The first one continues, and the script refuses its write. The program ends by itself in under a minute.
//! It fails if a write was accepted after one with a higher token.
//!
//! Replication is asynchronous: a failover of the server may forget the token. Use it for what may happen twice.

use lease_examples::harness::{Harness, Outcome, Redis, WorkLog, overlaps, stop_the_leader, write_until_end};
use lease_runtime::{Candidate, FencingToken, Term, leader_only, shutdown_signal};
use redis::{Client, Commands, RedisError, Script};

// ---- the fence, to copy into a program

/// The first lines of each script. Nothing else runs on the server between them and the effect.
const FENCE: &str = "
    local seen = redis.call('GET', KEYS[1])
    if seen and seen > ARGV[1] then return redis.error_reply('FENCED ' .. seen) end
    redis.call('SET', KEYS[1], ARGV[1])
";

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error("the server has seen token {highest}, and this is {sent}. This term is over: the body should return")]
    Fenced { sent: FencingToken, highest: String },
    #[error("the server: {0}")]
    Redis(RedisError),
}

impl WriteError {
    fn new(error: RedisError, sent: FencingToken) -> WriteError {
        if error.code() != Some("FENCED") {
            return WriteError::Redis(error);
        }
        let highest = error.detail().unwrap_or_default().trim_start_matches('0').to_owned();
        WriteError::Fenced { sent, highest }
    }
}

/// Texts are compared from the left, so all of them have the same width. (Numbers of Lua are exact up to 2^53 only.)
fn text(token: FencingToken) -> String {
    format!("{token:020}")
}

// ---- the work

/// The braces put both keys into one slot of a cluster, as a script needs it.
const FENCE_KEY: &str = "fence:{ledger}";
const LEDGER_KEY: &str = "entries:{ledger}";
const EFFECT: &str = "redis.call('RPUSH', KEYS[2], ARGV[1])";

/// Runs the fence, and the effect after it, in one script. It blocks the thread.
fn run(client: &Client, fence: &str, effect: &str, token: &str) -> Result<(), RedisError> {
    let script = Script::new(&format!("{fence}{effect}"));
    script.key(FENCE_KEY).key(LEDGER_KEY).arg(token).invoke(&mut client.get_connection()?)
}

/// When it returns, no write of an earlier term has an effect any more.
fn raise(client: &Client, token: FencingToken) -> Result<(), WriteError> {
    run(client, FENCE, "", &text(token)).map_err(|error| WriteError::new(error, token))
}

fn book(client: &Client, token: FencingToken) -> Result<(), WriteError> {
    run(client, FENCE, EFFECT, &text(token)).map_err(|error| WriteError::new(error, token))
}

/// Runs what blocks on a thread for that. It may end after the term: so the script compares tokens.
async fn blocking(
    write: fn(&Client, FencingToken) -> Result<(), WriteError>,
    client: Client,
    token: FencingToken,
) -> Result<(), WriteError> {
    let end = tokio::task::spawn_blocking(move || write(&client, token)).await;
    end.map_err(|error| WriteError::Redis(std::io::Error::other(error).into()))?
}

#[leader_only(lease = "fenced-redis", lease_duration = "3s")]
async fn bookings(term: Term, client: Client, log: WorkLog) -> Result<(), WriteError> {
    let token = term.fencing_token();
    blocking(raise, client.clone(), token).await?; // Before the term reads what it decides on.
    write_until_end(&term, &log, || blocking(book, client.clone(), token)).await
}

// ---- the scenario

const SERVER: &str = "REDIS_URL";

/// One replica.
async fn replica(log: WorkLog) -> Outcome<()> {
    let client = Client::open(std::env::var(SERVER)?)?;
    let candidate = Candidate::from_env().await?;
    candidate.add(bookings(client, log));
    Ok(candidate.run_until(shutdown_signal()).await?)
}

#[tokio::main]
async fn main() -> Outcome<()> {
    if let Some(log) = WorkLog::of_this_replica()? {
        return replica(log).await;
    }
    let Some(redis) = Redis::start().await? else {
        println!("{}", Redis::ABSENT);
        return Ok(());
    };
    let mut harness = Harness::open("fenced-redis").await?;
    harness.give(SERVER, redis.url());

    let why = stop_the_leader(&mut harness, ["replica-1", "replica-2"]).await?;
    if !why.starts_with("the server has seen token") {
        return Err(format!("the late write has failed for another reason: {why}").into());
    }
    harness.close().await?;

    let tokens = ledger(&Client::open(redis.url())?)?;
    println!("{} writes", tokens.len());
    let (terms, overlaps) = overlaps(harness.log()?);
    println!("{terms} terms");
    println!("overlaps: {overlaps}");
    if tokens.is_sorted() && overlaps == 0 { Ok(()) } else { Err("the fence has a hole".into()) }
}

/// The tokens of all writes, in their order.
fn ledger(client: &Client) -> Result<Vec<String>, RedisError> {
    client.get_connection()?.lrange(LEDGER_KEY, 0, -1)
}

// ---- the tests

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: FencingToken = FencingToken::new(999);
    const NEW: FencingToken = FencingToken::new(1000);
    /// The first number that a number of Lua does not tell from the one before it.
    const INEXACT: u64 = (1 << 53) + 1;

    /// `None` where no server is installed.
    async fn start() -> Option<(Redis, Client)> {
        let Some(redis) = Redis::start().await.unwrap() else {
            println!("{}", Redis::ABSENT);
            return None;
        };
        let client = Client::open(redis.url()).unwrap();
        Some((redis, client))
    }

    #[tokio::test]
    async fn a_late_write_is_refused() {
        let Some((_redis, client)) = start().await else { return };
        book(&client, OLD).unwrap();
        raise(&client, NEW).unwrap();
        for late in [book(&client, OLD), raise(&client, OLD)] {
            assert!(matches!(&late, Err(WriteError::Fenced { sent: OLD, highest }) if highest == "1000"), "{late:?}");
        }
        book(&client, NEW).unwrap();
        assert_eq!(ledger(&client).unwrap(), [text(OLD), text(NEW)]);
    }

    #[tokio::test]
    async fn large_tokens_are_told_apart() {
        let Some((_redis, client)) = start().await else { return };
        raise(&client, FencingToken::new(INEXACT)).unwrap();
        let late = book(&client, FencingToken::new(INEXACT - 1));
        assert!(matches!(late, Err(WriteError::Fenced { .. })), "{late:?}");
    }

    /// A mutant: texts without a fixed width. The next leader is refused.
    #[tokio::test]
    async fn a_text_without_a_width_refuses_the_next_leader() {
        let Some((_redis, client)) = start().await else { return };
        run(&client, FENCE, EFFECT, "999").unwrap();
        let refused = run(&client, FENCE, EFFECT, "1000").unwrap_err();
        assert_eq!((refused.code(), refused.detail()), (Some("FENCED"), Some("999")));
    }

    /// A mutant: tokens are compared as numbers. The late write is accepted.
    #[tokio::test]
    async fn numbers_of_lua_do_not_tell_large_tokens_apart() {
        let Some((_redis, client)) = start().await else { return };
        let numeric = FENCE.replace("seen > ARGV[1]", "tonumber(seen) > tonumber(ARGV[1])");
        assert_ne!(numeric, FENCE);
        run(&client, &numeric, "", &text(FencingToken::new(INEXACT))).unwrap();
        run(&client, &numeric, EFFECT, &text(FencingToken::new(INEXACT - 1))).unwrap();
        assert_eq!(ledger(&client).unwrap().len(), 1);
    }

    /// A mutant: check and effect are two scripts. The old leader is stopped in between.
    #[tokio::test]
    async fn a_check_in_a_script_of_its_own_is_no_fence() {
        let Some((_redis, client)) = start().await else { return };
        run(&client, FENCE, "", &text(OLD)).unwrap();
        book(&client, NEW).unwrap();
        run(&client, "", EFFECT, &text(OLD)).unwrap();
        assert_eq!(ledger(&client).unwrap(), [text(NEW), text(OLD)]);
    }
}
