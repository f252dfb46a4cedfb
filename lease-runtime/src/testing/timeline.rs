//! The runs of a simulated cluster: what ran, where and when.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::{Clock, TokioClock};
use crate::task::watched::WatchedRun;
use crate::tick::{Cause, Tick};

/// One run of one body. Another attempt at the same tick is another run.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Run {
    /// The task. For a group, the member.
    pub task: Arc<str>,
    /// The nominal time of the tick; `None` for a continuous task.
    pub tick: Option<Timestamp>,
    /// Why it was started; `None` for a continuous task.
    pub cause: Option<Cause>,
    /// The number of the attempt at the tick, from one.
    pub attempt: u32,
    /// The number of the replica that it ran on.
    pub replica: usize,
    /// When the body was called, by the clock of the cluster. The skew of a replica does not change it.
    pub started: Timestamp,
    /// When the body was gone; `None` until then.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub outcome: RunOutcome,
}

/// How a run ended, as its body saw it. [`Cluster::ticks`](super::Cluster::ticks) shows what the Lease records about its tick.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RunOutcome {
    /// It has not ended.
    Running,
    /// It returned without an error.
    Done,
    /// It returned because it was asked to end. It did not say whether its work was done.
    Obeyed,
    /// It returned this error.
    Failed(String),
    /// It panicked.
    Panicked,
    /// It was dropped: its process crashed, or its time or its grace was used up.
    Dropped,
}

/// The runs of a cluster, in the order in which they began. `Display` prints a table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Timeline(Vec<Run>);

impl Run {
    /// How long after the nominal time it was started; zero without a tick.
    pub fn lateness(&self) -> Duration {
        let late = self.tick.map(|tick| self.started.duration_since(tick));
        late.and_then(|late| late.try_into().ok()).unwrap_or(Duration::ZERO)
    }
}

impl Timeline {
    /// The runs of one task.
    pub fn of(&self, task: &str) -> Timeline {
        Timeline(self.iter().filter(|run| &*run.task == task).cloned().collect())
    }
}

impl Deref for Timeline {
    type Target = [Run];

    fn deref(&self) -> &[Run] {
        &self.0
    }
}

impl IntoIterator for Timeline {
    type Item = Run;
    type IntoIter = std::vec::IntoIter<Run>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunOutcome::Running => f.write_str("running"),
            RunOutcome::Done => f.write_str("done"),
            RunOutcome::Obeyed => f.write_str("ended as asked"),
            RunOutcome::Failed(error) => write!(f, "failed: {error}"),
            RunOutcome::Panicked => f.write_str("panicked"),
            RunOutcome::Dropped => f.write_str("dropped"),
        }
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["task", "tick", "cause", "attempt", "replica", "started", "took", "outcome"].map(str::to_owned);
        let rows: Vec<_> = std::iter::once(head).chain(self.iter().map(row)).collect();
        for row in &rows {
            for (column, cell) in row.iter().enumerate() {
                if column + 1 == row.len() {
                    writeln!(f, "{cell}")?;
                } else {
                    let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
                    write!(f, "{cell:width$}  ")?;
                }
            }
        }
        Ok(())
    }
}

fn row(run: &Run) -> [String; 8] {
    let cause = match &run.cause {
        None => "-".to_owned(),
        Some(Cause::Schedule) => "schedule".to_owned(),
        Some(Cause::Trigger(id)) => format!("trigger {id}"),
        Some(Cause::Backfill) => "backfill".to_owned(),
    };
    let took = run.ended.and_then(|ended| Duration::try_from(ended.duration_since(run.started)).ok());
    [
        run.task.to_string(),
        run.tick.map_or_else(|| "-".to_owned(), |tick| tick.to_string()),
        cause,
        run.attempt.to_string(),
        run.replica.to_string(),
        run.started.to_string(),
        took.map_or_else(|| "-".to_owned(), |took| format!("{took:?}")),
        run.outcome.to_string(),
    ]
}

/// Records the runs.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    runs: Arc<Mutex<Vec<Run>>>,
    clock: TokioClock,
}

impl Recorder {
    pub(super) fn new(clock: TokioClock) -> Recorder {
        Recorder { runs: Arc::default(), clock }
    }

    pub(super) fn timeline(&self) -> Timeline {
        Timeline(self.runs().clone())
    }

    pub(super) fn begin(&self, replica: usize, task: &Arc<str>, tick: Option<&Tick>) -> Box<dyn WatchedRun> {
        let mut runs = self.runs();
        runs.push(Run {
            task: task.clone(),
            tick: tick.map(Tick::nominal),
            cause: tick.map(|tick| tick.cause().clone()),
            attempt: tick.map_or(1, Tick::attempt),
            replica,
            started: self.clock.wall().into(),
            ended: None,
            outcome: RunOutcome::Running,
        });
        Box::new(Recording { recorder: self.clone(), number: runs.len() - 1, ended: false })
    }

    fn runs(&self) -> MutexGuard<'_, Vec<Run>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A run that is being recorded.
struct Recording {
    recorder: Recorder,
    number: usize,
    ended: bool,
}

impl Recording {
    fn end(&mut self, outcome: RunOutcome) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let at = Timestamp::from(self.recorder.clock.wall());
        if let Some(run) = self.recorder.runs().get_mut(self.number) {
            (run.ended, run.outcome) = (Some(at), outcome);
        }
    }
}

impl WatchedRun for Recording {
    fn returned(&mut self, failure: Option<&str>, obeyed: bool) {
        self.end(match failure {
            Some(failure) => RunOutcome::Failed(failure.to_owned()),
            None if obeyed => RunOutcome::Obeyed,
            None => RunOutcome::Done,
        });
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.end(if std::thread::panicking() { RunOutcome::Panicked } else { RunOutcome::Dropped });
    }
}
