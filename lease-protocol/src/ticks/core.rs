//! The ticks of one lease as this process sees them, and the entry points of the tick protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attempt::{Attempt, AttemptState, RunEnd, RunStart};
use super::codec::Unreadable;
use super::decision::{Decision, DecisionContext, TickNote};
use super::names::{ANNOTATIONS_BYTES, BACKFILL, RECORD, RECORD_BYTES, TRIGGER, is_ours};
use super::record::TickRecord;
use super::requests::{Annotations, TaskRequests, TimeRange, record_text};
use super::tick_term::{Arming, TickTerm};
use super::time::TickTime;
use super::timetable::Timetable;
use super::unrecorded::UnrecordedTicks;
use crate::clock::WallTime;
use crate::ticks::AttemptId;

/// The ticks of one lease.
///
/// In an election, [`begin`](Self::begin) and [`end`](Self::end) frame a term. In between, pass each state of the Lease
/// that the term rests on to [`see`](Self::see), renew early when [`wants_write`](Self::wants_write) says so, and put
/// into each write what [`compose`](Self::compose) returns for exactly the state that the write replaces.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Ticks {
    pub(super) tasks: BTreeMap<Arc<str>, JoinedTask>,
    pub(super) attempts: BTreeMap<AttemptId, Attempt>,
    pub(super) leading: Option<TickTerm>,
    /// How many writes have been composed.
    composed: u64,
    /// The number of the last write that is known to have succeeded. Earlier ones have taken effect or never will.
    settled: u64,
    /// What the write that was composed last changes.
    notes: Vec<(Arc<str>, TickNote)>,
    /// The annotations of this library in the newest state of the Lease that was seen.
    pub(super) seen: Annotations,
    /// The records of that state in decoded form. Most writes replace that state, so its records need not be decoded
    /// again.
    records: BTreeMap<Arc<str>, (String, Reading)>,
    urgency: Option<Urgency>,
    /// The latest time found in an answer of the API server or in a record, but never later than this replica's clock.
    known: WallTime,
}

/// A decoded annotation.
pub(super) type Reading = Result<TickRecord, Unreadable>;

/// Whether a write is urgent, and for which span of time that result holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Urgency {
    urgent: bool,
    /// When it was decided.
    at: WallTime,
    /// It holds until then.
    until: Option<WallTime>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct JoinedTask {
    pub(super) timetable: Timetable,
    pub(super) unrecorded: UnrecordedTicks,
    /// No caller is left that would start its bodies.
    pub(super) left: bool,
}

/// Changes to the annotations of the object that a write replaces. `None` removes one.
pub type Edits = BTreeMap<String, Option<String>>;

impl Ticks {
    /// A term of this process has begun.
    pub fn begin(&mut self, transitions: i32, time: TickTime) {
        let acquired = time.bounded();
        // Runs of an earlier term that have not ended cannot be started any more. Ends that are known can still be
        // written.
        self.attempts.retain(|_, attempt| matches!(attempt.state, AttemptState::Ended(_)));
        let none = BTreeSet::new();
        let (failed, armed, full, arming) = (none.clone(), none.clone(), none, BTreeMap::new());
        self.leading = Some(TickTerm { transitions, acquired, draining: false, failed, armed, arming, full });
        self.tasks.values_mut().for_each(|task| task.unrecorded.begin(time.wall));
        self.urgency = None;
    }

    /// The bodies are asked to end. From now on, ends are written but no runs are taken. Runs that a write in flight
    /// takes are not started.
    pub fn drain(&mut self) {
        self.leading.iter_mut().for_each(|leading| leading.draining = true);
        for attempt in self.attempts.values_mut().filter(|attempt| attempt.state == AttemptState::Asked) {
            attempt.state = AttemptState::Ended(RunEnd::NotStarted);
        }
        self.urgency = None;
    }

    /// The term is over and its bodies are gone. A release may still be written.
    pub fn end(&mut self) {
        self.drain();
        self.tasks.values_mut().for_each(|task| task.left = true);
        for attempt in self.attempts.values_mut() {
            // The runtime that ran it is gone and has not reported an end.
            if attempt.state == AttemptState::Running {
                attempt.state = AttemptState::Ended(RunEnd::Interrupted);
            }
        }
        // Unrecorded runs have no end to write.
        self.attempts.retain(|_, attempt| attempt.composed > 0);
        self.forget();
    }

    /// From now on, takes the ticks of this task. Only one task of a name may join.
    pub fn join(&mut self, task: Arc<str>, timetable: Timetable, now: WallTime) {
        self.tasks.insert(task, JoinedTask { timetable, unrecorded: UnrecordedTicks::new(now), left: false });
        self.urgency = None;
    }

    /// Takes no more ticks of this task.
    pub fn leave(&mut self, task: &str) {
        // It is removed once its ends have been written.
        let Some(left) = self.tasks.get_mut(task) else { return };
        left.left = true;
        self.urgency = None;
        self.forget();
    }

    /// The run of a body has ended, and nothing of the body is left.
    pub fn ended(&mut self, id: AttemptId, end: RunEnd) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        if attempt.state == AttemptState::Ended(RunEnd::NotStarted) {
            // It may have been given back already and belong to another process.
            return;
        }
        attempt.state = AttemptState::Ended(end);
        let (task, recorded) = (attempt.task.clone(), attempt.composed > 0);
        if !recorded {
            self.attempts.remove(&id);
        }
        if end == RunEnd::Failed {
            self.leading.iter_mut().for_each(|leading| leading.failed.extend([task.clone()]));
        }
        self.urgency = None;
        self.forget();
    }

    /// Takes a state of the Lease that this term rests on, which must be the newest. Returns the runs that start now
    /// because the state shows them as taken.
    #[must_use = "these bodies have to be started"]
    pub fn see(&mut self, annotations: &Annotations) -> Vec<RunStart> {
        self.seen = annotations.iter().filter(|(name, _)| is_ours(name)).map(|(k, v)| (k.clone(), v.clone())).collect();
        self.urgency = None;
        let record = |task: &Arc<str>| {
            let text = record_text(annotations, task)?;
            Some((task.clone(), (text.to_owned(), self.record(annotations, task)?)))
        };
        self.records = self.tasks.keys().filter_map(record).collect();
        let mut starts = Vec::new();
        for (task, known) in &self.tasks {
            let open: Vec<AttemptId> = match self.records.get(task).map(|(_, record)| record) {
                Some(Ok(record)) => record.open.iter().map(|run| run.id).collect(),
                Some(Err(_)) => continue,
                None => Vec::new(),
            };
            let settled = self.settled;
            self.attempts.retain(|id, attempt| {
                attempt.task != *task
                    || open.contains(id)
                    || attempt.composed == 0
                    || match attempt.state {
                        AttemptState::Asked | AttemptState::Running => true,
                        // The write that takes it may still be in flight.
                        AttemptState::Ended(RunEnd::NotStarted) => attempt.composed > settled,
                        AttemptState::Ended(_) => false,
                    }
            });
            for id in open {
                if let Some(attempt) = self.attempts.get_mut(&id).filter(|attempt| attempt.state == AttemptState::Asked)
                {
                    // The bodies were asked to end before the run was shown as taken, so it must not start.
                    if self.leading.as_ref().is_none_or(|leading| leading.draining) || known.left {
                        attempt.state = AttemptState::Ended(RunEnd::NotStarted);
                    } else {
                        attempt.state = AttemptState::Running;
                        starts.push(attempt.start());
                    }
                }
            }
        }
        self.forget();
        starts
    }

    /// Updates what depends on the clock.
    fn note_time(&mut self, time: TickTime) {
        let recorded =
            self.records.values().filter_map(|(_, record)| Some(record.as_ref().ok()?.accounted_until)).max();
        let latest = time.server.into_iter().chain(recorded).max();
        self.known = latest.map_or(self.known, |latest| latest.min(time.wall)).max(self.known.min(time.wall));
        if let Some(leading) = &mut self.leading {
            // The clock may have been set back. Do not wait until it shows that time again.
            leading.acquired = leading.acquired.min(time.bounded());
        }
        for attempt in self.attempts.values_mut().filter(|attempt| matches!(attempt.state, AttemptState::Ended(_))) {
            attempt.until.get_or_insert(time.bounded());
        }
    }

    /// Whether a write is wanted before the next renewal is due.
    pub fn wants_write(&mut self, time: TickTime) -> bool {
        self.note_time(time);
        let known = self
            .urgency
            .filter(|urgency| urgency.at <= time.wall && urgency.until.is_none_or(|until| time.wall < until));
        let urgency = known.unwrap_or_else(|| {
            let seen = std::mem::take(&mut self.seen);
            let decisions = self.decide(&seen, time, true);
            self.seen = seen;
            Urgency {
                urgent: decisions.iter().any(|(task, decision)| decision.urgent && !self.is_full(task)),
                at: time.wall,
                until: decisions.iter().filter_map(|(_, decision)| decision.wake_at).min(),
            }
        });
        self.urgency = Some(urgency);
        urgency.urgent
    }

    /// When to ask [`wants_write`](Self::wants_write) next if nothing else happens.
    pub fn wake_at(&self) -> Option<WallTime> {
        let recorded = self.urgency.and_then(|urgency| urgency.until);
        let there = self.tasks.iter().filter(|(_, task)| !task.left);
        let unrecorded = there.filter_map(|(name, task)| task.unrecorded.wake_at(name, &task.timetable));
        let takes = self.leading.as_ref().is_some_and(|leading| !leading.draining);
        recorded.into_iter().chain(unrecorded.filter(|_| takes)).min()
    }

    /// The changes to the annotations for a write that replaces this state of the Lease. If the write `renews`, it may
    /// take runs.
    ///
    /// Returns a number for the write, to pass to [`committed`](Self::committed).
    pub fn compose(&mut self, annotations: &Annotations, time: TickTime, renews: bool) -> (u64, Edits) {
        self.note_time(time);
        self.composed += 1;
        self.notes.clear();
        let (mut edits, mut full) = (Edits::new(), BTreeSet::new());
        let mut bytes: usize = annotations.iter().map(|(name, value)| name.len() + value.len()).sum();
        for (task, decision) in self.decide(annotations, time, renews) {
            let mut own = Edits::new();
            if let Some(record) = decision.record {
                if decision
                    .notes
                    .iter()
                    .any(|note| matches!(note, TickNote::Armed | TickNote::Removed | TickNote::Rearmed))
                {
                    let arming = Arming { upto: record.accounted_until, wall: time.wall };
                    self.leading.iter_mut().for_each(|leading| leading.arming.extend([(task.clone(), arming)]));
                }
                own.insert(format!("{RECORD}{task}"), Some(record.encode()));
            }
            if decision.trigger_done {
                own.insert(format!("{TRIGGER}{task}"), None);
            }
            if let Some(rest) = decision.backfill {
                own.insert(format!("{BACKFILL}{task}"), rest.map(TimeRange::text));
            }
            own.retain(|name, value| annotations.get(name) != value.as_ref());
            let grown = own.iter().map(|(name, value)| match (value, annotations.get(name)) {
                (Some(value), None) => name.len() + value.len(),
                (Some(value), Some(old)) => value.len().saturating_sub(old.len()),
                (None, _) => 0,
            });
            let grown: usize = grown.sum();
            // A run is only taken if its end will have room too.
            let there = annotations.get(&format!("{RECORD}{task}")).map_or(0, String::len);
            let reserve = if decision.takes.is_empty() { 0 } else { RECORD_BYTES.saturating_sub(there) };
            if bytes + grown.max(reserve) > ANNOTATIONS_BYTES {
                // The API server would refuse the whole write, and the renewal with it. The next write tries again.
                full.insert(task);
                continue;
            }
            bytes += grown;
            edits.extend(own);
            for mut take in decision.takes {
                take.composed = self.composed;
                self.attempts.insert(take.id, take);
            }
            self.notes.extend(decision.notes.into_iter().map(|note| (task.clone(), note)));
        }
        self.leading.iter_mut().for_each(|leading| leading.full.clone_from(&full));
        (self.composed, edits)
    }

    /// The write with this number has succeeded. Call this before the state that the write made is passed to
    /// [`see`](Self::see). Returns what happened, for the log.
    pub fn committed(&mut self, number: u64) -> Vec<(Arc<str>, TickNote)> {
        // An earlier write that has not taken effect yet never will, because it names a state that is gone.
        self.attempts.retain(|_, attempt| attempt.state != AttemptState::Asked || attempt.composed >= number);
        self.settled = self.settled.max(number);
        let notes = if number == self.composed { std::mem::take(&mut self.notes) } else { Vec::new() };
        if let Some(leading) = &mut self.leading {
            leading
                .armed
                .extend(notes.iter().filter(|(_, note)| *note == TickNote::Armed).map(|(task, _)| task.clone()));
        }
        notes
    }

    /// The write with this number has succeeded, but its tick annotations were altered before they were stored. So
    /// there is nothing to log. Runs that the stored state shows as taken are taken.
    pub fn altered(&mut self, number: u64) {
        self.notes.clear();
        let _ = self.committed(number);
    }

    /// Starts the due runs of the tasks that record nothing.
    #[must_use = "these bodies have to be started"]
    pub fn poll(&mut self, time: TickTime) -> Vec<RunStart> {
        let Some(leading) = self.leading.as_ref().filter(|leading| !leading.draining) else { return Vec::new() };
        let mut starts = Vec::new();
        for (name, task) in &mut self.tasks {
            if task.timetable.recorded || task.left {
                continue;
            }
            let ready = leading.acquired.plus(task.timetable.initial_delay) <= time.wall;
            let paused = !ready || TaskRequests::read(&self.seen, name).paused;
            let running: Vec<_> = self.attempts.values().filter(|attempt| attempt.task == *name).collect();
            if let Some(attempt) = task.unrecorded.due(name, &task.timetable, &running, paused, time) {
                starts.push(attempt.start());
                self.attempts.insert(attempt.id, attempt);
            }
        }
        starts
    }

    pub(super) fn is_full(&self, task: &Arc<str>) -> bool {
        self.leading.as_ref().is_some_and(|leading| leading.full.contains(task))
    }

    fn decide(&self, annotations: &Annotations, time: TickTime, renews: bool) -> Vec<(Arc<str>, Decision)> {
        let Some(leading) = &self.leading else { return Vec::new() };
        let one = |(name, task): (&Arc<str>, &JoinedTask)| {
            let record = match self.record(annotations, name) {
                None => None,
                Some(Ok(record)) => Some(record),
                // An unreadable record is not overwritten, and nothing runs, because it is unknown which ticks were
                // taken.
                Some(Err(_)) => return None,
            };
            let requests = TaskRequests::read(annotations, name);
            let attempts: Vec<_> = self.attempts.values().filter(|attempt| attempt.task == *name).collect();
            let deciding = DecisionContext {
                task: name,
                timetable: &task.timetable,
                requests: &requests,
                attempts: &attempts,
                leading,
                time,
                known: self.known,
                may_take: renews && !leading.draining && !task.left,
                out: Decision::default(),
            };
            Some((name.clone(), deciding.decide(record.as_ref())))
        };
        self.tasks.iter().filter_map(one).collect()
    }

    /// A task's record in these annotations, if it has one.
    pub(super) fn record(&self, annotations: &Annotations, task: &str) -> Option<Reading> {
        let text = record_text(annotations, task)?;
        let known = self.records.get(task).filter(|(known, _)| known == text);
        Some(known.map_or_else(|| TickRecord::decode(text), |(_, record)| record.clone()))
    }

    /// Removes the tasks that have left and have no ends to write.
    fn forget(&mut self) {
        let attempts = &self.attempts;
        self.tasks.retain(|name, task| !task.left || attempts.values().any(|attempt| attempt.task == *name));
    }
}
