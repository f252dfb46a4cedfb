//! The thread that enforces the deadlines of terms, even if everything else in the process is stuck.
//!
//! The elector carries out what its election decides, but it may be late: it shares its thread with requests, with the log, or
//! with bodies. So a watchdog checks the deadlines of all terms by itself.
//!
//! Until it has stopped a body that must not continue, the watchdog does not log, allocate or wake anything, and takes no lock
//! under which another thread does. Each of these can run foreign code, and so can block. Two more threads do the rest, one for
//! each kind of work that may block:
//!
//! * the *notifier* wakes bodies, so that they notice, and reports overruns that may continue;
//! * the *exit* thread writes the final message before the process ends, for [a tenth of a second](exit::FINAL_MESSAGE_TIME) at
//!   most. Where a task asked for it, it also ends the process with its exit code, and has [longer](IN_ORDER) for that.
//!
//! All three exist once per process, from the first elector on that uses the [system's clock](Clock::is_system). With another
//! clock, as in tests, there is no watchdog, and the elector enforces the deadlines.

mod watched;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder, Thread};
use std::time::Duration;

use self::watched::WatchedTerms;
use super::state::TermWatcher;
use super::{TermState, exit, overrun};
use crate::clock::{Clock, Moment, SystemClock};
use crate::policy::OnOverrun;
use crate::sync::atomic::Ordering;

/// The longest sleep while there is a term. A sleep does not count the time while the machine is suspended, but the clock does.
const SLICE: Duration = Duration::from_secs(1);
/// How long a process that ends with its lease has to end with its exit code, before it is aborted.
const IN_ORDER: Duration = Duration::from_millis(500);

/// The watchdog of this process, once it runs. It is global because it serves all terms of the process, and a term can outlive
/// its elector.
static OF_PROCESS: Mutex<Option<Arc<WatchedTerms>>> = Mutex::new(None);

/// Starts the watchdog if it does not run yet and `clock` is the system's.
///
/// # Errors
///
/// If its threads cannot be started.
pub(crate) fn start(clock: &dyn Clock) -> io::Result<()> {
    let mut of_process = OF_PROCESS.lock().unwrap_or_else(PoisonError::into_inner);
    if clock.is_system() && of_process.is_none() {
        let watched = Arc::new(WatchedTerms::new());
        watched.clone().start()?;
        *of_process = Some(watched);
    }
    Ok(())
}

/// Puts a term under the watchdog until it is drained. Call it before anything runs in the term.
pub(crate) fn watch(term_state: &Arc<TermState>) {
    let of_process = OF_PROCESS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(watched) = of_process.filter(|_| term_state.clock().is_system()) {
        watched.add(term_state);
    }
}

impl WatchedTerms {
    fn start(self: Arc<Self>) -> io::Result<()> {
        let [final_message, notifier, watchdog] = [(); 3].map(|()| Arc::clone(&self));
        let spawn = |name: &str, body: Box<dyn FnOnce() + Send>| Builder::new().name(name.to_owned()).spawn(body);
        let thread = spawn("lease-exit", Box::new(move || final_message.say_final_message()))?;
        let _ = self.final_message.set(thread.thread().clone());
        let thread = spawn("lease-notifier", Box::new(move || notifier.notifier()))?;
        let _ = self.notifier.set(thread.thread().clone());
        let thread = spawn("lease-watchdog", Box::new(move || watchdog.watch()))?;
        let _ = self.watchdog.set(thread.thread().clone());
        Ok(())
    }

    /// The loop of the watchdog thread.
    fn watch(&self) {
        let _fuse = Fuse;
        loop {
            let now = SystemClock.now();
            let enforcement = self.enforce(now);
            if enforcement.abort {
                self.end(exit::FINAL_MESSAGE_TIME);
            }
            if enforcement.exit {
                self.end(IN_ORDER);
            }
            if enforcement.notify {
                self.wake_notifier();
            }
            if enforcement.next == Moment::FAR && self.is_empty() {
                thread::park();
            } else {
                thread::park_timeout(enforcement.next.after(SystemClock.now()).clamp(Duration::from_millis(1), SLICE));
            }
        }
    }

    /// Ends the process. Waits for the final message for at most this time.
    fn end(&self, patience: Duration) -> ! {
        self.ending.store(true, Ordering::Release);
        self.final_message.get().into_iter().for_each(Thread::unpark);
        let until = SystemClock.now() + patience;
        while !self.said.load(Ordering::Acquire) {
            let left = until.after(SystemClock.now());
            if left.is_zero() {
                break;
            }
            thread::park_timeout(left);
        }
        std::process::abort()
    }

    fn say_final_message(&self) {
        while !self.ending.load(Ordering::Acquire) {
            thread::park();
        }
        let now = SystemClock.now();
        let overruns = |term_state: Arc<TermState>| overrun::find(&term_state, now, OnOverrun::Abort);
        let overruns: Vec<_> = self.each(|_| true).flat_map(overruns).collect();
        let _ = catch_unwind(AssertUnwindSafe(|| overrun::say(&overruns)));
        if overruns.is_empty() {
            // If one of the terms was lost and ends the process, this does not return.
            self.each(|_| true).for_each(|term_state| exit::if_lost(&term_state));
        }
        self.said.store(true, Ordering::Release);
        self.nudge();
    }

    fn notifier(&self) {
        loop {
            thread::park();
            self.notify();
        }
    }
}

/// Aborts the process if the watchdog thread panics. Without the watchdog, nothing would stop a body that must not continue.
struct Fuse;

impl Drop for Fuse {
    fn drop(&mut self) {
        std::process::abort();
    }
}

#[cfg(test)]
mod tests;
