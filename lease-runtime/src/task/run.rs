//! The runs of one body through one term, and the pauses between them.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Restarts};
use super::log::TaskLog;
use super::member::{Body, BodyResult, RunResult};
use super::observed::ObservedRun;
use super::supervisor::{MemberEnd, RunContext};
use crate::error::Error;
use crate::policy::{OnExhausted, Restart};
use crate::term::polled::PolledBody;
use crate::term::{Ended, Guarded, RunScope, Term};
use lease_protocol::election::StopReason;

/// The longest sleep. A timer only wakes, and the clock decides, so a longer one is not needed.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);
/// If a body is not gone so long after its time was up, it does not yield.
const PATIENCE: Duration = Duration::from_secs(1);

/// A failure, as half a sentence after the name of the task.
struct BodyFailure {
    message: String,
    /// There is also an output, which says that the work failed.
    value: bool,
}

/// Runs a body from the beginning of a term, or from its turn in the term, until the term or the task is over. Returns when nothing
/// of the body is left. `up` is cancelled when the body first waits, or when it says that it is ready.
pub(super) async fn through_term(context: RunContext<'_>, body: &Body) -> MemberEnd {
    let RunContext { supervisor, member, stop, .. } = context;
    let (entry, leading, policy) = (supervisor.entry, supervisor.leading, &member.policy);
    let log = context.log(leading);
    let mut backoff = Backoff::new(&policy.backoff);
    let mut restarts = Restarts::new(policy.max_restarts);
    supervisor.pause(policy.initial_delay, stop).await;
    while !entry.is_over() && !leading.state().is_cancelled() && !stop.is_requested() {
        let term = scoped(context);
        let started = term.now();
        log.started();
        let failure = match run_once(context, body, &term).await {
            RunResult::Ended(BodyResult { failure: None, asked_to_end: false, .. })
                if policy.restart == Restart::Always =>
            {
                let pause = backoff.after_success(fastrand::f64);
                log.runs_again(pause);
                supervisor.pause(pause, stop).await;
                continue;
            }
            RunResult::Ended(BodyResult { failure: None, asked_to_end: false, .. }) => {
                log.finished();
                return MemberEnd::Done;
            }
            // No term follows in which it could start again, so this output is final.
            RunResult::Ended(BodyResult { failure, .. }) if leading.stop_reason() == Some(StopReason::Shutdown) => {
                log.ended(failure.as_deref());
                return MemberEnd::FinalOutput;
            }
            // It was asked to end, and did. Only the body knows whether its work was done, so it runs again in the next term.
            RunResult::Ended(BodyResult { failure: None, asked_to_end: true, .. }) => {
                log.ended(None);
                if supervisor.renewed_after_all(&term).await {
                    continue;
                }
                return MemberEnd::Over;
            }
            RunResult::Dropped => {
                log.dropped(term.used_up_grace());
                if supervisor.renewed_after_all(&term).await {
                    continue;
                }
                return MemberEnd::Over;
            }
            RunResult::Ended(BodyResult { failure: Some(error), .. }) => BodyFailure { message: error, value: true },
            RunResult::Panicked(message) => BodyFailure { message: format!("panicked: {message}"), value: false },
            RunResult::TimedOut(timeout) => {
                BodyFailure { message: format!("timed out after {timeout:?}"), value: false }
            }
        };
        // It ended with its term, or with its group, which has failed already.
        if leading.state().is_cancelled() || stop.is_requested() {
            log.ended(Some(&failure.message));
            return MemberEnd::Over;
        }
        if policy.restart == Restart::Never {
            log.failed_for_good(&failure.message);
            supervisor.exhausted(member, || "failed and does not run again on this replica".to_owned());
            return MemberEnd::Failed { error: failed(context, &failure), value: failure.value };
        }
        if !restarts.allow(term.now()) {
            return exhausted(context, &failure, &log);
        }
        let pause = backoff.after_failure(term.now().since(started), fastrand::f64);
        log.failed(&failure.message, pause);
        supervisor.pause(pause, stop).await;
    }
    MemberEnd::Over
}

fn failed(context: RunContext<'_>, failure: &BodyFailure) -> Error {
    let lease = context.supervisor.entry.lease.clone();
    Error::Failed { task: context.member.name.to_string(), lease, failure: half_a_sentence(failure) }
}

fn half_a_sentence(failure: &BodyFailure) -> String {
    if failure.value { format!("failed with {}", failure.message) } else { failure.message.clone() }
}

/// The body has failed too often.
fn exhausted(context: RunContext<'_>, failure: &BodyFailure, log: &TaskLog<'_>) -> MemberEnd {
    let RunContext { supervisor, member, .. } = context;
    let (restarts, within) = member.policy.max_restarts;
    let error = || Error::Exhausted {
        task: member.name.to_string(),
        lease: supervisor.entry.lease.clone(),
        restarts,
        within,
        failure: half_a_sentence(failure),
    };
    let consequence = match member.policy.on_exhausted {
        OnExhausted::Resign => "giving the lease up so that another replica can try",
        OnExhausted::Exit => "shutting down, and ending the process",
        OnExhausted::Stop => "it does not run again on this replica",
    };
    log.exhausted(&failure.message, consequence);
    let end = match member.policy.on_exhausted {
        OnExhausted::Resign => {
            supervisor.leading.step_down();
            MemberEnd::Over
        }
        OnExhausted::Exit => {
            supervisor.exit(error());
            MemberEnd::Over
        }
        OnExhausted::Stop => MemberEnd::Failed { error: error(), value: false },
    };
    supervisor.exhausted(member, || {
        format!("keeps failing, its restarts are used up ({restarts} in {within:?}): {consequence}")
    });
    end
}

/// One run of a body, without another one after it.
pub(super) async fn once(context: RunContext<'_>, body: &Body) -> RunResult {
    run_once(context, body, &scoped(context)).await
}

async fn run_once(context: RunContext<'_>, body: &Body, term: &Term) -> RunResult {
    let observed = ObservedRun::new(context, term);
    let run = run(context, body, term, observed.clone());
    let result = end_in_time(context, term, run, observed.as_ref()).await;
    observed.inspect(|observed| observed.ended(&result));
    result
}

/// The term for one run.
fn scoped(context: RunContext<'_>) -> Term {
    let RunContext { supervisor, member, stop, up, .. } = context;
    let (name, policy) = (member.name.clone(), &member.policy);
    let scope = RunScope::new(name, policy.grace, policy.on_overrun, Handle::try_current().ok(), stop.clone());
    let scope = if policy.signals_readiness { scope.tell_ready(up.clone()) } else { scope };
    supervisor.leading.scoped(Arc::new(scope))
}

/// One run: the body in a task of its own, and then its children. With a task of its own, a body that blocks does not delay the
/// timers of this supervisor.
fn run(
    context: RunContext<'_>,
    body: &Body,
    term: &Term,
    observed: Option<ObservedRun>,
) -> impl Future<Output = RunResult> + use<> {
    let RunContext { supervisor, member, up, tick, .. } = context;
    let place = PolledBody::body(term, tick);
    let mut body = place.in_span(body.run(term.clone(), tick.cloned()));
    let (mut up, waits) = (Some(up.clone()), member.policy.signals_readiness);
    let (mut begins, scoped) = (tick.cloned(), term.clone());
    let polled = Box::pin(poll_fn(move |cx| {
        if begins.as_ref().is_some_and(|tick| !tick.begin()) {
            // The run was given back, and another replica may start it. The guard drops this one at its next poll.
            scoped.state().end_now(scoped.scope());
            return Poll::Pending;
        }
        observed.as_ref().inspect(|observed| observed.polled(begins.as_ref()));
        begins = None;
        let polled = place.enter(|| Pin::new(&mut body).poll(cx));
        let is_up = match &polled {
            Poll::Pending => !waits,
            Poll::Ready(result) => result.failure.is_none(),
        };
        if is_up {
            up.take().inspect(CancellationToken::cancel);
        }
        polled
    }));
    let body = tokio::spawn(Guarded::body(term.clone(), polled, supervisor.alive.another()));
    let guard = RunGuard(term.clone());
    async move {
        let RunGuard(term) = &guard;
        let ended = match body.await {
            Ok(ended) => ended,
            // The runtime is going away, and so is this supervisor.
            Err(_) => Err(Ended::Dropped),
        };
        let returned = matches!(ended, Ok(BodyResult { failure: None, .. }));
        if !returned {
            // Otherwise the children of a failed body would run beside those of its next run.
            term.state().end_now(term.scope());
        }
        term.scope().children_ended().await;
        // `guard` is dropped next, so that a clone of the term cannot start anything in this scope any more.
        match ended {
            Ok(result) => RunResult::Ended(result),
            Err(Ended::Panicked(message)) => RunResult::Panicked(message),
            Err(Ended::Dropped | Ended::NoRuntime) => RunResult::Dropped,
        }
    }
}

/// Ends a run when it is dropped. The supervisor may be dropped with another runtime than that of
/// the body. Nothing would then wake an idle body, and the lease would be held forever.
struct RunGuard(Term);

impl Drop for RunGuard {
    fn drop(&mut self) {
        let RunGuard(term) = self;
        term.state().end_now(term.scope());
    }
}

/// Ends a run in time. An idle body compares the clock only when it is woken, so this wakes it.
async fn end_in_time(
    context: RunContext<'_>,
    term: &Term,
    run: impl Future<Output = RunResult>,
    observed: Option<&ObservedRun>,
) -> RunResult {
    let RunContext { supervisor, member, .. } = context;
    let entry = supervisor.entry;
    let mut run = pin!(run);
    let (mut cancelled, mut stopped, mut overdue) = (false, false, 0_u32);
    let mut timed_out = None;
    let mut timeout = pin!(sleep(member.policy.timeout.unwrap_or(Duration::MAX)));
    loop {
        let remaining = term.remaining();
        let pause = match overdue {
            0 => remaining.min(LONGEST_SLEEP),
            1 => PATIENCE,
            _ => LONGEST_SLEEP,
        };
        tokio::select! {
            biased;
            ended = &mut run => return match (ended, timed_out) {
                // Also a run whose last poll returned an output, or of which only children were left.
                (RunResult::Dropped | RunResult::Ended(BodyResult { failure: None, .. }), Some(timeout)) if !stopped => {
                    RunResult::TimedOut(timeout)
                }
                (ended, _) => ended,
            },
            () = entry.stop_token().cancelled(), if !stopped => {
                stopped = true;
                term.state().end_now(term.scope());
            }
            // The grace counts from here, so the next sleep is shorter.
            () = term.cancelled(), if !cancelled => cancelled = true,
            () = &mut timeout, if member.policy.timeout.is_some() && timed_out.is_none() => {
                timed_out = member.policy.timeout;
                term.state().end_now(term.scope());
            }
            () = sleep(pause) => {
                overdue = if term.remaining().is_zero() { overdue.saturating_add(1) } else { 0 };
                match overdue {
                    0 => {}
                    1 => term.state().wake(term.scope()),
                    _ => {
                        if overdue == 2 {
                            supervisor.tellers.reporter.task_overrun(&member.name);
                            observed.inspect(|observed| observed.overran());
                        }
                        context.log(term).overdue();
                    }
                }
            }
        }
    }
}
