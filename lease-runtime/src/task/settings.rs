//! The settings of a task. Their names are the keys of the attribute.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::sync::watch;

use super::leader_task::LeaderTask;
use crate::policy::{OnExhausted, OnLoss, OnOverrun, Restart};

/// Settings. They override those of the attribute. If the attribute would refuse a value, adding the task is an error. Two things that
/// the attribute refuses are allowed here, because a value may come from a configuration: a zero that means none, as in `grace`,
/// `initial_delay` and the count of `max_restarts`, and a setting without effect, such as `backoff` beside [`Restart::Never`].
impl<T> LeaderTask<T> {
    /// Runs under this lease instead. If Kubernetes would refuse the name, adding the task is an error.
    pub fn lease(mut self, lease: impl Into<String>) -> LeaderTask<T> {
        self.lease = Some(lease.into());
        self
    }

    /// Keeps the lease in this namespace instead of the candidate's. If Kubernetes would refuse the name, adding the task is an
    /// error.
    pub fn namespace(mut self, namespace: impl Into<String>) -> LeaderTask<T> {
        self.namespace = Some(namespace.into());
        self
    }

    /// Names the task in logs and errors. The name must be unique among the tasks of one lease. It has at most 63 ASCII letters,
    /// digits, `-`, `_` and `.`, with a letter or digit at both ends. Otherwise adding the task is an error.
    pub fn name(mut self, name: impl Into<String>) -> LeaderTask<T> {
        self.name = Cow::Owned(name.into());
        self
    }

    /// How long other candidates wait for a holder that does not renew, in whole seconds: see
    /// [`LeaseSpec::lease_duration`](crate::LeaseSpec::lease_duration). Timings that are not set follow from it. All tasks of one
    /// lease must have the same timings. This and the rules between timings are checked when the task is added.
    pub fn lease_duration(mut self, lease_duration: Duration) -> LeaderTask<T> {
        self.lease_duration = Some(lease_duration);
        self
    }

    /// How long a holder that cannot renew continues: see [`LeaseSpec::renew_deadline`](crate::LeaseSpec::renew_deadline).
    pub fn renew_deadline(mut self, renew_deadline: Duration) -> LeaderTask<T> {
        self.renew_deadline = Some(renew_deadline);
        self
    }

    /// How long to wait after a failed request: see [`LeaseSpec::retry_period`](crate::LeaseSpec::retry_period).
    pub fn retry_period(mut self, retry_period: Duration) -> LeaderTask<T> {
        self.retry_period = Some(retry_period);
        self
    }

    /// How long the bodies wait if the holder before this one has not released the lease: see
    /// [`LeaseSpec::takeover_delay`](crate::LeaseSpec::takeover_delay). If the tasks of a lease set different ones, the longest counts.
    pub fn takeover_delay(mut self, takeover_delay: Duration) -> LeaderTask<T> {
        self.takeover_delay = Some(takeover_delay);
        self
    }

    /// While this process leads, its own Pod has the label `leader.lease-runtime.dev/LEASE: "true"`, with the name of the lease in the
    /// cluster, so that a Service can select the leader.
    ///
    /// The label is set when the term has begun, and removed when the bodies are asked to end. It delays neither. After a crash it
    /// stays as long as the Pod does, or until this process starts again in it: other replicas cannot remove it. The pod is that of
    /// [`OwnPod`](crate::OwnPod), and the process needs the verb `patch` on pods. All tasks of one lease must say the same. With the
    /// election turned off, nothing is written.
    ///
    /// It is a hint for traffic, and no proof of leadership: who writes on behalf of the leader still uses the
    /// [fencing token](crate::FencingToken).
    pub fn leader_label(mut self) -> LeaderTask<T> {
        self.leader_label = true;
        self
    }

    /// The leader puts its own address, and no other, behind the Service `service`, which must have no selector. It is in the
    /// namespace of the Pod, also if the lease is in another one.
    ///
    /// The leader writes the EndpointSlice `SERVICE-leader` with the ports of the Service, and its fencing token in the annotation
    /// `lease-runtime.dev/fencing-token`. A lower token never replaces a higher one. When its bodies are asked to end, it removes its
    /// address. After a crash the slice shows the old address until the next leader writes its own. If Kubernetes would refuse the
    /// name, adding the task is an error. Otherwise as for [`leader_label`](Self::leader_label).
    pub fn leader_service(mut self, service: impl Into<String>) -> LeaderTask<T> {
        self.leader_service = Some(service.into());
        self
    }

    /// When a body that ended by itself runs again. [`Restart::OnFailure`] if it is not set.
    pub fn restart(mut self, restart: Restart) -> LeaderTask<T> {
        self.policy.restart = restart;
        self
    }

    /// The pause before a body runs again. It is drawn at random between zero and a bound. The bound begins at the start of the
    /// range and doubles with each failure, up to the end of the range. After a run that lasted as long as the end of the range, it
    /// begins at the start again. From one second to one minute if it is not set.
    pub fn backoff(mut self, backoff: RangeInclusive<Duration>) -> LeaderTask<T> {
        self.policy.backoff = *backoff.start()..*backoff.end();
        self
    }

    /// How often a failing body runs again within a period. [`on_exhausted`](Self::on_exhausted) says what happens at the next
    /// failure. Five times in a minute if it is not set. Counted within one term.
    pub fn max_restarts(mut self, count: u32, within: Duration) -> LeaderTask<T> {
        self.policy.max_restarts = (count, within);
        self
    }

    /// What happens if the body fails more often than [`max_restarts`](Self::max_restarts) allows. [`OnExhausted::Resign`] if it is
    /// not set.
    pub fn on_exhausted(mut self, on_exhausted: OnExhausted) -> LeaderTask<T> {
        self.policy.on_exhausted = on_exhausted;
        self
    }

    /// How long to wait in each term before the body runs for the first time. It counts from the acquisition of the lease, or from
    /// its turn for a member of a group and for a task that is added later. Zero if it is not set.
    pub fn initial_delay(mut self, initial_delay: Duration) -> LeaderTask<T> {
        self.policy.initial_delay = initial_delay;
        self
    }

    /// How long one run of the body may take. A run that takes longer is dropped at its current `.await`, with everything that it
    /// started, and counts as failed. It is meant for bodies that end, as with [`Restart::Always`]. Unlimited if it is not set.
    pub fn timeout(mut self, timeout: Duration) -> LeaderTask<T> {
        self.policy.timeout = Some(timeout);
        self
    }

    /// What this process does after it has lost the lease. [`OnLoss::Reelect`] if it is not set. If one task of a lease sets
    /// [`OnLoss::Exit`], it holds for the whole lease.
    pub fn on_loss(mut self, on_loss: OnLoss) -> LeaderTask<T> {
        self.policy.on_loss = on_loss;
        self
    }

    /// How long the body may take to end after it is asked to. Then it is dropped at its current `.await`. Ten seconds if it is not
    /// set.
    ///
    /// It counts from the moment when [`Term::cancelled`](crate::Term::cancelled) resolves. The lease is renewed meanwhile if that is
    /// possible, as on a shutdown. If the lease could not be renewed, at most `lease_duration / 1.25 - renew_deadline` of the grace
    /// is left: 2 s with the defaults. Stay well below the `terminationGracePeriodSeconds` of the pod.
    pub fn grace(mut self, grace: Duration) -> LeaderTask<T> {
        self.policy.grace = grace;
        self
    }

    /// What happens to a body that has not returned from a poll at the hard stop, when another replica may soon take the lease.
    pub fn on_overrun(mut self, on_overrun: OnOverrun) -> LeaderTask<T> {
        self.policy.on_overrun = on_overrun;
        self
    }

    /// In a [stack](crate::TaskGroup::stack), the tasks above this one start when its body calls
    /// [`Term::ready`](crate::Term::ready) or is done, and not already at its first `.await` that waits.
    pub fn signals_readiness(mut self) -> LeaderTask<T> {
        self.policy.signals_readiness = true;
        self
    }

    /// Work to do before this process takes part in the election, such as filling a cache. It starts when the candidate runs, runs
    /// once, and is dropped when the candidate ends. A lease with several tasks waits for the warm-ups of all. A task that is added
    /// while its lease is held starts when its own warm-up is done.
    ///
    /// A warm-up that waits for another task of the same lease does not delay the election, because neither would ever run. The task
    /// then starts in the term in which the other task is done.
    ///
    /// A warm-up that panics ends the task with an error. A warm-up that can fail in another way must retry by itself.
    pub fn warm_up(mut self, warm_up: impl Future<Output = ()> + Send + 'static) -> LeaderTask<T> {
        self.warm_up.push(Box::pin(warm_up));
        self
    }

    /// Takes part in the election of the lease only while `condition` is true, for readiness or maintenance. When it becomes
    /// false, the bodies are asked to end, as on a shutdown, and the lease is released. When it becomes true, this process takes part
    /// again. If the sender is dropped, the last value counts. If several tasks of a lease have conditions, all must be true.
    /// [`CandidateBuilder::contend_when`](crate::CandidateBuilder::contend_when) does this for all leases.
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
