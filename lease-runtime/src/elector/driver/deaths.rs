//! What an election has to do with deaths: those of holders, and the lock of this process.

use std::sync::Arc;

use crate::clock::Moment;
use crate::elector::death_reports::PodInquiry;
use crate::elector::handle::ElectionPort;
use crate::elector::state_dir::{Asker, FoundDead, Inquiry};

/// What an election has to do with deaths. Without a state directory and death reports, this does nothing.
pub(super) struct Deaths {
    /// Asks the state directory.
    pub(super) inquiry: Option<Inquiry>,
    /// Asks after the pods of holders.
    pub(super) pods: Option<PodInquiry>,
    /// When the term began.
    pub(super) began: Option<Moment>,
    /// The lock of this process is not held any more.
    pub(super) lock_is_lost: bool,
}

/// A holder is dead.
pub(super) enum Death {
    /// Its lock is free.
    Lock(FoundDead),
    /// The kubelet reports that its container has terminated.
    Report(Arc<str>),
}

impl Deaths {
    pub(super) fn new(out: &ElectionPort) -> Deaths {
        let inquiry = out.asker.as_ref().map(Asker::inquire);
        let pods = out.pods.as_ref().map(|pods| pods.inquire(&out.lease, &out.identity));
        Deaths { inquiry, pods, began: None, lock_is_lost: false }
    }

    /// What is found about the holder, once. Cancel safe.
    pub(super) async fn found(&mut self) -> Death {
        let Deaths { inquiry, pods, .. } = self;
        let by_lock = async {
            match inquiry {
                Some(inquiry) => inquiry.found().await,
                None => std::future::pending().await,
            }
        };
        let by_report = async {
            match pods {
                Some(pods) => pods.found().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            found = by_lock => Death::Lock(found),
            holder = by_report => Death::Report(holder),
        }
    }
}
