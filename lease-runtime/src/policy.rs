//! The choices of a task: when it runs again, and what happens when it fails, loses its lease, or does not end.

/// When a body that has ended by itself runs again. A body that ended because it was asked to always runs again in the next term.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum Restart {
    /// Also when it has returned: after the first pause of the [`backoff`](crate::LeaderTask::backoff). The task is never
    /// finished.
    Always,
    /// When it has returned an error, panicked, or taken longer than its [`timeout`](crate::LeaderTask::timeout).
    #[default]
    OnFailure,
    /// Never. However the body ends, the task is over on this replica. A member of a group is over only in the current term: if
    /// the group is not over, it starts from the beginning in the next one.
    Never,
}

/// What happens to a task that has failed more often than its [`max_restarts`](crate::LeaderTask::max_restarts) allows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnExhausted {
    /// This replica gives the lease up, with all its tasks, and stays out until another replica has it, so that another can try.
    /// [`Term::step_down`](crate::Term::step_down) does the same. If no other replica takes it within one lease duration,
    /// this one tries again and counts from zero.
    #[default]
    Resign,
    /// The candidate shuts down in order, and then the process ends with exit code 1, so that Kubernetes starts it again. In
    /// order means that bodies have their grace, and that the process waits for a body that is stuck inside a poll.
    Exit,
    /// The task is over on this replica, and its handle returns the error. The other tasks continue. Without other
    /// tasks, the lease is given up.
    Stop,
}

/// What this process does when it has lost a lease that it did not give up itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnLoss {
    /// It takes part in the election again.
    #[default]
    Reelect,
    /// The process ends with exit code 1 when the bodies of the lease are gone, at the hard stop at the latest. Only the end of
    /// the process surely stops what a body has left behind, such as a thread or a plain `tokio::spawn`. Other leases that the
    /// process holds are not released, and expire.
    Exit,
}

/// What to do about a body that is still inside one poll at the hard stop, when another replica may start.
///
/// Rust cannot stop code that does not yield. To prevent this, yield in long loops, and move blocking code to
/// [`Term::blocking`](crate::Term::blocking). This setting is the last resort.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum OnOverrun {
    /// Report the task and how long it has been running, and end the process with [`std::process::abort`]. Nothing else keeps
    /// the promise that two bodies never run at once. Kubernetes' own components do the same.
    #[default]
    Abort,
    /// Report it, and let the body continue beside its successor. This process stays out of the election of the lease until the
    /// body ends. Choose this if every target of the body checks the fencing token.
    Report,
}
