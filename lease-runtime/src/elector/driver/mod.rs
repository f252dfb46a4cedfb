//! One election, driven: requests, watch, bodies and timers in; the election's actions out.
//!
//! Nothing is decided here. Timers only wake; whether a deadline has passed is for the election to say, by the clock.

mod problems;
mod requests;
mod ticks;
mod watch;
mod watched;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;

use super::error::ElectorError;
use super::handle::{Command, ElectionPort, Standing};
use super::inflight::InFlight;
use super::lease_ticks::LeaseTicks;
use super::log::{ElectionLog, ProblemLog};
use super::process_memory::ProcessMemory;
use super::recent_states::RecentStates;
use super::requests::{Reply, Requests};
use super::server_time::ServerTime;
use super::task_comparison::TaskComparison;
use super::watch::{SharedWatch, Watch, WatchEvent, maybe};
use crate::clock::Moment;
use crate::term::{TaskMessage, exit, overrun};
use lease_protocol::election::{Action, Election, Event, FencingToken, Now, Role, StopReason, Version};

/// The longest sleep. tokio's timers stand still while the machine is suspended and the clock does not, so a sleeper has
/// to look at the clock from time to time: this bounds how long after a resume an idle body is still there (one that is
/// polled finds out by itself). A turn with nothing to do takes a few microseconds, so that even a thousand leases in one
/// process keep a core busy for less than a hundredth of the time.
const SLICE: Duration = Duration::from_secs(1);

pub(super) struct ElectionDriver {
    out: ElectionPort,
    election: Election,
    process_memory: ProcessMemory,
    requests: Requests,
    /// What the elections of the namespace share.
    shared: Arc<SharedWatch>,
    server_time: Arc<ServerTime>,
    watch: Option<Watch>,
    /// The watch is open, as far as it has told.
    watching: bool,
    /// Since when nobody could be reached.
    cut_off: Option<Moment>,
    drained: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    token: FencingToken,
    /// The withdrawal that is not yet complete.
    leaving: Option<u64>,
    /// The candidate has dropped its handle on the election.
    alone: bool,
    /// The server has let this process do what an election takes, or somebody else holds the lease: it can take part.
    settled: bool,
    problems: ProblemLog,
    /// The problem is one of a write, which a read does not show to be over; and the newest revision at that time.
    failed_write: Option<u64>,
    /// The answer at hand is to a write that was stored otherwise than it was sent.
    altered: bool,
    watch_problems: ProblemLog,
    ticking: LeaseTicks,
    /// The state whose ticks the status shows.
    ticks_of: Option<Version>,
    task_comparison: TaskComparison,
    log: ElectionLog,
    rng: fastrand::Rng,
    /// When the last request was sent.
    last_sent: Moment,
}

/// What a turn is about.
enum Wakeup {
    Command(Option<Box<Command>>),
    Replied(Reply),
    TaskMessage(TaskMessage),
    Drained,
    Noted(WatchEvent),
    Woken,
}

impl ElectionDriver {
    pub(super) fn new(
        out: ElectionPort,
        client: Client,
        in_flight: Arc<InFlight>,
        shared: Arc<SharedWatch>,
        server_time: Arc<ServerTime>,
        process_memory: ProcessMemory,
    ) -> ElectionDriver {
        let memory = process_memory.recall(&out.lease);
        let states = RecentStates::new(out.lease.clone(), Arc::clone(&out.labels));
        ElectionDriver {
            election: Election::recalling(out.identity.to_string(), out.timing, memory),
            process_memory,
            requests: Requests::new(client, states, out.lease.clone(), out.timing, in_flight),
            shared,
            server_time,
            watch: None,
            watching: false,
            cut_off: None,
            drained: None,
            token: FencingToken::new(0),
            leaving: None,
            alone: false,
            settled: false,
            problems: ProblemLog::new("a request failed", "requests succeed again"),
            failed_write: None,
            altered: false,
            watch_problems: ProblemLog::new(
                "the lease cannot be watched and is polled instead, so that a handover takes longer",
                "the lease is watched again",
            ),
            ticking: LeaseTicks::default(),
            ticks_of: None,
            task_comparison: TaskComparison::new(Arc::clone(&out.tasks)),
            log: ElectionLog::new(out.lease.clone(), Arc::clone(&out.identity)),
            rng: fastrand::Rng::new(),
            last_sent: Moment::ZERO,
            out,
        }
    }

    /// Runs until the handle has been dropped and the election left.
    pub(super) async fn run(&mut self) {
        self.join_watch();
        if let Some((highest, shown)) = self.election.barred() {
            // By an earlier election of this process.
            self.perform(Action::Bar { highest, shown });
        }
        self.step(Event::Woken);
        while !(self.alone && self.election.role() == Role::Out) {
            match self.turn().await {
                Wakeup::Command(command) => self.handle_command(command.map(|command| *command)),
                Wakeup::Replied(reply) => self.handle_reply(reply),
                Wakeup::TaskMessage(message) => self.ticking.hear(message, self.out.clock.wall()),
                Wakeup::Drained => {
                    self.drained = None;
                    self.ticking.drained();
                    // While there is a term: the watchdog may have ended it.
                    self.step(Event::Woken);
                    self.out.term_state.take().inspect(|term_state| exit::if_lost(term_state));
                    self.log.drained(self.token);
                    self.step(Event::Drained);
                }
                Wakeup::Noted(note) => self.handle_watch_event(note),
                Wakeup::Woken => self.step(Event::Woken),
            }
            self.tick();
            self.enforce();
            self.keep_watch();
            self.look_again();
            self.notice_slow();
            self.publish();
        }
    }

    /// Waits for the next thing to happen.
    async fn turn(&mut self) -> Wakeup {
        let nap = self.nap();
        tokio::select! {
            biased;
            command = self.out.commands.recv(), if !self.alone => Wakeup::Command(command),
            Some(reply) = self.requests.next(), if !self.requests.is_empty() => Wakeup::Replied(reply),
            // Before the end of the term, which comes when all have told how they ended.
            message = self.ticking.next_message() => Wakeup::TaskMessage(message),
            () = maybe(self.drained.as_mut()) => Wakeup::Drained,
            note = noted(self.watch.as_mut()) => Wakeup::Noted(note),
            () = tokio::time::sleep(nap) => Wakeup::Woken,
        }
    }

    /// How long to sleep if nothing happens.
    fn nap(&self) -> Duration {
        let now = self.out.clock.now();
        let stop = self.out.term_state.as_ref().map(|term_state| {
            let stop = term_state.deadlines().hard_stop;
            // Past it, what has not gone is looked after again and again.
            if stop > now { stop } else { now + self.out.timing.poll_margin() }
        });
        let wall = self.out.clock.wall();
        let tick = self
            .ticking
            .wake_at()
            .map(|at| now + Duration::from_micros(u64::try_from(at.0.saturating_sub(wall.0)).unwrap_or(0)));
        let next = [self.election.wake_at(), stop, tick].into_iter().flatten().min().unwrap_or(Moment::FAR);
        // tokio's timers count in whole milliseconds. To wake a little late is better than to spin until the time comes.
        next.after(now).min(SLICE).max(Duration::from_millis(1))
    }

    /// Takes an event to the election and carries out what it says.
    fn step(&mut self, event: Event) {
        // Read here, after whatever the event reports has been received (rule C1).
        let now = Now { moment: self.out.clock.now(), wall: self.out.clock.wall(), dice: self.rng.u8(..) };
        self.out.heartbeat.beat(now.moment);
        self.agree_with_watchdog(now);
        for action in self.election.step(event, now) {
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Send { id, request } => self.send(Some(id), &request),
            Action::Begin(grant) => {
                self.token = grant.token;
                // Deeds before words, here and below: a log may block.
                let term_state = self.out.begin(&grant);
                self.log.began(&grant);
                let time = self.time();
                self.ticking.begin(&grant, &term_state, time);
                self.drained = Some(Box::pin(async move { term_state.drained().await }));
            }
            Action::Extend(deadlines) => {
                self.out.term_state.iter().for_each(|term_state| term_state.extend(deadlines));
                self.log.renewed(self.token);
            }
            Action::Cancel(reason) => {
                self.out.term_state.iter().for_each(|term_state| term_state.cancel(reason.clone()));
                self.ticking.drain();
                self.log.cancelled(self.token, &reason);
                self.out.status.last_stop = Some(reason);
            }
            Action::Expire => self.out.term_state.iter().for_each(|term_state| term_state.expire()),
            Action::Rewatch => self.watch.iter_mut().for_each(Watch::replace),
            Action::Left { released } => {
                self.log.left(released);
                // Whoever waits for it may look at the status next.
                self.publish();
                self.leaving.take().inspect(|number| self.out.left(*number));
            }
            Action::Altered(fields) => self.is_altered(&fields),
            Action::Bar { highest, shown } => {
                self.out.heartbeat.bar();
                self.record_problem(ElectorError::WentBackwards { highest, shown });
            }
        }
    }

    fn handle_command(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Withdraw { reason, number }) => {
                self.leaving = Some(number);
                if self.election.role() == Role::Out {
                    // It has been left already, and the election would not say so twice.
                    self.leaving = None;
                    self.out.left(number);
                }
                self.step(Event::Withdraw(reason));
            }
            Some(Command::Contend { number }) => {
                self.leaving = None;
                self.out.left(number);
                self.join_watch();
                self.step(Event::Contend);
            }
            None => {
                self.alone = true;
                self.step(Event::Withdraw(StopReason::Shutdown));
            }
        }
    }

    /// Past the hard stop: whoever is still inside a poll is an overrun. And a withdrawal that waits for such a one is over
    /// when the lease has run out for everybody: nobody gains by waiting longer.
    fn enforce(&mut self) {
        let Some(term_state) = &self.out.term_state else { return };
        let (now, stop) = (self.out.clock.now(), term_state.deadlines().hard_stop);
        if now >= stop {
            overrun::enforce(term_state, now);
            exit::at_hard_stop(term_state);
        }
        if now >= stop + self.out.timing.lease_duration
            && let Some(number) = self.leaving.take()
        {
            self.log.stuck(self.token);
            self.out.left(number);
        }
    }

    /// The election panicked. Ends its term, and sees to it that what is left of it goes.
    pub(super) async fn abort_after_panic(&mut self, reason: String) {
        // The term first, as everywhere: a log may block.
        self.out.end(ElectorError::Ended { reason });
        self.out.status.problem.iter().for_each(|error| self.log.panicked(error));
        (self.watch, self.drained) = (None, None);
        self.requests.clear();
        while let Some(term_state) = self.out.term_state.clone() {
            tokio::select! {
                biased;
                () = term_state.drained() => {
                    self.out.term_state = None;
                    exit::if_lost(&term_state);
                }
                () = tokio::time::sleep(self.out.timing.poll_margin()) => {}
            }
            let now = self.out.clock.now();
            let stop = term_state.deadlines().hard_stop;
            if now >= stop {
                overrun::enforce(&term_state, now);
                exit::at_hard_stop(&term_state);
            }
            if now >= stop + self.out.timing.lease_duration {
                self.out.left(u64::MAX);
            }
        }
        self.out.status.standing = Standing::Out;
        self.out.publish();
    }
}

/// However the election ends: what it knows is of the process.
impl Drop for ElectionDriver {
    fn drop(&mut self) {
        self.process_memory.keep(&self.out.lease, self.election.memory(), self.out.clock.now());
    }
}

/// The next thing the watch has to tell, if there is one. Cancel safe.
async fn noted(watch: Option<&mut Watch>) -> WatchEvent {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}
