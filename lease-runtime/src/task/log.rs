//! The log lines of tasks, which all have the same fields.

use std::time::Duration;

use super::entry::Entry;
use super::member::Member;
use crate::term::Term;
use crate::tick::Tick;
use lease_protocol::election::shown;
use lease_protocol::ticks::{Delivery, RunEnd, Timetable};

/// The names of the task are those of the member. The term is that of its lease.
pub(super) struct TaskLog<'a> {
    pub(super) entry: &'a Entry,
    pub(super) member: &'a Member,
    pub(super) term: &'a Term,
}

macro_rules! say {
    ($log:expr, $level:ident, $($rest:tt)*) => {
        tracing::$level!(
            target: "lease_runtime",
            task = %$log.member.name,
            lease = %$log.entry.lease.name,
            namespace = %$log.entry.lease.namespace,
            identity = %shown($log.term.identity()),
            term = $log.term.fencing_token().get(),
            $($rest)*
        )
    };
}

impl TaskLog<'_> {
    pub(super) fn started(&self) {
        say!(self, info, "task started");
    }

    pub(super) fn tick_started(&self, tick: &Tick, timetable: &Timetable) {
        let (at, attempt, late_ms) = (tick.nominal(), tick.attempt(), tick.lateness().as_millis() as u64);
        let cause = tick.cause().word();
        let delivery = match timetable.delivery {
            _ if !timetable.recorded => "unrecorded",
            Delivery::AtLeastOnce => "at_least_once",
            _ => "at_most_once",
        };
        say!(self, info, tick = %at, attempt, late_ms, cause, delivery, "tick started");
    }

    pub(super) fn tick_ended(&self, tick: &Tick, end: RunEnd) {
        let (at, attempt) = (tick.nominal(), tick.attempt());
        match end {
            RunEnd::Done => say!(self, info, tick = %at, attempt, "tick done"),
            RunEnd::NotStarted => say!(self, info, tick = %at, attempt, "tick given back: its body has not begun"),
            RunEnd::Replaced => say!(self, info, tick = %at, attempt, "tick cancelled by a later one"),
            RunEnd::Interrupted | RunEnd::Failed => {
                say!(self, info, tick = %at, attempt, "tick interrupted: its term has ended or its task was given up");
            }
        }
    }

    pub(super) fn tick_failed(&self, tick: &Tick, failure: &str, pause: Option<Duration>) {
        let (at, attempt) = (tick.nominal(), tick.attempt());
        match pause {
            Some(pause) => {
                let pause_ms = pause.as_millis() as u64;
                say!(self, warn, tick = %at, attempt, error = failure, pause_ms, "tick failed and is tried again");
            }
            None => say!(self, error, tick = %at, attempt, error = failure, "tick failed"),
        }
    }

    /// A task with `at_least_once` has failed, and its waiters go on waiting. With `at_most_once`, each leader logs this when it
    /// sees the record.
    pub(super) fn once_failed(&self) {
        let task = &self.member.name;
        say!(
            self,
            error,
            "a task that runs once has failed, and tasks that wait for it go on waiting: the next term of the lease \
             tries it again, as after a restart of this replica; let it try more often with \
             `retry`, or trigger another run with the annotation `trigger.lease-runtime.dev/{task}`"
        );
    }

    pub(super) fn done(&self) {
        say!(self, info, "task is done according to the lease, and does not run again");
    }

    pub(super) fn finished(&self) {
        say!(self, info, "task finished");
    }

    pub(super) fn runs_again(&self, pause: Duration) {
        say!(self, info, pause_ms = pause.as_millis() as u64, "task finished and runs again");
    }

    pub(super) fn ended(&self, failure: Option<&str>) {
        match failure {
            None => say!(self, info, "task ended as it was asked to"),
            Some(failure) => say!(self, warn, error = failure, "task failed while ending"),
        }
    }

    /// `grace`: the body had all of its grace. Otherwise its time was cut, as by the loss of the lease.
    pub(super) fn dropped(&self, grace: Option<Duration>) {
        let grace_ms = grace.map(|grace| grace.as_millis() as u64);
        say!(self, info, grace_ms, "task was dropped: its time was up");
    }

    pub(super) fn failed(&self, failure: &str, pause: Duration) {
        say!(self, warn, error = failure, pause_ms = pause.as_millis() as u64, "task failed and runs again");
    }

    pub(super) fn failed_for_good(&self, failure: &str) {
        say!(self, error, error = failure, "task failed and does not run again on this replica");
    }

    pub(super) fn exhausted(&self, failure: &str, consequence: &str) {
        let (count, within) = self.member.policy.max_restarts;
        say!(
            self,
            error,
            error = failure,
            "task keeps failing, its restarts are used up ({count} in {within:?}): {consequence}"
        );
    }

    pub(super) fn waits(&self, below: &str) {
        say!(
            self,
            warn,
            below = %below,
            "task waits for the one below it in its stack, which is not up after a lease duration: if that one signals its \
             readiness, let its body call `term.ready()`"
        );
    }

    pub(super) fn overdue(&self) {
        say!(
            self,
            warn,
            "task still runs although its time is up, and the lease is not released before it ends: yield in long loops, \
             move what blocks to `term.blocking(..)` and let it ask its check between two steps"
        );
    }
}
