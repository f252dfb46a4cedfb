//! Leads the tasks of one lease through its terms.

use std::convert::Infallible;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};

use super::Inner;
use super::group::Group;
use crate::election::{Loss, Timing};
use crate::elector::{Campaign, ElectorError, LeaseStatus};
use crate::error::Error;
use crate::task::entry::Entry;
use crate::task::supervise::supervise;
use crate::term::{Alive, Term};

impl Inner {
    /// Lets the group's tasks run, on `runtime` if they have none.
    pub(super) fn drive(self: &Arc<Self>, group: &Arc<Group>, runtime: &Handle) {
        if group.enroll(runtime) {
            let driver = Driver { candidate: self.clone(), group: group.clone(), done: false };
            self.driven.spawn_on(driver.run(), runtime);
        }
    }

    /// An election cannot go on: the candidate shuts down because of the first that says so.
    fn fail(&self, error: Error) {
        self.state().failure.get_or_insert(error);
        self.failed.cancel();
    }
}

/// Takes part in the election of one lease, as long as there are tasks for it.
struct Driver {
    candidate: Arc<Inner>,
    group: Arc<Group>,
    done: bool,
}

/// How a campaign ended. In any case nothing is held any more.
enum Left {
    /// All tasks were over.
    Finished,
    /// The candidate is shutting down.
    Shutdown,
    /// The election cannot go on.
    Failed(Arc<ElectorError>),
}

impl Driver {
    async fn run(mut self) {
        while let Some(timing) = self.group.timing() {
            let campaign = self.candidate.elector.contend(self.group.lease.clone(), timing);
            let status = campaign.status.clone();
            let left = tokio::select! {
                biased;
                left = self.campaign(campaign, timing) => left,
                never = forward(status, &self.group) => match never {},
            };
            self.group.publish_out();
            match left {
                Left::Finished => {}
                Left::Shutdown => self.group.disband(Entry::stopped),
                Left::Failed(source) => {
                    let error = Error::Election { lease: self.group.lease.clone(), source };
                    self.group.disband(|_| error.clone());
                    self.candidate.fail(error);
                }
            }
            if self.group.retire() {
                break;
            }
        }
        self.done = true;
    }

    /// Takes part until there is nothing more to do with these timings.
    async fn campaign(&self, mut campaign: Campaign, timing: Timing) -> Left {
        // Apart from the rest, to be waited for beside it.
        let mut terms = std::mem::replace(&mut campaign.terms, mpsc::unbounded_channel().1);
        let mut status = campaign.status.clone();
        let mut finished = false;
        loop {
            if self.candidate.shutdown.is_cancelled() {
                return leave(&campaign, &mut terms, Loss::Shutdown, Left::Shutdown).await;
            }
            if finished || self.group.is_over() {
                finished = false;
                let left = leave(&campaign, &mut terms, Loss::Finished, Left::Finished).await;
                if self.group.timing() != Some(timing) {
                    return left;
                }
                // Something was added meanwhile.
                campaign.contend();
            }
            tokio::select! {
                biased;
                () = self.candidate.shutdown.cancelled() => {}
                term = terms.recv() => match term {
                    Some((term, alive)) => finished = self.lead(&campaign, term, alive).await,
                    None => return Left::Failed(problem(&status)),
                },
                () = fatal(&mut status) => {
                    let problem = problem(&status);
                    return leave(&campaign, &mut terms, Loss::Shutdown, Left::Failed(problem)).await;
                }
                () = self.group.news() => {}
            }
        }
    }

    /// One term: from the acquisition until nothing of it is left here. Tells whether the tasks were all over, and the
    /// election is being left.
    async fn lead(&self, campaign: &Campaign, term: Term, alive: Alive) -> bool {
        let mut supervisors = JoinSet::new();
        let mut started: Vec<(Id, Arc<Entry>)> = Vec::new();
        let (mut shutdown, mut finished) = (false, false);
        loop {
            if !shutdown && self.candidate.shutdown.is_cancelled() {
                shutdown = true;
                campaign.withdraw(Loss::Shutdown);
            }
            if !shutdown && !finished && !term.tenure().is_cancelled() {
                for entry in self.group.live() {
                    if !started.iter().any(|(_, other)| Arc::ptr_eq(other, &entry))
                        && let Some(runtime) = entry.runtime()
                    {
                        let supervisor = supervise(entry.clone(), term.clone(), alive.another());
                        started.push((supervisors.spawn_on(supervisor, &runtime).id(), entry));
                    }
                }
                if supervisors.is_empty() && self.group.is_over() {
                    finished = true;
                    campaign.withdraw(Loss::Finished);
                }
            }
            if supervisors.is_empty() && term.tenure().is_cancelled() {
                // `alive` is dropped with this frame, and the term is drained.
                return finished;
            }
            tokio::select! {
                biased;
                () = self.candidate.shutdown.cancelled(), if !shutdown => {}
                () = term.cancelled(), if !term.tenure().is_cancelled() => {}
                Some(ended) = supervisors.join_next(), if !supervisors.is_empty() => {
                    if let Err(error) = ended {
                        // It went away with its runtime, which is not this one. The others go on.
                        started.iter().filter(|(id, _)| *id == error.id()).for_each(|(_, entry)| entry.lose());
                    }
                }
                () = self.group.news() => {}
                // Given up although a body is left that does not yield: there is nothing more to wait for.
                () = campaign.left(), if shutdown || finished => return finished,
            }
        }
    }
}

/// Leaves the election, and waits until nothing is held. A term that was on its way here ends unused.
async fn leave(
    campaign: &Campaign,
    terms: &mut mpsc::UnboundedReceiver<(Term, Alive)>,
    loss: Loss,
    left: Left,
) -> Left {
    campaign.withdraw(loss);
    loop {
        tokio::select! {
            biased;
            () = campaign.left() => return left,
            Some(term) = terms.recv() => drop(term),
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

/// Shows where the campaign stands to whoever watches the lease, across campaigns.
async fn forward(mut status: watch::Receiver<LeaseStatus>, group: &Group) -> Infallible {
    loop {
        let now = status.borrow_and_update().clone();
        group.publish(now);
        if status.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// However the driver goes, even with its runtime: nobody waits for its tasks any more, and another driver may come.
impl Drop for Driver {
    fn drop(&mut self) {
        if !self.done {
            self.group.publish_out();
            self.group.abandon(|entry| Error::CandidateGone { task: entry.name.to_string() });
        }
    }
}
