//! The ticks of one lease: passes on what the election reads and writes, and starts runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::annotation_backoff::AnnotationBackoff;
use super::log::ElectionLog;
use crate::clock::{Moment, WallTime};
use crate::term::{ElectorMessage, TaskMessage, TermState};
use crate::tick::Permit;
use lease_protocol::election::{Grant, RequestId, Version};
use lease_protocol::ticks::AttemptId;
use lease_protocol::ticks::names::{TRIGGER, is_ours, shown, some};
use lease_protocol::ticks::{Annotations, Edits, RunEnd, RunStart, TickNote, TickOutcome, TickTime, Ticks};

/// The ticks of one lease.
#[derive(Default)]
pub(super) struct LeaseTicks {
    ticks: Ticks,
    messages: Option<mpsc::UnboundedReceiver<TaskMessage>>,
    tasks: BTreeMap<Arc<str>, mpsc::UnboundedSender<ElectorMessage>>,
    /// The permits of runs that were handed to a task. A permit can be revoked until the body begins.
    permits: BTreeMap<AttemptId, Permit>,
    /// The state that was shown last.
    shown: Option<Version>,
    /// The write that has no answer yet, and its number.
    composed: Option<Composed>,
    backoff: AnnotationBackoff,
    /// Why ticks cannot be written, in words for people.
    problem: Option<Arc<str>>,
    said: SaidOnce,
}

struct Composed {
    id: RequestId,
    /// `None` if no ticks were composed.
    number: Option<u64>,
    /// It says something about ticks.
    says: bool,
    /// Our annotations after this write, if it is stored as it was sent.
    expected: Annotations,
}

/// What was logged already, so that each is logged once.
#[derive(Default)]
struct SaidOnce {
    ahead: bool,
    behind: bool,
    troubles: Vec<String>,
    unknown: Vec<String>,
    requests: Vec<String>,
    removed: BTreeSet<Arc<str>>,
}

impl LeaseTicks {
    /// A term has begun.
    pub(super) fn begin(&mut self, grant: &Grant, term_state: &TermState, time: TickTime) {
        self.messages = term_state.tick_channel().receiver();
        self.tasks.clear();
        self.permits.clear();
        self.ticks.begin(grant.transitions, time);
        self.shown = None;
        self.said.removed.clear();
    }

    /// The bodies were asked to end. Runs whose body has not begun are given back and never begin.
    pub(super) fn drain(&mut self) {
        self.ticks.drain();
        for (id, permit) in &self.permits {
            if permit.revoke() {
                self.ticks.ended(*id, RunEnd::NotStarted);
            }
        }
    }

    /// Nothing of the term is left, and all messages of its tasks have been handled.
    pub(super) fn drained(&mut self) {
        // If the runtime of the tasks is gone, the bodies have not been asked to end.
        self.drain();
        self.permits.clear();
        (self.messages, self.tasks) = (None, BTreeMap::new());
        self.ticks.end();
    }

    /// The next message of a task. Never resolves without a term. Cancel safe.
    pub(super) async fn next_message(&mut self) -> TaskMessage {
        let message = match &mut self.messages {
            Some(messages) => messages.recv().await,
            None => None,
        };
        match message {
            Some(message) => message,
            None => std::future::pending().await,
        }
    }

    pub(super) fn hear(&mut self, message: TaskMessage, now: WallTime) {
        match message {
            TaskMessage::Join { task, timetable, signals } => {
                self.tasks.insert(task.clone(), signals);
                self.ticks.join(task, *timetable, now);
                // The new task has to see what the Lease says about it.
                self.shown = None;
            }
            TaskMessage::Leave { task } => {
                self.tasks.remove(&task);
                self.ticks.leave(&task);
            }
            TaskMessage::Ended { id, end } => {
                self.permits.remove(&id);
                self.ticks.ended(id, end);
            }
        }
    }

    /// Shows a state of the Lease that the term rests on, unless it was shown already, and starts the runs that it shows as taken.
    pub(super) fn show(&mut self, version: &Version, annotations: &Annotations, time: TickTime, log: &ElectionLog) {
        if self.shown.as_ref() == Some(version) {
            return;
        }
        self.shown = Some(version.clone());
        let starts = self.ticks.see(annotations);
        self.start(starts);
        for task in self.ticks.done_once() {
            self.signal(&task, ElectorMessage::Done);
        }
        self.log_problems(log);
        let behind = self.ticks.behind(time);
        if let Some(by) = behind.filter(|_| !self.said.behind) {
            log.clock_behind(by);
        }
        self.said.behind = behind.is_some();
    }

    /// Starts runs that need no record, and returns whether to renew now.
    pub(super) fn turn(&mut self, time: TickTime, now: Moment, log: &ElectionLog) -> bool {
        let starts = self.ticks.poll(time);
        self.start(starts);
        let ahead = self.ahead(time);
        if let Some(by) = ahead.filter(|_| !self.said.ahead) {
            log.clock_ahead(by);
        }
        self.said.ahead = ahead.is_some();
        self.ticks.wants_write(time) && !self.backoff.holds(now)
    }

    /// Whether this task takes ticks in this term.
    pub(super) fn has(&self, task: &str) -> bool {
        self.tasks.contains_key(task)
    }

    /// How far this replica's clock is ahead, if the ticks of a task follow the server's clock.
    pub(super) fn ahead(&self, time: TickTime) -> Option<Duration> {
        time.ahead().filter(|_| !self.tasks.is_empty())
    }

    /// When the next turn is due at the latest.
    pub(super) fn wake_at(&self) -> Option<WallTime> {
        self.ticks.wake_at()
    }

    /// Bodies of scheduled tasks run, or wait for another attempt.
    #[cfg(feature = "testing")]
    pub(super) fn is_running(&self) -> bool {
        self.ticks.is_running()
    }

    /// The changes of annotations for the write `id`, which replaces this state.
    pub(super) fn compose(
        &mut self,
        id: RequestId,
        annotations: &Annotations,
        time: TickTime,
        now: Moment,
        renews: bool,
    ) -> Edits {
        if self.backoff.holds(now) {
            // A write without ticks takes no runs. Their ends wait for a later write.
            self.composed = None;
            return Edits::new();
        }
        let (number, edits) = self.ticks.compose(annotations, time, renews);
        let (says, expected) = (!edits.is_empty(), expected(annotations, &edits));
        self.composed = Some(Composed { id, number: Some(number), says, expected });
        edits
    }

    /// Like [`compose`](Self::compose), for a write that has no ticks to take or to settle.
    pub(super) fn compose_nothing(&mut self, id: RequestId, now: Moment) -> Edits {
        let may_say = !self.backoff.holds(now);
        self.composed = may_say.then(|| Composed { id, number: None, says: false, expected: Annotations::new() });
        Edits::new()
    }

    /// Whether the write `id` may change other annotations too. If it is refused, they count like those of the ticks.
    pub(super) fn may_say(&self, id: RequestId) -> bool {
        self.composed.as_ref().is_some_and(|composed| composed.id == id)
    }

    pub(super) fn says(&mut self) {
        self.composed.iter_mut().for_each(|composed| composed.says = true);
    }

    /// A write was refused, and would be refused again. The reason may be what it says about ticks.
    pub(super) fn refused(&mut self, id: RequestId) {
        let says = self.composed.take_if(|composed| composed.id == id).is_some_and(|composed| composed.says);
        self.backoff.refused(says);
    }

    /// Why ticks cannot be written.
    pub(super) fn problem(&self) -> Option<&Arc<str>> {
        self.problem.as_ref()
    }

    /// The write has succeeded, and these annotations were stored.
    pub(super) fn committed(&mut self, id: RequestId, stored: Option<&Annotations>, now: Moment, log: &ElectionLog) {
        let composed = self.composed.take_if(|composed| composed.id == id);
        let says = composed.as_ref().is_some_and(|composed| composed.says);
        let compared = composed.as_ref().filter(|composed| composed.number.is_some()).zip(stored);
        let altered = compared.and_then(|(composed, stored)| altered(&composed.expected, stored));
        let is_altered = altered.is_some();
        let problem: Option<Arc<str>> = match altered {
            Some(what) => self.backoff.altered(now).then(|| what.into()),
            None => self.backoff.succeeded(says, now).then(|| REFUSED.into()),
        };
        if let Some(problem) = problem {
            log.tick_trouble(&problem);
            self.problem = Some(problem);
        } else if !self.backoff.is_quiet() {
            self.problem = None;
        }
        if let Some(Composed { number: Some(number), .. }) = composed {
            if is_altered {
                return self.ticks.altered(number);
            }
            for (task, note) in self.ticks.committed(number) {
                // Another program may remove a record at each renewal. That is logged once.
                if note != TickNote::Removed || self.said.removed.insert(task.clone()) {
                    log.tick(&task, &note);
                }
            }
            let unknown = self.ticks.unknown();
            if !unknown.is_empty() && unknown != self.said.unknown {
                log.unknown_tasks(&some(&unknown));
            }
            self.said.unknown = unknown;
            let requests = self.ticks.unknown_requests();
            if !requests.is_empty() && requests != self.said.requests {
                let tasks: Vec<String> = self.tasks.keys().map(ToString::to_string).collect();
                log.unknown_requests(&some(&requests), &tasks);
            }
            self.said.requests = requests;
        }
    }

    fn start(&mut self, starts: Vec<RunStart>) {
        for start in starts {
            let (id, task, permit) = (start.id, start.task.clone(), Permit::default());
            if self.signal(&task, ElectorMessage::Start(Box::new(start), permit.clone())) {
                self.permits.insert(id, permit);
            } else {
                // The task has left, and its message is on its way.
                self.ticks.ended(id, RunEnd::NotStarted);
            }
        }
    }

    fn signal(&self, task: &Arc<str>, signal: ElectorMessage) -> bool {
        self.tasks.get(task).is_some_and(|signals| signals.send(signal).is_ok())
    }

    /// Logs once each problem that somebody has to solve.
    fn log_problems(&mut self, log: &ElectionLog) {
        let unreadable =
            self.ticks.unreadable().into_iter().map(|(task, why)| format!("the record of task `{task}`: {why}"));
        let refused = self.ticks.refused().into_iter().map(|(request, why)| format!("the request {request}: {why}"));
        let zones = self.ticks.other_zone_data().into_iter().map(|(task, data)| {
            format!(
                "the last tick of task `{task}` was computed with the time zones of {}, which are not this replica's: no civil \
                 time is run twice, but replicas may start it at different instants until all have the same version",
                shown(&data)
            )
        });
        let full = self.ticks.without_room().into_iter().map(|task| {
            format!(
                "the annotations of the lease are full, so that no tick of task `{task}` is taken: remove some, 256 KiB is what \
                 Kubernetes allows"
            )
        });
        let given_up = self.ticks.given_up().into_iter().map(|(task, outcome)| {
            let more = if outcome == TickOutcome::Failed { "; let it try more often with `retry`" } else { "" };
            format!(
                "task `{task}` runs once, and its last run was {outcome}: tasks that wait for it go on waiting, and it does \
                 not run again unless it is triggered, by an annotation `{TRIGGER}{task}` with any new id{more}"
            )
        });
        let troubles: Vec<String> = unreadable.chain(refused).chain(zones).chain(full).chain(given_up).collect();
        for trouble in troubles.iter().filter(|trouble| !self.said.troubles.contains(trouble)) {
            log.tick_trouble(trouble);
        }
        self.said.troubles = troubles;
    }
}

const REFUSED: &str = "the API server refuses what the leader writes about ticks and tasks into the annotations of the lease, and accepts the \
                       same write without it: the lease is still renewed, and no tick runs until a policy allows annotations \
                       of the domain lease-runtime.dev there";

/// Our annotations after these changes.
fn expected(annotations: &Annotations, edits: &Edits) -> Annotations {
    let unchanged = annotations.iter().filter(|(name, _)| is_ours(name) && !edits.contains_key(*name));
    let unchanged = unchanged.map(|(name, value)| (name.clone(), value.clone()));
    unchanged.chain(edits.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)))).collect()
}

/// The annotations that were stored differently from what was sent. A write names the state that it replaces, so no other
/// program can have changed them in between.
fn altered_names<'a>(sent: &'a Annotations, stored: &'a Annotations) -> impl Iterator<Item = (&'a str, &'static str)> {
    let changed = sent.iter().filter_map(|(name, value)| match stored.get(name) {
        None => Some((name.as_str(), "was removed")),
        Some(stored) if stored != value => Some((name.as_str(), "has another value")),
        Some(_) => None,
    });
    let added = stored.keys().filter(|name| is_ours(name) && !sent.contains_key(*name));
    changed.chain(added.map(|name| (name.as_str(), "was put back")))
}

/// Names one of them, and says what to look for.
fn altered(sent: &Annotations, stored: &Annotations) -> Option<String> {
    let (name, how) = altered_names(sent, stored).next()?;
    let more = altered_names(sent, stored).count() - 1;
    let others = if more > 0 { format!(", and {more} more") } else { String::new() };
    Some(format!(
        "the cluster alters what the leader writes about ticks: the annotation {} {how} when the write was stored{others}. Look for \
         a mutating webhook or admission policy on leases, and let it leave annotations of the domain lease-runtime.dev alone. The \
         lease is still renewed, and ticks are tried again after growing pauses",
        shown(name)
    ))
}
