//! Where an elector's log lines are said.
//!
//! An elector with a thread of its own hands its lines to another one, `lease-log`: a subscriber that is slow, blocks or
//! panics is then no matter for the renewals of a thousand leases. An elector on the user's runtime says them where it
//! stands, as everything else on that runtime does.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use tokio::sync::watch;
use tracing::Level;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};

/// How many lines may wait. Of each quieter pair of levels fewer, so that the important ones find room.
const ROOM: usize = 8192;
/// How long the end of an election waits for its last log lines.
const PATIENCE: Duration = Duration::from_millis(250);

thread_local! {
    /// Who speaks for this thread.
    static SPEAKER: RefCell<Option<Arc<Queue>>> = const { RefCell::new(None) };
}

/// A line, ready to be said.
type Line = Box<dyn FnOnce() + Send>;

/// The thread that speaks for an elector. It ends when this has been dropped and everything has been said.
pub(super) struct LogThread(Arc<Queue>);

struct Queue {
    waiting: Mutex<QueuedLine>,
    more: Condvar,
    /// How many lines have been said.
    said: watch::Sender<u64>,
}

#[derive(Default)]
struct QueuedLine {
    lines: VecDeque<Line>,
    /// How many lines have ever been taken.
    taken: u64,
    /// How many found no room since that was last said.
    dropped: u64,
    closed: bool,
}

/// Waits for lines to be said.
#[derive(Clone)]
pub(super) struct LogFlush(Arc<Queue>);

impl LogThread {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<LogThread> {
        let queue = Arc::new(Queue { waiting: Mutex::default(), more: Condvar::new(), said: watch::Sender::new(0) });
        let own = Arc::clone(&queue);
        Builder::new().name("lease-log".to_owned()).spawn(move || own.speak())?;
        Ok(LogThread(queue))
    }

    /// Speaks for the current thread from now on.
    pub(super) fn speak_for_this_thread(&self) {
        SPEAKER.set(Some(Arc::clone(&self.0)));
    }

    pub(super) fn spoken(&self) -> LogFlush {
        LogFlush(Arc::clone(&self.0))
    }
}

impl Drop for LogThread {
    fn drop(&mut self) {
        self.0.waiting().closed = true;
        self.0.more.notify_one();
    }
}

impl LogFlush {
    /// Resolves when what has been handed in so far was said, or could not be for a while. Cancel safe.
    pub(super) async fn caught_up(&self) {
        let taken = self.0.waiting().taken;
        let mut said = self.0.said.subscribe();
        let _ = tokio::time::timeout(PATIENCE, said.wait_for(|said| *said >= taken)).await;
    }
}

/// Whether any subscriber may want lines of this level. Runs no code of a subscriber.
pub(super) fn is_wanted(level: Level) -> bool {
    level <= STATIC_MAX_LEVEL && level <= LevelFilter::current()
}

/// Says a line, or has it said.
pub(super) fn say(level: Level, line: impl FnOnce() + Send + 'static) {
    match SPEAKER.with_borrow(Clone::clone) {
        Some(queue) => queue.take(level, Box::new(line)),
        None => line(),
    }
}

impl Queue {
    fn take(&self, level: Level, line: Line) {
        let room = match level {
            Level::TRACE | Level::DEBUG => ROOM / 2,
            Level::INFO => ROOM / 4 * 3,
            _ => ROOM,
        };
        let mut waiting = self.waiting();
        if waiting.lines.len() < room {
            waiting.lines.push_back(line);
            waiting.taken += 1;
            drop(waiting);
            self.more.notify_one();
        } else {
            waiting.dropped += 1;
            drop(waiting);
            drop(line);
        }
    }

    /// The thread.
    fn speak(&self) {
        while let Some((line, dropped)) = self.next() {
            // A subscriber is the user's code, and so is the panic hook. Neither ends the log.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                if dropped > 0 {
                    tracing::warn!(target: "lease_runtime", dropped, "log lines were dropped: the subscriber is too slow");
                }
                line();
            }));
            self.said.send_modify(|said| *said += 1);
        }
    }

    /// Waits for the next line. And how many were dropped before it.
    fn next(&self) -> Option<(Line, u64)> {
        let mut waiting = self.waiting();
        loop {
            if let Some(line) = waiting.lines.pop_front() {
                return Some((line, std::mem::take(&mut waiting.dropped)));
            }
            if waiting.closed {
                return None;
            }
            waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, QueuedLine> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value of a log line, as one that can go to another thread.
pub(super) trait OwnedValue {
    type Owned: tracing::Value + Send + 'static;

    fn own(self) -> Self::Owned;
}

impl OwnedValue for &str {
    type Owned = String;

    fn own(self) -> String {
        self.to_owned()
    }
}

impl OwnedValue for &String {
    type Owned = String;

    fn own(self) -> String {
        self.clone()
    }
}

impl OwnedValue for String {
    type Owned = String;

    fn own(self) -> String {
        self
    }
}

macro_rules! copied {
    ($($type:ty),*) => {$(
        impl OwnedValue for $type {
            type Owned = $type;

            fn own(self) -> $type {
                self
            }
        }

        impl OwnedValue for &$type {
            type Owned = $type;

            fn own(self) -> $type {
                *self
            }
        }
    )*};
}
copied!(bool, u32, u64, usize, i32, i64);

#[cfg(test)]
mod tests;
