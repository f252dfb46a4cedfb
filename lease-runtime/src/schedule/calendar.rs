//! When a cron pattern is due in a zone, whatever the zone's clocks do.
//!
//! croner only ever searches civil time, which has no gaps; what becomes of a civil time is decided here. Of zones, only
//! the offset at an instant and the changes of it are asked for.
//!
//! - A pattern of fixed times is due once for each civil time. One that the clocks skip is due at the instant they do; one
//!   that they show twice is due the first time. Put differently, a civil time is due at the first instant at which the
//!   clocks show it or a later time.
//! - A wildcard pattern is due at every instant at which the clocks show a time that matches.

use std::hash::{Hash, Hasher};

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::dialect::{self, Pattern};
use super::{ScheduleError, zone};

/// Seconds since 1970.
pub(super) type Second = i64;

/// A due time: the instant, and for a pattern of fixed times the civil time.
pub(super) type Due = (Second, Option<DateTime>);

/// A cron pattern in a zone.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    /// As it was given, for people.
    pub(super) written: String,
    /// In the only way to write it, for comparing.
    pub(super) canonical: String,
    pub(super) zone_name: &'static str,
    /// No two ticks are closer, unless a change of the clocks moves one towards the other.
    pub(super) shortest_minutes: u32,
    zone: TimeZone,
    wildcard: bool,
    search: croner::Cron,
    /// The days on which it is due, at midnight.
    days: croner::Cron,
    /// When on such a day, in minutes since midnight.
    minutes: Vec<u16>,
}

impl PartialEq for Calendar {
    fn eq(&self, other: &Calendar) -> bool {
        self.canonical == other.canonical && self.zone_name == other.zone_name
    }
}

impl Eq for Calendar {}

impl Hash for Calendar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
        self.zone_name.hash(state);
    }
}

impl Calendar {
    pub(super) fn new(written: &str, zone: &str) -> Result<Calendar, ScheduleError> {
        let broken = |at, message| ScheduleError::Cron { pattern: written.to_owned(), at, message };
        let pattern: Pattern = dialect::parse(written).map_err(|b| broken(b.at, b.message))?;
        let Some((zone_name, zone)) = zone::find(zone) else {
            let message = zone::explain(zone).to_string();
            return Err(ScheduleError::TimeZone { zone: zone.to_owned(), message });
        };
        let canonical = pattern.to_string();
        // Its own dialect is wider in some respects; it never sees more than ours.
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let search = |pattern: &str| {
            parser
                .parse(pattern)
                .map_err(|error: croner::errors::CronError| broken(0..written.len(), error.to_string()))
        };
        let days = search(&format!("0 0 {}", canonical.splitn(3, ' ').last().unwrap_or_default()))?;
        let search = search(&canonical)?;
        let minutes = pattern.minutes_of_day();
        let wildcard = pattern.is_wildcard();
        let shortest_minutes = pattern.shortest_minutes();
        Ok(Calendar {
            written: written.trim().to_owned(),
            canonical,
            zone_name,
            shortest_minutes,
            zone,
            wildcard,
            search,
            days,
            minutes,
        })
    }

    /// The first due time after `at` whose civil time, if it has one, is after `civil`.
    pub(super) fn next(&self, at: Second, civil: Option<DateTime>) -> Option<Due> {
        if self.wildcard { self.next_instant(at).map(|at| (at, None)) } else { self.next_civil(at, civil) }
    }

    /// The last due time that is not after `at`.
    pub(super) fn previous(&self, at: Second) -> Option<Due> {
        if self.wildcard { self.previous_instant(at).map(|at| (at, None)) } else { self.previous_civil(at) }
    }

    /// How many due times of a wildcard pattern there are after `after` and not after `until`, and no more than `most`.
    /// `None` for a pattern of fixed times, of which several may be one.
    ///
    /// By days rather than one by one: a year of minutes takes half a second to go through, in which a leader that counts
    /// what an outage has left behind could not renew.
    pub(super) fn count(&self, after: Second, until: Second, most: u64) -> Option<u64> {
        if !self.wildcard {
            return None;
        }
        let (mut at, until) = (after.checked_add(1)?, Timestamp::from_second(until).ok()?);
        let mut count = 0;
        // From one change of the clocks to the next, civil time runs evenly.
        while count < most && at <= until.as_second() {
            let from = Timestamp::from_second(at).ok()?;
            let change = self.zone.following(from).next().map(|change| change.timestamp().as_second());
            let last = change.map_or(until.as_second(), |change| until.as_second().min(change - 1));
            let offset = self.zone.to_offset(from);
            let last = Timestamp::from_second(last).ok()?;
            count += self.matches(offset.to_datetime(from), offset.to_datetime(last), most - count);
            at = last.as_second() + 1;
        }
        Some(count.min(most))
    }

    /// How many civil times match from `first` to `last`, until there are `most`.
    fn matches(&self, first: DateTime, last: DateTime, most: u64) -> u64 {
        // A match is a full minute.
        let before = |time: Time, inclusive: bool| {
            let minute = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
            let full = time.second() == 0 && time.subsec_nanosecond() == 0;
            self.minutes.partition_point(|due| *due < minute || (*due == minute && (inclusive || !full)))
        };
        let mut count = 0;
        let mut day = first.date();
        while count < most
            && let Some(due) = self.matching_day(day).filter(|due| *due <= last.date())
        {
            let skipped = if due == first.date() { before(first.time(), false) } else { 0 };
            let reached = if due == last.date() { before(last.time(), true) } else { self.minutes.len() };
            count += reached.saturating_sub(skipped) as u64;
            match due.tomorrow() {
                Ok(tomorrow) => day = tomorrow,
                Err(_) => break,
            }
        }
        count
    }

    /// The first day from `day` on that matches.
    fn matching_day(&self, day: Date) -> Option<Date> {
        let midnight = day.to_datetime(Time::midnight());
        in_range(midnight)?;
        self.days.find_next_occurrence(&midnight, true).ok().map(DateTime::date)
    }

    fn next_civil(&self, at: Second, after: Option<DateTime>) -> Option<Due> {
        // What the clocks show now is due by now; if they went back of late, some later times are, too.
        let mut from = self.civil(at)?;
        if let Some(after) = after {
            from = from.max(after);
        }
        loop {
            from = self.matching_after(from, false)?;
            let (due, in_gap) = self.due(from)?;
            if due > at {
                return Some((due, Some(if in_gap { self.last_due(due, from) } else { from })));
            }
        }
    }

    /// The last civil time that is due at the same instant as `civil`: all of them are one run, which stands for the last.
    fn last_due(&self, due: Second, mut civil: DateTime) -> DateTime {
        while let Some(later) = self.matching_after(civil, false)
            && self.due(later).is_some_and(|(at, _)| at == due)
        {
            civil = later;
        }
        civil
    }

    fn previous_civil(&self, at: Second) -> Option<Due> {
        let shown = self.civil(at)?;
        // If the clocks went back of late, they have shown later times before: by at most as much as they went back.
        let mut from = match self.zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Fold { before, after } => shown.checked_add(before - after).ok()?,
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => shown,
        };
        let mut inclusive = true;
        loop {
            from = self.matching_before(from, inclusive)?;
            inclusive = false;
            let (due, _) = self.due(from)?;
            if due <= at {
                return Some((due, Some(from)));
            }
        }
    }

    /// The first instant at which the clocks show `civil` or a later time, and whether they skip it.
    fn due(&self, civil: DateTime) -> Option<(Second, bool)> {
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => Some((offset.to_timestamp(civil).ok()?.as_second(), false)),
            AmbiguousOffset::Fold { before, .. } => Some((before.to_timestamp(civil).ok()?.as_second(), false)),
            AmbiguousOffset::Gap { before, after } => {
                // The change lies between the two instants that it makes impossible.
                let mut shows_before = after.to_timestamp(civil).ok()?.as_second();
                let mut shows_after = before.to_timestamp(civil).ok()?.as_second();
                while shows_after - shows_before > 1 {
                    let middle = shows_before + (shows_after - shows_before) / 2;
                    let offset = self.zone.to_offset(Timestamp::from_second(middle).ok()?);
                    *if offset == before { &mut shows_before } else { &mut shows_after } = middle;
                }
                Some((shows_after, true))
            }
        }
    }

    fn next_instant(&self, at: Second) -> Option<Second> {
        let (mut at, mut inclusive) = (Timestamp::from_second(at).ok()?, false);
        // From one change of the clocks to the next civil time runs evenly, so that a match can be computed from it.
        loop {
            let offset = self.zone.to_offset(at);
            let due = offset.to_timestamp(self.matching_after(offset.to_datetime(at), inclusive)?).ok()?;
            match self.zone.following(at).next().map(|change| change.timestamp()) {
                Some(change) if change <= due => (at, inclusive) = (change, true),
                _ => return Some(due.as_second()),
            }
        }
    }

    fn previous_instant(&self, at: Second) -> Option<Second> {
        let mut at = Timestamp::from_second(at).ok()?;
        loop {
            let offset = self.zone.to_offset(at);
            let due = offset.to_timestamp(self.matching_before(offset.to_datetime(at), true)?).ok()?;
            // Forwards from the match: `preceding` of jiff 0.2 misses a change that the table has after the rule's last
            // one, as that of Ciudad Juarez on 30 November 2022.
            let changes = self.zone.following(due).map(|change| change.timestamp());
            match changes.take_while(|change| *change <= at).last() {
                Some(change) => at = change.checked_sub(SignedDuration::from_secs(1)).ok()?,
                None => return Some(due.as_second()),
            }
        }
    }

    /// What the clocks show.
    fn civil(&self, at: Second) -> Option<DateTime> {
        let at = Timestamp::from_second(at).ok()?;
        Some(self.zone.to_offset(at).to_datetime(at))
    }

    fn matching_after(&self, civil: DateTime, inclusive: bool) -> Option<DateTime> {
        in_range(civil)?;
        // The iterator of croner would write its errors to stderr. The only one left is the end of time.
        self.search.find_next_occurrence(&civil, inclusive).ok()
    }

    fn matching_before(&self, civil: DateTime, inclusive: bool) -> Option<DateTime> {
        in_range(civil)?;
        self.search.find_previous_occurrence(&civil, inclusive).ok()
    }
}

/// Keeps searches in the years in which they end soon.
fn in_range(civil: DateTime) -> Option<()> {
    (1..5000).contains(&civil.year()).then_some(())
}
