//! Drives one election: requests, watch, bodies and timers go in, and the actions of the election come out.
//!
//! The driver decides nothing. A timer only wakes it, and the election compares its deadlines with the clock.

mod asking;
mod deaths;
mod handover;
mod observed;
mod observing;
mod problems;
mod reported;
mod reporting;
mod requests;
mod ticks;
mod watch;
mod watched;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;

use self::deaths::{Death, Deaths};
use self::observed::ObservedTerm;
use self::reported::ReportedTerm;
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
use super::traffic::ElectionTraffic;
use super::watch::{SharedWatch, Watch, WatchEvent, maybe, next_of};
use crate::clock::Moment;
use crate::term::{TaskMessage, exit, overrun};
use lease_protocol::election::{Action, Election, Event, FencingToken, Now, Role, StopReason, Version};

/// The longest sleep. tokio's timers stand still while the machine is suspended, but the clock does not. So the driver has to
/// look at the clock from time to time: this limits how long after a resume an idle body is still there. (A body that is polled
/// finds out by itself.) A turn with nothing to do takes a few microseconds, so that even a thousand leases in one process use
/// less than a hundredth of a core.
const SLICE: Duration = Duration::from_secs(1);

pub(super) struct ElectionDriver {
    out: ElectionPort,
    election: Election,
    process_memory: ProcessMemory,
    requests: Requests,
    /// The shared watch of the namespace.
    shared: Arc<SharedWatch>,
    server_time: Arc<ServerTime>,
    watch: Option<Watch>,
    /// The watch has reported that it is open.
    watching: bool,
    /// Since when the server could not be reached.
    cut_off: Option<Moment>,
    /// Asks after holders, and watches over the lock of this process.
    deaths: Deaths,
    /// What is to be told about the term.
    observed: ObservedTerm,
    /// What is to be reported about the term, as Kubernetes Events.
    reported: ReportedTerm,
    drained: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    token: FencingToken,
    /// `leaseTransitions` of the last term of this process.
    transitions: i32,
    /// A request that cannot be read was logged. It breaks this rule.
    unreadable_request: Option<&'static str>,
    /// The number of the withdrawal that is not yet complete.
    leaving: Option<u64>,
    /// If this process takes no part, its status follows the lease all the same.
    looking: bool,
    /// The candidate has dropped its handle on the election.
    alone: bool,
    /// This process can take part: the server has accepted a write of it, or another process holds the lease.
    settled: bool,
    problems: ProblemLog,
    /// A write has failed, at this newest revision. A read that succeeds does not show that the problem is over.
    failed_write: Option<u64>,
    /// The answer belongs to a write that was stored differently from what was sent.
    altered: bool,
    watch_problems: ProblemLog,
    ticking: LeaseTicks,
    /// The state whose ticks the status shows.
    ticks_of: Option<Version>,
    task_comparison: TaskComparison,
    /// Leads traffic to this process while it leads.
    traffic: ElectionTraffic,
    log: ElectionLog,
    rng: fastrand::Rng,
    /// When the last request was sent.
    last_sent: Moment,
}

/// Why a turn happens.
enum Wakeup {
    Command(Option<Box<Command>>),
    Replied(Reply),
    TaskMessage(TaskMessage),
    Drained,
    Noted(WatchEvent),
    FoundDead(Death),
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
        let election = if out.observes {
            Election::new(out.identity.to_string(), out.timing)
        } else {
            Election::recalling(out.identity.to_string(), out.timing, process_memory.recall(&out.lease))
        };
        let states = RecentStates::new(out.lease.clone(), Arc::clone(&out.metadata));
        ElectionDriver {
            election,
            process_memory,
            requests: Requests::new(client, states, out.lease.clone(), out.timing, in_flight),
            shared,
            server_time,
            watch: None,
            watching: false,
            cut_off: None,
            deaths: Deaths::new(&out),
            observed: ObservedTerm::default(),
            reported: ReportedTerm::default(),
            drained: None,
            token: FencingToken::new(0),
            transitions: 0,
            unreadable_request: None,
            leaving: None,
            looking: out.observes,
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
            traffic: out.traffic.get().cloned().unwrap_or_default(),
            log: ElectionLog::new(out.lease.clone(), Arc::clone(&out.identity)),
            rng: fastrand::Rng::new(),
            last_sent: Moment::ZERO,
            out,
        }
    }

    /// Runs until the handle has been dropped and the election left.
    pub(super) async fn run(&mut self) {
        self.join_watch();
        if let Some((highest, shown)) = self.election.disqualified() {
            // An earlier election of this process has found it.
            self.perform(Action::Disqualified { highest, shown });
        }
        if self.out.observes {
            self.step(Event::Withdraw(StopReason::Withdrawn));
        }
        self.step(Event::Woken);
        while !(self.alone && self.election.role() == Role::Out) {
            match self.turn().await {
                Wakeup::Command(command) => self.handle_command(command.map(|command| *command)),
                Wakeup::Replied(reply) => self.handle_reply(reply),
                Wakeup::TaskMessage(message) => {
                    let event = self.observed_message(&message);
                    self.ticking.hear(message, self.out.clock.wall());
                    event.into_iter().for_each(|event| self.out.observer.tell(|| event));
                }
                Wakeup::Drained => {
                    self.drained = None;
                    self.ticking.drained();
                    // As long as there is a term: the watchdog may have ended it.
                    self.step(Event::Woken);
                    self.out.term_state.take().inspect(|term_state| exit::if_lost(term_state));
                    self.report_end();
                    self.observe_end();
                    self.log.drained(self.token, self.out.clock.wall());
                    self.step(Event::Drained);
                }
                Wakeup::Noted(note) => self.handle_watch_event(note),
                Wakeup::FoundDead(found) => self.found_dead(found),
                Wakeup::Woken => self.step(Event::Woken),
            }
            self.tick();
            self.hear_request();
            self.look_after_lock();
            self.enforce();
            self.keep_watch();
            self.look_again();
            self.notice_slow();
            self.publish();
            self.report_due();
            self.ask_after_holder();
        }
    }

    /// Waits for the next event.
    async fn turn(&mut self) -> Wakeup {
        let nap = self.nap();
        tokio::select! {
            biased;
            command = self.out.commands.recv(), if !self.alone => Wakeup::Command(command),
            Some(reply) = self.requests.next(), if !self.requests.is_empty() => Wakeup::Replied(reply),
            // Before the end of the term, which comes after all tasks have reported their last runs.
            message = self.ticking.next_message() => Wakeup::TaskMessage(message),
            () = maybe(self.drained.as_mut()) => Wakeup::Drained,
            note = next_of(self.watch.as_mut()) => Wakeup::Noted(note),
            found = self.deaths.found() => Wakeup::FoundDead(found),
            () = tokio::time::sleep(nap) => Wakeup::Woken,
        }
    }

    /// How long to sleep if nothing happens.
    fn nap(&self) -> Duration {
        let now = self.out.clock.now();
        let stop = self.out.term_state.as_ref().map(|term_state| {
            let stop = term_state.deadlines().hard_stop;
            // After the hard stop, the overruns are checked again and again.
            if stop > now { stop } else { now + self.out.timing.poll_margin() }
        });
        let wall = self.out.clock.wall();
        let tick = self
            .ticking
            .wake_at()
            .map(|at| now + Duration::from_micros(u64::try_from(at.0.saturating_sub(wall.0)).unwrap_or(0)));
        let next = [self.election.wake_at(), stop, tick].into_iter().flatten().min().unwrap_or(Moment::FAR);
        // tokio's timers count in whole milliseconds. Waking a little late is better than spinning until the time comes.
        next.after(now).min(SLICE).max(Duration::from_millis(1))
    }

    /// Steps the election with an event, and carries out its actions.
    fn step(&mut self, event: Event) {
        // Read here, after everything that the event reports has been received (rule C1).
        let now = Now { moment: self.out.clock.now(), wall: self.out.clock.wall(), random: self.rng.u8(..) };
        self.out.heartbeat.beat(now.moment);
        self.agree_with_watchdog(now);
        for action in self.election.step(event, now) {
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Send { id, request } => {
                self.send(Some(id), &request);
                self.observe_send(&request);
            }
            Action::Begin(grant) => {
                self.token = grant.token;
                self.transitions = grant.transitions;
                // Here and below, the log comes last, because it may block.
                let taken = self.taken();
                let term_state = self.out.begin(&grant, taken);
                self.traffic.lead(grant.token);
                self.log.began(&grant, taken, &*self.out.clock);
                let time = self.time();
                self.ticking.begin(&grant, &term_state, time);
                self.drained = Some(Box::pin(async move { term_state.drained().await }));
                self.report_begin();
                // With a client of the program, observers are called right here.
                self.observe_begin();
            }
            Action::Extend(deadlines) => {
                self.out.term_state.iter().for_each(|term_state| term_state.extend(deadlines));
                self.log.renewed(self.token, &deadlines, &*self.out.clock);
            }
            Action::Cancel(reason) => {
                self.out.term_state.iter().for_each(|term_state| term_state.cancel(reason.clone()));
                self.traffic.end();
                self.ticking.drain();
                self.report_cancel(&reason);
                self.observe_cancel(&reason);
                self.log.cancelled(self.token, &reason);
                self.out.status.last_stop = Some(reason);
            }
            Action::Expire => {
                self.out.term_state.iter().for_each(|term_state| term_state.expire());
                self.traffic.end();
            }
            Action::Rewatch => self.watch.iter_mut().for_each(Watch::replace),
            Action::Left { released } => {
                if !self.out.observes {
                    self.log.left(released);
                }
                // A caller that waits for this may look at the status next, and may wait for the last Events.
                self.publish();
                self.report_stopped();
                self.leaving.take().inspect(|number| self.out.left(*number));
            }
            Action::Altered(fields) => self.is_altered(&fields),
            Action::Disqualified { highest, shown } => {
                self.out.heartbeat.disqualify();
                self.record_problem(ElectorError::WentBackwards { highest, shown });
            }
        }
    }

    fn handle_command(&mut self, command: Option<Command>) {
        match command {
            Some(Command::Withdraw { reason, number }) => {
                self.leaving = Some(number);
                // Otherwise the process is about to end, or has no task of this lease any more.
                self.looking = reason.is_step_down() || reason == StopReason::Withdrawn;
                if self.election.role() == Role::Out {
                    // The election has been left already, and would not report it again.
                    self.leaving = None;
                    self.out.left(number);
                }
                self.step(Event::Withdraw(reason));
            }
            Some(Command::Contend { number }) if self.deaths.lock_is_lost => self.out.left(number),
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

    /// After the hard stop: user code that is still inside a poll is an overrun. A withdrawal that waits for such a body is over
    /// when the lease has expired for all replicas. Waiting longer would not help.
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

    /// The election panicked. Ends its term, and waits until the term is drained.
    pub(super) async fn abort_after_panic(&mut self, reason: String) {
        // The term first, because the log may block.
        self.out.end(ElectorError::Ended { reason });
        self.traffic.end();
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

/// However the election ends, the process remembers what it has seen (rules C3 and W3).
impl Drop for ElectionDriver {
    fn drop(&mut self) {
        self.traffic.end();
        if self.out.observes {
            // An election of the same lease may run beside this one, and knows more.
            return;
        }
        self.process_memory.keep(&self.out.lease, self.election.memory(), self.out.clock.now());
    }
}
