//! What `lease_runtime::sync` exports, made of loom's primitives.
//!
//! loom has its own atomics and mutex. The other types here do what the originals promise. Their threads meet in a mutex where those
//! of the originals meet in an atomic read-modify-write with acquire and release, so they order the same memory accesses.

pub(crate) use loom::sync::{Mutex, MutexGuard};

pub(crate) mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
}

use std::future::poll_fn;
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};

use self::atomic::{AtomicBool, Ordering};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As `std::sync::OnceLock`: `set` publishes the value, and a `get` that does not see it yet returns nothing.
#[derive(Debug)]
pub(crate) struct OnceLock<T> {
    value: std::sync::OnceLock<T>,
    is_set: AtomicBool,
    /// A second `set` waits until the first is complete.
    setting: Mutex<()>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> OnceLock<T> {
        OnceLock { value: std::sync::OnceLock::new(), is_set: AtomicBool::new(false), setting: Mutex::new(()) }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.is_set.load(Ordering::Acquire) { self.value.get() } else { None }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        let _setting = lock(&self.setting);
        self.value.set(value)?;
        self.is_set.store(true, Ordering::Release);
        Ok(())
    }
}

/// As `futures_util::task::AtomicWaker`: a `wake` after a `register` wakes the waker, and a `register` after a `wake` sees what came
/// before it.
#[derive(Debug)]
pub(crate) struct AtomicWaker(Mutex<Option<Waker>>);

impl AtomicWaker {
    pub(crate) fn new() -> AtomicWaker {
        AtomicWaker(Mutex::new(None))
    }

    pub(crate) fn register(&self, waker: &Waker) {
        let AtomicWaker(registered) = self;
        let before = lock(registered).replace(waker.clone());
        drop(before);
    }

    pub(crate) fn wake(&self) {
        let AtomicWaker(registered) = self;
        let waker = lock(registered).take();
        waker.into_iter().for_each(Waker::wake);
    }
}

/// As `tokio_util::sync::CancellationToken`, without child tokens.
#[derive(Clone, Debug)]
pub(crate) struct CancellationToken(Arc<Mutex<Cancellation>>);

#[derive(Debug)]
struct Cancellation {
    is_cancelled: bool,
    waiting: Vec<Waker>,
}

impl CancellationToken {
    pub(crate) fn new() -> CancellationToken {
        CancellationToken(Arc::new(Mutex::new(Cancellation { is_cancelled: false, waiting: Vec::new() })))
    }

    fn cancellation(&self) -> MutexGuard<'_, Cancellation> {
        let CancellationToken(cancellation) = self;
        lock(cancellation)
    }

    pub(crate) fn cancel(&self) {
        let waiting = {
            let mut cancellation = self.cancellation();
            cancellation.is_cancelled = true;
            std::mem::take(&mut cancellation.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) async fn cancelled(&self) {
        poll_fn(|cx| {
            let mut cancellation = self.cancellation();
            if cancellation.is_cancelled {
                return Poll::Ready(());
            }
            cancellation.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

pub(crate) mod thread {
    use std::sync::{Arc, PoisonError};

    use super::{Mutex, lock};
    use loom::sync::Condvar;

    /// As `std::thread::Thread`: an `unpark` ends the next `park`, or the one that lasts.
    #[derive(Clone, Debug)]
    pub(crate) struct Thread(Arc<(Mutex<bool>, Condvar)>);

    impl Thread {
        pub(crate) fn new() -> Thread {
            Thread(Arc::new((Mutex::new(false), Condvar::new())))
        }

        pub(crate) fn unpark(&self) {
            let (unparked, changed) = &*self.0;
            *lock(unparked) = true;
            changed.notify_one();
        }

        /// Only the thread that this handle stands for calls it.
        pub(crate) fn park(&self) {
            let (unparked, changed) = &*self.0;
            let mut unparked = lock(unparked);
            while !*unparked {
                unparked = changed.wait(unparked).unwrap_or_else(PoisonError::into_inner);
            }
            *unparked = false;
        }
    }
}
