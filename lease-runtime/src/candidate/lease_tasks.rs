//! The tasks of one lease.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::future::{join_all, select_all};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::elector::{AnnouncedTasks, LeaseStatus, Standing};
use crate::error::Error;
use crate::lease::LeaseId;
use crate::task::entry::Entry;
use crate::term::{Term, TermState};
use lease_protocol::election::{StopReason, Timing};
use lease_protocol::ticks::names::MOST_TASKS;

/// So many names of tasks are remembered beyond those that are live. One that is over here was run here, and may yet be
/// waited for on another replica.
const MOST_NAMES: usize = 256;

/// The tasks of one lease, and where this process stands in its election.
pub(crate) struct LeaseTasks {
    pub(super) lease: LeaseId,
    members: Mutex<Members>,
    /// Something was added or given up, or is warm. Only the driver waits for it.
    news: Notify,
    /// What has to be true for all leases of the candidate.
    condition: Option<watch::Receiver<bool>>,
    /// The term that its tasks are in.
    term_state: Mutex<Weak<TermState>>,
    status: watch::Sender<LeaseStatus>,
    /// The lease is held, or may come to be.
    engaged: watch::Sender<bool>,
}

#[derive(Default)]
struct Members {
    entries: Vec<Arc<Entry>>,
    /// The names of the bodies that this process has, and of the last that it had.
    names: Vec<Arc<str>>,
    /// Where they are told to those who hold the election.
    announced: Option<Arc<AnnouncedTasks>>,
    /// Somebody drives the election for them.
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

    /// Takes in a task that does not conflict with another that is not over.
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

    /// Lets new tasks run on this runtime, and tells whether a driver has to be started; the one there is learns of them.
    pub(super) fn enroll(&self, runtime: &Handle) -> bool {
        let driven = {
            let mut members = self.members();
            members.entries.iter().for_each(|entry| entry.run_on(runtime));
            self.engaged.send_replace(true);
            std::mem::replace(&mut members.driven, true)
        };
        // What the Lease says already is not said again to those who come later. Of a Lease that nobody looks at, it may be
        // out of date.
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

    /// It has no tasks, and nobody drives it.
    pub(super) fn is_idle(&self) -> bool {
        let members = self.members();
        members.entries.is_empty() && !members.driven
    }

    /// The timings of its tasks, which agree.
    pub(crate) fn timing(&self) -> Option<Timing> {
        self.members().entries.iter().find(|entry| !entry.is_over()).map(|entry| entry.timing)
    }

    /// Forgets the tasks that are over, for the caller to drop: what they have captured is the user's.
    #[must_use = "to be dropped where nothing is locked"]
    pub(super) fn forget_those_over(&self) -> Vec<Arc<Entry>> {
        let mut members = self.members();
        let (over, live) = std::mem::take(&mut members.entries).into_iter().partition(|entry| entry.is_over());
        members.entries = live;
        over
    }

    /// The driver goes, unless there is something left to do for it.
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
        // One that was given up has not run to an end in which it would have let go of what it has captured.
        end(entries, Entry::stopped);
        true
    }

    /// Ends every task that is not over, with this error for those who wait. The driver stays, and has to
    /// [`retire`](Self::retire): what is added meanwhile is for it to do.
    pub(super) fn disband(&self, error: impl Fn(&Entry) -> Error) {
        let entries = std::mem::take(&mut self.members().entries);
        end(entries, error);
    }

    /// The driver is gone without a word: ends the tasks that it had, and another may come.
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

    /// Whether all its tasks may start, but for those that wait for one of the others.
    pub(super) fn is_warm(&self) -> bool {
        let live = self.live();
        live.iter().all(|entry| entry.is_warm() || waits_for(entry, &live).is_some())
            && (live.is_empty() || live.iter().any(|entry| entry.waits_within().is_none() || entry.is_warm()))
    }

    /// Every task waits for one of this lease that will not be done here.
    pub(super) fn is_stuck(&self) -> bool {
        let live = self.live();
        !live.is_empty()
            && live
                .iter()
                .all(|entry| !entry.is_warm() && entry.waits_within().is_some() && waits_for(entry, &live).is_none())
    }

    /// Whether every condition holds under which this process takes part.
    pub(crate) fn is_willing(&self) -> bool {
        self.conditions().iter().all(|condition| *condition.borrow())
    }

    /// Resolves when it is willing, or when it is not. The conditions are those of the tasks at the call.
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
                    // One way or the other, each that stands in the way has to change. Without a sender it never does.
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

    /// Its tasks are in this term.
    pub(super) fn leads(&self, term: &Term) {
        *self.term_state.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(term.state());
    }

    /// Gives the lease up for another replica to try. `false` if it is not held, or being lost or given up already.
    pub(super) fn step_down(&self) -> bool {
        let term_state = self.term_state.lock().unwrap_or_else(PoisonError::into_inner).upgrade();
        let held = term_state.filter(|term_state| !term_state.is_cancelled());
        held.inspect(|term_state| term_state.cancel(StopReason::SteppedDown)).is_some()
    }

    /// Something has changed that the driver has to look at.
    pub(super) fn tell(&self) {
        self.news.notify_one();
    }

    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    pub(super) fn status(&self) -> watch::Receiver<LeaseStatus> {
        self.status.subscribe()
    }

    pub(super) fn publish(&self, status: LeaseStatus) {
        // In this order: who comes in between looks at the status by itself.
        self.status.send_replace(status);
        self.finish_those_done();
    }

    /// Ends the tasks that run once and are done, as the Lease says.
    fn finish_those_done(&self) {
        let ticks = Arc::clone(&self.status.borrow().ticks);
        let before = self.live();
        before.iter().for_each(|entry| entry.finish_if_done(&ticks));
        if before.iter().any(|entry| entry.is_over()) {
            self.tell();
        }
    }

    pub(super) fn publish_out(&self) {
        self.status.send_modify(|status| status.standing = Standing::Out);
    }

    /// Resolves when the lease of tasks that are all over has been given up, or other tasks have come.
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

/// The task whose end the warm-up of `entry` waits for, if it is among these or done.
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

/// Not under the lock of the members: dropping a task is the user's code.
fn end(entries: Vec<Arc<Entry>>, error: impl Fn(&Entry) -> Error) {
    for entry in entries {
        entry.finish(Err(error(&entry)));
    }
}
