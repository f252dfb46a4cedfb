//! The list of open watches, through which a test controls them.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};

use super::call::RecordedRequest;

/// What a test tells an open watch to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum WatchControl {
    Run = 0,
    /// Send nothing and stay open, like a connection whose other end has vanished.
    Silent = 1,
    /// End as if the timeout had expired.
    Close = 2,
    /// Break the connection.
    Break = 3,
    /// Send 410 and end.
    Expire = 4,
}

/// An open watch in the list of open watches.
#[derive(Debug)]
pub(crate) struct OpenWatch {
    pub(crate) call: Arc<RecordedRequest>,
    control: AtomicU8,
}

impl OpenWatch {
    pub(crate) fn new(call: Arc<RecordedRequest>) -> OpenWatch {
        OpenWatch { call, control: AtomicU8::new(WatchControl::Run as u8) }
    }

    pub(crate) fn set(&self, control: WatchControl) {
        self.control.store(control as u8, Ordering::Release);
    }

    pub(crate) fn control(&self) -> WatchControl {
        match self.control.load(Ordering::Acquire) {
            1 => WatchControl::Silent,
            2 => WatchControl::Close,
            3 => WatchControl::Break,
            4 => WatchControl::Expire,
            _ => WatchControl::Run,
        }
    }
}

/// The open watches, oldest first. This list holds the only reference to a watch that has ended.
#[derive(Debug, Default)]
pub(crate) struct OpenWatches(Vec<Weak<OpenWatch>>);

impl OpenWatches {
    pub(crate) fn open(&self) -> Vec<Arc<OpenWatch>> {
        self.0.iter().filter_map(Weak::upgrade).collect()
    }

    pub(crate) fn add(&mut self, open: &Arc<OpenWatch>) {
        self.0.retain(|watch| watch.strong_count() > 0);
        self.0.push(Arc::downgrade(open));
    }
}
