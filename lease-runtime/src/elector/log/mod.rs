//! The log lines of an election. A transition is logged once, and a problem once as long as it lasts.

use std::sync::Arc;
use std::time::Duration;

use super::error::ElectorError;
use super::log_thread::{self, OwnedValue};
use super::text::shown;
use crate::clock::{Clock, WallTime};
use crate::lease::LeaseId;
use lease_protocol::election::{Deadlines, FencingToken, Grant, StopReason, Taken};
use lease_protocol::ticks::TickNote;

/// Writes a log line. All lines share these fields, so that one filter finds all lines of a lease.
///
/// The values are taken now. The line may be written [on another thread](log_thread).
macro_rules! say {
    ($level:ident, $log:expr, $($line:tt)*) => {
        if log_thread::is_wanted(level!($level)) {
            let (lease, identity) = ($log.lease.clone(), Arc::clone(&$log.identity));
            words!($level [
                lease = %lease.name,
                namespace = %lease.namespace,
                identity = %shown(&identity),
            ] $($line)*)
        }
    };
}

macro_rules! level {
    (trace) => {
        tracing::Level::TRACE
    };
    (debug) => {
        tracing::Level::DEBUG
    };
    (info) => {
        tracing::Level::INFO
    };
    (warn) => {
        tracing::Level::WARN
    };
    (error) => {
        tracing::Level::ERROR
    };
}

/// Takes the values of a line one by one, and writes it when it comes to the message.
macro_rules! words {
    ($level:ident [$($set:tt)*] $message:literal $(, $value:expr)* $(,)?) => {{
        let message = format!($message $(, $value)*);
        let line = move || tracing::$level!(target: "lease_runtime", $($set)* "{message}");
        log_thread::say(level!($level), line);
    }};
    ($level:ident [$($set:tt)*] $name:ident = % $value:expr, $($line:tt)*) => {{
        let $name = $value.to_string();
        words!($level [$($set)* $name = %$name,] $($line)*)
    }};
    ($level:ident [$($set:tt)*] $name:ident = $value:expr, $($line:tt)*) => {{
        let $name = OwnedValue::own($value);
        words!($level [$($set)* $name = $name,] $($line)*)
    }};
    ($level:ident [$($set:tt)*] $name:ident, $($line:tt)*) => {
        words!($level [$($set)*] $name = $name, $($line)*)
    };
}

// Below the macros, which it uses.
mod deaths;
mod kube_events;

pub(super) struct ElectionLog {
    lease: LeaseId,
    identity: Arc<str>,
    holder: Option<String>,
    /// A term has begun since this process last left the election.
    held: bool,
    /// The lease duration in seconds that was stored instead of the one that was sent.
    longer: Option<i32>,
}

impl ElectionLog {
    pub(super) fn new(lease: LeaseId, identity: Arc<str>) -> ElectionLog {
        ElectionLog { lease, identity, holder: None, held: false, longer: None }
    }

    /// A write of ours was stored with another lease duration than was sent. Logged once. Candidates wait for as long as the Lease
    /// says, so this explains a slow failover.
    pub(super) fn stored_duration(&mut self, stored: Option<i32>, sent: Duration) {
        let longer = stored.filter(|stored| u64::try_from(*stored).is_ok_and(|stored| stored > sent.as_secs()));
        if longer.is_some() && self.longer != longer {
            say!(
                warn,
                self,
                stored_seconds = longer.unwrap_or_default(),
                sent_seconds = sent.as_secs(),
                "the API server stores a longer lease duration than it is sent, as by a mutating webhook or policy: other \
                 replicas wait for that long after a crash",
            );
        }
        self.longer = longer;
    }

    pub(super) fn lease(&self) -> &LeaseId {
        &self.lease
    }

    pub(super) fn began(&mut self, grant: &Grant, taken: Taken, clock: &dyn Clock) {
        self.held = true;
        let until = ends_at(&grant.deadlines, clock);
        let (term, transitions) = (grant.token.get(), grant.transitions);
        say!(info, self, term, transitions, taken = %taken, until = %until, "acquired lease, started leading");
    }

    pub(super) fn renewed(&self, term: FencingToken, deadlines: &Deadlines, clock: &dyn Clock) {
        let until = ends_at(deadlines, clock);
        say!(trace, self, term = term.get(), until = %until, "renewed lease");
    }

    pub(super) fn cancelled(&mut self, term: FencingToken, reason: &StopReason) {
        if reason.is_involuntary() {
            self.held = false;
            say!(warn, self, term = term.get(), reason = %reason, "lost lease");
        } else {
            say!(info, self, term = term.get(), reason = %reason, "giving up lease, stopping tasks");
        }
    }

    pub(super) fn asked_to_step_down(&self, term: FencingToken, to: Option<&str>) {
        match to {
            Some(to) => {
                say!(info, self, term = term.get(), to = %shown(to), "asked from outside to transfer the lease")
            }
            None => say!(info, self, term = term.get(), "asked from outside to step down"),
        }
    }

    pub(super) fn unreadable_request(&self, request: &str, rule: &str) {
        say!(warn, self, request = %request, rule, "a request to step down cannot be read and is removed");
    }

    /// The line may be written long after `at`, if the process is stopped in between. The next term may begin right after `at`.
    pub(super) fn drained(&self, term: FencingToken, at: WallTime) {
        say!(info, self, term = term.get(), at = %at, "all tasks stopped");
    }

    pub(super) fn left(&mut self, released: bool) {
        let held = std::mem::take(&mut self.held);
        if released && held {
            say!(info, self, "released lease");
        } else if released {
            say!(info, self, "stopped contending for lease");
        } else {
            say!(warn, self, "could not release the lease in time: another replica has to wait until it expires");
        }
    }

    pub(super) fn stuck(&self, term: FencingToken) {
        say!(
            warn,
            self,
            term = term.get(),
            "the lease has expired while a task still runs: not waiting for it any longer"
        );
    }

    /// Logs who holds the lease, if that has changed.
    pub(super) fn holder(&mut self, holder: Option<&str>) {
        if holder == self.holder.as_deref() {
            return;
        }
        self.holder = holder.map(str::to_owned);
        match holder.filter(|holder| !holder.is_empty()) {
            // A term of this process is logged when it begins.
            Some(holder) if holder == &*self.identity => {}
            Some(holder) => say!(info, self, holder = %shown(holder), "new leader observed"),
            None => say!(info, self, "lease has no holder"),
        }
    }

    pub(super) fn clock_ahead(&self, by: Duration) {
        say!(
            error,
            self,
            ahead_s = by.as_secs(),
            "this replica's clock is ahead of the API server's: ticks follow the server's clock until this one is corrected"
        );
    }

    pub(super) fn unknown_tasks(&self, tasks: &[String]) {
        let tasks = tasks.join(", ");
        say!(
            info,
            self,
            tasks = %shown(&tasks),
            "the lease has records of tasks that this replica does not have, or does not run yet: they stay as they are"
        );
    }

    /// `known`: the holder says which tasks it runs.
    pub(super) fn not_run(&self, holder: &str, tasks: &[String], known: bool) {
        let tasks: String = tasks.join(", ").chars().take(300).collect();
        if known {
            say!(
                warn,
                self,
                holder = %shown(holder),
                tasks = %shown(&tasks),
                "the holder of the lease does not run tasks that this replica has: another program uses the lease, or another \
                 version of this one; give each program a lease of its own, unless this is a rollout that is about to end"
            );
        } else {
            say!(
                info,
                self,
                holder = %shown(holder),
                tasks = %shown(&tasks),
                "the holder of the lease does not say that it runs the tasks of this replica: if it is another program, give this \
                 one a lease of its own"
            );
        }
    }

    pub(super) fn unknown_requests(&self, requests: &[String], tasks: &[String]) {
        let (requests, tasks) = (requests.join(", "), tasks.join(", "));
        say!(
            warn,
            self,
            requests = %shown(&requests),
            tasks = %shown(&tasks),
            "the lease has requests for tasks that this replica does not have, or does not run yet: check the spelling"
        );
    }

    pub(super) fn clock_behind(&self, by: Duration) {
        say!(
            warn,
            self,
            behind_s = by.as_secs(),
            "the last recorded ticks are in the future of this replica's clock: the next ticks run after that time"
        );
    }

    pub(super) fn tick_trouble(&self, trouble: &str) {
        say!(error, self, "{}", shown(trouble));
    }

    pub(super) fn tick(&self, task: &str, note: &TickNote) {
        match note {
            TickNote::Armed => say!(info, self, task = %task, "the task is new to the lease: its ticks count from now"),
            TickNote::Removed => say!(
                warn,
                self,
                task = %task,
                "the task's record was removed from the lease: its ticks count from now, and those before it are lost"
            ),
            TickNote::Rearmed => {
                say!(info, self, task = %task, "the task's schedule has changed: its ticks count from now")
            }
            TickNote::NotRun(why, count) => say!(info, self, task = %task, count, "ticks were not run, {why}"),
            TickNote::Abandoned(tick) => say!(
                warn,
                self,
                task = %task,
                tick = %tick,
                "it is not known how a run of an earlier leader ended: it is not run again"
            ),
            TickNote::RunAgain(tick, attempt) => say!(
                info,
                self,
                task = %task,
                tick = %tick,
                attempt,
                "it is not known how a run of an earlier leader ended: it is run again"
            ),
            TickNote::GivenBack(tick) => {
                say!(info, self, task = %task, tick = %tick, "a run was given back: its body has not begun");
            }
            TickNote::TakenUp(tick) => {
                say!(info, self, task = %task, tick = %tick, "a run that was given back before its body began is started");
            }
            TickNote::TriggeredBefore(id) => {
                say!(info, self, task = %task, id = %shown(id.as_str()), "a trigger was dropped: its id has been used before");
            }
        }
    }

    pub(super) fn sent(&self, verb: &'static str) {
        say!(trace, self, verb, "a request is sent");
    }

    /// The answer showed or stored the Lease at this revision. A term that begins with it has the revision as its token.
    pub(super) fn answered(&self, verb: &'static str, revision: u64) {
        say!(trace, self, verb, revision, "a request was answered");
    }

    fn problem(&self, error: &ElectorError, context: &'static str) {
        if error.needs_somebody() {
            say!(error, self, error = %error, "{context}");
        } else {
            say!(warn, self, error = %error, "{context}");
        }
    }

    /// The leases of a namespace are not watched together. Nobody has to do anything about it.
    pub(super) fn each_by_name(&self, error: &ElectorError, again: bool) {
        // The error of a refusal prints a Role for one lease, which exists already.
        let why = match error {
            ElectorError::Forbidden(denial) => &denial.message,
            error => &error.to_string(),
        };
        if again {
            say!(debug, self, why, "the leases of the namespace cannot be watched together");
        } else {
            say!(
                info,
                self,
                why,
                "the leases of the namespace cannot be watched together: each has a connection of its own"
            );
        }
    }

    pub(super) fn together(&self) {
        say!(info, self, "the leases of the namespace are watched together");
    }

    /// `setting` is the one whose effect is missing.
    pub(super) fn traffic_problem(&self, setting: &'static str, problem: &str, is_new: bool) {
        if is_new {
            say!(warn, self, setting, error = %problem, "traffic is not led as it should be, and the election goes on");
        } else {
            say!(debug, self, setting, error = %problem, "traffic is not led as it should be, and the election goes on");
        }
    }

    pub(super) fn traffic_over(&self, setting: &'static str) {
        say!(info, self, setting, "traffic is led as it should be again");
    }

    pub(super) fn panicked(&self, error: &ElectorError) {
        say!(error, self, error = %error, "the election has ended");
    }
}

/// The calendar time of the hard stop: when the term is over if it is not extended.
fn ends_at(deadlines: &Deadlines, clock: &dyn Clock) -> WallTime {
    clock.wall().plus(deadlines.hard_stop.after(clock.now()))
}

/// The problems of one activity. Each kind is logged once, repeated at level `debug` while it lasts, and reported as over when
/// the activity works again.
pub(super) struct ProblemLog {
    context: &'static str,
    over: &'static str,
    /// The kinds that were logged since everything last worked. They are few, so a search needs no hash.
    said: Vec<String>,
}

impl ProblemLog {
    pub(super) fn new(context: &'static str, over: &'static str) -> ProblemLog {
        ProblemLog { context, over, said: Vec::new() }
    }

    pub(super) fn record(&mut self, error: &ElectorError, log: &ElectionLog) {
        let kind = match error {
            ElectorError::Forbidden(denial) => format!("forbidden {}", denial.verb),
            ElectorError::Unavailable { code, .. } | ElectorError::Rejected { code, .. } => {
                format!("{} {code}", error.kind())
            }
            _ => error.kind().to_owned(),
        };
        if self.said.contains(&kind) {
            say!(debug, log, error = %error, "{}", self.context);
        } else {
            log.problem(error, self.context);
            self.said.push(kind);
        }
    }

    /// The problems do not matter any more.
    pub(super) fn forget(&mut self) {
        self.said.clear();
    }

    pub(super) fn over(&mut self, log: &ElectionLog) {
        if !self.said.is_empty() {
            self.said.clear();
            say!(info, log, "{}", self.over);
        }
    }
}
