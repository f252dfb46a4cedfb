//! One scheduled task through one term: a run for each tick that the elector has taken.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::log::Log;
use super::member::{Member, Work};
use super::run::{self, Run};
use super::supervise::{End, Supervisor};
use crate::clock::WallTime;
use crate::term::{Asked, Signal};
use crate::tick::{Cause, Permit, Tick};
use lease_protocol::election::Loss;
use lease_protocol::ticks::AttemptId;
use lease_protocol::ticks::{self, Kind, Origin, Start, Timetable};

/// How a member's runs begin.
#[derive(Clone, Debug)]
pub(crate) struct Ticking {
    pub(super) timetable: Timetable,
    /// Of the schedule, for the body.
    pub(super) zone: TimeZone,
    /// Further attempts at a tick whose run has failed.
    pub(super) retry: u32,
}

/// A run that is to be started.
struct Taken {
    start: Start,
    permit: Permit,
}

/// A run that goes on.
struct Running {
    id: AttemptId,
    asked: Arc<Asked>,
}

/// Runs a scheduled member from the beginning of a term, or from when its turn comes in it, until the term or the task is over.
/// Returns when nothing of it is left.
pub(super) async fn through_term(
    supervisor: &Supervisor<'_>,
    member: &Member,
    ticking: &Ticking,
    asked: &Arc<Asked>,
    up: &CancellationToken,
) -> End {
    let (entry, leading) = (supervisor.entry, supervisor.leading);
    let mut seat = leading.tenure().board().join(member.name.clone(), ticking.timetable.clone());
    // It is there, whether or not a tick is due: nobody who stands on it has to wait for one.
    up.cancel();
    let mut runs = FuturesUnordered::new();
    let mut running: Vec<Running> = Vec::new();
    let mut waiting: Option<Taken> = None;
    let mut ending = false;
    loop {
        if runs.is_empty() {
            if ending {
                return End::Over;
            }
            if let Some(taken) = waiting.take() {
                runs.push(begin(supervisor, member, ticking, taken, &mut running));
            }
        }
        tokio::select! {
            biased;
            Some((id, end)) = runs.next(), if !runs.is_empty() => {
                running.retain(|run| run.id != id);
                seat.ended(id, end);
            }
            () = stopped(supervisor, asked), if !ending => {
                ending = true;
                seat.leave();
                running.iter().for_each(|run| run.asked.ask(leading.now()));
                if let Some(taken) = waiting.take() {
                    seat.ended(taken.start.id, taken.unless_begun(ticks::End::Interrupted));
                }
            }
            signal = seat.signal(), if !ending => match signal {
                Signal::Start(start, permit) if start.replaces && !runs.is_empty() => {
                    running.iter().for_each(|run| run.asked.ask_because(leading.now(), Loss::Replaced));
                    if let Some(replaced) = waiting.replace(Taken { start: *start, permit }) {
                        seat.ended(replaced.start.id, ticks::End::Replaced);
                    }
                }
                Signal::Start(start, permit) => {
                    let taken = Taken { start: *start, permit };
                    runs.push(begin(supervisor, member, ticking, taken, &mut running));
                }
                // As the Lease says it, nobody will run it again.
                Signal::Done if ticking.timetable.kind == Kind::Once && runs.is_empty() => {
                    Log { entry, member, term: leading }.done();
                    return End::Done;
                }
                Signal::Done => {}
            },
        }
    }
}

/// Resolves when no run is to begin any more.
async fn stopped(supervisor: &Supervisor<'_>, asked: &Asked) {
    tokio::select! {
        biased;
        () = asked.asked() => {}
        () = supervisor.entry.stop_token().cancelled() => {}
    }
}

fn begin<'a>(
    supervisor: &'a Supervisor<'_>,
    member: &'a Member,
    ticking: &'a Ticking,
    taken: Taken,
    running: &mut Vec<Running>,
) -> impl Future<Output = (AttemptId, ticks::End)> + use<'a> {
    let (id, asked) = (taken.start.id, Arc::new(Asked::new()));
    running.push(Running { id, asked: asked.clone() });
    async move { (id, attempts(supervisor, member, ticking, &taken, &asked).await) }
}

impl Taken {
    /// How the run has ended: given back, if no body of it has begun, and otherwise so.
    fn unless_begun(&self, end: ticks::End) -> ticks::End {
        if end == ticks::End::Interrupted && self.permit.revoke() { ticks::End::NotStarted } else { end }
    }
}

/// One tick: a run, and those that follow one that failed.
async fn attempts(
    supervisor: &Supervisor<'_>,
    member: &Member,
    ticking: &Ticking,
    taken: &Taken,
    asked: &Arc<Asked>,
) -> ticks::End {
    let log = Log { entry: supervisor.entry, member, term: supervisor.leading };
    let mut backoff = Backoff::new(&member.policy.backoff);
    for again in 0..=ticking.retry {
        // What has waited, for the run before it or through a pause, may have waited for too long.
        if asked.is_asked() || supervisor.leading.tenure().is_cancelled() || supervisor.entry.is_over() {
            return taken.unless_begun(interrupted(asked));
        }
        let tick = tick(supervisor, ticking, &taken.start, again).permitted(&taken.permit);
        let started = supervisor.leading.now();
        log.tick_started(&tick);
        let failure = match one(supervisor, member, &tick, asked).await {
            Ok(end) => {
                let end = taken.unless_begun(end);
                log.tick_ended(&tick, end);
                return end;
            }
            Err(failure) => failure,
        };
        // As when its time was up before the runtime came to it.
        let unstarted = taken.permit.revoke();
        if unstarted || asked.is_asked() || supervisor.leading.tenure().is_cancelled() {
            let end = taken.unless_begun(interrupted(asked));
            log.tick_ended(&tick, end);
            return end;
        }
        if again == ticking.retry {
            log.tick_failed(&tick, &failure, None);
            if ticking.timetable.kind == Kind::Once {
                log.once_failed(ticking.timetable.delivery);
            }
            break;
        }
        let pause = backoff.after_failure(supervisor.leading.now().since(started), fastrand::f64);
        log.tick_failed(&tick, &failure, Some(pause));
        supervisor.pause(pause, asked).await;
    }
    ticks::End::Failed
}

/// One run. An error says what has failed.
async fn one(
    supervisor: &Supervisor<'_>,
    member: &Member,
    tick: &Tick,
    asked: &Arc<Asked>,
) -> Result<ticks::End, String> {
    match &member.work {
        Work::Body(body) => {
            let up = CancellationToken::new();
            match run::once(supervisor, member, body, asked, &up, Some(tick)).await {
                Run::Ended(verdict) => match verdict.failure {
                    None if verdict.asked && !verdict.tells => Ok(interrupted(asked)),
                    None => Ok(ticks::End::Done),
                    Some(failure) => Err(failure),
                },
                Run::Panicked(message) => Err(format!("panicked: {message}")),
                Run::TimedOut(timeout) => Err(format!("timed out after {timeout:?}")),
                Run::Dropped => Ok(interrupted(asked)),
            }
        }
        Work::Group(order, members) => {
            let (own, up) = (Arc::new(Asked::new()), CancellationToken::new());
            let mut group = pin!(supervisor.group(*order, members, &own, &up, Some(tick)));
            let timeout = member.policy.timeout;
            let mut overdue = pin!(sleep(timeout.unwrap_or(Duration::MAX)));
            let mut timed_out = None;
            let end = loop {
                tokio::select! {
                    biased;
                    end = &mut group => break end,
                    () = asked.asked(), if !own.is_asked() => own.ask_as(supervisor.leading.now(), asked),
                    // Its members are asked to end, each with its grace.
                    () = &mut overdue, if timeout.is_some() && timed_out.is_none() => {
                        timed_out = timeout;
                        own.ask(supervisor.leading.now());
                    }
                }
            };
            match (end, timed_out) {
                (End::Done, _) => Ok(ticks::End::Done),
                (End::Failed { error, .. }, _) => Err(error.to_string()),
                (End::Over | End::LastWord, Some(timeout)) => Err(format!("timed out after {timeout:?}")),
                (End::Over | End::LastWord, None) => Ok(interrupted(asked)),
            }
        }
    }
}

/// Whether a run that has not come to its end was in the way of a later tick.
fn interrupted(asked: &Asked) -> ticks::End {
    match asked.why() {
        Some(Loss::Replaced) => ticks::End::Replaced,
        _ => ticks::End::Interrupted,
    }
}

fn tick(supervisor: &Supervisor<'_>, ticking: &Ticking, start: &Start, again: u32) -> Tick {
    let time = |at: WallTime| Timestamp::from_microsecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
    let cause = match start.origin {
        Origin::Schedule => Cause::Schedule,
        Origin::Trigger => Cause::Trigger(start.trigger.as_deref().unwrap_or_default().into()),
        Origin::Backfill => Cause::Backfill,
    };
    Tick::new(
        time(start.tick),
        ticking.zone.clone(),
        time(supervisor.leading.tenure().clock().wall()),
        start.attempt.saturating_add(again),
        // The recorded one names the first; each further attempt has a name of its own that follows from it.
        AttemptId::new(start.id.get() ^ (u64::from(again) << 48)),
        start.missed,
        supervisor.leading.fencing_token(),
        cause,
    )
}
