//! Captures the log of one thread.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Called with each line.
type Ear = Box<dyn Fn(&str)>;

thread_local! {
    static CAUGHT: RefCell<Option<Lines>> = const { RefCell::new(None) };
    static HEARD: RefCell<Option<Ear>> = const { RefCell::new(None) };
}

#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

/// Ends a capture.
pub(crate) struct Capture;

impl Drop for Capture {
    fn drop(&mut self) {
        CAUGHT.take();
        HEARD.take();
    }
}

impl Lines {
    /// As [`capture`](Self::capture), and calls `hear` with each line while it is being written.
    pub(crate) fn capture_and(&self, hear: impl Fn(&str) + 'static) -> Capture {
        HEARD.set(Some(Box::new(hear)));
        self.capture()
    }

    /// Captures the log of this thread until the guard is dropped.
    ///
    /// There is one subscriber for the whole process. With one per test, tracing rebuilds its cache of interests while tests run side
    /// by side, and an event may get lost.
    pub(crate) fn capture(&self) -> Capture {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| tracing::subscriber::set_global_default(Catcher).expect("another subscriber"));
        CAUGHT.set(Some(self.clone()));
        Capture
    }

    pub(crate) fn matching(&self, parts: &[&str]) -> usize {
        self.0.lock().unwrap().iter().filter(|line| parts.iter().all(|part| line.contains(part))).count()
    }

    pub(crate) fn count(&self, level: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| line.starts_with(level)).count()
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// For a failed test: only the lines that matter, not the hundreds of debug lines.
impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| !line.starts_with("DEBUG")).try_for_each(|line| writeln!(f, "{line}"))
    }
}

struct Catcher;

impl Subscriber for Catcher {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "lease_runtime" && *metadata.level() < tracing::Level::TRACE
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = event.metadata().level().to_string();
        event.record(&mut Fields(&mut line));
        CAUGHT.with_borrow(|lines| lines.iter().for_each(|lines| lines.0.lock().unwrap().push(line.clone())));
        HEARD.with_borrow(|hear| hear.iter().for_each(|hear| hear(&line)));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}
