//! The ticks of one lease, driven: what the election reads and writes goes through here, and runs are started from here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::annotation_backoff::AnnotationBackoff;
use super::log::ElectionLog;
use crate::clock::{Moment, WallTime};
use crate::term::{ElectorMessage, TaskMessage, TermState};
use crate::tick::Permit;
use lease_protocol::election::{Grant, RequestId, Version};
use lease_protocol::ticks::AttemptId;
use lease_protocol::ticks::names::{TRIGGER, is_ours, shown, some};
use lease_protocol::ticks::{Annotations, Edits, RunEnd, RunStart, TickNote, TickTime, Ticks};

/// The ticks of one lease.
#[derive(Default)]
pub(super) struct LeaseTicks {
    ticks: Ticks,
    messages: Option<mpsc::UnboundedReceiver<TaskMessage>>,
    tasks: BTreeMap<Arc<str>, mpsc::UnboundedSender<ElectorMessage>>,
    /// Of the runs that were to be started: what lets them begin.
    permits: BTreeMap<AttemptId, Permit>,
    /// The state that was shown last.
    shown: Option<Version>,
    /// The write that is on its way, and its number.
    composed: Option<Composed>,
    backoff: AnnotationBackoff,
    /// What keeps ticks from being written, for people.
    problem: Option<Arc<str>>,
    said: SaidOnce,
}

struct Composed {
    id: RequestId,
    number: u64,
    /// It says something of ticks.
    says: bool,
    /// Our annotations, as they are if it is stored as it is sent.
    expected: Annotations,
}

/// What has been said, so that it is said once.
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

    /// The bodies were asked to end. What has not begun by now never does, and is given back.
    pub(super) fn drain(&mut self) {
        self.ticks.drain();
        for (id, permit) in &self.permits {
            if permit.revoke() {
                self.ticks.ended(*id, RunEnd::NotStarted);
            }
        }
    }

    /// Nothing of the term is left; what its tasks have told is heard.
    pub(super) fn drained(&mut self) {
        // If its runtime has gone, nobody has asked the bodies to end.
        self.drain();
        self.permits.clear();
        (self.messages, self.tasks) = (None, BTreeMap::new());
        self.ticks.end();
    }

    /// What a task tells next; never, if there is nobody to tell. Cancel safe.
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
                // What the Lease says of this task has to be looked at.
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

    /// Shows a state of the Lease that the term rests on, unless it was shown already, and starts what it says is taken.
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
        self.complain(log);
        let behind = self.ticks.behind(time);
        if let Some(by) = behind.filter(|_| !self.said.behind) {
            log.clock_behind(by);
        }
        self.said.behind = behind.is_some();
    }

    /// Starts what is due without a record, and tells whether a renewal is wanted now.
    pub(super) fn turn(&mut self, time: TickTime, now: Moment, log: &ElectionLog) -> bool {
        let starts = self.ticks.poll(time);
        self.start(starts);
        let ahead = time.ahead().filter(|_| !self.tasks.is_empty());
        if let Some(by) = ahead.filter(|_| !self.said.ahead) {
            log.clock_ahead(by);
        }
        self.said.ahead = ahead.is_some();
        self.ticks.wants_write(time) && !self.backoff.holds(now)
    }

    /// When to take a turn at the latest.
    pub(super) fn wake_at(&self) -> Option<WallTime> {
        self.ticks.wake_at()
    }

    /// Bodies of scheduled tasks run, or wait for another attempt.
    #[cfg(feature = "testing")]
    pub(super) fn is_running(&self) -> bool {
        self.ticks.is_running()
    }

    /// What the write `id` changes, which replaces this state.
    pub(super) fn compose(
        &mut self,
        id: RequestId,
        annotations: &Annotations,
        time: TickTime,
        now: Moment,
        renews: bool,
    ) -> Edits {
        if self.backoff.holds(now) {
            // What is not composed takes no runs, and ends wait.
            self.composed = None;
            return Edits::new();
        }
        let (number, edits) = self.ticks.compose(annotations, time, renews);
        let (says, expected) = (!edits.is_empty(), expected(annotations, &edits));
        self.composed = Some(Composed { id, number, says, expected });
        edits
    }

    /// Whether the write `id` may say something beside the ticks. It then counts as they do, should it be refused.
    pub(super) fn may_say(&self, id: RequestId) -> bool {
        self.composed.as_ref().is_some_and(|composed| composed.id == id)
    }

    pub(super) fn says(&mut self) {
        self.composed.iter_mut().for_each(|composed| composed.says = true);
    }

    /// A write was refused, as this one would be again: that may be for what it says of ticks.
    pub(super) fn refused(&mut self, id: RequestId) {
        let says = self.composed.take_if(|composed| composed.id == id).is_some_and(|composed| composed.says);
        self.backoff.refused(says);
    }

    /// What keeps ticks from being written.
    pub(super) fn problem(&self) -> Option<&Arc<str>> {
        self.problem.as_ref()
    }

    /// The write has succeeded; these annotations are what has come of it.
    pub(super) fn committed(&mut self, id: RequestId, stored: Option<&Annotations>, now: Moment, log: &ElectionLog) {
        let composed = self.composed.take_if(|composed| composed.id == id);
        let says = composed.as_ref().is_some_and(|composed| composed.says);
        let altered = composed.as_ref().zip(stored).and_then(|(composed, stored)| altered(&composed.expected, stored));
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
        if let Some(Composed { number, .. }) = composed {
            if is_altered {
                return self.ticks.altered(number);
            }
            for (task, note) in self.ticks.committed(number) {
                // By whoever does it at each renewal, once.
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
                // It has left, and the news is on its way.
                self.ticks.ended(id, RunEnd::NotStarted);
            }
        }
    }

    fn signal(&self, task: &Arc<str>, signal: ElectorMessage) -> bool {
        self.tasks.get(task).is_some_and(|signals| signals.send(signal).is_ok())
    }

    /// Says once what somebody has to mend.
    fn complain(&mut self, log: &ElectionLog) {
        let unreadable =
            self.ticks.unreadable().into_iter().map(|(task, why)| format!("the record of task `{task}`: {why}"));
        let refused = self.ticks.refused().into_iter().map(|(request, why)| format!("the request {request}: {why}"));
        let zones = self.ticks.other_zone_data().into_iter().map(|(task, data)| {
            format!(
                "the last tick of task `{task}` was computed by the time zones of {}, which are not this replica's: no civil \
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
            format!(
                "task `{task}` runs once, and its last run was {outcome}: whoever waits for it waits until it is done, and it is \
                 not run again unless somebody asks for it, by an annotation `{TRIGGER}{task}` with any new id"
            )
        });
        let troubles: Vec<String> = unreadable.chain(refused).chain(zones).chain(full).chain(given_up).collect();
        for trouble in troubles.iter().filter(|trouble| !self.said.troubles.contains(trouble)) {
            log.tick_trouble(trouble);
        }
        self.said.troubles = troubles;
    }
}

const REFUSED: &str = "the API server refuses what the leader writes about ticks and tasks into the annotations of the lease, and takes the same \
                       write without it: the lease is kept, and no tick is run until a policy allows annotations of the domain \
                       lease-runtime.dev there";

/// Our annotations, with these changes.
fn expected(annotations: &Annotations, edits: &Edits) -> Annotations {
    let unchanged = annotations.iter().filter(|(name, _)| is_ours(name) && !edits.contains_key(*name));
    let unchanged = unchanged.map(|(name, value)| (name.clone(), value.clone()));
    unchanged.chain(edits.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?)))).collect()
}

/// Those that are stored otherwise than they were sent. A write names the state that it replaces, so that nobody else can have
/// changed them in between.
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
        "the cluster alters what the leader writes about ticks: the annotation {} {how} as the write was stored{others}. Look for \
         a mutating webhook or admission policy on leases, and let it leave annotations of the domain lease-runtime.dev alone. The \
         lease is kept, and ticks are tried again after growing pauses",
        shown(name)
    ))
}
