//! What an election remembers of the state directory.

use crate::clock::Moment;
use crate::elector::state_dir::{Asker, FoundDead, Inquiry};

/// What an election has to do with the state directory. Without one, this does nothing.
pub(super) struct Deaths {
    pub(super) inquiry: Option<Inquiry>,
    /// When the term began.
    pub(super) began: Option<Moment>,
    /// The lock of this process is not held any more.
    pub(super) lock_is_lost: bool,
}

impl Deaths {
    pub(super) fn new(asker: Option<&Asker>) -> Deaths {
        Deaths { inquiry: asker.map(Asker::inquire), began: None, lock_is_lost: false }
    }

    /// What is found about the holder, once. Cancel safe.
    pub(super) async fn found(&mut self) -> FoundDead {
        match &mut self.inquiry {
            Some(inquiry) => inquiry.found().await,
            None => std::future::pending().await,
        }
    }
}
