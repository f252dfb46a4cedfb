//! Leads the tasks of one lease through its terms.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};
use tokio::time::sleep;

use super::inner::{CandidateInner, OnLateRefusal};
use super::lease_tasks::LeaseTasks;
use crate::elector::{ElectionControl, ElectionHandle, ElectorError, LeaseStatus};
use crate::error::Error;
use crate::task::entry::Entry;
use crate::task::supervise::supervise;
use crate::term::{DrainToken, Term};
use lease_protocol::election::{StopReason, Timing};

impl CandidateInner {
    /// Lets the tasks of a lease run, on `runtime` if they have none.
    pub(super) fn drive(self: &Arc<Self>, lease_tasks: &Arc<LeaseTasks>, runtime: &Handle, arrival: Arrival) {
        for entry in lease_tasks.live() {
            self.warm_up(lease_tasks, &entry, runtime);
        }
        if lease_tasks.enroll(runtime) {
            let driver =
                LeaseDriver { candidate: self.clone(), lease_tasks: lease_tasks.clone(), arrival, done: false };
            self.driven.spawn_on(driver.run(), runtime);
        }
    }
}

/// Takes part in the election of one lease, as long as there are tasks for it.
struct LeaseDriver {
    candidate: Arc<CandidateInner>,
    lease_tasks: Arc<LeaseTasks>,
    arrival: Arrival,
    done: bool,
}

/// When a lease came to the candidate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// It was there when the candidate began to run.
    First,
    /// While the candidate ran.
    Late,
}

/// How long the release is waited for once somebody has asked a second time for the end.
const CUT_RELEASE: Duration = Duration::from_millis(500);

/// How an election ended. In each case the lease is not held any more.
enum LeaveOutcome {
    /// All tasks were over.
    Finished,
    /// The candidate is shutting down.
    Shutdown,
    /// The election cannot go on.
    Failed(Arc<ElectorError>),
}

/// Why a term was left that could have gone on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeaveReason {
    /// All tasks were over.
    Finished,
    /// For another replica to try.
    SteppedDown,
    /// A condition does not hold.
    Withdrawn,
}

impl LeaveReason {
    fn stop_reason(self) -> StopReason {
        match self {
            LeaveReason::Finished => StopReason::Finished,
            LeaveReason::SteppedDown => StopReason::SteppedDown,
            LeaveReason::Withdrawn => StopReason::Withdrawn,
        }
    }
}

impl LeaseDriver {
    async fn run(mut self) {
        loop {
            let left = match self.admission().await {
                Ok(timing) => self.contend(timing).await,
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
            // What comes from here on has been added while the candidate ran.
            self.arrival = Arrival::Late;
            if self.lease_tasks.retire() {
                break;
            }
        }
        self.done = true;
        self.candidate.retired(&self.lease_tasks.lease);
    }

    /// Whether the other leases of the candidate can go on. That an election has ended, by an error of ours or with the
    /// elector, is a matter of the process.
    fn is_of_this_lease_alone(&self, why: &ElectorError) -> bool {
        self.arrival == Arrival::Late
            && self.candidate.settings.on_late_refusal == OnLateRefusal::EndTasks
            && !matches!(why, ElectorError::Ended { .. })
    }

    fn refused(&self, error: &Error) {
        tracing::error!(
            target: "lease_runtime",
            lease = %self.lease_tasks.lease.name,
            namespace = %self.lease_tasks.lease.namespace,
            identity = &*self.candidate.identity,
            error = %error,
            "the tasks of a lease that was added late end here, and the other leases go on"
        );
    }

    /// Waits until every task is warm and every condition holds.
    async fn admission(&self) -> Result<Timing, LeaveOutcome> {
        loop {
            if self.candidate.shutdown.is_cancelled() {
                return Err(LeaveOutcome::Shutdown);
            }
            let timing = self.lease_tasks.timing().ok_or(LeaveOutcome::Finished)?;
            if self.lease_tasks.is_warm() && self.lease_tasks.is_willing() {
                return Ok(timing);
            }
            tokio::select! {
                biased;
                () = self.candidate.shutdown.cancelled() => {}
                () = self.lease_tasks.news() => {}
                () = self.lease_tasks.willing(true), if !self.lease_tasks.is_willing() => {}
            }
        }
    }

    async fn contend(&self, timing: Timing) -> LeaveOutcome {
        let election = self.candidate.elector.contend(self.lease_tasks.lease.clone(), timing);
        self.lease_tasks.announce(&election.tasks);
        let status = election.status.clone();
        let left = tokio::select! {
            biased;
            left = self.run_election(election, timing) => left,
            never = forward(status.clone(), &self.lease_tasks) => match never {},
        };
        // The last word about the lease, such as that it was released.
        self.lease_tasks.publish(status.borrow().clone());
        left
    }

    /// Takes part until there is nothing more to do with these timings.
    async fn run_election(&self, mut election: ElectionHandle, timing: Timing) -> LeaveOutcome {
        let ElectionHandle { terms, status, way, .. } = &mut election;
        let mut parting = None;
        loop {
            if self.candidate.shutdown.is_cancelled() {
                self.leave(way, terms, StopReason::Shutdown, true).await;
                return LeaveOutcome::Shutdown;
            }
            if let Some(parting) = parting.take().or_else(|| self.reason_to_part()) {
                self.leave(way, terms, parting.stop_reason(), parting == LeaveReason::Finished).await;
                self.stay_out(parting, timing).await;
                if self.lease_tasks.timing() != Some(timing) {
                    return LeaveOutcome::Finished;
                }
                if !self.candidate.shutdown.is_cancelled() {
                    way.contend();
                }
                continue;
            }
            tokio::select! {
                biased;
                () = self.candidate.shutdown.cancelled() => {}
                term = terms.recv() => match term {
                    Some((term, alive)) => parting = self.lead(way, term, alive).await,
                    None => return LeaveOutcome::Failed(problem(status)),
                },
                () = fatal(status) => {
                    let problem = problem(status);
                    self.leave(way, terms, StopReason::Shutdown, true).await;
                    return LeaveOutcome::Failed(problem);
                }
                () = self.lease_tasks.news() => {}
                () = self.lease_tasks.willing(false) => {}
            }
        }
    }

    fn reason_to_part(&self) -> Option<LeaveReason> {
        if self.lease_tasks.is_over() {
            Some(LeaveReason::Finished)
        } else if !self.lease_tasks.is_willing() || self.lease_tasks.is_stuck() {
            Some(LeaveReason::Withdrawn)
        } else {
            None
        }
    }

    /// Waits until there is a reason to take part again, or none to wait for one.
    async fn stay_out(&self, parting: LeaveReason, timing: Timing) {
        let mut rested = pin!(async {
            if parting == LeaveReason::SteppedDown {
                // So that whoever watches may take the lease, also one that only polls.
                sleep(timing.lease_duration).await;
            }
        });
        let mut resting = true;
        while !self.candidate.shutdown.is_cancelled()
            && self.lease_tasks.timing() == Some(timing)
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

    /// One term: from the acquisition until nothing of it is left here. Tells why, if the election is being left.
    async fn lead(&self, way: &ElectionControl, term: Term, alive: DrainToken) -> Option<LeaveReason> {
        let mut supervisors = JoinSet::new();
        // Those that run, and those that are not over but have ended in this term.
        let mut started: Vec<(Id, Arc<Entry>)> = Vec::new();
        let (exits, mut exit) = mpsc::unbounded_channel();
        let (mut shutdown, mut parting) = (false, None);
        self.lease_tasks.leads(&term);
        loop {
            if !shutdown && self.candidate.shutdown.is_cancelled() {
                shutdown = true;
                way.withdraw(StopReason::Shutdown);
            }
            let leading = !term.state().is_cancelled();
            if !shutdown && parting.is_none() && leading {
                for entry in self.lease_tasks.live() {
                    // One of the same name may have been given up, and be inside a poll still.
                    if entry.is_warm()
                        && !started.iter().any(|(_, other)| other.shared_name(&entry).is_some())
                        && let Some(runtime) = entry.runtime()
                    {
                        if entry.exits_on_loss() {
                            term.state().exit_on_loss();
                        }
                        let supervisor = supervise(entry.clone(), term.clone(), alive.another(), exits.clone());
                        started.push((supervisors.spawn_on(supervisor, &runtime).id(), entry));
                    }
                }
                // What is over may still be about to end.
                parting = self.reason_to_part().filter(|why| {
                    supervisors.is_empty() || *why != LeaveReason::Finished && !self.lease_tasks.is_willing()
                });
                parting.iter().for_each(|parting| way.withdraw(parting.stop_reason()));
            } else if parting.is_none() && term.state().stop_reason() == Some(StopReason::SteppedDown) {
                parting = Some(LeaveReason::SteppedDown);
                way.withdraw(StopReason::SteppedDown);
            }
            // As it was when the reasons were looked at: one that has come since is yet to be.
            if supervisors.is_empty() && !leading {
                // One may have asked for the end of the process with its last breath.
                while let Ok(why) = exit.try_recv() {
                    self.candidate.exit(*why);
                }
                // `alive` is dropped with this frame, and the term is drained.
                return parting;
            }
            tokio::select! {
                biased;
                () = self.candidate.shutdown.cancelled(), if !shutdown => {}
                () = term.cancelled(), if leading => {}
                Some(why) = exit.recv() => self.candidate.exit(*why),
                Some(ended) = supervisors.join_next_with_id(), if !supervisors.is_empty() => {
                    let (id, lost) = ended.map_or_else(|error| (error.id(), true), |(id, ())| (id, false));
                    if lost {
                        // It went away with its runtime, which is not this one. The others go on.
                        started.iter().filter(|(of, _)| *of == id).for_each(|(_, entry)| entry.lose());
                    }
                    started.retain(|(of, entry)| *of != id || !entry.is_over());
                }
                () = self.lease_tasks.news() => {}
                () = self.lease_tasks.willing(false), if leading && !shutdown && parting.is_none() => {}
                // Given up although a body is left that does not yield: there is nothing more to wait for.
                () = way.left(), if shutdown || parting.is_some() => return parting,
            }
        }
    }

    /// Leaves the election when its bodies are gone, and waits until nothing is held. A term that was on its way here ends
    /// unused. `for_good`: somebody waits for the end, and not for longer than the release may take.
    async fn leave(
        &self,
        way: &ElectionControl,
        terms: &mut mpsc::UnboundedReceiver<(Term, DrainToken)>,
        reason: StopReason,
        for_good: bool,
    ) {
        way.withdraw(reason);
        let mut overdue = pin!(self.overdue(for_good));
        loop {
            tokio::select! {
                biased;
                () = way.left() => return,
                Some(term) = terms.recv() => drop(term),
                () = &mut overdue => {
                    tracing::warn!(
                        target: "lease_runtime",
                        lease = %self.lease_tasks.lease.name,
                        namespace = %self.lease_tasks.lease.namespace,
                        identity = &*self.candidate.identity,
                        "the release of the lease was not confirmed in time, so that it may still be held: another replica may have \
                         to wait until it has run out"
                    );
                    return;
                }
            }
        }
    }

    /// Resolves when the release has been waited for long enough.
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

/// Resolves when the election cannot go on.
async fn fatal(status: &mut watch::Receiver<LeaseStatus>) {
    // An error says that the election is gone, which is fatal, too.
    let _ = status.wait_for(|status| status.fatal).await.is_ok();
}

/// Why the election cannot go on.
fn problem(status: &watch::Receiver<LeaseStatus>) -> Arc<ElectorError> {
    let problem = status.borrow().problem.clone();
    problem.unwrap_or_else(|| Arc::new(ElectorError::Ended { reason: "it went away".to_owned() }))
}

/// Publishes the status of this election to those who watch the lease. They see one status across elections.
async fn forward(mut status: watch::Receiver<LeaseStatus>, lease_tasks: &LeaseTasks) -> Infallible {
    loop {
        let now = status.borrow_and_update().clone();
        lease_tasks.publish(now);
        if status.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// However the driver goes, even with its runtime: nobody waits for its tasks any more, and another driver may come.
impl Drop for LeaseDriver {
    fn drop(&mut self) {
        if !self.done {
            self.lease_tasks.publish_out();
            self.lease_tasks.abandon(|entry| Error::CandidateGone { task: entry.name.to_string() });
            self.candidate.retired(&self.lease_tasks.lease);
        }
    }
}
