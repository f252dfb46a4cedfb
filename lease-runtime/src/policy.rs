//! The choices that a task has: when it runs again, and what happens when it fails, loses its lease, or does not end.

/// When a body that has ended by itself runs again. One that ended because it was asked to runs again in the next term, in
/// any case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Restart {
    /// Also when it has returned: after the first pause of the [`backoff`](crate::LeaderTask::backoff). The task is never
    /// done.
    Always,
    /// When it has returned an error, panicked, or taken longer than its [`timeout`](crate::LeaderTask::timeout).
    #[default]
    OnFailure,
    /// Not at all. However it ends, the task is over on this replica; a member of a group is in the term at hand, as the
    /// whole group begins anew in the next one if it is not over.
    Never,
}

/// What happens to a task that has failed more often than its [`max_restarts`](crate::LeaderTask::max_restarts) allows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnExhausted {
    /// This replica gives the lease up, with all its tasks, and sits out one lease duration, so that another may try:
    /// what [`Term::step_down`](crate::Term::step_down) does. If nobody else takes the lease, this replica tries again, and counts from
    /// zero.
    #[default]
    Resign,
    /// The candidate shuts down in order, and then the process ends with exit code 1, for Kubernetes to start it anew. In
    /// order means that bodies have their grace, and that one which is stuck inside a poll is waited for.
    Exit,
    /// The task is over on this replica, and whoever waits for it gets the error. The other tasks go on; if there are none,
    /// the lease is given up.
    Stop,
}

/// What this process does when it has lost a lease that it did not give up itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnLoss {
    /// It takes part in the election again.
    #[default]
    Reelect,
    /// The process ends with exit code 1: when the bodies of the lease are gone, at the hard stop at the latest. The end of
    /// a process is the only sure stop for what a body has left behind, such as a thread or a plain `tokio::spawn`. Other
    /// leases that the process holds are not released but run out.
    Exit,
}

/// What to do about a body that is still inside one poll at the lease's last deadline, where another replica may start.
///
/// Rust cannot stop code that does not yield. Such a body has to be prevented, by yielding in long loops and by moving what
/// blocks to [`Term::blocking`](crate::Term::blocking); this is the last resort.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnOverrun {
    /// Say which task and since when, and end the process with [`std::process::abort`]. The only way to keep the promise
    /// that two never run at once, and what Kubernetes' own components do.
    #[default]
    Abort,
    /// Say so, and let it go on beside its successor. This process stays out of the lease's election until it ends. Choose
    /// this where every target of the body's effects checks the fencing token.
    Report,
}
