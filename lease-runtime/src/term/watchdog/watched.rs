//! The terms that the watchdog enforces, and the threads that wait for them.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use crate::clock::Moment;
use crate::sync::atomic::AtomicBool;
use crate::sync::thread::Thread;
use crate::sync::{Mutex, MutexGuard, OnceLock};
use crate::term::slots::{Slots, put_into};
use crate::term::state::{Enforcement, TermWatcher};
use crate::term::{TermState, overrun};

/// The terms that the watchdog enforces.
pub(in crate::term) struct WatchedTerms {
    terms: Mutex<Slots<Arc<TermState>>>,
    pub(super) watchdog: OnceLock<Thread>,
    pub(in crate::term) notifier: OnceLock<Thread>,
    pub(super) final_message: OnceLock<Thread>,
    /// The process is ending.
    pub(super) ending: AtomicBool,
    /// The final message has been written.
    pub(super) said: AtomicBool,
}

impl WatchedTerms {
    pub(in crate::term) fn new() -> WatchedTerms {
        WatchedTerms {
            terms: Mutex::new(Slots::new()),
            watchdog: OnceLock::new(),
            notifier: OnceLock::new(),
            final_message: OnceLock::new(),
            ending: AtomicBool::new(false),
            said: AtomicBool::new(false),
        }
    }

    pub(in crate::term) fn add(self: &Arc<Self>, term_state: &Arc<TermState>) {
        let number = put_into(Arc::clone(term_state), |step| step(&mut self.terms()));
        term_state.is_watched_by(Arc::clone(self) as Arc<dyn TermWatcher>, number);
        self.nudge();
    }

    /// Enforces the deadlines of all terms. If the result says `notify`, the notifier has to be [woken](Self::wake_notifier).
    pub(in crate::term) fn enforce(&self, now: Moment) -> Enforcement {
        self.terms()
            .iter()
            .fold(Enforcement::NONE, |enforcement, (_, term_state)| enforcement.and(term_state.enforce(now)))
    }

    pub(in crate::term) fn wake_notifier(&self) {
        self.notifier.get().into_iter().for_each(Thread::unpark);
    }

    /// One round of the notifier: wakes and reports what [`enforce`](Self::enforce) has left.
    pub(in crate::term) fn notify(&self) {
        for term_state in self.each(TermState::take_pending_notification) {
            // A waker is user code and may panic.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                overrun::report(&term_state, term_state.clock().now());
                term_state.notify();
            }));
        }
    }

    /// The terms that match, one by one, and not under the lock.
    pub(super) fn each(&self, wanted: impl Fn(&TermState) -> bool) -> impl Iterator<Item = Arc<TermState>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let terms = self.terms();
            let (number, term_state) =
                terms.iter().find(|(number, term_state)| *number >= from && wanted(term_state))?;
            from = number + 1;
            Some(Arc::clone(term_state))
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.terms().iter().next().is_none()
    }

    fn terms(&self) -> MutexGuard<'_, Slots<Arc<TermState>>> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TermWatcher for WatchedTerms {
    fn forget(&self, number: usize) {
        let term = self.terms().take(number);
        // Dropped after the lock is released.
        drop(term);
    }

    fn nudge(&self) {
        self.watchdog.get().into_iter().for_each(Thread::unpark);
    }
}

// Its terms are left out, because each term shows its watchdog.
impl fmt::Debug for WatchedTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedTerms").finish_non_exhaustive()
    }
}
