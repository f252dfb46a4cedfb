//! The log of the work: one line for each thing that a replica does, in one file for all replicas.
//!
//! All replicas are on one machine and so on one clock, and a line is one `write` to a file opened for appending: the log
//! says exactly who did what before whom.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lease_runtime::Term;
use lease_runtime::clock::{Clock, Moment, SystemClock};

/// How the audience tells a replica its log.
const LOG: &str = "LEASE_WORK_LOG";
/// Instead of a lease, outside of a term.
const NO_LEASE: &str = "-";

/// The end of the log that a replica writes to.
#[derive(Clone, Debug)]
pub struct WorkLog {
    path: PathBuf,
    file: Arc<File>,
    replica: String,
}

/// One line of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When, on the machine's clock.
    pub at: Moment,
    /// Who.
    pub replica: String,
    /// Under which lease.
    pub lease: String,
    /// In which term; 0 outside of one.
    pub token: u64,
    /// What.
    pub what: String,
}

impl WorkLog {
    /// The log that this process was told to write to, if it is a replica.
    ///
    /// # Errors
    ///
    /// A file that cannot be opened.
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

    /// Whether a thing of this name lies on the stage: how the audience tells a replica something.
    pub fn sees(&self, prop: &str) -> bool {
        self.path.with_file_name(prop).exists()
    }

    /// Something is done under a term.
    pub fn note(&self, term: &Term, what: &str) {
        self.write(term.lease().name(), term.fencing_token().get(), what);
    }

    /// Something is done outside of any term.
    pub fn note_outside(&self, what: &str) {
        self.write(NO_LEASE, 0, what);
    }

    fn write(&self, lease: &str, token: u64, what: &str) {
        let line = format!("{} {} {lease} {token} {what}\n", SystemClock.now().as_nanos(), self.replica);
        if let Err(error) = (&*self.file).write_all(line.as_bytes()) {
            // Work that is not logged would make the count of overlaps a lie.
            panic!("cannot write to {}: {error}", self.path.display());
        }
    }
}

/// The end that the audience reads.
#[derive(Debug)]
pub(super) struct Script {
    path: PathBuf,
    file: File,
    /// The beginning of a line whose end was not there yet.
    rest: String,
    entries: Vec<Entry>,
}

impl Script {
    pub(super) fn create(path: PathBuf) -> io::Result<Script> {
        File::create(&path)?;
        Ok(Script { file: File::open(&path)?, path, rest: String::new(), entries: Vec::new() })
    }

    /// What a replica needs in its environment.
    pub(super) fn for_replica(&self) -> (&'static str, &Path) {
        (LOG, &self.path)
    }

    /// Everything in it, in the order of writing.
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
