//! Counts what may still run code of a term.

use std::fmt;
use std::sync::Arc;

use crate::lease::LeaseId;
use crate::sync::CancellationToken;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// Counts what may still run code of a term. Once the count is zero, it stays zero.
#[derive(Debug)]
pub(super) struct DrainCount {
    count: AtomicUsize,
    /// Cancelled when the count reaches zero. A token stays cancelled, and can be awaited from any runtime.
    empty: CancellationToken,
}

impl DrainCount {
    /// The count starts at one, for the first token.
    pub(super) fn new() -> DrainCount {
        DrainCount { count: AtomicUsize::new(1), empty: CancellationToken::new() }
    }

    pub(super) async fn emptied(&self) {
        self.empty.cancelled().await;
    }
}

/// The term that the tokens count for. It owns the count.
pub(super) trait Drain: Send + Sync {
    fn lease(&self) -> &LeaseId;

    fn count(&self) -> &DrainCount;

    /// The last token is being dropped. Called once, before [`DrainCount::emptied`] resolves.
    fn before_empty(&self);
}

/// Stands for something that may still run code of a term: the supervisor, a body, a child, a blocking closure.
///
/// A term is drained when no token is left. A new token can be made only while another one exists, so a drained term stays
/// drained. The holder of a token drops it strictly after the future or closure that the token stands for. A runtime that shuts
/// down drops its futures, and so their tokens.
pub(crate) struct DrainToken {
    term: Arc<dyn Drain>,
}

impl DrainToken {
    /// The first token. [`DrainCount::new`] has counted it already.
    pub(super) fn first(term: Arc<dyn Drain>) -> DrainToken {
        DrainToken { term }
    }

    /// One more token. It never fails, because this token exists.
    pub(crate) fn another(&self) -> DrainToken {
        // Relaxed: going from one to two publishes nothing. This thread has this token, so the count cannot be zero.
        self.term.count().count.fetch_add(1, Ordering::Relaxed);
        DrainToken { term: self.term.clone() }
    }

    /// Drops the token but leaves it counted, so that the term is never drained.
    pub(super) fn stay_counted(self) {
        // Relaxed: as for `another`.
        self.term.count().count.fetch_add(1, Ordering::Relaxed);
    }

    /// A token, if the term is not drained.
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
