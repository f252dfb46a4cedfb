//! Runs a simulated cluster: one event after the other, in the order of time.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::select_all;
use tokio::time::sleep;

use super::cluster::Cluster;
use super::replica::{Held, Process, ProcessNews};
use crate::clock::{Clock, Moment, WallTime};
use lease_protocol::election::{Deadlines, FencingToken, Grant, LossReason, StopReason};
use lease_protocol::ticks::{TaskTicks, TickTime};

/// How soon to look again at something that is overdue because it waits for something else.
const AGAIN: Duration = Duration::from_secs(1);
/// A lease is not written more often than this at one moment. This guards against a bug of the harness.
const MOST_WRITES: usize = 1000;

impl Cluster {
    /// Runs the cluster until it is `over`. It also checks that at `until`.
    pub(super) async fn drive(&mut self, over: impl Fn(&Cluster) -> bool, until: Moment) {
        self.check_frozen().await;
        while !over(self) {
            self.elect();
            for number in 0..self.nodes.len() {
                self.take_turn(number);
            }
            if over(self) {
                return;
            }
            match self.news(until).await {
                Some((number, news)) => self.hear(number, news),
                None => self.time_has_passed(),
            }
        }
    }

    /// Without this check, the first jump would take days of real time.
    async fn check_frozen(&mut self) {
        if !self.frozen {
            let moved = AssertUnwindSafe(tokio::time::advance(Duration::ZERO)).catch_unwind().await;
            assert!(
                moved.is_ok(),
                "the time of this tokio runtime is not paused: write `#[tokio::test(start_paused = true)]`, or build a \
                 current-thread runtime with `start_paused(true)`"
            );
            self.frozen = true;
        }
    }

    /// The next event of a replica; `None` when it is time to look at the cluster.
    async fn news(&mut self, until: Moment) -> Option<(usize, ProcessNews)> {
        let now = self.clock.now();
        // tokio's timers count in whole milliseconds.
        let nap = self.next_moment(now).min(until).after(now).max(Duration::from_millis(1));
        let leading = self.nodes.iter_mut().filter_map(|node| {
            let process = node.process.as_mut().filter(|process| process.held.is_some())?;
            let number = node.number;
            Some(Box::pin(async move { (number, process.news().await) }))
        });
        let leading: Vec<_> = leading.collect();
        if leading.is_empty() {
            sleep(nap).await;
            return None;
        }
        tokio::select! {
            biased;
            (news, ..) = select_all(leading) => Some(news),
            () = sleep(nap) => None,
        }
    }

    /// When there is something to do if no event comes before.
    fn next_moment(&self, now: Moment) -> Moment {
        let mut next = if self.lapses > now { self.lapses } else { Moment::FAR };
        let mut at = |moment: Moment| next = next.min(moment);
        for node in &self.nodes {
            let Some(process) = &node.process else { continue };
            if process.rests_until > now {
                at(process.rests_until);
            }
            let Some(held) = &process.held else { continue };
            if let Some(wake) = process.elector.wake_at() {
                let wake = node.moment(wake);
                at(if wake > now { wake } else { now + AGAIN });
            }
            if node.cut_off {
                let Deadlines { cancel_at, drop_at, .. } = held.deadlines(&process.timing);
                [cancel_at, drop_at].into_iter().filter(|deadline| *deadline > now).for_each(&mut at);
            } else if let Some(renew_at) = held.renew_at {
                at(renew_at);
            }
        }
        next
    }

    /// If no replica holds the lease, or it has expired, the next replica in the circle leads.
    fn elect(&mut self) {
        let now = self.clock.now();
        if self.holder.is_some() && now < self.lapses {
            return;
        }
        let count = self.nodes.len();
        let next = (0..count).map(|step| (self.turn + step) % count).find(|number| {
            let node = &self.nodes[*number];
            let ready = |process: &Process| {
                process.held.is_none()
                    && !process.shutting_down
                    && process.rests_until <= now
                    && !process.live().is_empty()
            };
            !node.cut_off && node.process.as_ref().is_some_and(ready)
        });
        let Some(number) = next else { return };
        let time = self.time(number);
        let node = &mut self.nodes[number];
        let Some(process) = &mut node.process else { return };
        self.object.revision += 1;
        let transitions = self.transitions.map_or(0, |transitions| transitions.saturating_add(1));
        (self.transitions, self.holder, self.lapses) = (Some(transitions), Some(number), Moment::FAR);
        self.turn = (number + 1) % count;
        let timing = &process.timing;
        let deadlines = Deadlines {
            cancel_at: now + timing.cancel_after(),
            drop_at: now + timing.drop_after(),
            hard_stop: now + timing.hard_stop(),
        };
        let grant = Grant { token: FencingToken::new(self.object.revision), transitions, deadlines };
        let (term, alive) = process.elector.begin(&grant, node.clock.clone(), time);
        process.lead(term, alive, now);
    }

    /// One replica looks at the Lease and at the time, and writes what it has to write.
    fn take_turn(&mut self, number: usize) {
        let (now, mut time) = (self.clock.now(), self.time(number));
        let node = &mut self.nodes[number];
        let Some(process) = &mut node.process else { return };
        let live = process.live().is_empty();
        let Process { elector, held: Some(held), timing, .. } = process else { return };
        if live && !held.ending {
            return process.cancel(StopReason::Finished);
        }
        if node.cut_off {
            let Deadlines { cancel_at, drop_at, .. } = held.deadlines(timing);
            if now >= drop_at {
                held.term.state().expire();
            }
            if now >= cancel_at && !held.ending {
                return process.cancel(StopReason::Lost(LossReason::NotRenewed));
            }
            // Ticks without a record start without the API server.
            let _ = elector.turn(time, now);
            return;
        }
        if self.holder != Some(number) {
            return;
        }
        if held.seen != self.object.revision {
            elector.show(&self.object, time);
            (held.seen, held.tells) = (self.object.revision, true);
        }
        let mut due = held.renew_at.is_some_and(|renew_at| renew_at <= now);
        for _ in 0..MOST_WRITES {
            let urgent = elector.turn(time, now);
            if urgent || due && held.tells {
                elector.write(&mut self.object, time, now, !held.ending);
                elector.show(&self.object, time);
                (held.seen, held.tells) = (self.object.revision, false);
            }
            if urgent || due {
                held.renew(timing, now);
            } else {
                break;
            }
            due = false;
            // The ids of attempts depend on it.
            time.random = self.rng.u64(..);
        }
        if process.is_busy() || process.held.as_ref().is_some_and(|held| held.tells) {
            process.renew_later(now);
        }
        self.finish_those_done();
    }

    /// When the Lease says that a task which runs once is done, it ends on all replicas.
    fn finish_those_done(&self) {
        let connected = self.nodes.iter().filter(|node| !node.cut_off).filter_map(|node| node.process.as_ref());
        let once: Vec<_> = connected.flat_map(Process::live).filter(|entry| entry.runs_once()).collect();
        if !once.is_empty() {
            let ticks = TaskTicks::all(&self.object.annotations);
            once.iter().for_each(|entry| entry.finish_if_done(&ticks));
        }
    }

    /// A tick may have passed that was not worth a write of its own, for example of a paused task. The next renewal records it.
    fn time_has_passed(&mut self) {
        for node in &mut self.nodes {
            let now = node.clock.now();
            let woken = node.process.as_ref().and_then(|process| process.elector.wake_at());
            let has_come = woken.is_some_and(|wake| node.moment(wake) <= now);
            if let Some(held) = node.process.as_mut().and_then(|process| process.held.as_mut()) {
                held.tells |= has_come;
            }
        }
    }

    fn hear(&mut self, number: usize, news: ProcessNews) {
        let now = self.clock.now();
        let node = &mut self.nodes[number];
        let Some(process) = &mut node.process else { return };
        match news {
            ProcessNews::TaskMessage(message) => {
                process.elector.hear(message, node.clock.wall());
                process.held.iter_mut().for_each(|held| (held.tells, held.seen) = (true, 0));
            }
            ProcessNews::Exit(why) => {
                tracing::error!(target: "lease_runtime", replica = number, %why, "a task ends the process: it shuts down");
                self.begin_shutdown(number);
            }
            ProcessNews::Ended => {
                let Process { held: Some(held), .. } = process else { return };
                held.let_go();
                if held.is_alone() && !held.ending {
                    process.cancel(StopReason::Finished);
                }
            }
            ProcessNews::Cancelled => {
                let reason = process.held.as_ref().and_then(|held| held.term.stop_reason());
                process.cancel(reason.unwrap_or(StopReason::SteppedDown));
            }
            ProcessNews::Drained => {
                let timing = process.timing;
                let Some(Held { term, .. }) = process.held.take() else { return };
                process.elector.drained(&term, node.clock.wall());
                if term.stop_reason() == Some(StopReason::SteppedDown) {
                    process.rests_until = now + timing.lease_duration;
                }
                let over = process.shutting_down;
                let time = self.time(number);
                let releases = !self.nodes[number].cut_off && self.holder == Some(number);
                if let Some(process) = self.nodes[number].process.as_mut().filter(|_| releases) {
                    process.elector.write(&mut self.object, time, now, false);
                    (self.holder, self.lapses) = (None, Moment::ZERO);
                }
                self.finish_those_done();
                if over {
                    self.nodes[number].process.take().into_iter().for_each(Process::stop);
                }
            }
        }
    }

    fn time(&mut self, number: usize) -> TickTime {
        // The answers of the API server contain whole seconds.
        let server = self.clock.wall().0.div_euclid(1_000_000).saturating_mul(1_000_000);
        TickTime { wall: self.nodes[number].clock.wall(), server: Some(WallTime(server)), random: self.rng.u64(..) }
    }
}
