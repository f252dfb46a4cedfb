//! The settings of a task, by the names that the attribute's keys have.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::sync::watch;

use super::leader_task::LeaderTask;
use crate::policy::{OnExhausted, OnLoss, OnOverrun, Restart};

/// Settings: what is set here wins over the attribute. A value that the attribute would refuse is an error when the task is
/// added.
impl<T> LeaderTask<T> {
    /// Runs under this lease instead. A name that Kubernetes would refuse is an error when the task is added.
    pub fn lease(mut self, lease: impl Into<String>) -> LeaderTask<T> {
        self.lease = Some(lease.into());
        self
    }

    /// Keeps the lease in this namespace instead of the candidate's. One that Kubernetes would refuse is an error when the
    /// task is added.
    pub fn namespace(mut self, namespace: impl Into<String>) -> LeaderTask<T> {
        self.namespace = Some(namespace.into());
        self
    }

    /// Names the task in logs and errors. Unique among the tasks of one lease, at most 63 ASCII letters, digits, `-`, `_`
    /// and `.`, a letter or digit at both ends; anything else is an error when the task is added.
    pub fn name(mut self, name: impl Into<String>) -> LeaderTask<T> {
        self.name = Cow::Owned(name.into());
        self
    }

    /// How long the others wait for a holder that has fallen silent, in whole seconds: see
    /// [`LeaseSpec::lease_duration`](crate::LeaseSpec::lease_duration). The timings that are not set follow it. All tasks of
    /// one lease have the same timings; that, and the rules among them, is checked when the task is added.
    pub fn lease_duration(mut self, lease_duration: Duration) -> LeaderTask<T> {
        self.lease_duration = Some(lease_duration);
        self
    }

    /// How long a holder that cannot renew goes on: see [`LeaseSpec::renew_deadline`](crate::LeaseSpec::renew_deadline).
    pub fn renew_deadline(mut self, renew_deadline: Duration) -> LeaderTask<T> {
        self.renew_deadline = Some(renew_deadline);
        self
    }

    /// How long to wait after a failed request: see [`LeaseSpec::retry_period`](crate::LeaseSpec::retry_period).
    pub fn retry_period(mut self, retry_period: Duration) -> LeaderTask<T> {
        self.retry_period = Some(retry_period);
        self
    }

    /// When a body that has ended by itself runs again: [`Restart::OnFailure`] if not set.
    pub fn restart(mut self, restart: Restart) -> LeaderTask<T> {
        self.policy.restart = restart;
        self
    }

    /// How long a body that runs again waits before: a pause drawn at random from zero to a bound, which begins at the start
    /// of the range and doubles with each failure up to its end. From one second to a minute if not set. A run that lasted
    /// for as long as the longest pause starts over with the shortest.
    pub fn backoff(mut self, backoff: RangeInclusive<Duration>) -> LeaderTask<T> {
        self.policy.backoff = *backoff.start()..*backoff.end();
        self
    }

    /// How often a failing body runs again within a stretch of time; the failure after that is dealt with as
    /// [`on_exhausted`](Self::on_exhausted) says. Five times in a minute if not set. Counted within one term.
    pub fn max_restarts(mut self, count: u32, within: Duration) -> LeaderTask<T> {
        self.policy.max_restarts = (count, within);
        self
    }

    /// What happens when the body has failed more often than [`max_restarts`](Self::max_restarts) allows:
    /// [`OnExhausted::Resign`] if not set.
    pub fn on_exhausted(mut self, on_exhausted: OnExhausted) -> LeaderTask<T> {
        self.policy.on_exhausted = on_exhausted;
        self
    }

    /// How long to wait in each term before the body runs for the first time: from the acquisition of the lease or, for a
    /// member of a group and for a task that is added later, from when its turn comes. Not at all if not set.
    pub fn initial_delay(mut self, initial_delay: Duration) -> LeaderTask<T> {
        self.policy.initial_delay = initial_delay;
        self
    }

    /// How long one run of the body may take. One that takes longer is dropped at its current `.await`, with what it has
    /// started, and counts as failed, however well it was doing: for a body that is to come to an end, as with
    /// [`Restart::Always`]. Unlimited if not set.
    pub fn timeout(mut self, timeout: Duration) -> LeaderTask<T> {
        self.policy.timeout = Some(timeout);
        self
    }

    /// What this process does when it has lost the lease: [`OnLoss::Reelect`] if not set. It concerns the whole lease: one
    /// task of a lease that says [`OnLoss::Exit`] says it for all.
    pub fn on_loss(mut self, on_loss: OnLoss) -> LeaderTask<T> {
        self.policy.on_loss = on_loss;
        self
    }

    /// How long the body may take to end once it is asked to, before it is dropped at its current `.await`. Ten seconds if
    /// not set.
    ///
    /// It counts from the moment [`Term::cancelled`](crate::Term::cancelled) resolves. While the lease can be renewed, as on
    /// shutdown, it is renewed meanwhile. When the lease is lost, no more than `lease_duration / 1.25 - renew_deadline` of
    /// the grace is left, 2 s with the defaults. Stay well below the pod's `terminationGracePeriodSeconds`.
    pub fn grace(mut self, grace: Duration) -> LeaderTask<T> {
        self.policy.grace = grace;
        self
    }

    /// What to do about a body that is still inside one poll when the lease may pass to another replica.
    pub fn on_overrun(mut self, on_overrun: OnOverrun) -> LeaderTask<T> {
        self.policy.on_overrun = on_overrun;
        self
    }

    /// In a [stack](crate::TaskGroup::stack), those above this task start when its body calls
    /// [`Term::ready`](crate::Term::ready), or is done, and not already at its first `.await` that waits.
    pub fn signals_readiness(mut self) -> LeaderTask<T> {
        self.policy.signals_readiness = true;
        self
    }

    /// Something to be done before this process takes part in the election: filling a cache, opening connections. It begins
    /// when the candidate runs, is done once, and is dropped when the candidate ends. A lease with several tasks waits for
    /// all of them; a task that is added while its lease is held starts when its own is done. A warm-up that waits for another
    /// task of the lease is not waited for, or neither would ever run: the task starts in the term in which the other is done.
    ///
    /// A warm-up that panics ends the task with an error; one that can fail otherwise has to try again by itself.
    pub fn warm_up(mut self, warm_up: impl Future<Output = ()> + Send + 'static) -> LeaderTask<T> {
        self.warm_up.push(Box::pin(warm_up));
        self
    }

    /// Takes part in the election of the lease only while `condition` is true: for readiness or maintenance. When it turns
    /// false, the bodies are asked to end, as on a shutdown, and the lease is released; when it turns true, this process
    /// takes part again. It keeps its last value if the sender is dropped. Of a lease with several tasks, all conditions
    /// have to be true. [`CandidateBuilder::contend_when`](crate::CandidateBuilder::contend_when) does this for all leases.
    ///
    /// ```
    /// # use lease_runtime::{LeaderTask, LeaseSpec};
    /// # let task = LeaderTask::new("t", LeaseSpec::new("ledger"), |_| async {});
    /// let (ready, condition) = tokio::sync::watch::channel(false);
    /// let task = task.contend_when(condition);
    /// ready.send_replace(true);
    /// ```
    pub fn contend_when(mut self, condition: watch::Receiver<bool>) -> LeaderTask<T> {
        self.conditions.push(condition);
        self
    }
}
