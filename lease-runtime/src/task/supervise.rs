//! Runs one task through one term.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::backoff::Backoff;
use super::entry::{Entry, Verdict};
use crate::election::Loss;
use crate::guard::{Ended, Guarded};
use crate::term::{Alive, Scope, Term};

/// A timer is only there to wake up: what it finds is compared with the clock. So none needs to be set for longer.
const LONGEST_NAP: Duration = Duration::from_secs(3600);
/// A body whose time has been up for so long, and that is not gone, does not yield.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs a task from the beginning of a term to its end, or to the task's: the body, again when it has failed, and what the
/// body has started. Returns when nothing of it is left.
pub(crate) async fn supervise(entry: Arc<Entry>, leading: Term, alive: Alive) {
    let log = Log { entry: &entry, term: &leading };
    let mut backoff = Backoff::new();
    while !entry.is_over() && !leading.tenure().is_cancelled() {
        let scope =
            Scope::new(entry.name.clone(), entry.policy.grace, entry.policy.on_overrun, Handle::try_current().ok());
        let term = leading.scoped(Arc::new(scope));
        let started = term.now();
        log.started();
        let run = run(&entry, &term, &alive);
        let ended = attend(&entry, &term, run).await;
        let failure = match ended {
            Ok(Verdict { failure: None, asked: false }) => {
                log.finished();
                return entry.finish(Ok(()));
            }
            // There is no next term to begin again in, so this is the last word.
            Ok(Verdict { failure, .. }) if leading.loss() == Some(Loss::Shutdown) => {
                log.ended(failure.as_deref());
                return entry.finish(Ok(()));
            }
            // It was asked to end and did. Whether it was done, only it knows: it runs again in the next term.
            Ok(Verdict { failure: None, asked: true }) => {
                log.ended(None);
                if renewed_after_all(&entry, &leading).await {
                    continue;
                }
                return;
            }
            Ok(Verdict { failure: Some(failure), .. }) => failure,
            Err(Ended::Panicked(message)) => format!("panicked: {message}"),
            Err(Ended::Dropped | Ended::NoRuntime) => {
                log.dropped();
                if entry.stop_token().is_cancelled() {
                    return entry.finish(Err(entry.stopped()));
                }
                if renewed_after_all(&entry, &leading).await {
                    continue;
                }
                return;
            }
        };
        if leading.tenure().is_cancelled() {
            return log.ended(Some(&failure));
        }
        let pause = backoff.after(term.now().since(started), fastrand::f64);
        log.failed(&failure, pause);
        tokio::select! {
            biased;
            () = leading.cancelled() => {}
            () = entry.stop_token().cancelled() => {}
            () = sleep(pause) => {}
        }
    }
}

/// One run: the body in a task of its own, then what it has started. On its own, so that this supervisor's timers do not
/// wait for a body that blocks.
fn run(entry: &Arc<Entry>, term: &Term, alive: &Alive) -> impl Future<Output = Result<Verdict, Ended>> + use<> {
    let body = tokio::spawn(Guarded::body(term.clone(), entry.run(term.clone()), alive.another()));
    let attended = Attended(term.clone());
    async move {
        let Attended(term) = &attended;
        let ended = match body.await {
            Ok(ended) => ended,
            // The runtime is going away, and this supervisor with it.
            Err(_) => Err(Ended::Dropped),
        };
        let returned = matches!(ended, Ok(Verdict { failure: None, .. }));
        if !returned {
            // The children of a body that failed would otherwise run beside those of its next run.
            term.tenure().end_now(term.scope());
        }
        term.scope().children_ended().await;
        // Whoever kept the term starts nothing on this run any more: `attended` goes.
        ended
    }
}

/// A run that somebody attends to. However that ends, the run does: the supervisor can go away with another runtime than
/// the body's, and an idle body that nobody wakes would keep the lease being held for ever.
struct Attended(Term);

impl Drop for Attended {
    fn drop(&mut self) {
        let Attended(term) = self;
        term.tenure().end_now(term.scope());
    }
}

/// Sees to it that a run ends in time: an idle body compares the clock only when it is woken.
async fn attend(
    entry: &Entry,
    term: &Term,
    run: impl Future<Output = Result<Verdict, Ended>>,
) -> Result<Verdict, Ended> {
    let mut run = pin!(run);
    let (mut asked, mut stopped, mut overdue) = (false, false, 0_u32);
    loop {
        let remaining = term.remaining();
        let nap = match overdue {
            0 => remaining.min(LONGEST_NAP),
            1 => PATIENCE,
            _ => LONGEST_NAP,
        };
        tokio::select! {
            biased;
            ended = &mut run => return ended,
            () = entry.stop_token().cancelled(), if !stopped => {
                stopped = true;
                term.tenure().end_now(term.scope());
            }
            // The grace counts from here, which makes the next nap shorter.
            () = term.cancelled(), if !asked => asked = true,
            () = sleep(nap) => {
                overdue = if term.remaining().is_zero() { overdue.saturating_add(1) } else { 0 };
                match overdue {
                    0 => {}
                    1 => term.tenure().wake(term.scope()),
                    _ => Log { entry, term }.overdue(),
                }
            }
        }
    }
}

/// A body ended because the clock said so, but the elector, which knew of a renewal that the guard had not seen, may go on
/// with the term. `false` when the term has ended.
async fn renewed_after_all(entry: &Entry, term: &Term) -> bool {
    loop {
        let mut extended = pin!(term.tenure().extended());
        extended.as_mut().enable();
        if term.tenure().is_cancelled() {
            return false;
        }
        if !term.remaining().is_zero() {
            return true;
        }
        tokio::select! {
            biased;
            () = term.cancelled() => return false,
            () = entry.stop_token().cancelled() => return true,
            () = extended => {}
        }
    }
}

/// What is said about a task, always with the same fields.
struct Log<'a> {
    entry: &'a Entry,
    term: &'a Term,
}

macro_rules! say {
    ($log:expr, $level:ident, $($rest:tt)*) => {
        tracing::$level!(
            target: "lease_runtime",
            task = %$log.entry.name,
            lease = %$log.entry.lease.name,
            namespace = %$log.entry.lease.namespace,
            identity = $log.term.identity(),
            term = $log.term.fencing_token().get(),
            $($rest)*
        )
    };
}

impl Log<'_> {
    fn started(&self) {
        say!(self, info, "task started");
    }

    fn finished(&self) {
        say!(self, info, "task finished");
    }

    fn ended(&self, failure: Option<&str>) {
        match failure {
            None => say!(self, info, "task ended as it was asked to"),
            Some(failure) => say!(self, warn, error = failure, "task failed while ending"),
        }
    }

    fn dropped(&self) {
        say!(self, info, "task was dropped, its time was up");
    }

    fn failed(&self, failure: &str, pause: Duration) {
        say!(self, warn, error = failure, pause_ms = pause.as_millis() as u64, "task failed and runs again");
    }

    fn overdue(&self) {
        say!(
            self,
            warn,
            "task is not gone although its time is up, and the lease is not released before it is: yield in long loops, \
             move what blocks to `term.blocking(..)` and let it ask its check between two steps"
        );
    }
}

#[cfg(test)]
mod tests;
