//! One body through one term: its runs, and the pauses between them.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Restarts};
use super::log::TaskLog;
use super::member::{Body, BodyVerdict, Member};
use super::supervisor::{MemberEnd, Supervisor};
use crate::error::Error;
use crate::policy::{OnExhausted, Restart};
use crate::term::polled::PolledBody;
use crate::term::{Ended, Guarded, RunScope, StopSignal, Term};
use crate::tick::Tick;
use lease_protocol::election::StopReason;

/// A timer is only there to wake up: what it finds is compared with the clock. So none needs to be set for longer.
const LONGEST_NAP: Duration = Duration::from_secs(3600);
/// A body whose time has been up for so long, and that is not gone, does not yield.
const PATIENCE: Duration = Duration::from_secs(1);

/// How a run ended.
pub(super) enum RunResult {
    /// By itself.
    Ended(BodyVerdict),
    Panicked(String),
    TimedOut(Duration),
    /// Its time was up, or nobody wants it any more.
    Dropped,
}

/// A failure, as half a sentence after the task's name.
struct BodyFailure {
    said: String,
    /// There is a value that tells, too.
    value: bool,
}

/// Runs a body from the beginning of a term, or from when its turn comes in it, until the term or the task is over. Returns
/// when nothing of it is left. `up` is cancelled when it has come to its first wait, or
/// says that it is ready.
pub(super) async fn through_term(
    supervisor: &Supervisor<'_>,
    member: &Member,
    body: &Body,
    asked: &Arc<StopSignal>,
    up: &CancellationToken,
    tick: Option<&Tick>,
) -> MemberEnd {
    let (entry, leading, policy) = (supervisor.entry, supervisor.leading, &member.policy);
    let log = TaskLog { entry, member, term: leading };
    let mut backoff = Backoff::new(&policy.backoff);
    let mut restarts = Restarts::new(policy.max_restarts);
    supervisor.pause(policy.initial_delay, asked).await;
    while !entry.is_over() && !leading.state().is_cancelled() && !asked.is_asked() {
        let term = scoped(supervisor, member, asked, up);
        let started = term.now();
        log.started();
        let run = run(supervisor, member, body, &term, up, tick);
        let failure = match attend(supervisor, member, &term, run).await {
            RunResult::Ended(BodyVerdict { failure: None, asked: false, .. }) if policy.restart == Restart::Always => {
                let pause = backoff.after_success(fastrand::f64);
                log.runs_again(pause);
                supervisor.pause(pause, asked).await;
                continue;
            }
            RunResult::Ended(BodyVerdict { failure: None, asked: false, .. }) => {
                log.finished();
                return MemberEnd::Done;
            }
            // There is no next term to begin again in, so this is the last word.
            RunResult::Ended(BodyVerdict { failure, .. }) if leading.stop_reason() == Some(StopReason::Shutdown) => {
                log.ended(failure.as_deref());
                return MemberEnd::LastWord;
            }
            // It was asked to end and did. Whether it was done, only it knows: it runs again in the next term.
            RunResult::Ended(BodyVerdict { failure: None, asked: true, .. }) => {
                log.ended(None);
                if supervisor.renewed_after_all(&term).await {
                    continue;
                }
                return MemberEnd::Over;
            }
            RunResult::Dropped => {
                log.dropped();
                if supervisor.renewed_after_all(&term).await {
                    continue;
                }
                return MemberEnd::Over;
            }
            RunResult::Ended(BodyVerdict { failure: Some(error), .. }) => BodyFailure { said: error, value: true },
            RunResult::Panicked(message) => BodyFailure { said: format!("panicked: {message}"), value: false },
            RunResult::TimedOut(timeout) => BodyFailure { said: format!("timed out after {timeout:?}"), value: false },
        };
        // By the end of the term, or by that of its group, which has failed already.
        if leading.state().is_cancelled() || asked.is_asked() {
            log.ended(Some(&failure.said));
            return MemberEnd::Over;
        }
        if policy.restart == Restart::Never {
            log.failed_for_good(&failure.said);
            return MemberEnd::Failed { error: failed(supervisor, member, &failure), value: failure.value };
        }
        if !restarts.allow(term.now()) {
            return exhausted(supervisor, member, &failure, &log);
        }
        let pause = backoff.after_failure(term.now().since(started), fastrand::f64);
        log.failed(&failure.said, pause);
        supervisor.pause(pause, asked).await;
    }
    MemberEnd::Over
}

fn failed(supervisor: &Supervisor<'_>, member: &Member, failure: &BodyFailure) -> Error {
    let lease = supervisor.entry.lease.clone();
    Error::Failed { task: member.name.to_string(), lease, failure: half_a_sentence(failure) }
}

fn half_a_sentence(failure: &BodyFailure) -> String {
    if failure.value { format!("failed with {}", failure.said) } else { failure.said.clone() }
}

/// It has failed too often.
fn exhausted(supervisor: &Supervisor<'_>, member: &Member, failure: &BodyFailure, log: &TaskLog<'_>) -> MemberEnd {
    let (restarts, within) = member.policy.max_restarts;
    let error = || Error::Exhausted {
        task: member.name.to_string(),
        lease: supervisor.entry.lease.clone(),
        restarts,
        within,
        failure: half_a_sentence(failure),
    };
    match member.policy.on_exhausted {
        OnExhausted::Resign => {
            log.exhausted(&failure.said, "giving the lease up for another replica to try");
            supervisor.leading.step_down();
            MemberEnd::Over
        }
        OnExhausted::Exit => {
            log.exhausted(&failure.said, "shutting down, and ending the process");
            supervisor.exit(error());
            MemberEnd::Over
        }
        OnExhausted::Stop => {
            log.exhausted(&failure.said, "it does not run again on this replica");
            MemberEnd::Failed { error: error(), value: false }
        }
    }
}

/// One run of a body, and nothing after it.
pub(super) async fn once(
    supervisor: &Supervisor<'_>,
    member: &Member,
    body: &Body,
    asked: &Arc<StopSignal>,
    up: &CancellationToken,
    tick: Option<&Tick>,
) -> RunResult {
    let term = scoped(supervisor, member, asked, up);
    let run = run(supervisor, member, body, &term, up, tick);
    attend(supervisor, member, &term, run).await
}

/// The term as one run sees it.
fn scoped(supervisor: &Supervisor<'_>, member: &Member, asked: &Arc<StopSignal>, up: &CancellationToken) -> Term {
    let (name, policy) = (member.name.clone(), &member.policy);
    let scope = RunScope::new(name, policy.grace, policy.on_overrun, Handle::try_current().ok(), asked.clone());
    let scope = if policy.signals_readiness { scope.tell_ready(up.clone()) } else { scope };
    supervisor.leading.scoped(Arc::new(scope))
}

/// One run: the body in a task of its own, then what it has started. On its own, so that this supervisor's timers do not
/// wait for a body that blocks.
fn run(
    supervisor: &Supervisor<'_>,
    member: &Member,
    body: &Body,
    term: &Term,
    up: &CancellationToken,
    tick: Option<&Tick>,
) -> impl Future<Output = RunResult> + use<> {
    let mut body = body.run(term.clone(), tick.cloned());
    let (mut up, waits) = (Some(up.clone()), member.policy.signals_readiness);
    let place = PolledBody::body(term);
    let (mut begins, scoped) = (tick.cloned(), term.clone());
    let polled = Box::pin(poll_fn(move |cx| {
        if begins.as_ref().is_some_and(|tick| !tick.begin()) {
            // The run was given back, and somebody else may start it. The guard drops this one at its next poll.
            scoped.state().end_now(scoped.scope());
            return Poll::Pending;
        }
        begins = None;
        let polled = place.enter(|| body.as_mut().poll(cx));
        let is_up = match &polled {
            Poll::Pending => !waits,
            Poll::Ready(verdict) => verdict.failure.is_none(),
        };
        if is_up {
            up.take().inspect(CancellationToken::cancel);
        }
        polled
    }));
    let body = tokio::spawn(Guarded::body(term.clone(), polled, supervisor.alive.another()));
    let attended = Attended(term.clone());
    async move {
        let Attended(term) = &attended;
        let ended = match body.await {
            Ok(ended) => ended,
            // The runtime is going away, and this supervisor with it.
            Err(_) => Err(Ended::Dropped),
        };
        let returned = matches!(ended, Ok(BodyVerdict { failure: None, .. }));
        if !returned {
            // The children of a body that failed would otherwise run beside those of its next run.
            term.state().end_now(term.scope());
        }
        term.scope().children_ended().await;
        // Whoever kept the term starts nothing on this run any more: `attended` goes.
        match ended {
            Ok(verdict) => RunResult::Ended(verdict),
            Err(Ended::Panicked(message)) => RunResult::Panicked(message),
            Err(Ended::Dropped | Ended::NoRuntime) => RunResult::Dropped,
        }
    }
}

/// A run that somebody attends to. However that ends, the run does: the supervisor can go away with another runtime than
/// the body's, and an idle body that nobody wakes would keep the lease being held for ever.
struct Attended(Term);

impl Drop for Attended {
    fn drop(&mut self) {
        let Attended(term) = self;
        term.state().end_now(term.scope());
    }
}

/// Sees to it that a run ends in time: an idle body compares the clock only when it is woken.
async fn attend(
    supervisor: &Supervisor<'_>,
    member: &Member,
    term: &Term,
    run: impl Future<Output = RunResult>,
) -> RunResult {
    let entry = supervisor.entry;
    let mut run = pin!(run);
    let (mut asked, mut stopped, mut overdue) = (false, false, 0_u32);
    let mut timed_out = None;
    let mut timeout = pin!(sleep(member.policy.timeout.unwrap_or(Duration::MAX)));
    loop {
        let remaining = term.remaining();
        let nap = match overdue {
            0 => remaining.min(LONGEST_NAP),
            1 => PATIENCE,
            _ => LONGEST_NAP,
        };
        tokio::select! {
            biased;
            ended = &mut run => return match (ended, timed_out) {
                // Also one that came back from its last poll with a value, or whose children were all that was left.
                (RunResult::Dropped | RunResult::Ended(BodyVerdict { failure: None, .. }), Some(timeout)) if !stopped => {
                    RunResult::TimedOut(timeout)
                }
                (ended, _) => ended,
            },
            () = entry.stop_token().cancelled(), if !stopped => {
                stopped = true;
                term.state().end_now(term.scope());
            }
            // The grace counts from here, which makes the next nap shorter.
            () = term.cancelled(), if !asked => asked = true,
            () = &mut timeout, if member.policy.timeout.is_some() && timed_out.is_none() => {
                timed_out = member.policy.timeout;
                term.state().end_now(term.scope());
            }
            () = sleep(nap) => {
                overdue = if term.remaining().is_zero() { overdue.saturating_add(1) } else { 0 };
                match overdue {
                    0 => {}
                    1 => term.state().wake(term.scope()),
                    _ => TaskLog { entry, member, term }.overdue(),
                }
            }
        }
    }
}
