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

/// Runs a task from the beginning of a term to its end, or to the task's, and tells whoever waits for it. Returns when
/// nothing of it is left. What has to end the whole process goes to `exits`, boxed, as a channel has room for many at once.
pub(crate) async fn supervise(
    entry: Arc<Entry>,
    leading: Term,
    alive: DrainToken,
    exits: mpsc::UnboundedSender<Box<Error>>,
) {
    let supervisor = Supervisor { entry: &entry, leading: &leading, alive: &alive, exits: &exits };
    let asked = leading.state().asks().clone();
    let end = supervisor.member(&entry.member, asked, CancellationToken::new(), None).await;
    match end {
        MemberEnd::Done => entry.finish_done(),
        MemberEnd::LastWord | MemberEnd::Failed { value: true, .. } => entry.finish(Ok(())),
        MemberEnd::Failed { error, value: false } => entry.finish(Err(error)),
        MemberEnd::Over if entry.stop_token().is_cancelled() => entry.finish(Err(entry.stopped())),
        MemberEnd::Over => {}
    }
}

impl Supervisor<'_> {
    /// Runs a member. `asked` asks it to end; `up` is cancelled when what depends on it may start.
    /// `tick` is what a group runs for that has a schedule.
    fn member<'a>(
        &'a self,
        member: &'a Member,
        asked: Arc<StopSignal>,
        up: CancellationToken,
        tick: Option<&'a Tick>,
    ) -> BoxFuture<'a, MemberEnd> {
        Box::pin(async move {
            if let Some(ticking) = &member.ticking {
                return ticking::through_term(self, member, ticking, &asked, &up).await;
            }
            match &member.work {
                MemberWork::Body(body) => run::through_term(self, member, body, &asked, &up, tick).await,
                MemberWork::Group(order, members) => self.group(*order, members, &asked, &up, tick).await,
            }
        })
    }

    /// Runs the members of a group in their order.
    pub(super) async fn group(
        &self,
        order: GroupOrder,
        members: &[Member],
        asked: &Arc<StopSignal>,
        up: &CancellationToken,
        tick: Option<&Tick>,
    ) -> MemberEnd {
        let end = match order {
            GroupOrder::Concurrent => self.concurrent(members, asked, up, tick).await,
            GroupOrder::Sequence => self.sequence(members, asked, up, tick).await,
            GroupOrder::Stack => self.stack(members, asked, up, tick).await,
        };
        if let MemberEnd::Done = end {
            // All may have been done before it was noticed that all were up.
            up.cancel();
        }
        // The value was a member's.
        match end {
            MemberEnd::Failed { error, .. } => MemberEnd::Failed { error, value: false },
            MemberEnd::LastWord => MemberEnd::Over,
            end => end,
        }
    }

    async fn concurrent(
        &self,
        members: &[Member],
        asked: &Arc<StopSignal>,
        up: &CancellationToken,
        tick: Option<&Tick>,
    ) -> MemberEnd {
        let ups: Vec<_> = members.iter().map(|_| CancellationToken::new()).collect();
        let running = members.iter().zip(&ups).map(|(member, up)| self.member(member, asked.clone(), up.clone(), tick));
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
        asked: &Arc<StopSignal>,
        up: &CancellationToken,
        tick: Option<&Tick>,
    ) -> MemberEnd {
        for (number, member) in members.iter().enumerate() {
            let last = number + 1 == members.len();
            let up = if last { up.clone() } else { CancellationToken::new() };
            match self.member(member, asked.clone(), up, tick).await {
                MemberEnd::Done => {}
                end => return end,
            }
        }
        MemberEnd::Done
    }

    async fn stack(
        &self,
        members: &[Member],
        asked: &Arc<StopSignal>,
        up: &CancellationToken,
        tick: Option<&Tick>,
    ) -> MemberEnd {
        let asks: Vec<_> = members.iter().map(|_| Arc::new(StopSignal::new())).collect();
        let ups: Vec<_> = (1..members.len()).map(|_| CancellationToken::new()).chain([up.clone()]).collect();
        let running = members.iter().enumerate().map(|(number, member)| {
            let (asked, up) = (&asks[number], &ups[number]);
            let below = number.checked_sub(1).map(|below| (&members[below], &ups[below]));
            async move {
                if let Some((below, is_up)) = below
                    && !self.stands(member, below, is_up, asked).await
                {
                    return (number, MemberEnd::Over);
                }
                (number, self.member(member, asked.clone(), up.clone(), tick).await)
            }
        });
        let mut running: FuturesUnordered<_> = running.collect();
        let mut there = vec![true; members.len()];
        let (mut end, mut ending, mut failure) = (MemberEnd::Done, false, None);
        loop {
            if ending && let Some(top) = there.iter().rposition(|there| *there) {
                // The others are still needed by this one.
                asks[top].ask_as(self.leading.now(), asked);
            }
            tokio::select! {
                biased;
                ended = running.next() => match ended {
                    Some((number, one)) => {
                        there[number] = false;
                        match one {
                            MemberEnd::Done => {}
                            // Without it, those above cannot go on. That the others end is what follows from it.
                            MemberEnd::Failed { .. } if !ending => (ending, failure) = (true, Some(one)),
                            _ => (ending, end) = (true, both(end, one)),
                        }
                    }
                    None => return failure.unwrap_or(end),
                },
                () = asked.requested(), if !ending => ending = true,
            }
        }
    }

    /// Waits until what a member stands on is up. `false` if the member is not to start any more.
    async fn stands(&self, member: &Member, below: &Member, is_up: &CancellationToken, asked: &StopSignal) -> bool {
        let mut long = pin!(sleep(self.entry.timing.lease_duration));
        let mut said = false;
        loop {
            tokio::select! {
                biased;
                () = asked.requested() => return false,
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

/// How two members ended together.
fn both(one: MemberEnd, other: MemberEnd) -> MemberEnd {
    match (one, other) {
        (MemberEnd::Over | MemberEnd::LastWord, _) | (_, MemberEnd::Over | MemberEnd::LastWord) => MemberEnd::Over,
        (MemberEnd::Done, end) | (end, MemberEnd::Done) => end,
        // The first says more than what follows from it.
        (first, _) => first,
    }
}

#[cfg(test)]
mod tests;
