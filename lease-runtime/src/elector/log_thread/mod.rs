//! The thread that writes the log lines of an elector.
//!
//! An elector with a thread of its own hands its lines to another thread, `lease-log`. So a subscriber that is slow, blocks or
//! panics does not delay the renewals of a thousand leases. An elector on the user's runtime writes its lines directly, like
//! everything else on that runtime.

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

/// How many lines may wait. For less important levels there is less room, so that important lines are not dropped.
const ROOM: usize = 8192;
/// How long the end of an election waits for its last log lines.
const PATIENCE: Duration = Duration::from_millis(250);

thread_local! {
    /// The queue that takes the lines of this thread, if there is one.
    static QUEUE: RefCell<Option<Arc<Queue>>> = const { RefCell::new(None) };
}

/// A line that is ready to be written.
type Line = Box<dyn FnOnce() + Send>;

/// The thread that writes the log of an elector. It ends when this is dropped and everything has been written.
pub(super) struct LogThread(Arc<Queue>);

struct Queue {
    waiting: Mutex<QueuedLine>,
    more: Condvar,
    /// How many lines have been written.
    said: watch::Sender<u64>,
}

#[derive(Default)]
struct QueuedLine {
    lines: VecDeque<Line>,
    /// How many lines have been taken in total.
    taken: u64,
    /// How many lines were dropped since the last line that said so.
    dropped: u64,
    closed: bool,
}

/// Waits until lines are written.
#[derive(Clone)]
pub(super) struct LogFlush(Arc<Queue>);

impl LogThread {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<LogThread> {
        let queue = Arc::new(Queue { waiting: Mutex::default(), more: Condvar::new(), said: watch::Sender::new(0) });
        let own = Arc::clone(&queue);
        Builder::new().name("lease-log".to_owned()).spawn(move || own.write_lines())?;
        Ok(LogThread(queue))
    }

    /// Takes the log lines of the current thread from now on.
    pub(super) fn log_for_this_thread(&self) {
        QUEUE.set(Some(Arc::clone(&self.0)));
    }

    pub(super) fn log_flush(&self) -> LogFlush {
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
    /// Resolves when all lines up to now have been written, or after a time limit. Cancel safe.
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

/// Writes a line, or queues it if this thread has a log thread.
pub(super) fn say(level: Level, line: impl FnOnce() + Send + 'static) {
    match QUEUE.with_borrow(Clone::clone) {
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

    /// The loop of the thread.
    fn write_lines(&self) {
        while let Some((line, dropped)) = self.next() {
            // A subscriber is user code, and so is the panic hook. A panic of either must not end the log.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                if dropped > 0 {
                    tracing::warn!(target: "lease_runtime", dropped, "log lines were dropped: the subscriber is too slow");
                }
                line();
            }));
            self.said.send_modify(|said| *said += 1);
        }
    }

    /// Waits for the next line. Also returns how many were dropped before it.
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

/// A value of a log line that can be sent to another thread.
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
