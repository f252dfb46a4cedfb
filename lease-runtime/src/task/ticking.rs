//! One scheduled task through one term: a run for each tick that the elector has taken.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::member::{MemberTicks, MemberWork, RunResult};
use super::run;
use super::supervisor::{MemberEnd, RunContext, Supervisor};
use crate::term::{ElectorMessage, StopSignal};
use crate::tick::{Cause, Permit, Tick};
use lease_protocol::election::StopReason;
use lease_protocol::ticks::AttemptId;
use lease_protocol::ticks::{self, Origin, RunStart, TimetableKind};

/// A run to start.
struct Taken {
    start: RunStart,
    permit: Permit,
}

/// A run that is active.
struct ActiveRun {
    id: AttemptId,
    stop: Arc<StopSignal>,
}

/// Runs a scheduled member from the beginning of a term, or from its turn in the term, until the term or the task is over. Returns
/// when nothing of it is left.
pub(super) async fn through_term(context: RunContext<'_>, ticking: &MemberTicks) -> MemberEnd {
    let RunContext { supervisor, member, stop, up, .. } = context;
    let leading = supervisor.leading;
    let mut subscription = leading.state().tick_channel().join(member.name.clone(), ticking.timetable.clone());
    // A scheduled member is up at once: members that depend on it do not wait for a tick.
    up.cancel();
    let mut runs = FuturesUnordered::new();
    let mut running: Vec<ActiveRun> = Vec::new();
    let mut waiting: Option<Taken> = None;
    let mut ending = false;
    loop {
        if runs.is_empty() {
            if ending {
                return MemberEnd::Over;
            }
            if let Some(taken) = waiting.take() {
                runs.push(begin(context, ticking, taken, &mut running));
            }
        }
        tokio::select! {
            biased;
            Some((id, end)) = runs.next(), if !runs.is_empty() => {
                running.retain(|run| run.id != id);
                subscription.ended(id, end);
            }
            () = stopped(supervisor, stop), if !ending => {
                ending = true;
                subscription.leave();
                running.iter().for_each(|run| run.stop.request(leading.now()));
                if let Some(taken) = waiting.take() {
                    subscription.ended(taken.start.id, taken.unless_begun(ticks::RunEnd::Interrupted));
                }
            }
            signal = subscription.signal(), if !ending => match signal {
                ElectorMessage::Start(start, permit) if start.replaces && !runs.is_empty() => {
                    running.iter().for_each(|run| run.stop.request_because(leading.now(), StopReason::Replaced));
                    if let Some(replaced) = waiting.replace(Taken { start: *start, permit }) {
                        subscription.ended(replaced.start.id, end_of_replaced(&replaced.permit));
                    }
                }
                ElectorMessage::Start(start, permit) => {
                    let taken = Taken { start: *start, permit };
                    runs.push(begin(context, ticking, taken, &mut running));
                }
                // According to the Lease, no replica will run it again.
                ElectorMessage::Done if ticking.timetable.kind == TimetableKind::Once && runs.is_empty() => {
                    context.log(leading).done();
                    return MemberEnd::Done;
                }
                ElectorMessage::Done => {}
            },
        }
    }
}

/// The end of a run that a later tick replaces before it has begun. Its permit is used up, so that the end of the term cannot give
/// it back: the next leader would run a tick that a later one has replaced. If it was given back before, that counts.
fn end_of_replaced(permit: &Permit) -> ticks::RunEnd {
    if permit.begin() { ticks::RunEnd::Replaced } else { ticks::RunEnd::NotStarted }
}

/// Resolves when no run may begin any more.
async fn stopped(supervisor: &Supervisor<'_>, stop: &StopSignal) {
    tokio::select! {
        biased;
        () = stop.requested() => {}
        () = supervisor.entry.stop_token().cancelled() => {}
    }
}

fn begin<'a>(
    context: RunContext<'a>,
    ticking: &'a MemberTicks,
    taken: Taken,
    running: &mut Vec<ActiveRun>,
) -> impl Future<Output = (AttemptId, ticks::RunEnd)> + use<'a> {
    let (id, stop) = (taken.start.id, Arc::new(StopSignal::new()));
    running.push(ActiveRun { id, stop: stop.clone() });
    async move { (id, attempts(RunContext { stop: &stop, ..context }, ticking, &taken).await) }
}

impl Taken {
    /// How the run has ended: as given back if no body of it has begun, and otherwise as `end`.
    fn unless_begun(&self, end: ticks::RunEnd) -> ticks::RunEnd {
        if end == ticks::RunEnd::Interrupted && self.permit.revoke() { ticks::RunEnd::NotStarted } else { end }
    }
}

/// One tick: a run, and more attempts after a failure.
async fn attempts(context: RunContext<'_>, ticking: &MemberTicks, taken: &Taken) -> ticks::RunEnd {
    let RunContext { supervisor, member, stop, .. } = context;
    let log = context.log(supervisor.leading);
    let mut backoff = Backoff::new(&member.policy.backoff);
    for again in 0..=ticking.retry {
        // The run may have waited, for the run before it or for a pause, and the term may be over.
        if stop.is_requested() || supervisor.leading.state().is_cancelled() || supervisor.entry.is_over() {
            return taken.unless_begun(interrupted(stop));
        }
        let tick = tick(supervisor, ticking, &taken.start, again).permitted(&taken.permit);
        let started = supervisor.leading.now();
        log.tick_started(&tick, &ticking.timetable);
        let failure = match one(context, &tick).await {
            Ok(end) => {
                let end = taken.unless_begun(end);
                log.tick_ended(&tick, end);
                return end;
            }
            Err(failure) => failure,
        };
        // For example, its time was up before the runtime polled it.
        let unstarted = taken.permit.revoke();
        if unstarted || stop.is_requested() || supervisor.leading.state().is_cancelled() {
            let end = taken.unless_begun(interrupted(stop));
            log.tick_ended(&tick, end);
            return end;
        }
        if again == ticking.retry {
            log.tick_failed(&tick, &failure, None);
            let timetable = &ticking.timetable;
            if timetable.kind == TimetableKind::Once && timetable.delivery == ticks::Delivery::AtLeastOnce {
                log.once_failed();
            }
            if ticking.retry > 0 || timetable.kind == TimetableKind::Once {
                let (at, retry) = (tick.nominal(), ticking.retry);
                supervisor.exhausted(member, || {
                    format!("failed at the tick {at}, and its attempts are used up (retry = {retry})")
                });
            }
            break;
        }
        let pause = backoff.after_failure(supervisor.leading.now().since(started), fastrand::f64);
        log.tick_failed(&tick, &failure, Some(pause));
        supervisor.pause(pause, stop).await;
    }
    ticks::RunEnd::Failed
}

/// One run. An error says what has failed.
async fn one(context: RunContext<'_>, tick: &Tick) -> Result<ticks::RunEnd, String> {
    let RunContext { supervisor, member, stop, .. } = context;
    let up = &CancellationToken::new();
    match &member.work {
        MemberWork::Body(body) => match run::once(RunContext { up, tick: Some(tick), ..context }, body).await {
            RunResult::Ended(result) => match result.failure {
                None if result.asked_to_end && !result.says_done => Ok(interrupted(stop)),
                None => Ok(ticks::RunEnd::Done),
                Some(failure) => Err(failure),
            },
            RunResult::Panicked(message) => Err(format!("panicked: {message}")),
            RunResult::TimedOut(timeout) => Err(format!("timed out after {timeout:?}")),
            RunResult::Dropped => Ok(interrupted(stop)),
        },
        MemberWork::Group(order, members) => {
            let own = Arc::new(StopSignal::new());
            let mut group = pin!(RunContext { stop: &own, up, tick: Some(tick), ..context }.group(*order, members));
            let timeout = member.policy.timeout;
            let mut overdue = pin!(sleep(timeout.unwrap_or(Duration::MAX)));
            let mut timed_out = None;
            let end = loop {
                tokio::select! {
                    biased;
                    end = &mut group => break end,
                    () = stop.requested(), if !own.is_requested() => own.request_as(supervisor.leading.now(), stop),
                    // Its members are asked to end, each with its grace.
                    () = &mut overdue, if timeout.is_some() && timed_out.is_none() => {
                        timed_out = timeout;
                        own.request(supervisor.leading.now());
                    }
                }
            };
            match (end, timed_out) {
                (MemberEnd::Done, _) => Ok(ticks::RunEnd::Done),
                (MemberEnd::Failed { error, .. }, _) => Err(error.to_string()),
                (MemberEnd::Over | MemberEnd::FinalOutput, Some(timeout)) => {
                    Err(format!("timed out after {timeout:?}"))
                }
                (MemberEnd::Over | MemberEnd::FinalOutput, None) => Ok(interrupted(stop)),
            }
        }
    }
}

/// The end of a run that did not complete: replaced by a later tick, or interrupted.
fn interrupted(stop: &StopSignal) -> ticks::RunEnd {
    match stop.why() {
        Some(StopReason::Replaced) => ticks::RunEnd::Replaced,
        _ => ticks::RunEnd::Interrupted,
    }
}

fn tick(supervisor: &Supervisor<'_>, ticking: &MemberTicks, start: &RunStart, again: u32) -> Tick {
    let cause = match start.origin {
        Origin::Schedule => Cause::Schedule,
        Origin::Trigger => Cause::Trigger(start.trigger.as_deref().unwrap_or_default().into()),
        Origin::Backfill => Cause::Backfill,
    };
    Tick::new(
        start.tick.into(),
        ticking.zone.clone(),
        supervisor.leading.state().clock().wall().into(),
        start.attempt.saturating_add(again),
        // The recorded id is that of the first attempt. The ids of further attempts follow from it.
        AttemptId::new(start.id.get() ^ (u64::from(again) << 48)),
        start.missed,
        supervisor.leading.fencing_token(),
        cause,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_replaced_is_not_given_back_and_one_that_was_given_back_stays_so() {
        let (replaced, given_back) = (Permit::default(), Permit::default());
        assert_eq!(end_of_replaced(&replaced), ticks::RunEnd::Replaced);
        assert!(!replaced.revoke(), "the end of the term would give it back");
        assert!(given_back.revoke());
        assert_eq!(end_of_replaced(&given_back), ticks::RunEnd::NotStarted);
    }
}
