//! A term for code that cannot await.

use std::time::Duration;

use super::{Lost, Term};
use lease_protocol::election::{FencingToken, StopReason};

/// A [`Term`] for code that blocks, so that it can ask whether it may continue. Cheap to clone, and can be sent to other threads.
#[derive(Clone, Debug)]
pub struct TermCheck {
    term: Term,
}

impl TermCheck {
    pub(super) fn new(term: Term) -> TermCheck {
        TermCheck { term }
    }

    /// As [`Term::check`]: call it right before an effect that must not happen twice.
    ///
    /// # Errors
    ///
    /// [`Lost`], with the reason, if the time of the body is up.
    pub fn check(&self) -> Result<(), Lost> {
        self.term.check()
    }

    /// As [`Term::is_cancelled`]: whether the work should end. Ask between two steps.
    pub fn is_cancelled(&self) -> bool {
        self.term.is_cancelled()
    }

    /// As [`Term::remaining`]: how long the next step may take.
    pub fn remaining(&self) -> Duration {
        self.term.remaining()
    }

    /// As [`Term::stop_reason`]: why the term ended.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.term.stop_reason()
    }

    /// As [`Term::fencing_token`].
    pub fn fencing_token(&self) -> FencingToken {
        self.term.fencing_token()
    }
}
