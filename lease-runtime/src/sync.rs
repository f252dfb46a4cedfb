//! The primitives by which the threads of a term agree.
//!
//! `term` and `tick` take them from here. So `tests/interleavings` can compile the same files with other primitives, which try all
//! orders in which the threads can run.

pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock};

pub(crate) use futures_util::task::AtomicWaker;
pub(crate) use tokio_util::sync::CancellationToken;

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
}

pub(crate) mod thread {
    pub(crate) use std::thread::Thread;
}
