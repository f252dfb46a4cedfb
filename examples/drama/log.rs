//! The log of the work: one line for each thing that a leader does, in one file for all replicas.
//!
//! All replicas are on one machine and so on one clock, and a line is one `write` to a file opened for appending: the log
//! says exactly who did what before whom.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lease_runtime::Term;
use lease_runtime::clock::{Clock, Moment, SystemClock};

/// How the audience tells a replica its log.
const LOG: &str = "LEASE_WORK_LOG";

/// The log of the work.
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
    /// In which term.
    pub token: u64,
    /// What.
    pub what: What,
}

/// What a leader does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// Begins.
    Started,
    /// Goes on.
    Worked,
    /// Has come to an end by itself.
    Ended,
}

impl WorkLog {
    /// A new log at `path`.
    ///
    /// # Errors
    ///
    /// A file that cannot be created.
    pub fn create(path: PathBuf) -> io::Result<WorkLog> {
        File::create(&path)?;
        WorkLog::append_to(path, String::new())
    }

    /// The log that this process was told to write to, if it is a replica.
    ///
    /// # Errors
    ///
    /// A file that cannot be opened.
    pub fn of_this_replica() -> io::Result<Option<WorkLog>> {
        let Some(path) = std::env::var_os(LOG) else { return Ok(None) };
        let replica = std::env::var("POD_NAME").unwrap_or_else(|_| std::process::id().to_string());
        WorkLog::append_to(path.into(), replica).map(Some)
    }

    /// What a replica needs in its environment.
    pub fn for_replica(&self) -> [(&'static str, &Path); 1] {
        [(LOG, &self.path)]
    }

    fn append_to(path: PathBuf, replica: String) -> io::Result<WorkLog> {
        let file = Arc::new(OpenOptions::new().append(true).open(&path)?);
        Ok(WorkLog { path, file, replica })
    }

    /// The work begins.
    pub fn started(&self, term: &Term) {
        self.write(term, "started");
    }

    /// The work goes on.
    pub fn worked(&self, term: &Term) {
        self.write(term, "worked");
    }

    /// The work has ended by itself.
    pub fn ended(&self, term: &Term) {
        self.write(term, "ended");
    }

    fn write(&self, term: &Term, what: &str) {
        let line = format!("{} {} {} {what}\n", SystemClock.now().as_nanos(), self.replica, term.fencing_token());
        if let Err(error) = (&*self.file).write_all(line.as_bytes()) {
            // Work that is not logged would make the count of overlaps a lie.
            panic!("cannot write to {}: {error}", self.path.display());
        }
    }

    /// Everything in it, in the order of writing.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or a line that nobody wrote like that.
    pub fn read(&self) -> io::Result<Vec<Entry>> {
        let text = std::fs::read_to_string(&self.path)?;
        text.lines()
            .map(|line| {
                parse(line).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("not a log line: {line}")))
            })
            .collect()
    }
}

fn parse(line: &str) -> Option<Entry> {
    let mut words = line.split(' ');
    let at = Moment::from_nanos(words.next()?.parse().ok()?);
    let replica = words.next()?.to_owned();
    let token = words.next()?.parse().ok()?;
    let what = match words.next()? {
        "started" => What::Started,
        "worked" => What::Worked,
        "ended" => What::Ended,
        _ => return None,
    };
    Some(Entry { at, replica, token, what })
}
