//! The file to which the candidates of one lease append events. `contender/main.go` describes it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;
use std::time::Duration;

use lease_runtime::clock::Moment;
use lease_tests::log::{Event, now};

use crate::error::{Context, Result};

/// How often a wait reads the file. Events contain their times, so the measurements do not depend on this.
const GLANCE: Duration = Duration::from_millis(20);

/// One run of a body, up to now.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) identity: String,
    pub(crate) pid: u32,
    pub(crate) started: Moment,
    pub(crate) beats: Vec<Moment>,
    pub(crate) stopped: Option<Moment>,
}

impl Body {
    /// The time of its last event.
    pub(crate) fn last_sign(&self) -> Moment {
        self.beats.last().copied().into_iter().chain(self.stopped).max().unwrap_or(self.started)
    }
}

/// The beats of one body after the start of the next.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Overlap {
    pub(crate) beats: usize,
    /// From the first to the last of them.
    pub(crate) lasted: Duration,
}

impl Overlap {
    pub(crate) fn and(self, other: Overlap) -> Overlap {
        Overlap { beats: self.beats + other.beats, lasted: self.lasted.max(other.lasted) }
    }
}

pub(crate) struct EventLog {
    path: PathBuf,
    file: Option<File>,
    /// The beginning of a line that has not been written completely.
    rest: Vec<u8>,
    pub(crate) ready: Vec<String>,
    pub(crate) bodies: Vec<Body>,
}

impl EventLog {
    pub(crate) fn new(path: PathBuf) -> EventLog {
        EventLog { path, file: None, rest: Vec::new(), ready: Vec::new(), bodies: Vec::new() }
    }

    /// Reads the new lines.
    pub(crate) fn read(&mut self) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => match File::open(&self.path) {
                Ok(file) => self.file.insert(file),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error.into()),
            },
        };
        let mut text = std::mem::take(&mut self.rest);
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        self.rest = text.split_off(whole);
        for line in String::from_utf8(text)?.lines() {
            self.take(line)
                .ok_or_else(|| format!("{} has a line that is not an event: {line}", self.path.display()))?;
        }
        Ok(())
    }

    fn take(&mut self, line: &str) -> Option<()> {
        let Event { at, identity, pid, what, .. } = Event::parse(line)?;
        match what.as_str() {
            "ready" => self.ready.push(identity),
            "started" => self.bodies.push(Body { identity, pid, started: at, beats: Vec::new(), stopped: None }),
            "beat" => self.bodies.iter_mut().rfind(|body| body.pid == pid)?.beats.push(at),
            "stopped" => self.bodies.iter_mut().rfind(|body| body.pid == pid)?.stopped = Some(at),
            _ => return None,
        }
        Some(())
    }

    /// Waits until `find` finds something in the events.
    pub(crate) async fn wait<T>(
        &mut self,
        bound: Duration,
        what: &str,
        mut find: impl FnMut(&EventLog) -> Option<T>,
    ) -> Result<T> {
        let until = now() + bound;
        loop {
            self.read().context(|| "cannot read events".to_owned())?;
            if let Some(found) = find(self) {
                return Ok(found);
            }
            if now() >= until {
                return Err(format!("{what}: not within {bound:?}, according to {}", self.path.display()).into());
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// The beats of a body while a body of another process existed that had started later.
    pub(crate) fn overlap(&self) -> Overlap {
        let mut all = Overlap::default();
        for body in &self.bodies {
            let successor = self.bodies.iter().filter(|other| other.pid != body.pid && other.started > body.started);
            let Some(since) = successor.map(|other| other.started).min() else { continue };
            let late: Vec<Moment> = body.beats.iter().copied().filter(|&beat| beat > since).collect();
            if let (Some(&first), Some(last)) = (late.first(), late.last()) {
                all = all.and(Overlap { beats: late.len(), lasted: last.since(first) });
            }
        }
        all
    }
}
