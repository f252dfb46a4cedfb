//! The tasks of one lease.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::elector::{AnnouncedTasks, LeaseStatus, Standing};
use crate::error::Error;
use crate::lease::LeaseId;
use crate::spec::{Traffic, TrafficError};
use crate::task::entry::Entry;
use crate::term::{Term, TermState};
use lease_protocol::election::{StopReason, Timing};
use lease_protocol::ticks::names::MOST_TASKS;

/// How many names of tasks are remembered beyond those of live tasks. A task that is over was run here, and a task on another
/// replica may still wait for it.
const MOST_NAMES: usize = 256;

/// The tasks of one lease, and the status of this process in its election.
pub(crate) struct LeaseTasks {
    pub(super) lease: LeaseId,
    members: Mutex<Members>,
    /// A task was added or given up, or is warm. Only the driver waits for it.
    news: Notify,
    /// The condition of the candidate, for all of its leases.
    condition: Option<watch::Receiver<bool>>,
    /// The term in which the tasks run.
    term_state: Mutex<Weak<TermState>>,
    status: watch::Sender<LeaseStatus>,
    /// A driver runs, so the lease is held or may be acquired.
    engaged: watch::Sender<bool>,
}

#[derive(Default)]
struct Members {
    entries: Vec<Arc<Entry>>,
    /// The names of the bodies that this process has, and of the last ones that it had.
    names: Vec<Arc<str>>,
    /// Where the names are announced to the election.
    announced: Option<Arc<AnnouncedTasks>>,
    /// There is a driver.
    driven: bool,
}

impl LeaseTasks {
    pub(crate) fn new(lease: &LeaseId, condition: Option<watch::Receiver<bool>>) -> Arc<LeaseTasks> {
        let status = LeaseStatus::new(lease, Standing::Out);
        Arc::new(LeaseTasks {
            lease: lease.clone(),
            members: Mutex::new(Members::default()),
            news: Notify::new(),
            condition,
            term_state: Mutex::default(),
            status: watch::Sender::new(status),
            engaged: watch::Sender::new(false),
        })
    }

    /// Adds a task, unless it conflicts with another task that is not over.
    pub(crate) fn admit(&self, entry: &Arc<Entry>) -> Result<(), Error> {
        let mut members = self.members();
        for other in members.entries.iter().filter(|other| !other.is_over()) {
            if let Some(twice) = other.shared_name(entry) {
                return Err(Error::DuplicateTask { task: twice.to_string(), lease: self.lease.clone() });
            }
            if other.timing != entry.timing {
                return Err(Error::TimingsDiffer {
                    lease: self.lease.clone(),
                    task: entry.name.to_string(),
                    timing: Box::new(entry.timing),
                    other: other.name.to_string(),
                    other_timing: Box::new(other.timing),
                });
            }
            if other.traffic != entry.traffic {
                let (traffic, other_traffic) = (entry.traffic.to_string(), other.traffic.to_string());
                let (task, other) = (entry.name.to_string(), other.name.to_string());
                let lease = Box::new(self.lease.clone());
                return Err(TrafficError::Differs { lease, task, traffic, other, other_traffic }.into());
            }
        }
        let scheduled: usize =
            members.entries.iter().filter(|other| !other.is_over()).map(|other| other.scheduled()).sum();
        if scheduled + entry.scheduled() > MOST_TASKS {
            let task = entry.name.to_string();
            return Err(Error::TooManyTasks { task, lease: self.lease.clone(), most: MOST_TASKS });
        }
        members.entries.push(entry.clone());
        members.name(entry);
        Ok(())
    }

    /// Announces the names of the tasks to this election, now and whenever one is added.
    pub(super) fn announce(&self, tasks: &Arc<AnnouncedTasks>) {
        let mut members = self.members();
        members.announced = Some(tasks.clone());
        members.tell_names();
    }

    /// Lets new tasks run on this runtime. Returns whether a driver has to be started. A driver that runs already is notified.
    pub(super) fn enroll(&self, runtime: &Handle) -> bool {
        let driven = {
            let mut members = self.members();
            members.entries.iter().for_each(|entry| entry.run_on(runtime));
            self.engaged.send_replace(true);
            std::mem::replace(&mut members.driven, true)
        };
        // The status is published only when the Lease changes, so new tasks have to look at the last one. Out of the election
        // it may be out of date.
        if self.status.borrow().standing != Standing::Out {
            self.finish_those_done();
        }
        self.news.notify_one();
        !driven
    }

    /// The tasks that are not over.
    pub(crate) fn live(&self) -> Vec<Arc<Entry>> {
        self.members().entries.iter().filter(|entry| !entry.is_over()).cloned().collect()
    }

    pub(super) fn is_over(&self) -> bool {
        self.members().entries.iter().all(|entry| entry.is_over())
    }

    /// It has no tasks and no driver.
    pub(super) fn is_idle(&self) -> bool {
        let members = self.members();
        members.entries.is_empty() && !members.driven
    }

    /// The timings of its tasks. They agree.
    pub(crate) fn timing(&self) -> Option<Timing> {
        self.members().entries.iter().find(|entry| !entry.is_over()).map(|entry| entry.timing)
    }

    /// The longest takeover delay of its tasks.
    pub(super) fn takeover_delay(&self) -> Duration {
        let members = self.members();
        let live = members.entries.iter().filter(|entry| !entry.is_over());
        live.map(|entry| entry.takeover_delay).max().unwrap_or_default()
    }

    /// How traffic reaches the leader. The tasks agree.
    pub(super) fn traffic(&self) -> Traffic {
        let members = self.members();
        let live = members.entries.iter().find(|entry| !entry.is_over());
        live.map(|entry| entry.traffic.clone()).unwrap_or_default()
    }

    /// Removes the tasks that are over. The caller drops them: their captures are user code.
    #[must_use = "drop it where no lock is held"]
    pub(super) fn forget_those_over(&self) -> Vec<Arc<Entry>> {
        let mut members = self.members();
        let (over, live) = std::mem::take(&mut members.entries).into_iter().partition(|entry| entry.is_over());
        members.entries = live;
        over
    }

    /// Ends the driver, unless there are tasks left. Returns whether it ended.
    pub(super) fn retire(&self) -> bool {
        let entries = {
            let mut members = self.members();
            if members.entries.iter().any(|entry| !entry.is_over()) {
                return false;
            }
            members.driven = false;
            self.engaged.send_replace(false);
            std::mem::take(&mut members.entries)
        };
        // A task that was given up has not run to its end, where it would have dropped its captures.
        end(entries, Entry::stopped);
        true
    }

    /// Ends every task that is not over, with this error for those who wait. The driver continues, and has to call
    /// [`retire`](Self::retire), because tasks may be added meanwhile.
    pub(super) fn disband(&self, error: impl Fn(&Entry) -> Error) {
        let entries = std::mem::take(&mut self.members().entries);
        end(entries, error);
    }

    /// The driver was dropped: ends its tasks, so that another driver can start.
    pub(super) fn abandon(&self, error: impl Fn(&Entry) -> Error) {
        let entries = {
            let mut members = self.members();
            members.driven = false;
            self.engaged.send_replace(false);
            std::mem::take(&mut members.entries)
        };
        end(entries, error);
    }

    /// Gives a task up: its body is dropped, and if it was the last, the lease is released.
    pub(super) fn give_up(&self, entry: &Entry) {
        entry.stop();
        self.news.notify_one();
    }

    /// Whether all tasks may start, except those that wait for one of the others.
    pub(super) fn is_warm(&self) -> bool {
        let live = self.live();
        live.iter().all(|entry| entry.is_warm() || waits_for(entry, &live).is_some())
            && (live.is_empty() || live.iter().any(|entry| entry.waits_within().is_none() || entry.is_warm()))
    }

    /// Whether every task waits for a task of this lease that will not be done here.
    pub(super) fn is_stuck(&self) -> bool {
        let live = self.live();
        !live.is_empty()
            && live
                .iter()
                .all(|entry| !entry.is_warm() && entry.waits_within().is_some() && waits_for(entry, &live).is_none())
    }

    /// Whether all conditions hold, so that this process takes part.
    pub(crate) fn is_willing(&self) -> bool {
        self.conditions().iter().all(|condition| *condition.borrow())
    }

    /// Resolves when the process is willing, or when it is not. Uses the conditions of the tasks at the time of the call.
    pub(super) async fn willing(&self, willing: bool) {
        let mut conditions = self.conditions();
        if conditions.is_empty() && !willing {
            return pending().await;
        }
        loop {
            if conditions.iter().all(|condition| *condition.borrow()) == willing {
                return;
            }
            let changes = conditions.iter_mut().map(|condition| {
                Box::pin(async move {
                    // To become willing, each condition that does not hold has to change. For the opposite, one of them is enough. A
                    // condition without a sender never changes.
                    if condition.wait_for(|holds| *holds == willing).await.is_err() {
                        pending::<()>().await;
                    }
                })
            });
            if willing {
                join_all(changes).await;
            } else {
                select_all(changes).await;
            }
        }
    }

    fn conditions(&self) -> Vec<watch::Receiver<bool>> {
        let entries = self.live();
        let of_tasks = entries.iter().flat_map(|entry| entry.conditions());
        self.condition.iter().chain(of_tasks).cloned().collect()
    }

    /// The tasks run in this term.
    pub(super) fn leads(&self, term: &Term) {
        *self.term_state.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(term.state());
    }

    /// Gives the lease up for another replica to try. Returns `false` if it is not held, or is already being lost or given up.
    pub(super) fn step_down(&self) -> bool {
        let term_state = self.term_state.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        let held = term_state.filter(|term_state| !term_state.is_cancelled());
        held.inspect(|term_state| term_state.cancel(StopReason::SteppedDown)).is_some()
    }

    /// Notifies the driver of a change.
    pub(super) fn notify(&self) {
        self.news.notify_one();
    }

    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    pub(super) fn status(&self) -> watch::Receiver<LeaseStatus> {
        self.status.subscribe()
    }

    pub(super) fn publish(&self, status: LeaseStatus) {
        // In this order: a task that is added in between looks at the status by itself.
        self.status.send_replace(status);
        self.finish_those_done();
    }

    /// Ends the tasks that run once and that are done according to the Lease.
    fn finish_those_done(&self) {
        let ticks = Arc::clone(&self.status.borrow().ticks);
        let before = self.live();
        before.iter().for_each(|entry| entry.finish_if_done(&ticks));
        if before.iter().any(|entry| entry.is_over()) {
            self.notify();
        }
    }

    pub(super) fn publish_out(&self) {
        self.status.send_modify(|status| status.standing = Standing::Out);
    }

    /// Resolves when all tasks are over and their lease has been given up, or when other tasks were added.
    pub(super) async fn settled(&self) {
        let mut engaged = self.engaged.subscribe();
        while self.is_over() && *engaged.borrow_and_update() {
            if engaged.changed().await.is_err() {
                return;
            }
        }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task that the warm-up of `entry` waits for, if that task is live or done.
fn waits_for<'a>(entry: &'a Entry, live: &[Arc<Entry>]) -> Option<&'a Arc<str>> {
    let (awaited, done) = entry.waits_within()?;
    (done || live.iter().any(|other| other.name == *awaited)).then_some(awaited)
}

impl Members {
    fn name(&mut self, entry: &Entry) {
        for name in entry.bodies() {
            if !self.names.contains(&name) {
                self.names.push(name);
            }
        }
        let live: Vec<_> =
            self.entries.iter().filter(|entry| !entry.is_over()).flat_map(|entry| entry.bodies()).collect();
        let mut surplus = self.names.len().saturating_sub(MOST_NAMES.max(live.len()));
        self.names.retain(|name| {
            let goes = surplus > 0 && !live.contains(name);
            surplus -= usize::from(goes);
            !goes
        });
        self.tell_names();
    }

    fn tell_names(&self) {
        if let Some(announced) = &self.announced {
            let mut names = self.names.clone();
            names.sort();
            announced.set(names.into());
        }
    }
}

/// Call it without the lock of the members: dropping a task runs user code.
fn end(entries: Vec<Arc<Entry>>, error: impl Fn(&Entry) -> Error) {
    for entry in entries {
        entry.finish(Err(error(&entry)));
    }
}
