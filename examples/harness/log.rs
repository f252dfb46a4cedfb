//! The log of the work: one line for each action of a replica, in one file for all replicas.
//!
//! All replicas are on one machine, so they have the same clock. A line is one `write` to a file that is opened for appending. So
//! the order of the lines is the order of the actions.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lease_runtime::Term;
use lease_runtime::clock::{Clock, Moment, SystemClock};

/// The environment variable with the path of the log, which the parent process sets.
const LOG: &str = "LEASE_WORK_LOG";
/// Stands for the lease in entries from outside of a term.
const NO_LEASE: &str = "-";

/// The log, for a replica that writes to it.
#[derive(Clone, Debug)]
pub struct WorkLog {
    path: PathBuf,
    file: Arc<File>,
    replica: String,
}

/// One line of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The time, on the machine's clock.
    pub at: Moment,
    /// The replica.
    pub replica: String,
    /// The lease.
    pub lease: String,
    /// The fencing token of the term. 0 outside of a term.
    pub token: u64,
    /// What the replica did.
    pub what: String,
}

impl WorkLog {
    /// The log of this process, if it is a replica.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub fn of_this_replica() -> io::Result<Option<WorkLog>> {
        let Some(path) = std::env::var_os(LOG) else { return Ok(None) };
        let replica = std::env::var("POD_NAME").unwrap_or_else(|_| std::process::id().to_string());
        let file = Arc::new(OpenOptions::new().append(true).open(&path)?);
        Ok(Some(WorkLog { path: path.into(), file, replica }))
    }

    /// The name of this replica.
    pub fn replica(&self) -> &str {
        &self.replica
    }

    /// Whether the parent process has created a flag of this name. This is how it controls a replica.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.path.with_file_name(flag).exists()
    }

    /// Logs an action in a term.
    pub fn note(&self, term: &Term, what: &str) {
        self.write(term.lease().name(), term.fencing_token().get(), what);
    }

    /// Logs an action outside of a term.
    pub fn note_outside(&self, what: &str) {
        self.write(NO_LEASE, 0, what);
    }

    fn write(&self, lease: &str, token: u64, what: &str) {
        let line = format!("{} {} {lease} {token} {what}\n", SystemClock.now().as_nanos(), self.replica);
        if let Err(error) = (&*self.file).write_all(line.as_bytes()) {
            // Work that is not logged would be missing in the count of overlaps.
            panic!("cannot write to {}: {error}", self.path.display());
        }
    }
}

/// The log, for the parent process that reads it.
#[derive(Debug)]
pub(super) struct LogReader {
    path: PathBuf,
    file: File,
    /// The beginning of a line that has not been written completely.
    rest: String,
    entries: Vec<Entry>,
}

impl LogReader {
    pub(super) fn create(path: PathBuf) -> io::Result<LogReader> {
        File::create(&path)?;
        Ok(LogReader { file: File::open(&path)?, path, rest: String::new(), entries: Vec::new() })
    }

    /// The environment variables of a replica.
    pub(super) fn for_replica(&self) -> (&'static str, &Path) {
        (LOG, &self.path)
    }

    /// All entries, in the order of writing.
    pub(super) fn read(&mut self) -> io::Result<&[Entry]> {
        self.file.read_to_string(&mut self.rest)?;
        let whole = self.rest.rfind('\n').map_or(0, |at| at + 1);
        for line in self.rest.drain(..whole).collect::<String>().lines() {
            let wrong = || io::Error::new(io::ErrorKind::InvalidData, format!("not a line of the log: {line}"));
            self.entries.push(parse(line).ok_or_else(wrong)?);
        }
        Ok(&self.entries)
    }
}

fn parse(line: &str) -> Option<Entry> {
    let mut words = line.splitn(5, ' ');
    Some(Entry {
        at: Moment::from_nanos(words.next()?.parse().ok()?),
        replica: words.next()?.to_owned(),
        lease: words.next()?.to_owned(),
        token: words.next()?.parse().ok()?,
        what: words.next()?.to_owned(),
    })
}
