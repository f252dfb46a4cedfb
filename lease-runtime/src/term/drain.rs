//! What still runs code of a term.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

use crate::lease::LeaseId;

/// Counts what may still run code of a term, down to a zero that is final.
#[derive(Debug)]
pub(super) struct DrainCount {
    count: AtomicUsize,
    /// Cancelled when the count reaches zero: an event that stays, and can be awaited from any runtime.
    empty: CancellationToken,
}

impl DrainCount {
    /// With one entry, the first token's.
    pub(super) fn new() -> DrainCount {
        DrainCount { count: AtomicUsize::new(1), empty: CancellationToken::new() }
    }

    pub(super) async fn emptied(&self) {
        self.empty.cancelled().await;
    }
}

/// The term that tokens are about: it has their count.
pub(super) trait Drain: Send + Sync {
    fn lease(&self) -> &LeaseId;

    fn count(&self) -> &DrainCount;

    /// The last token is about to go: called once, before [`DrainCount::emptied`] resolves.
    fn before_empty(&self);
}

/// Something that may still run code of a term: the supervisor, a body, a child, a blocking closure.
///
/// A term is drained when no token is left. A new one can be had only while there is one, so "drained" is final. Whoever
/// holds one drops it strictly after the future or closure that it stands for; a runtime that is shut down drops its
/// futures, and so its tokens.
pub(crate) struct DrainToken {
    term: Arc<dyn Drain>,
}

impl DrainToken {
    /// The first token, which [`DrainCount::new`] has counted already.
    pub(super) fn first(term: Arc<dyn Drain>) -> DrainToken {
        DrainToken { term }
    }

    /// One more; never fails, because this one is there.
    pub(crate) fn another(&self) -> DrainToken {
        // Relaxed: nothing is published by going from one to two. The thread that got here has this token, so the count
        // cannot be zero.
        self.term.count().count.fetch_add(1, Ordering::Relaxed);
        DrainToken { term: self.term.clone() }
    }

    /// Goes, and stays counted: the term is never drained.
    pub(super) fn stay_counted(self) {
        // Relaxed: as for `another`.
        self.term.count().count.fetch_add(1, Ordering::Relaxed);
    }

    /// A token of a term that is not drained.
    pub(super) fn join(term: Arc<dyn Drain>) -> Option<DrainToken> {
        term.count()
            .count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count > 0).then_some(count + 1))
            .ok()
            .map(|_| DrainToken { term })
    }
}

impl Drop for DrainToken {
    fn drop(&mut self) {
        let counted = self.term.count();
        // AcqRel, as for the count of an `Arc`: everything that each holder did happens before what follows the zero.
        if counted.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.term.before_empty();
            counted.empty.cancel();
        }
    }
}

impl fmt::Debug for DrainToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DrainToken({})", self.term.lease())
    }
}
