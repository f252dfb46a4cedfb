//! Compares the calendar with an oracle, at every change of the clocks in every zone from 1990 to 2037.
//!
//! The oracle goes through a window around a change minute by minute, as wall clocks do, and applies the rules to the
//! times that they show. It shares no code with the calendar: it computes fields, dates and weekdays itself. It uses
//! one result of jiff, the offset from UTC at an instant.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};

use crate::clock::WallTime;
use crate::schedule::{Schedule, ScheduledTime, Watermark, zone_names};

/// The patterns of the first part have no `*` at the start of minute or hour.
const FIXED: [&str; 14] = [
    "30 2 * * *",
    "0 2,14 * * *",
    "0-30/10 1-3 * * *",
    "15 0 * * *",
    "0 3 * * *",
    "7-59/26 0-23 * * *",
    "59 23 * * 0",
    "45 1 1,15,28-31 * *",
    "0 0,1 * 3,10 6-7",
    "20,50 2 8-14 * +0",
    "5 1,2,3 25-31 3,10 +0,6",
    "30 2 L * *",
    "15 1,2 * * 0#L,0#2",
    "0 2 15-31 * +0#5,6#L",
];
const WILDCARD: [&str; 7] = [
    "*/30 * * * *",
    "0 * * * *",
    "*/20 1-3 * * *",
    "5 */2 * * *",
    "* 2 * * 6,0",
    "*/30 0 1-7 * *",
    "30 */3 * 3-5,9-11 1-5",
];

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The length of the window on either side of a change.
const WINDOW: i64 = 2 * DAY;
/// How long before the window the oracle starts to read the clocks. They have never gone back by more.
const AHEAD: i64 = 26 * HOUR;

/// A tick: the instant, and the civil minute since 1970 if the pattern has fixed times.
type Tick = (i64, Option<i64>);

/// What the clocks show, in the numbers of a cron pattern.
struct Shown {
    minute: u8,
    hour: u8,
    day: u8,
    month: u8,
    weekday: u8,
    /// How many days the month has.
    length: u8,
}

impl Shown {
    fn at(civil_minute: i64) -> Shown {
        let days = civil_minute.div_euclid(24 * 60);
        // Find the day of the month from the number of days, by going through the months.
        let (mut year, mut month, mut day, mut length) = (1970, 1, days, 31);
        let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        while day >= 365 + i64::from(leap(year)) {
            day -= 365 + i64::from(leap(year));
            year += 1;
        }
        for of_month in [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            length = of_month;
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        let [minute, hour] = [civil_minute.rem_euclid(60), civil_minute.rem_euclid(24 * 60) / 60];
        // 1970 began on a Thursday.
        let weekday = (days + 4).rem_euclid(7);
        let [minute, hour, day, month, weekday, length] =
            [minute, hour, day + 1, month, weekday, length].map(|number| u8::try_from(number).unwrap());
        Shown { minute, hour, day, month, weekday, length }
    }
}

/// Which numbers a field allows.
struct Field {
    allowed: [bool; 60],
    /// The last day of the month, `L`.
    last_day: bool,
    /// A day of the week, with its number within the month, or 0 for the last one.
    counted: Vec<(u8, u8)>,
}

impl Field {
    fn new(text: &str) -> Field {
        let mut allowed = [false; 60];
        let (mut last_day, mut counted) = (false, Vec::new());
        for item in text.split(',') {
            if let Some((weekday, nth)) = item.split_once('#') {
                counted.push((weekday.parse().unwrap(), nth.parse().unwrap_or(0)));
                continue;
            }
            if item == "L" {
                last_day = true;
                continue;
            }
            let (range, step) = item.split_once('/').unwrap_or((item, "1"));
            let step: usize = step.parse().unwrap();
            let (first, last) = match range.split_once('-') {
                Some((first, last)) => (first.parse().unwrap(), last.parse().unwrap()),
                None if range == "*" => (0, 59),
                None => (range.parse().unwrap(), range.parse::<usize>().unwrap()),
            };
            (first..=last).step_by(step).for_each(|number| allowed[number] = true);
        }
        Field { allowed, last_day, counted }
    }

    fn allows(&self, number: u8) -> bool {
        self.allowed[usize::from(number)]
    }

    fn counts(&self, shown: &Shown) -> bool {
        let is_last = shown.day + 7 > shown.length;
        let is_it = |nth: u8| if nth == 0 { is_last } else { (shown.day - 1) / 7 + 1 == nth };
        self.counted.iter().any(|(weekday, nth)| *weekday == shown.weekday && is_it(*nth))
    }
}

struct Pattern {
    fields: [Field; 5],
}

impl Pattern {
    fn new(text: &str) -> Pattern {
        let fields: Vec<&str> = text.split(' ').collect();
        let fields: [&str; 5] = fields.try_into().unwrap();
        Pattern { fields: fields.map(|field| Field::new(field.trim_start_matches('+'))) }
    }

    fn matches(&self, shown: &Shown) -> bool {
        let [minute, hour, day, month, weekday] = &self.fields;
        minute.allows(shown.minute)
            && hour.allows(shown.hour)
            && (day.allows(shown.day) || day.last_day && shown.day == shown.length)
            && month.allows(shown.month)
            && (weekday.allows(shown.weekday) || shown.weekday == 0 && weekday.allows(7) || weekday.counts(shown))
    }
}

struct Zone {
    name: &'static str,
    data: TimeZone,
}

impl Zone {
    fn offset(&self, at: i64) -> i64 {
        i64::from(self.data.to_offset(Timestamp::from_second(at).unwrap()).seconds())
    }
}

/// A change of the clocks, from one offset to another.
#[derive(Clone, Copy)]
struct Change<'a> {
    zone: &'a Zone,
    at: i64,
    before: i64,
    after: i64,
}

/// A change of the clocks, and what they show around it.
struct Window<'a> {
    change: Change<'a>,
    /// The instant and the civil minute, minute by minute from [`AHEAD`] of the window.
    minutes: Vec<(i64, i64)>,
    /// Which civil minutes the clocks show or leave out, from `first_shown` on.
    shown: Vec<Shown>,
    first_shown: i64,
}

impl<'a> Window<'a> {
    fn new(change: Change<'a>) -> Window<'a> {
        let minutes: Vec<(i64, i64)> = (change.at - WINDOW - AHEAD..=change.at + WINDOW)
            .step_by(60)
            .map(|at| {
                let civil = at + change.zone.offset(at);
                assert_eq!(civil % MINUTE, 0, "{} shows seconds, which the oracle does not support", change.zone.name);
                (at, civil / MINUTE)
            })
            .collect();
        let first_shown = minutes.iter().map(|(_, civil)| *civil).min().unwrap();
        let last_shown = minutes.iter().map(|(_, civil)| *civil).max().unwrap();
        let shown = (first_shown..=last_shown).map(Shown::at).collect();
        Window { change, minutes, shown, first_shown }
    }

    fn begin(&self) -> i64 {
        self.change.at - WINDOW
    }

    fn end(&self) -> i64 {
        self.change.at + WINDOW
    }

    /// The ticks after the window's beginning, up to its end.
    fn ticks(&self, pattern: &Pattern, fixed: bool) -> Vec<Tick> {
        let matches = |civil: i64| pattern.matches(&self.shown[usize::try_from(civil - self.first_shown).unwrap()]);
        let mut ticks = Vec::new();
        let mut latest_shown = self.minutes[0].1;
        for &(at, civil) in &self.minutes {
            let tick = if fixed {
                // All times that are reached now for the first time, including those that the clocks left out.
                let reached = latest_shown + 1..=civil;
                latest_shown = latest_shown.max(civil);
                reached.rev().find(|civil| matches(*civil)).map(|civil| (at, Some(civil)))
            } else {
                matches(civil).then_some((at, None))
            };
            ticks.extend(tick.filter(|_| at > self.begin()));
        }
        ticks
    }

    /// Instants at which a task may be armed, or a leader may come back.
    fn moments(&self) -> Vec<i64> {
        let Change { at, before, after, .. } = self.change;
        let by = (after - before).abs();
        let around = by + 3 * HOUR;
        let special = [-by, -MINUTE, -1, 0, 1, MINUTE, by];
        (-around..around).step_by(1327).chain(special).map(|by| at + by).collect()
    }

    /// Compares a schedule with the oracle's ticks. Returns the number of comparisons, or the first one that fails.
    fn compare(&self, schedule: &Schedule, ticks: &[Tick]) -> Result<usize, String> {
        let mut checks = 0;
        let mut same = |what: &str, at: i64, is: Option<Tick>, should: Option<Tick>| {
            checks += 1;
            if is == should {
                return Ok(());
            }
            Err(format!("{schedule}, the change at {}: {what} {at} is {is:?} and should be {should:?}", self.change.at))
        };
        // The oracle knows only the window.
        let inside = |tick: Tick| (tick.0 > self.begin() && tick.0 <= self.end()).then_some(tick);
        let before = Watermark::at(wall(self.begin()));

        let mut mark = before;
        for due in ticks.iter().map(Some).chain([None]) {
            let next = schedule.next(&mark);
            same("forwards, the tick after", seconds(mark.at), next.map(tick).and_then(inside), due.copied())?;
            mark = next.map_or(mark, Watermark::from);
        }
        let newest = schedule.newest(&before, wall(self.end()), usize::MAX);
        let mut backwards = newest.into_iter().rev().map(tick);
        for due in ticks.iter().rev().map(Some).chain([None]) {
            let at = due.map_or(self.begin(), |due| due.0);
            same("backwards, the tick at", at, backwards.next(), due.copied())?;
        }
        for at in self.moments() {
            let next = ticks.iter().find(|tick| tick.0 > at).copied();
            same("the tick after", at, schedule.next(&Watermark::at(wall(at))).map(tick).and_then(inside), next)?;
            let latest = ticks.iter().rfind(|tick| tick.0 <= at).copied();
            same("the last tick up to", at, schedule.latest(&before, wall(at)).map(tick), latest)?;
        }
        Ok(checks)
    }
}

fn wall(at: i64) -> WallTime {
    WallTime(at * 1_000_000)
}

fn seconds(at: WallTime) -> i64 {
    at.0 / 1_000_000
}

fn tick(occasion: ScheduledTime) -> Tick {
    let civil = occasion.civil.map(|civil| Offset::UTC.to_timestamp(civil).unwrap().as_second() / MINUTE);
    (seconds(occasion.at), civil)
}

/// All changes from 1990 to 2037, without those that are the same in several zones, and their number including those.
fn changes<'a>(zones: &'a [Zone]) -> (Vec<Change<'a>>, usize) {
    let [from, until]: [Timestamp; 2] = ["1990-01-01T00Z", "2038-01-01T00Z"].map(|at| at.parse().unwrap());
    let mut all = 0;
    let mut seen = HashSet::new();
    let mut different = Vec::new();
    for zone in zones {
        let changes: Vec<Change<'_>> = zone
            .data
            .following(from)
            .map(|change| change.timestamp().as_second())
            .take_while(|at| *at < until.as_second())
            .map(|at| Change { zone, at, before: zone.offset(at - 1), after: zone.offset(at) })
            // Some changes concern only the name of the time.
            .filter(|change| change.before != change.after)
            .collect();
        all += changes.len();
        for &change in &changes {
            let near = |other: &&Change<'_>| (other.at - change.at).abs() <= WINDOW + AHEAD;
            let looks: Vec<(i64, i64, i64)> = changes.iter().filter(near).map(|c| (c.at, c.before, c.after)).collect();
            if seen.insert((change.at, looks)) {
                different.push(change);
            }
        }
    }
    (different, all)
}

#[test]
fn every_change_of_the_clocks_is_as_the_oracle_says() {
    let database = TimeZoneDatabase::bundled();
    let zones: Vec<Zone> = zone_names().map(|name| Zone { name, data: database.get(name).unwrap() }).collect();
    let (different, changes) = changes(&zones);
    let patterns: Vec<(&str, Pattern, bool)> = FIXED
        .iter()
        .map(|text| (*text, true))
        .chain(WILDCARD.iter().map(|text| (*text, false)))
        .map(|(text, fixed)| (text, Pattern::new(text), fixed))
        .collect();

    let (taken, checks) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let wrong: Mutex<Vec<String>> = Mutex::default();
    let compare_some = || {
        while let Some(change) = different.get(taken.fetch_add(1, Ordering::Relaxed)) {
            let window = Window::new(*change);
            for (text, pattern, fixed) in &patterns {
                let schedule = Schedule::cron(text, change.zone.name).unwrap();
                match window.compare(&schedule, &window.ticks(pattern, *fixed)) {
                    Ok(compared) => _ = checks.fetch_add(compared, Ordering::Relaxed),
                    Err(difference) => wrong.lock().unwrap().push(difference),
                }
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        (0..threads).for_each(|_| _ = scope.spawn(compare_some));
    });

    let (wrong, checks) = (wrong.into_inner().unwrap(), checks.into_inner());
    println!(
        "{checks} checks at {} different changes of the clocks, of {changes} in {} zones: {} wrong",
        different.len(),
        zones.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{} schedules at a change, of which {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
    assert!(zones.len() > 500 && different.len() > 4_000 && checks > 10_000_000, "too few comparisons were made");
}
