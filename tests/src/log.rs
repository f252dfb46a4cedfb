//! The event log of a scenario: one file that the replicas and the test itself write to.
//!
//! A line is `<nanoseconds of CLOCK_BOOTTIME> <identity> <process id> <event>[@<lease>] <fencing token> [<detail>]`, appended
//! by one `write`. All writers are on one machine, so they have the same clock. The stamps can be compared to the nanosecond,
//! even if the lines are in another order.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lease_runtime::clock::{Clock, Moment, SystemClock};

/// How long a test waits for an event before it fails. Longer than any event takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// How often a wait reads the file.
const GLANCE: Duration = Duration::from_millis(4);

/// The clock of all stamps.
pub fn now() -> Moment {
    SystemClock.now()
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// When it happened.
    pub at: Moment,
    /// Who wrote it: a candidate's identity, or `test`.
    pub identity: String,
    /// The process.
    pub pid: u32,
    /// What happened: see [`replica`](crate::replica).
    pub what: String,
    /// The lease. Empty if the scenario has only one.
    pub lease: String,
    /// The fencing token of the term. 0 outside of a term.
    pub token: u64,
    /// More about it.
    pub detail: String,
}

impl Event {
    /// Whether it shows that user code ran in a term.
    pub fn is_work(&self) -> bool {
        self.token > 0
    }

    /// Whether it has this name.
    pub fn is(&self, what: &str) -> bool {
        self.what == what
    }

    /// Parses a line. `None` if it is not an event. The contender on client-go writes `-` if there is no token.
    pub fn parse(line: &str) -> Option<Event> {
        let mut fields = line.splitn(6, ' ');
        let at = Moment::from_nanos(fields.next()?.parse().ok()?);
        let (identity, pid) = (fields.next()?.to_owned(), fields.next()?.parse().ok()?);
        let event = fields.next()?;
        let (what, lease) = event.split_once('@').unwrap_or((event, ""));
        Some(Event {
            at,
            identity,
            pid,
            what: what.to_owned(),
            lease: lease.to_owned(),
            token: match fields.next()? {
                "-" => 0,
                token => token.parse().ok()?,
            },
            detail: fields.next().unwrap_or_default().to_owned(),
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event { at, identity, pid, what, lease, token, detail } = self;
        let at_lease = if lease.is_empty() { "" } else { "@" };
        write!(f, "{} {identity} {pid} {what}{at_lease}{lease} {token}", at.as_nanos())?;
        if detail.is_empty() { Ok(()) } else { write!(f, " {detail}") }
    }
}

/// Writes events to the log.
#[derive(Debug)]
pub struct Pen {
    file: File,
    identity: String,
}

impl Pen {
    /// Opens the log to write as `identity`.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub fn open(path: &Path, identity: &str) -> io::Result<Pen> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Pen { file, identity: identity.replace(' ', "_") })
    }

    /// Writes an event with the current time.
    pub fn write(&self, what: &str, token: u64, detail: &str) -> Moment {
        self.write_under("", what, token, detail)
    }

    /// Like [`write`](Pen::write), for one of several leases.
    pub fn write_under(&self, lease: &str, what: &str, token: u64, detail: &str) -> Moment {
        let at = now();
        let (identity, detail) = (self.identity.clone(), detail.replace('\n', " | "));
        let (what, lease) = (what.to_owned(), lease.to_owned());
        let event = Event { at, identity, pid: std::process::id(), what, lease, token, detail };
        let line = format!("{event}\n");
        // One `write` to a file that is opened for appending, so lines of several processes do not mix.
        (&self.file).write_all(line.as_bytes()).expect("the event log cannot be written");
        at
    }
}

/// Reads the log, and writes the actions of the test to it.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    pen: Pen,
    read: Mutex<Reading>,
}

#[derive(Debug)]
struct Reading {
    file: File,
    /// The beginning of a line that has not been written completely.
    rest: Vec<u8>,
    events: Vec<Event>,
}

impl Log {
    /// A log in this file.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Log> {
        let pen = Pen::open(path, "test")?;
        let read = Reading { file: File::open(path)?, rest: Vec::new(), events: Vec::new() };
        Ok(Log { path: path.to_owned(), pen, read: Mutex::new(read) })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Logs an action of the test. Returns the time of the entry.
    pub fn note(&self, what: &str, detail: &str) -> Moment {
        self.pen.write(what, 0, detail)
    }

    fn read(&self) -> MutexGuard<'_, Reading> {
        let mut reading = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        reading.catch_up().expect("the event log cannot be read");
        reading
    }

    /// Looks at the events that were written since the [mark](Log::mark), in the order of the file.
    pub fn look<T>(&self, mark: usize, look: impl FnOnce(&[Event]) -> T) -> T {
        look(self.read().events.get(mark..).unwrap_or_default())
    }

    /// All events so far, sorted by their stamps.
    pub fn events(&self) -> Vec<Event> {
        let mut events = self.read().events.clone();
        events.sort_by_key(|event| event.at);
        events
    }

    /// The number of events so far. [`find_from`](Log::find_from) takes it as the place from which to search.
    pub fn mark(&self) -> usize {
        self.read().events.len()
    }

    /// Waits until `find` finds something among the events.
    ///
    /// # Panics
    ///
    /// If it finds nothing within [`PATIENCE`].
    pub async fn find<T>(&self, what: &str, find: impl Fn(&[Event]) -> Option<T>) -> T {
        self.find_from(0, what, find).await
    }

    /// Like [`find`](Log::find), among the events that were written since the [mark](Log::mark).
    ///
    /// # Panics
    ///
    /// If it finds nothing within [`PATIENCE`].
    pub async fn find_from<T>(&self, mark: usize, what: &str, find: impl Fn(&[Event]) -> Option<T>) -> T {
        let mut looked = None;
        until(what, async || {
            let reading = self.read();
            if looked == Some(reading.events.len()) {
                return None;
            }
            looked = Some(reading.events.len());
            find(reading.events.get(mark..).unwrap_or_default())
        })
        .await
    }

    /// Waits for an event of this name that satisfies `accept`.
    ///
    /// # Panics
    ///
    /// If there is no such event within [`PATIENCE`].
    pub async fn wait(&self, what: &str, accept: impl Fn(&Event) -> bool) -> Event {
        self.find(what, |events| events.iter().find(|event| event.is(what) && accept(event)).cloned()).await
    }
}

impl Reading {
    fn catch_up(&mut self) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut self.rest);
        self.file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.rest = bytes.split_off(whole);
        for line in String::from_utf8_lossy(&bytes).lines() {
            match Event::parse(line) {
                Some(event) => self.events.push(event),
                None => panic!("the event log has a line that is not an event: {line:?}"),
            }
        }
        Ok(())
    }
}

/// Calls `look` repeatedly until it returns a value.
///
/// # Panics
///
/// If it returns no value within [`PATIENCE`].
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, look).await
}

/// Like [`until`], with another time limit.
///
/// # Panics
///
/// If it returns no value within the limit.
pub async fn until_within<T>(patience: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = now();
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(now().since(begun) < patience, "waited {patience:?} for: {what}");
        tokio::time::sleep(GLANCE).await;
    }
}

/// The events of one term in a log.
#[derive(Clone, Debug)]
pub struct TermSpan {
    /// The fencing token.
    pub token: u64,
    /// The identity of its leader.
    pub identity: String,
    /// The process of its leader.
    pub pid: u32,
    /// The first event.
    pub first: Moment,
    /// The last event.
    pub last: Moment,
    /// The last event that shows work, and not the end of the body.
    pub last_beat: Moment,
}

/// The terms in a log, sorted by their tokens.
pub fn terms(events: &[Event]) -> Vec<TermSpan> {
    let mut terms: BTreeMap<(u64, &str, u32), TermSpan> = BTreeMap::new();
    for event in events.iter().filter(|event| event.is_work()) {
        let Event { at, identity, pid, token, .. } = event;
        let span = terms.entry((*token, identity, *pid)).or_insert_with(|| TermSpan {
            token: *token,
            identity: identity.clone(),
            pid: *pid,
            first: *at,
            last: *at,
            last_beat: *at,
        });
        span.first = span.first.min(*at);
        span.last = span.last.max(*at);
        if !event.is("stopped") {
            span.last_beat = span.last_beat.max(*at);
        }
    }
    terms.into_values().collect()
}
