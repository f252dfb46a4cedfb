//! Catches what is said in the log of one thread.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Until the guard is dropped, on this thread.
    pub(super) fn capture(&self) -> DefaultGuard {
        // With a single subscriber in the process, tracing decides once and for all by the thread that first comes by a
        // line whether anybody wants it. That may be another test's, which listens to nothing; a second subscriber makes it
        // ask them all.
        static SECOND: OnceLock<tracing::Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| tracing::Dispatch::new(Catcher(Lines::default())));
        tracing::subscriber::set_default(Catcher(self.clone()))
    }

    pub(super) fn matching(&self, parts: &[&str]) -> usize {
        self.0.lock().unwrap().iter().filter(|line| parts.iter().all(|part| line.contains(part))).count()
    }

    pub(super) fn count(&self, level: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| line.starts_with(level)).count()
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// What is of interest in a failure: not the hundreds of quiet lines.
impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| !line.starts_with("DEBUG")).try_for_each(|line| writeln!(f, "{line}"))
    }
}

struct Catcher(Lines);

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
        self.0.0.lock().unwrap().push(line);
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
