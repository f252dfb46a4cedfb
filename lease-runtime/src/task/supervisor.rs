//! The state that all members of a task share in a term.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::entry::Entry;
use super::log::TaskLog;
use super::member::Member;
use crate::elector::LeaseReporter;
use crate::error::Error;
use crate::observer::{LeaseEvent, ObserverPort};
use crate::term::{DrainToken, StopSignal, Term};
use crate::tick::Tick;

/// How a member ended in a term.
pub(super) enum MemberEnd {
    /// Its work is done.
    Done,
    /// It failed, and does not run again on this replica.
    Failed {
        error: Error,
        /// The body has also returned an output, which says that the work failed.
        value: bool,
    },
    /// The term is over, or the task was given up. The member may run again in the next term.
    Over,
    /// A shutdown asked it to end, and it returned an output.
    FinalOutput,
}

/// Those who learn what happens to the runs of a task.
#[derive(Clone, Default)]
pub(crate) struct Tellers {
    pub(crate) observer: ObserverPort,
    pub(crate) reporter: LeaseReporter,
}

/// The state that all members of a task share in a term.
pub(super) struct Supervisor<'a> {
    pub(super) entry: &'a Arc<Entry>,
    pub(super) leading: &'a Term,
    pub(super) alive: &'a DrainToken,
    pub(super) exits: &'a mpsc::UnboundedSender<Box<Error>>,
    pub(super) tellers: &'a Tellers,
}

/// One member of a task in a term: what it is, and what it depends on.
#[derive(Clone, Copy)]
pub(super) struct RunContext<'a> {
    pub(super) supervisor: &'a Supervisor<'a>,
    pub(super) member: &'a Member,
    /// Asks the member to end.
    pub(super) stop: &'a Arc<StopSignal>,
    /// Cancelled when the members that depend on this one may start.
    pub(super) up: &'a CancellationToken,
    /// The tick that the member, or the group it belongs to, runs for.
    pub(super) tick: Option<&'a Tick>,
}

impl<'a> RunContext<'a> {
    /// The log of the member, with the fields of `term`.
    pub(super) fn log<'b>(&self, term: &'b Term) -> TaskLog<'b>
    where
        'a: 'b,
    {
        TaskLog { entry: self.supervisor.entry, member: self.member, term }
    }
}

impl Supervisor<'_> {
    /// Ends the process.
    pub(super) fn exit(&self, why: Error) {
        // The receiver is gone only when the process is ending already.
        let _ = self.exits.send(Box::new(why));
    }

    /// The member has failed, and its policy allows no more attempts. `how` is half a sentence after its name.
    pub(super) fn exhausted(&self, member: &Member, how: impl FnOnce() -> String) {
        let Tellers { observer, reporter } = self.tellers;
        reporter.task_exhausted(&member.name, how);
        observer.tell(|| LeaseEvent::Exhausted { lease: self.entry.lease.clone(), task: Arc::clone(&member.name) });
    }

    /// Waits, but stops waiting when the term or the task is over.
    pub(super) async fn pause(&self, pause: Duration, stop: &StopSignal) {
        if pause.is_zero() {
            return;
        }
        tokio::select! {
            biased;
            () = self.leading.cancelled() => {}
            () = stop.requested() => {}
            () = self.entry.stop_token().cancelled() => {}
            () = sleep(pause) => {}
        }
    }

    /// A body was dropped because of the clock, but the elector may have renewed the lease, which the guard had not seen. Then the
    /// term continues. Returns `false` if the term, or the part of the body in it, has ended.
    pub(super) async fn renewed_after_all(&self, term: &Term) -> bool {
        loop {
            let mut extended = pin!(term.state().extended());
            extended.as_mut().enable();
            if term.state().is_cancelled() || self.entry.is_over() {
                return false;
            }
            if !self.leading.remaining().is_zero() {
                return true;
            }
            tokio::select! {
                biased;
                () = self.leading.cancelled() => return false,
                () = self.entry.stop_token().cancelled() => return false,
                () = extended => {}
            }
        }
    }
}
