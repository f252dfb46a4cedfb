//! Runs one task through one term: its body, or the members of a group in their order.

use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::entry::Entry;
use super::member::{GroupOrder, Member, MemberWork};
pub(crate) use super::supervisor::Tellers;
use super::supervisor::{MemberEnd, RunContext, Supervisor};
use super::{run, ticking};
use crate::error::Error;
use crate::term::{DrainToken, StopSignal, Term};

/// Runs a task from the beginning of a term until the term or the task is over, and sends the result to its handle. Returns when
/// nothing of the task is left. Errors that have to end the process go to `exits`, boxed, because a channel reserves room for many.
pub(crate) async fn supervise(
    entry: Arc<Entry>,
    leading: Term,
    alive: DrainToken,
    exits: mpsc::UnboundedSender<Box<Error>>,
    tellers: Tellers,
) {
    let supervisor = Supervisor { entry: &entry, leading: &leading, alive: &alive, exits: &exits, tellers: &tellers };
    let stop = leading.state().stop_signal().clone();
    let up = CancellationToken::new();
    let context = RunContext { supervisor: &supervisor, member: &entry.member, stop: &stop, up: &up, tick: None };
    let end = run_member(context).await;
    match end {
        MemberEnd::Done => entry.finish_done(),
        MemberEnd::FinalOutput | MemberEnd::Failed { value: true, .. } => entry.finish(Ok(())),
        MemberEnd::Failed { error, value: false } => entry.finish(Err(error)),
        MemberEnd::Over if entry.stop_token().is_cancelled() => entry.finish(Err(entry.stopped())),
        MemberEnd::Over => {}
    }
}

/// Runs a member: its ticks, its body, or its own members.
fn run_member(context: RunContext<'_>) -> BoxFuture<'_, MemberEnd> {
    Box::pin(async move {
        if let Some(ticking) = &context.member.ticking {
            return ticking::through_term(context, ticking).await;
        }
        match &context.member.work {
            MemberWork::Body(body) => run::through_term(context, body).await,
            MemberWork::Group(order, members) => context.group(*order, members).await,
        }
    })
}

impl RunContext<'_> {
    /// Runs the members of a group in their order.
    pub(super) async fn group(self, order: GroupOrder, members: &[Member]) -> MemberEnd {
        let end = match order {
            GroupOrder::Concurrent => concurrent(self, members).await,
            GroupOrder::Sequence => sequence(self, members).await,
            GroupOrder::Stack => stack(self, members).await,
        };
        if let MemberEnd::Done = end {
            // All members may be done before the group notices that all are up.
            self.up.cancel();
        }
        // The output belongs to the member, not to the group.
        match end {
            MemberEnd::Failed { error, .. } => MemberEnd::Failed { error, value: false },
            MemberEnd::FinalOutput => MemberEnd::Over,
            end => end,
        }
    }
}

async fn concurrent(context: RunContext<'_>, members: &[Member]) -> MemberEnd {
    let ups: Vec<_> = members.iter().map(|_| CancellationToken::new()).collect();
    let running = members.iter().zip(&ups).map(|(member, up)| run_member(RunContext { member, up, ..context }));
    let mut running: FuturesUnordered<_> = running.collect();
    let mut all_up = pin!(futures_util::future::join_all(ups.iter().map(CancellationToken::cancelled)));
    let mut end = MemberEnd::Done;
    loop {
        tokio::select! {
            biased;
            ended = running.next() => match ended {
                Some(one) => end = both(end, one),
                None => return end,
            },
            _ = &mut all_up, if !context.up.is_cancelled() => context.up.cancel(),
        }
    }
}

async fn sequence(context: RunContext<'_>, members: &[Member]) -> MemberEnd {
    for (number, member) in members.iter().enumerate() {
        let own = CancellationToken::new();
        let up = if number + 1 == members.len() { context.up } else { &own };
        match run_member(RunContext { member, up, ..context }).await {
            MemberEnd::Done => {}
            end => return end,
        }
    }
    MemberEnd::Done
}

async fn stack(context: RunContext<'_>, members: &[Member]) -> MemberEnd {
    let stop_signals: Vec<_> = members.iter().map(|_| Arc::new(StopSignal::new())).collect();
    let ups: Vec<_> = (1..members.len()).map(|_| CancellationToken::new()).chain([context.up.clone()]).collect();
    let running = members.iter().enumerate().map(|(number, member)| {
        let own = RunContext { member, stop: &stop_signals[number], up: &ups[number], ..context };
        let below = number.checked_sub(1).map(|below| (&members[below], &ups[below]));
        async move {
            if let Some((below, is_up)) = below
                && !wait_for_below(own, below, is_up).await
            {
                return (number, MemberEnd::Over);
            }
            (number, run_member(own).await)
        }
    });
    let mut running: FuturesUnordered<_> = running.collect();
    let mut is_running = vec![true; members.len()];
    let (mut end, mut ending, mut failure) = (MemberEnd::Done, false, None);
    loop {
        if ending && let Some(top) = is_running.iter().rposition(|running| *running) {
            // This member still needs the others.
            stop_signals[top].request_as(context.supervisor.leading.now(), context.stop);
        }
        tokio::select! {
            biased;
            ended = running.next() => match ended {
                Some((number, one)) => {
                    is_running[number] = false;
                    match one {
                        MemberEnd::Done => {}
                        // The members above cannot continue without this one. They end because of its failure.
                        MemberEnd::Failed { .. } if !ending => (ending, failure) = (true, Some(one)),
                        _ => (ending, end) = (true, both(end, one)),
                    }
                }
                None => return failure.unwrap_or(end),
            },
            () = context.stop.requested(), if !ending => ending = true,
        }
    }
}

/// Waits until the member below is up. Returns `false` if this member must not start any more.
async fn wait_for_below(context: RunContext<'_>, below: &Member, is_up: &CancellationToken) -> bool {
    let RunContext { supervisor, stop, .. } = context;
    let mut long = pin!(sleep(supervisor.entry.timing.lease_duration));
    let mut said = false;
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => return false,
            () = supervisor.entry.stop_token().cancelled() => return false,
            () = is_up.cancelled() => return true,
            () = &mut long, if !said => {
                said = true;
                context.log(supervisor.leading).waits(&below.name);
            }
        }
    }
}

/// The common end of two members.
fn both(one: MemberEnd, other: MemberEnd) -> MemberEnd {
    match (one, other) {
        (MemberEnd::Over | MemberEnd::FinalOutput, _) | (_, MemberEnd::Over | MemberEnd::FinalOutput) => {
            MemberEnd::Over
        }
        (MemberEnd::Done, end) | (end, MemberEnd::Done) => end,
        // The first failure is the cause of the other.
        (first, _) => first,
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests;
