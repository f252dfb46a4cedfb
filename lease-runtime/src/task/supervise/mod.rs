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
use super::log::TaskLog;
use super::member::{GroupOrder, Member, MemberWork};
use super::supervisor::{MemberEnd, Supervisor};
use super::{run, ticking};
use crate::error::Error;
use crate::term::{DrainToken, StopSignal, Term};
use crate::tick::Tick;

/// Runs a task from the beginning of a term until the term or the task is over, and sends the result to its handle. Returns when
/// nothing of the task is left. Errors that have to end the process go to `exits`, boxed, because a channel reserves room for many.
pub(crate) async fn supervise(
    entry: Arc<Entry>,
    leading: Term,
    alive: DrainToken,
    exits: mpsc::UnboundedSender<Box<Error>>,
) {
    let supervisor = Supervisor { entry: &entry, leading: &leading, alive: &alive, exits: &exits };
    let stop = leading.state().stop_signal().clone();
    let end = supervisor.member(&entry.member, stop, CancellationToken::new(), None).await;
    match end {
        MemberEnd::Done => entry.finish_done(),
        MemberEnd::FinalOutput | MemberEnd::Failed { value: true, .. } => entry.finish(Ok(())),
        MemberEnd::Failed { error, value: false } => entry.finish(Err(error)),
        MemberEnd::Over if entry.stop_token().is_cancelled() => entry.finish(Err(entry.stopped())),
        MemberEnd::Over => {}
    }
}

impl Supervisor<'_> {
    /// Runs a member. `stop` asks it to end. `up` is cancelled when the members that depend on it may start. `tick` is the tick of
    /// a group with a schedule.
    fn member<'a>(
        &'a self,
        member: &'a Member,
        stop: Arc<StopSignal>,
        up: CancellationToken,
        tick: Option<&'a Tick>,
    ) -> BoxFuture<'a, MemberEnd> {
        Box::pin(async move {
            if let Some(ticking) = &member.ticking {
                return ticking::through_term(self, member, ticking, &stop, &up).await;
            }
            match &member.work {
                MemberWork::Body(body) => run::through_term(self, member, body, &stop, &up, tick).await,
                MemberWork::Group(order, members) => self.group(*order, members, &stop, &up, tick).await,
            }
        })
    }

    /// Runs the members of a group in their order.
    pub(super) async fn group(
        &self,
        order: GroupOrder,
        members: &[Member],
        stop: &Arc<StopSignal>,
        up: &CancellationToken,
        tick: Option<&Tick>,
    ) -> MemberEnd {
        let end = match order {
            GroupOrder::Concurrent => self.concurrent(members, stop, up, tick).await,
            GroupOrder::Sequence => self.sequence(members, stop, up, tick).await,
            GroupOrder::Stack => self.stack(members, stop, up, tick).await,
        };
        if let MemberEnd::Done = end {
            // All members may be done before the group notices that all are up.
            up.cancel();
        }
        // The output belongs to the member, not to the group.
        match end {
            MemberEnd::Failed { error, .. } => MemberEnd::Failed { error, value: false },
            MemberEnd::FinalOutput => MemberEnd::Over,
            end => end,
        }
    }

    async fn concurrent(
        &self,
        members: &[Member],
        stop: &Arc<StopSignal>,
        up: &CancellationToken,
        tick: Option<&Tick>,
    ) -> MemberEnd {
        let ups: Vec<_> = members.iter().map(|_| CancellationToken::new()).collect();
        let running = members.iter().zip(&ups).map(|(member, up)| self.member(member, stop.clone(), up.clone(), tick));
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
                _ = &mut all_up, if !up.is_cancelled() => up.cancel(),
            }
        }
    }

    async fn sequence(
        &self,
        members: &[Member],
        stop: &Arc<StopSignal>,
        up: &CancellationToken,
        tick: Option<&Tick>,
    ) -> MemberEnd {
        for (number, member) in members.iter().enumerate() {
            let last = number + 1 == members.len();
            let up = if last { up.clone() } else { CancellationToken::new() };
            match self.member(member, stop.clone(), up, tick).await {
                MemberEnd::Done => {}
                end => return end,
            }
        }
        MemberEnd::Done
    }

    async fn stack(
        &self,
        members: &[Member],
        stop: &Arc<StopSignal>,
        up: &CancellationToken,
        tick: Option<&Tick>,
    ) -> MemberEnd {
        let stop_signals: Vec<_> = members.iter().map(|_| Arc::new(StopSignal::new())).collect();
        let ups: Vec<_> = (1..members.len()).map(|_| CancellationToken::new()).chain([up.clone()]).collect();
        let running = members.iter().enumerate().map(|(number, member)| {
            let (stop, up) = (&stop_signals[number], &ups[number]);
            let below = number.checked_sub(1).map(|below| (&members[below], &ups[below]));
            async move {
                if let Some((below, is_up)) = below
                    && !self.wait_for_below(member, below, is_up, stop).await
                {
                    return (number, MemberEnd::Over);
                }
                (number, self.member(member, stop.clone(), up.clone(), tick).await)
            }
        });
        let mut running: FuturesUnordered<_> = running.collect();
        let mut is_running = vec![true; members.len()];
        let (mut end, mut ending, mut failure) = (MemberEnd::Done, false, None);
        loop {
            if ending && let Some(top) = is_running.iter().rposition(|running| *running) {
                // This member still needs the others.
                stop_signals[top].request_as(self.leading.now(), stop);
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
                () = stop.requested(), if !ending => ending = true,
            }
        }
    }

    /// Waits until the member below is up. Returns `false` if this member must not start any more.
    async fn wait_for_below(
        &self,
        member: &Member,
        below: &Member,
        is_up: &CancellationToken,
        stop: &StopSignal,
    ) -> bool {
        let mut long = pin!(sleep(self.entry.timing.lease_duration));
        let mut said = false;
        loop {
            tokio::select! {
                biased;
                () = stop.requested() => return false,
                () = self.entry.stop_token().cancelled() => return false,
                () = is_up.cancelled() => return true,
                () = &mut long, if !said => {
                    said = true;
                    TaskLog { entry: self.entry, member, term: self.leading }.waits(&below.name);
                }
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

#[cfg(test)]
mod tests;
