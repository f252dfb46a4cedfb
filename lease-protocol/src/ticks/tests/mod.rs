//! Tests of the tick protocol with one leader and one task.

mod codec;
mod decisions;
mod diagnostics;
mod due;
mod edits;
mod fuzz;
mod given_back;
mod interrupted;
mod limits;
mod policies;
mod rules;
mod turns;
mod unrecorded;
mod values;
mod work;

use std::sync::Arc;
use std::time::Duration;

use super::names::{BACKFILL, PAUSE, RECORD, TRIGGER};
use super::*;
use crate::clock::WallTime;
use crate::schedule::Schedule;

/// A minute after a full hour. Each test begins then.
const START: i64 = 1_795_564_860;

/// A task that runs every minute, with the defaults.
fn minutely() -> Timetable {
    timetable(Schedule::every(Duration::from_secs(60), Duration::ZERO).unwrap(), TimetableKind::Calendar)
}

fn timetable(schedule: Schedule, kind: TimetableKind) -> Timetable {
    Timetable {
        schedule,
        kind,
        jitter: Duration::ZERO,
        overlap: Overlap::Skip,
        catch_up: CatchUp::Latest,
        max_catch_up: 100,
        start_deadline: None,
        failover: Duration::from_secs(20),
        delivery: Delivery::AtMostOnce,
        initial_delay: Duration::ZERO,
        recorded: true,
    }
}

/// A process that leads, the Lease that it writes, and the time.
struct Bench {
    ticks: Ticks,
    annotations: Annotations,
    timetable: Timetable,
    /// Seconds since [`START`], of this process and of the API server.
    wall: i64,
    server: i64,
    terms: i32,
    random: u64,
}

/// A write that is in flight.
struct Write {
    number: u64,
    base: Annotations,
    edits: Edits,
}

impl Bench {
    /// A leader that has just written the task's first record.
    fn of(timetable: Timetable) -> Bench {
        let mut bench = Bench::empty(timetable);
        bench.lead();
        assert_eq!(bench.write(), []);
        bench
    }

    /// A process that does not lead yet.
    fn empty(timetable: Timetable) -> Bench {
        let (ticks, annotations) = Default::default();
        Bench { ticks, annotations, timetable, wall: 0, server: 0, terms: 0, random: 0 }
    }

    /// Another process leads from now on. This one is gone, together with what it remembered.
    fn lead(&mut self) {
        self.ticks = Ticks::default();
        self.next_term();
    }

    /// This process leads again, or still.
    fn next_term(&mut self) {
        self.terms += 1;
        let now = self.now();
        self.ticks.begin(self.terms, now);
        self.ticks.join("report".into(), self.timetable.clone(), time(self.wall));
        assert_eq!(self.ticks.see(&self.annotations), []);
    }

    fn at(&mut self, seconds: i64) -> &mut Bench {
        (self.wall, self.server) = (seconds, seconds);
        self
    }

    fn now(&mut self) -> TickTime {
        self.random += 1;
        TickTime { wall: time(self.wall), server: Some(time(self.server)), random: self.random }
    }

    fn wants_write(&mut self) -> bool {
        let now = self.now();
        self.ticks.wants_write(now)
    }

    fn compose(&mut self) -> Write {
        let now = self.now();
        let base = self.annotations.clone();
        let (number, edits) = self.ticks.compose(&base, now, true);
        Write { number, base, edits }
    }

    /// The write reaches the server. It succeeds if no other write came in between.
    fn land(&mut self, write: &Write) -> bool {
        let lands = self.annotations == write.base;
        if lands {
            for (name, value) in &write.edits {
                match value {
                    Some(value) => drop(self.annotations.insert(name.clone(), value.clone())),
                    None => drop(self.annotations.remove(name)),
                }
            }
        }
        lands
    }

    /// A renewal succeeds. Returns the runs that start.
    fn write(&mut self) -> Vec<RunStart> {
        let write = self.compose();
        assert!(self.land(&write));
        self.ticks.committed(write.number);
        self.see()
    }

    fn see(&mut self) -> Vec<RunStart> {
        self.ticks.see(&self.annotations)
    }

    /// Writes an annotation for the task, as a person would.
    fn ask(&mut self, prefix: &str, value: Option<&str>) {
        let name = format!("{prefix}report");
        match value {
            Some(value) => drop(self.annotations.insert(name, value.to_owned())),
            None => drop(self.annotations.remove(&name)),
        }
        assert_eq!(self.see(), []);
    }

    fn record(&self) -> TickRecord {
        TickRecord::decode(&self.annotations[&format!("{RECORD}report")]).unwrap()
    }

    fn counts(&self) -> TickCounts {
        self.record().counts
    }
}

fn time(seconds: i64) -> WallTime {
    WallTime((START + seconds) * 1_000_000)
}

/// The nominal times, in seconds since [`START`], and the attempt numbers.
fn runs(starts: &[RunStart]) -> Vec<(i64, u32)> {
    starts.iter().map(|start| (start.tick.0 / 1_000_000 - START, start.attempt)).collect()
}

#[test]
fn a_bench_begins_with_a_recorded_task() {
    let bench = Bench::of(minutely());
    let record = bench.record();
    assert_eq!((record.accounted_until, record.next, record.term), (time(0), Some(time(60)), 0));
    let task: Arc<str> = "report".into();
    assert!(bench.annotations.contains_key(&format!("{RECORD}{task}")));
    assert!(
        ![PAUSE, TRIGGER, BACKFILL].iter().any(|prefix| bench.annotations.contains_key(&format!("{prefix}{task}")))
    );
}
