//! A leader that is stopped while a write of its term is on its way, for the examples of fenced targets.

use std::fmt::Display;
use std::time::Duration;

use lease_runtime::{FencingToken, Term};

use super::{Harness, Outcome, WorkLog};

const PAUSE: Duration = Duration::from_millis(100);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

const WROTE: &str = "wrote";
const HOLDS: &str = "has a write on its way";
const ACCEPTED: &str = "late write accepted";
const REFUSED: &str = "late write refused: ";

/// The flag that holds the next write of a replica back.
fn hold(replica: &str) -> String {
    format!("hold-{replica}")
}

/// Writes again and again, until the term is asked to end. While [`stop_the_leader`] wants it, one write is held back: it reaches
/// the target only later, and no end of the term stops it.
///
/// # Errors
///
/// That of a write.
pub async fn write_until_end<W, E>(term: &Term, log: &WorkLog, write: impl Fn() -> W) -> Result<(), E>
where
    W: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + 'static,
{
    while !term.is_cancelled() {
        if log.has_flag(&hold(log.replica())) {
            // Not `term.spawn`, which would drop it. It stands for a request that is on its way when the term ends.
            tokio::spawn(late(term.fencing_token(), log.clone(), write()));
            term.cancelled().await;
            break;
        }
        write().await?;
        log.note(term, WROTE);
        tokio::select! {
            () = term.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    Ok(())
}

async fn late<E: Display>(token: FencingToken, log: WorkLog, write: impl Future<Output = Result<(), E>>) {
    log.note_outside(HOLDS);
    while log.has_flag(&hold(log.replica())) {
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let end = write.await;
    // Outside of a term, because the term with this token is over.
    match end {
        Ok(()) => log.note_outside(&format!("{ACCEPTED} with token {token}")),
        Err(error) => log.note_outside(&format!("{REFUSED}{error}")),
    }
}

/// Starts a replica, stops it (SIGSTOP) while a write is on its way, starts another one, and lets the first one continue when the
/// second one has written. The bodies of the replicas call [`write_until_end`]. Returns why the late write was refused.
///
/// # Errors
///
/// If the target has accepted the late write, and like [`Harness::wait`].
pub async fn stop_the_leader(harness: &mut Harness, [first, second]: [&str; 2]) -> Outcome<String> {
    harness.start(first)?;
    let wrote = harness.wait_for("a write", |entry| entry.what == WROTE).await?;
    harness.say(wrote.at, &format!("{first} leads, and writes with token {}", wrote.token));
    harness.set_flag(&hold(first))?;
    harness.wait_for("a write on its way", |entry| entry.what == HOLDS).await?;
    let at = harness.stop(first)?;
    harness.say(at, &format!("{first} is stopped (SIGSTOP). A write of it is on its way"));
    harness.start(second)?;
    let next = harness.wait_for("a write", |entry| entry.replica == second && entry.what == WROTE).await?;
    harness.say(next.at, &format!("{second} leads, and writes with token {}", next.token));
    harness.clear_flag(&hold(first))?;
    let at = harness.go_on(first)?;
    harness.say(at, &format!("{first} continues, and its write arrives"));
    let is_end = |what: &str| what.starts_with(ACCEPTED) || what.starts_with(REFUSED);
    let late = harness.wait_for("the late write", |entry| entry.replica == first && is_end(&entry.what)).await?;
    harness.say(late.at, &late.what);
    let refused = late.what.strip_prefix(REFUSED).ok_or("the target has accepted a write of an earlier leader")?;
    Ok(refused.to_owned())
}
