//! The ticks of one lease, driven: what the election reads and writes goes through here, and runs are started from here.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::log::Log;
use crate::clock::WallTime;
use crate::election::{Grant, RequestId, Version};
use crate::term::{Signal, Tenure, Told};
use crate::ticks::{Annotations, Edits, Start, Ticks, Time};

/// The ticks of one lease.
#[derive(Default)]
pub(super) struct Ticking {
    ticks: Ticks,
    told: Option<mpsc::UnboundedReceiver<Told>>,
    tasks: BTreeMap<Arc<str>, mpsc::UnboundedSender<Signal>>,
    /// The state that was shown last.
    shown: Option<Version>,
    /// The write that is on its way, and its number.
    composed: Option<(RequestId, u64)>,
    said: Said,
}

/// What has been said, so that it is said once.
#[derive(Default)]
struct Said {
    ahead: bool,
    behind: bool,
    troubles: Vec<String>,
    unknown: Vec<String>,
}

impl Ticking {
    /// A term has begun.
    pub(super) fn begin(&mut self, grant: &Grant, tenure: &Tenure, time: Time) {
        self.told = tenure.board().receiver();
        self.tasks.clear();
        self.ticks.begin(grant.transitions, time);
        self.shown = None;
    }

    /// The bodies were asked to end.
    pub(super) fn drain(&mut self) {
        self.ticks.drain();
    }

    /// Nothing of the term is left; what its tasks have told is heard.
    pub(super) fn drained(&mut self) {
        (self.told, self.tasks) = (None, BTreeMap::new());
        self.ticks.end();
    }

    /// What a task tells next; never, if there is nobody to tell. Cancel safe.
    pub(super) async fn told(&mut self) -> Told {
        let told = match &mut self.told {
            Some(told) => told.recv().await,
            None => None,
        };
        match told {
            Some(told) => told,
            None => std::future::pending().await,
        }
    }

    pub(super) fn hear(&mut self, told: Told, now: WallTime) {
        match told {
            Told::Join { task, timetable, signals } => {
                self.tasks.insert(task.clone(), signals);
                self.ticks.join(task, *timetable, now);
                // What the Lease says of this task has to be looked at.
                self.shown = None;
            }
            Told::Leave { task } => {
                self.tasks.remove(&task);
                self.ticks.leave(&task);
            }
            Told::Ended { id, end } => self.ticks.ended(id, end),
        }
    }

    /// Shows a state of the Lease that the term rests on, unless it was shown already, and starts what it says is taken.
    pub(super) fn show(&mut self, version: &Version, annotations: &Annotations, time: Time, log: &Log) {
        if self.shown.as_ref() == Some(version) {
            return;
        }
        self.shown = Some(version.clone());
        let starts = self.ticks.see(annotations);
        self.start(starts);
        for task in self.ticks.done_once() {
            self.signal(&task, Signal::Done);
        }
        self.complain(log);
        let behind = self.ticks.behind(time);
        if let Some(by) = behind.filter(|_| !self.said.behind) {
            log.clock_behind(by);
        }
        self.said.behind = behind.is_some();
    }

    /// Starts what is due without a record, and tells whether a renewal is wanted now.
    pub(super) fn turn(&mut self, time: Time, log: &Log) -> bool {
        let starts = self.ticks.poll(time);
        self.start(starts);
        let ahead = time.ahead().filter(|_| !self.tasks.is_empty());
        if let Some(by) = ahead.filter(|_| !self.said.ahead) {
            log.clock_ahead(by);
        }
        self.said.ahead = ahead.is_some();
        self.ticks.wants_write(time)
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
    pub(super) fn compose(&mut self, id: RequestId, annotations: &Annotations, time: Time, renews: bool) -> Edits {
        let (number, edits) = self.ticks.compose(annotations, time, renews);
        self.composed = Some((id, number));
        edits
    }

    /// The write has succeeded.
    pub(super) fn committed(&mut self, id: RequestId, log: &Log) {
        if let Some((_, number)) = self.composed.take_if(|(composed, _)| *composed == id) {
            for (task, note) in self.ticks.committed(number) {
                log.tick(&task, &note);
            }
            let unknown = self.ticks.unknown();
            if !unknown.is_empty() && unknown != self.said.unknown {
                log.unknown_tasks(&unknown);
            }
            self.said.unknown = unknown;
        }
    }

    fn start(&mut self, starts: Vec<Start>) {
        for start in starts {
            let id = start.id;
            let task = start.task.clone();
            if !self.signal(&task, Signal::Start(Box::new(start))) {
                // It has left, and the news is on its way.
                self.ticks.ended(id, crate::ticks::End::Interrupted);
            }
        }
    }

    fn signal(&self, task: &Arc<str>, signal: Signal) -> bool {
        self.tasks.get(task).is_some_and(|signals| signals.send(signal).is_ok())
    }

    /// Says once what somebody has to mend.
    fn complain(&mut self, log: &Log) {
        let unreadable =
            self.ticks.unreadable().into_iter().map(|(task, why)| format!("the record of task `{task}`: {why}"));
        let refused = self.ticks.refused().into_iter().map(|(request, why)| format!("the request {request}: {why}"));
        let zones = self.ticks.other_zone_data().into_iter().map(|(task, data)| {
            format!(
                "the last tick of task `{task}` was computed by the time zones of {data}, which are not this replica's: no civil \
                 time is run twice, but replicas may start it at different instants until all have the same version"
            )
        });
        let troubles: Vec<String> = unreadable.chain(refused).chain(zones).collect();
        for trouble in troubles.iter().filter(|trouble| !self.said.troubles.contains(trouble)) {
            log.tick_trouble(trouble);
        }
        self.said.troubles = troubles;
    }
}
