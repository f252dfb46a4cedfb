//! Facts about the newest state of the Lease that was seen, for the code that starts bodies and for the log.

use std::sync::Arc;
use std::time::Duration;

use super::attempt::AttemptState;
use super::codec::Unreadable;
use super::core::{JoinedTask, Ticks};
use super::counts::TickOutcome;
use super::names::{BACKFILL, PAUSE, RECORD, TRIGGER};
use super::policy::Delivery;
use super::requests::TaskRequests;
use super::time::{TOLERANCE, TickTime};
use super::timetable::TimetableKind;

impl Ticks {
    /// Whether runs of this process were started and have not ended.
    pub fn is_running(&self) -> bool {
        self.attempts.values().any(|attempt| attempt.state == AttemptState::Running)
    }

    /// The tasks with `once` that are done according to the newest state.
    pub fn done_once(&self) -> Vec<Arc<str>> {
        let once = self.tasks.iter().filter(|(_, task)| task.timetable.kind == TimetableKind::Once);
        let done = once.filter(|(name, _)| match self.record(&self.seen, name) {
            Some(Ok(record)) => record.is_done(),
            Some(Err(_)) | None => false,
        });
        done.map(|(name, _)| name.clone()).collect()
    }

    /// The tasks whose annotations had no room in the last write.
    pub fn without_room(&self) -> Vec<Arc<str>> {
        self.leading.iter().flat_map(|leading| &leading.full).cloned().collect()
    }

    /// The tasks with `once` that are not done and do not run again unless they are triggered, and how their last run
    /// ended.
    pub fn given_up(&self) -> Vec<(Arc<str>, TickOutcome)> {
        let ended = |(name, task): (&Arc<str>, &JoinedTask)| {
            let once = task.timetable.kind == TimetableKind::Once && task.timetable.delivery == Delivery::AtMostOnce;
            let record = once.then(|| self.record(&self.seen, name))??.ok()?;
            let known = record.fingerprint == task.timetable.schedule.fingerprint();
            let last =
                record.last.filter(|last| known && record.open.is_empty() && last.outcome != TickOutcome::Done)?;
            Some((name.clone(), last.outcome))
        };
        self.tasks.iter().filter_map(ended).collect()
    }

    /// The tasks whose record cannot be read in the newest state, so that no tick of them is taken.
    pub fn unreadable(&self) -> Vec<(Arc<str>, Unreadable)> {
        let read = |task: &Arc<str>| self.record(&self.seen, task)?.err().map(|why| (task.clone(), why));
        self.tasks.keys().filter_map(read).collect()
    }

    /// How far the newest record is ahead of this replica's clock, if it is further than clocks normally differ. This
    /// replica waits until its clock has passed that time. It does not change the record, because the ticks up to that
    /// time have been taken.
    pub fn behind(&self, time: TickTime) -> Option<Duration> {
        let records = self.tasks.keys().filter_map(|task| self.record(&self.seen, task)?.ok());
        let upto = records.map(|record| record.accounted_until).max()?;
        let by = Duration::from_micros(u64::try_from(upto.0.saturating_sub(time.wall.0)).unwrap_or(0));
        (by > TOLERANCE).then_some(by)
    }

    /// The tasks whose last tick was computed with another version of the zone data, and that version.
    pub fn other_zone_data(&self) -> Vec<(Arc<str>, String)> {
        let own = crate::schedule::zone_data_version();
        let other = |task: &Arc<str>| {
            let data = self.record(&self.seen, task)?.ok()?.zone_data?;
            (data != own).then(|| (task.clone(), data))
        };
        self.tasks.keys().filter_map(other).collect()
    }

    /// The tasks that have a record in the newest state, but have not joined in this process.
    pub fn unknown(&self) -> Vec<String> {
        if self.is_ending() {
            return Vec::new();
        }
        let tasks = self.seen.keys().filter_map(|name| name.strip_prefix(RECORD));
        tasks.filter(|task| !self.tasks.contains_key(*task)).map(str::to_owned).collect()
    }

    /// Requests in the newest state for tasks that have not joined in this process. Their names are probably misspelt.
    pub fn unknown_requests(&self) -> Vec<String> {
        let of = |name: &str| {
            [PAUSE, TRIGGER, BACKFILL].iter().find_map(|prefix| name.strip_prefix(prefix).map(str::to_owned))
        };
        let unknown = |name: &&String| of(name).is_some_and(|task| !self.tasks.contains_key(&*task));
        if self.is_ending() { Vec::new() } else { self.seen.keys().filter(unknown).cloned().collect() }
    }

    /// While the term ends, the tasks leave one after the other, so tasks that are missing mean nothing.
    fn is_ending(&self) -> bool {
        self.leading.as_ref().is_none_or(|leading| leading.draining)
    }

    /// Requests in the newest state that cannot be understood, and why.
    pub fn refused(&self) -> Vec<(String, &'static str)> {
        self.tasks.keys().flat_map(|task| TaskRequests::read(&self.seen, task).refused).collect()
    }
}
