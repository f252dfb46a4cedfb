//! When a cron pattern is due in a zone, for every change of the zone's clocks.
//!
//! Matches are searched in civil time, which has no gaps. This module then decides at which instant a civil time is
//! due. Of a zone it only needs the offset at an instant and the changes of the offset. It never walks through days or
//! ticks one by one, because the thread that computes this must also renew in time, however long the outage was.
//!
//! - A pattern of fixed times is due once for each civil time. A time that the clocks skip is due at the instant of the
//!   change. A time that they show twice is due the first time. In short, a civil time is due at the first instant at
//!   which the clocks show it or a later time.
//! - A wildcard pattern is due at every instant at which the clocks show a time that matches.

use std::hash::{Hash, Hasher};

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use lease_grammar::cron;

use super::days::Days;
use super::{ScheduleError, zone};

/// In every zone, the year 1 begins a little later than this. Nothing is searched before.
const EARLIEST: Second = -62_135_683_200;

/// Seconds since 1970.
pub(super) type Second = i64;

/// A due time: the instant, and for a pattern of fixed times the civil time.
pub(super) type Due = (Second, Option<DateTime>);

/// A cron pattern in a zone.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    /// The pattern as the user wrote it.
    pub(super) written: String,
    /// The pattern in its canonical form, for comparisons.
    pub(super) canonical: String,
    pub(super) zone_name: &'static str,
    /// No two ticks are closer than this, unless a change of the clocks moves one towards the other.
    pub(super) shortest_minutes: u32,
    zone: TimeZone,
    wildcard: bool,
    /// The days on which it is due.
    days: Days,
    /// When it is due on such a day, in minutes since midnight.
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
        let pattern = cron::parse(written).map_err(|error| ScheduleError::Cron {
            pattern: written.to_owned(),
            at: error.at(),
            message: error.to_string(),
        })?;
        let Some((zone_name, zone)) = zone::find(zone) else {
            let message = zone::explain(zone);
            return Err(ScheduleError::TimeZone { zone: zone.to_owned(), message });
        };
        let canonical = pattern.to_string();
        let days = Days::new(pattern.days());
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

    /// How many due times there are after `after` and not after `until`. For a pattern of fixed times, only those whose
    /// civil time is after `civil`.
    pub(super) fn count(&self, after: Second, until: Second, civil: Option<DateTime>) -> Option<u64> {
        if after >= until {
            return Some(0);
        }
        if self.wildcard { self.count_instants(after, until) } else { self.count_civil(after, until, civil) }
    }

    fn count_instants(&self, after: Second, until: Second) -> Option<u64> {
        let (mut at, until) = (after.checked_add(1)?.max(EARLIEST), Timestamp::from_second(until).ok()?);
        let mut count = 0;
        // Between two changes of the clocks, civil time is linear.
        while at <= until.as_second() {
            let from = Timestamp::from_second(at).ok()?;
            let change = self.zone.following(from).next().map(|change| change.timestamp().as_second());
            let last = change.map_or(until.as_second(), |change| until.as_second().min(change - 1));
            let offset = self.zone.to_offset(from);
            let last = Timestamp::from_second(last).ok()?;
            count += self.matches(offset.to_datetime(from), offset.to_datetime(last));
            at = last.as_second() + 1;
        }
        Some(count)
    }

    /// Counts civil times rather than instants, so that none counts twice. Civil times that the clocks skip together
    /// count as one.
    fn count_civil(&self, after: Second, until: Second, civil: Option<DateTime>) -> Option<u64> {
        let Some((_, Some(last))) = self.previous_civil(until) else { return Some(0) };
        let before = self.previous_civil(after).and_then(|(_, civil)| civil).into_iter().chain(civil).max();
        let minute = SignedDuration::from_mins(1);
        let first = match before {
            Some(before) => before.checked_add(minute).ok()?,
            None => Date::constant(1, 1, 1).at(0, 0, 0, 0),
        };
        let mut count = self.matches(first, last);
        let from = Timestamp::from_second(after.max(EARLIEST)).ok()?;
        for change in self.zone.following(from).take_while(|change| change.timestamp().as_second() <= until) {
            let at = change.timestamp();
            let before = self.zone.to_offset(at.checked_sub(SignedDuration::from_secs(1)).ok()?);
            let (gap, end) = (before.to_datetime(at), change.offset().to_datetime(at));
            // Nothing matches from `gap` to `end` if the clocks went back.
            count -= self.matches(gap.max(first), end.min(last)).saturating_sub(1);
        }
        Some(count)
    }

    /// How many civil times match from `first` to `last`.
    fn matches(&self, first: DateTime, last: DateTime) -> u64 {
        if first > last {
            return 0;
        }
        let skipped = if self.days.has(first.date()) { self.minutes_until(first, false) } else { 0 };
        let reached = if self.days.has(last.date()) { self.minutes.len() - self.minutes_until(last, true) } else { 0 };
        let all = self.days.count(first.date(), last.date()) * self.minutes.len() as u64;
        all.saturating_sub((skipped + reached) as u64)
    }

    /// Approximately the due time that is followed by `most` others up to `until`. It is exact unless the clocks have
    /// changed in between.
    pub(super) fn back(&self, until: Second, most: u64) -> Option<Due> {
        let last = self.civil(until)?;
        let of_day = self.minutes.len() as u64;
        let today = self.matches(last.date().at(0, 0, 0, 0), last);
        let (day, after) = if today > most {
            (last.date(), today - most)
        } else {
            let days = (most - today) / of_day + 1;
            (self.days.back(last.date().yesterday().ok()?, days)?, of_day - (most - today) % of_day)
        };
        let minute = *self.minutes.get(usize::try_from(after.checked_sub(1)?).ok()?)?;
        let (at, _) = self.due(at(day, minute)?)?;
        self.previous(at)
    }

    fn next_civil(&self, at: Second, after: Option<DateTime>) -> Option<Due> {
        // The time that the clocks show is due already. If they went back recently, some later times are due already
        // too.
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

    /// The last civil time that is due at the same instant as `civil`. All of these times make one run, which is named
    /// after the last.
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
        // If the clocks went back recently, they have shown later times before, by at most as much as they went back.
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

    /// The first instant at which the clocks show `civil` or a later time, and whether they skip `civil`.
    fn due(&self, civil: DateTime) -> Option<(Second, bool)> {
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => Some((offset.to_timestamp(civil).ok()?.as_second(), false)),
            AmbiguousOffset::Fold { before, .. } => Some((before.to_timestamp(civil).ok()?.as_second(), false)),
            AmbiguousOffset::Gap { before, after } => {
                // The change lies between the two instants that `civil` has with the offset before and the offset
                // after.
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
        // Between two changes of the clocks, civil time is linear, so a match can be computed from it.
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
            // Go forwards from the match: `preceding` of jiff 1.0 misses a change that the table has after the last one
            // of the rule, like that of Ciudad Juarez on 30 November 2022.
            let changes = self.zone.following(due).map(|change| change.timestamp());
            match changes.take_while(|change| *change <= at).last() {
                Some(change) => at = change.checked_sub(SignedDuration::from_secs(1)).ok()?,
                None => return Some(due.as_second()),
            }
        }
    }

    /// The civil time that the clocks show.
    fn civil(&self, at: Second) -> Option<DateTime> {
        let at = Timestamp::from_second(at).ok()?;
        Some(self.zone.to_offset(at).to_datetime(at))
    }

    /// The first civil time that matches after this one, or at it if `inclusive`.
    fn matching_after(&self, civil: DateTime, inclusive: bool) -> Option<DateTime> {
        in_range(civil)?;
        #[cfg(test)]
        SEARCHES.with(|searches| searches.set(searches.get() + 1));
        let passed = self.minutes_until(civil, !inclusive);
        match self.minutes.get(passed).filter(|_| self.days.has(civil.date())) {
            Some(minute) => at(civil.date(), *minute),
            None => at(self.days.from(civil.date().tomorrow().ok()?)?, *self.minutes.first()?),
        }
    }

    /// The last civil time that matches before this one, or at it if `inclusive`.
    fn matching_before(&self, civil: DateTime, inclusive: bool) -> Option<DateTime> {
        in_range(civil)?;
        #[cfg(test)]
        SEARCHES.with(|searches| searches.set(searches.get() + 1));
        let passed = self.minutes_until(civil, inclusive);
        match passed.checked_sub(1).and_then(|last| self.minutes.get(last)).filter(|_| self.days.has(civil.date())) {
            Some(minute) => at(civil.date(), *minute),
            None => at(self.days.back(civil.date().yesterday().ok()?, 1)?, *self.minutes.last()?),
        }
    }

    /// How many of the day's minutes are before this time, or also at it if `inclusive`.
    fn minutes_until(&self, civil: DateTime, inclusive: bool) -> usize {
        let time = civil.time();
        let minute = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
        // Matches are at full minutes.
        let full = time.second() == 0 && time.subsec_nanosecond() == 0;
        self.minutes.partition_point(|due| *due < minute || (*due == minute && (inclusive || !full)))
    }
}

/// This minute of a day.
fn at(day: Date, minute: u16) -> Option<DateTime> {
    let time = Time::new((minute / 60).try_into().ok()?, (minute % 60).try_into().ok()?, 0, 0).ok()?;
    Some(day.to_datetime(time))
}

/// Limits searches to years in which they end quickly.
fn in_range(civil: DateTime) -> Option<()> {
    (1..5000).contains(&civil.year()).then_some(())
}

#[cfg(test)]
thread_local! {
    /// How many searches were made. Each takes some microseconds.
    pub static SEARCHES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}
