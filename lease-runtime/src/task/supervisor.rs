//! What all members of a task share in a term.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::entry::Entry;
use crate::error::Error;
use crate::term::{DrainToken, StopSignal, Term};

/// How a member came to its end in a term.
pub(super) enum MemberEnd {
    /// Its work is done.
    Done,
    /// It failed, and does not run again on this replica.
    Failed {
        error: Error,
        /// The body has returned a value that tells, too.
        value: bool,
    },
    /// The term is over, or the task was given up: it may run again in the next.
    Over,
    /// It was asked to end by a shutdown, and returned a value.
    LastWord,
}

/// What all members of a task share in a term.
pub(super) struct Supervisor<'a> {
    pub(super) entry: &'a Arc<Entry>,
    pub(super) leading: &'a Term,
    pub(super) alive: &'a DrainToken,
    pub(super) exits: &'a mpsc::UnboundedSender<Box<Error>>,
}

impl Supervisor<'_> {
    /// The process has to end.
    pub(super) fn exit(&self, why: Error) {
        // Whoever listens is gone only when the process is ending already.
        let _ = self.exits.send(Box::new(why));
    }

    /// Waits, but not when there is nothing more to wait for.
    pub(super) async fn pause(&self, pause: Duration, asked: &StopSignal) {
        if pause.is_zero() {
            return;
        }
        tokio::select! {
            biased;
            () = self.leading.cancelled() => {}
            () = asked.requested() => {}
            () = self.entry.stop_token().cancelled() => {}
            () = sleep(pause) => {}
        }
    }

    /// A body ended because the clock said so, but the elector, which knew of a renewal that the guard had not seen, may go
    /// on with the term. `false` when the term, or the body's part in it, has ended.
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
