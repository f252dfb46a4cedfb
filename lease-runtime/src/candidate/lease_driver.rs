//! Takes part in the election of one lease, and runs its tasks in each term.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::sleep;

use super::election_status::{fatal, forward, problem};
use super::inner::{CandidateInner, OnLateRefusal};
use super::lease_tasks::LeaseTasks;
use super::rest::rested;
use super::takeover::TakeoverWait;
use crate::elector::{ElectionControl, ElectionHandle, ElectorError, LeaseStatus};
use crate::error::Error;
use crate::spec::Traffic;
use crate::task::entry::Entry;
use crate::task::supervise::{Tellers, supervise};
use crate::term::{DrainToken, Term};
use lease_protocol::election::{StopReason, Timing, shown};

impl CandidateInner {
    /// Starts the tasks of a lease, on `runtime` if they have no other, and their driver if none runs.
    pub(super) fn drive(self: &Arc<Self>, lease_tasks: &Arc<LeaseTasks>, runtime: &Handle, arrival: Arrival) {
        for entry in lease_tasks.live() {
            self.warm_up(lease_tasks, &entry, runtime);
        }
        if lease_tasks.enroll(runtime) {
            self.tidy_up(&lease_tasks.lease, lease_tasks.traffic());
            let driver =
                LeaseDriver { candidate: self.clone(), lease_tasks: lease_tasks.clone(), arrival, done: false };
            self.driven.spawn_on(driver.run(), runtime);
        }
    }
}

/// Takes part in the election of one lease as long as it has tasks.
struct LeaseDriver {
    candidate: Arc<CandidateInner>,
    lease_tasks: Arc<LeaseTasks>,
    arrival: Arrival,
    done: bool,
}

/// When a lease was added to the candidate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Before the candidate ran.
    First,
    /// While the candidate ran.
    Late,
}

/// How long to wait for the release after a second shutdown signal.
const CUT_RELEASE: Duration = Duration::from_millis(500);

/// How long a shutdown waits at most for what leads traffic to this process to be removed. That was asked for when the bodies were asked
/// to end, so it is mostly done when the lease is released.
const TRAFFIC_HIDDEN: Duration = Duration::from_secs(1);

/// What an election is held with. Tasks that ask for something else need another one.
type ElectionSettings = (Timing, Traffic);

/// How an election ended. In each case the lease is not held any more.
enum LeaveOutcome {
    /// All tasks were over.
    Finished,
    /// The candidate is shutting down.
    Shutdown,
    /// The election cannot continue.
    Failed(Arc<ElectorError>),
}

impl LeaseDriver {
    async fn run(mut self) {
        loop {
            let left = match self.admission().await {
                Ok(settings) => self.contend(settings).await,
                Err(left) => left,
            };
            self.lease_tasks.publish_out();
            match left {
                LeaveOutcome::Finished => {}
                LeaveOutcome::Shutdown => self.lease_tasks.disband(Entry::stopped),
                LeaveOutcome::Failed(source) => {
                    let local = self.is_of_this_lease_alone(&source);
                    let error = Error::Election { lease: self.lease_tasks.lease.clone(), cause: source };
                    if local {
                        self.refused(&error);
                    }
                    self.lease_tasks.disband(|_| error.clone());
                    if !local {
                        self.candidate.fail(error);
                    }
                }
            }
            // A task that is added from here on was added while the candidate ran.
            self.arrival = Arrival::Late;
            if self.lease_tasks.retire() {
                break;
            }
        }
        self.done = true;
        self.candidate.retired(&self.lease_tasks.lease);
    }

    /// Whether this error concerns only this lease. An election that ended by a bug or with the elector concerns the whole
    /// process, and so does its lock.
    fn is_of_this_lease_alone(&self, why: &ElectorError) -> bool {
        self.arrival == Arrival::Late
            && self.candidate.settings.on_late_refusal == OnLateRefusal::EndTasks
            && !matches!(why, ElectorError::Ended { .. } | ElectorError::LockLost)
    }

    fn refused(&self, error: &Error) {
        tracing::error!(
            target: "lease_runtime",
            lease = %self.lease_tasks.lease.name,
            namespace = %self.lease_tasks.lease.namespace,
            identity = %shown(&self.candidate.identity),
            error = %error,
            "the tasks of a lease that was added late end here, and the other leases go on"
        );
    }

    /// Waits until every task is warm and every condition holds.
    async fn admission(&self) -> Result<ElectionSettings, LeaveOutcome> {
        loop {
            if self.candidate.shutdown.is_cancelled() {
                return Err(LeaveOutcome::Shutdown);
            }
            let settings = self.settings().ok_or(LeaveOutcome::Finished)?;
            if self.lease_tasks.is_warm() && self.lease_tasks.is_willing() {
                return Ok(settings);
            }
            tokio::select! {
                biased;
                () = self.candidate.shutdown.cancelled() => {}
                () = self.lease_tasks.news() => {}
                () = self.lease_tasks.willing(true), if !self.lease_tasks.is_willing() => {}
            }
        }
    }

    /// `None` without tasks.
    fn settings(&self) -> Option<ElectionSettings> {
        Some((self.lease_tasks.timing()?, self.lease_tasks.traffic()))
    }

    async fn contend(&self, settings: ElectionSettings) -> LeaveOutcome {
        let (lease, (timing, traffic)) = (self.lease_tasks.lease.clone(), settings.clone());
        // The pod is known, or the tasks would have been refused.
        let traffic = self.candidate.traffic_plan(&lease, traffic).ok().flatten();
        let election = self.candidate.elector.contend_with(lease, timing, traffic);
        self.lease_tasks.announce(&election.tasks);
        let status = election.status.clone();
        let left = tokio::select! {
            biased;
            left = self.run_election(election, settings) => left,
            never = forward(status.clone(), &self.lease_tasks) => match never {},
        };
        // The final status of the lease, such as that it was released.
        self.lease_tasks.publish(status.borrow().clone());
        left
    }

    /// Takes part in the election until there is nothing more to do with these timings.
    async fn run_election(&self, mut election: ElectionHandle, settings: ElectionSettings) -> LeaveOutcome {
        let ElectionHandle { terms, status, control, .. } = &mut election;
        let mut leaving = None;
        loop {
            if self.candidate.shutdown.is_cancelled() {
                self.leave(control, terms, StopReason::Shutdown, true).await;
                return LeaveOutcome::Shutdown;
            }
            if let Some(leaving) = leaving.take().or_else(|| self.leave_reason()) {
                let and_finish = leaving == StopReason::Finished;
                self.leave(control, terms, leaving.clone(), and_finish).await;
                self.stay_out(leaving, &settings, status.clone()).await;
                if self.settings().as_ref() != Some(&settings) {
                    return LeaveOutcome::Finished;
                }
                if !self.candidate.shutdown.is_cancelled() {
                    control.contend();
                }
                continue;
            }
            tokio::select! {
                biased;
                () = self.candidate.shutdown.cancelled() => {}
                term = terms.recv() => match term {
                    Some((term, alive)) => leaving = self.lead(control, term, alive).await,
                    None => return LeaveOutcome::Failed(problem(status)),
                },
                () = fatal(status) => {
                    let problem = problem(status);
                    self.leave(control, terms, StopReason::Shutdown, true).await;
                    return LeaveOutcome::Failed(problem);
                }
                () = self.lease_tasks.news() => {}
                () = self.lease_tasks.willing(false) => {}
            }
        }
    }

    /// Why this process should give the lease up although the term could continue.
    fn leave_reason(&self) -> Option<StopReason> {
        if self.lease_tasks.is_over() {
            Some(StopReason::Finished)
        } else if !self.lease_tasks.is_willing() || self.lease_tasks.is_stuck() {
            Some(StopReason::Withdrawn)
        } else {
            None
        }
    }

    /// Waits until there is a reason to take part again, or no reason to wait.
    async fn stay_out(&self, leaving: StopReason, settings: &ElectionSettings, status: watch::Receiver<LeaseStatus>) {
        let mut rested = pin!(rested(&leaving, settings.0.lease_duration, status, &self.candidate.identity));
        let mut resting = true;
        while !self.candidate.shutdown.is_cancelled()
            && self.settings().as_ref() == Some(settings)
            && (resting || !self.lease_tasks.is_willing() || !self.lease_tasks.is_warm())
        {
            tokio::select! {
                biased;
                () = self.candidate.shutdown.cancelled() => {}
                () = &mut rested, if resting => resting = false,
                () = self.lease_tasks.news() => {}
                () = self.lease_tasks.willing(true), if !self.lease_tasks.is_willing() => {}
            }
        }
    }

    /// Runs the tasks through one term, from the acquisition until nothing of it is left here. Returns a reason if this process
    /// gives the lease up although the term could continue.
    async fn lead(&self, control: &ElectionControl, term: Term, alive: DrainToken) -> Option<StopReason> {
        let mut supervisors = JoinSet::new();
        // The tasks that run, and those that have ended in this term but are not over. These run again only in the next term.
        let mut started: Vec<(Id, Arc<Entry>)> = Vec::new();
        let (exits, mut exit) = mpsc::unbounded_channel();
        let (mut shutdown, mut leaving) = (false, None);
        self.lease_tasks.leads(&term);
        let mut takeover = TakeoverWait::new(&self.lease_tasks, &term);
        loop {
            if !shutdown && self.candidate.shutdown.is_cancelled() {
                shutdown = true;
                control.withdraw(StopReason::Shutdown);
            }
            let leading = !term.state().is_cancelled();
            if !shutdown && leaving.is_none() && leading {
                let may_start = takeover.is_over();
                for entry in self.lease_tasks.live() {
                    // A task of the same name that was given up may still be inside a poll.
                    if may_start
                        && entry.is_warm()
                        && !started.iter().any(|(_, other)| other.shared_name(&entry).is_some())
                        && let Some(runtime) = entry.runtime()
                    {
                        if entry.exits_on_loss() {
                            term.state().exit_on_loss();
                        }
                        let tellers = Tellers {
                            observer: self.candidate.elector.observer().clone(),
                            reporter: control.reporter.clone(),
                        };
                        let supervisor =
                            supervise(entry.clone(), term.clone(), alive.another(), exits.clone(), tellers);
                        started.push((supervisors.spawn_on(supervisor, &runtime).id(), entry));
                    }
                }
                // A task that is over may have a supervisor that has not ended.
                leaving = self.leave_reason().filter(|why| {
                    supervisors.is_empty() || *why != StopReason::Finished && !self.lease_tasks.is_willing()
                });
                leaving.iter().for_each(|reason| control.withdraw(reason.clone()));
            } else if leaving.is_none()
                && let Some(reason) = term.state().stop_reason().filter(StopReason::is_step_down)
            {
                control.withdraw(reason.clone());
                leaving = Some(reason);
            }
            // `leading` from above, because reasons that came later have not been handled yet.
            if supervisors.is_empty() && !leading {
                // The last supervisor may have asked for the end of the process just before it ended.
                while let Ok(why) = exit.try_recv() {
                    self.candidate.exit(*why);
                }
                // `alive` is dropped when this function returns, and then the term is drained.
                return leaving;
            }
            tokio::select! {
                biased;
                () = self.candidate.shutdown.cancelled(), if !shutdown => {}
                () = term.cancelled(), if leading => {}
                Some(why) = exit.recv() => self.candidate.exit(*why),
                Some(ended) = supervisors.join_next_with_id(), if !supervisors.is_empty() => {
                    let (id, lost) = ended.map_or_else(|error| (error.id(), true), |(id, ())| (id, false));
                    if lost {
                        // The supervisor was dropped with the runtime of its task, which is not this one. The other tasks go on.
                        started.iter().filter(|(of, _)| *of == id).for_each(|(_, entry)| entry.lose());
                    }
                    started.retain(|(of, entry)| *of != id || !entry.is_over());
                }
                () = self.lease_tasks.news() => {}
                () = takeover.passes(), if leading && !shutdown && leaving.is_none() => {}
                () = self.lease_tasks.willing(false), if leading && !shutdown && leaving.is_none() => {}
                // The lease was given up although a body does not yield. Waiting for that body would not help.
                () = control.left(), if shutdown || leaving.is_some() => return leaving,
            }
        }
    }

    /// Leaves the election when its bodies are gone, and waits until the lease is not held. A term that arrives meanwhile is
    /// dropped unused. `for_good`: the candidate waits for this end, so the wait is limited by the release timeout.
    async fn leave(
        &self,
        control: &ElectionControl,
        terms: &mut mpsc::UnboundedReceiver<(Term, DrainToken)>,
        reason: StopReason,
        for_good: bool,
    ) {
        control.withdraw(reason);
        let mut overdue = pin!(self.overdue(for_good));
        loop {
            tokio::select! {
                biased;
                () = control.left() => break,
                Some(term) = terms.recv() => drop(term),
                () = &mut overdue => {
                    tracing::warn!(
                        target: "lease_runtime",
                        lease = %self.lease_tasks.lease.name,
                        namespace = %self.lease_tasks.lease.namespace,
                        identity = %shown(&self.candidate.identity),
                        "the release of the lease was not confirmed in time, so that it may still be held: another replica may have \
                         to wait until it has run out"
                    );
                    break;
                }
            }
        }
        if for_good {
            tokio::select! {
                biased;
                () = control.traffic_hidden() => {}
                () = self.candidate.cut.cancelled() => {}
                () = sleep(TRAFFIC_HIDDEN) => {}
            }
        }
    }

    /// Resolves when the wait for the release has lasted too long.
    async fn overdue(&self, for_good: bool) {
        if !for_good {
            self.candidate.shutdown.cancelled().await;
        }
        tokio::select! {
            biased;
            () = async { self.candidate.cut.cancelled().await; sleep(CUT_RELEASE).await } => {}
            () = sleep(self.candidate.settings.release_timeout) => {}
        }
    }
}

/// If the driver is dropped before its end, as with its runtime, nothing may wait for its tasks, and another driver may start.
impl Drop for LeaseDriver {
    fn drop(&mut self) {
        if !self.done {
            self.lease_tasks.publish_out();
            self.lease_tasks.abandon(|entry| Error::CandidateGone { task: entry.name.to_string() });
            self.candidate.retired(&self.lease_tasks.lease);
        }
    }
}
