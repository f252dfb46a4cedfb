//! Computes the next tick of a task from its schedule and from the last tick that is accounted for.
//!
//! Nothing here reads a clock or waits. A tick is identified by its time, which is a whole second. So two replicas
//! compute the same ticks, whatever their clocks show.

mod calendar;
mod days;
mod error;
#[cfg(test)]
mod tests;
mod zone;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
pub use calendar::SEARCHES;
use calendar::{Calendar, Due, Second};
use jiff::civil::DateTime;

pub use self::error::ScheduleError;
pub use self::zone::zone_data_version;
#[cfg(test)]
pub(crate) use self::zone::zone_names;
use crate::clock::WallTime;

/// When a task is due.
///
/// Every value of this type is valid. Two values are equal if they mean the same: `@daily` is `0 0 * * *`, and `MON` is
/// `1`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Schedule {
    trigger: Trigger,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Trigger {
    Cron(Arc<Calendar>),
    /// In seconds.
    Every {
        period: i64,
        offset: i64,
    },
    /// In seconds.
    Delay(i64),
    Once,
}

/// The last tick of a schedule that is accounted for. Ticks up to here are no longer due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Watermark {
    /// The instant.
    pub at: WallTime,
    /// The civil time of the last tick, if it had one.
    ///
    /// With another release of the zone data, the same civil time may be at a later instant. It must not run again
    /// then.
    pub civil: Option<DateTime>,
}

/// A tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScheduledTime {
    /// Its nominal time, a whole second.
    pub at: WallTime,
    /// Its civil time in the schedule's zone, if it is a cron pattern of fixed times.
    ///
    /// If the clocks skipped several matching times together, it is the last of them.
    pub civil: Option<DateTime>,
}

impl Watermark {
    /// A mark at an instant that is not a tick, for a task that is seen for the first time.
    pub const fn at(at: WallTime) -> Watermark {
        Watermark { at, civil: None }
    }
}

impl From<ScheduledTime> for Watermark {
    fn from(ScheduledTime { at, civil }: ScheduledTime) -> Watermark {
        Watermark { at, civil }
    }
}

impl ScheduledTime {
    /// `None` beyond the end of [`WallTime`].
    fn new((at, civil): Due) -> Option<ScheduledTime> {
        Some(ScheduledTime { at: WallTime(at.checked_mul(MICROS)?), civil })
    }

    fn second(self) -> Second {
        self.at.0.div_euclid(MICROS)
    }

    /// Whether this tick is still due.
    fn is_after(self, mark: &Watermark) -> bool {
        let civil = match (self.civil, mark.civil) {
            (Some(own), Some(accounted)) => own > accounted,
            _ => true,
        };
        self.at > mark.at && civil
    }
}

const MICROS: i64 = 1_000_000;
/// The longest period. The exact value does not matter: it keeps sums far from overflowing.
const CENTURY: i64 = lease_grammar::schedule::LONGEST_PERIOD_SECS.cast_signed();

impl Schedule {
    /// At the times that a cron pattern matches in a zone.
    ///
    /// # Errors
    ///
    /// [`ScheduleError::Cron`] or [`ScheduleError::TimeZone`].
    pub fn cron(pattern: &str, time_zone: &str) -> Result<Schedule, ScheduleError> {
        Ok(Schedule { trigger: Trigger::Cron(Arc::new(Calendar::new(pattern, time_zone)?)) })
    }

    /// At each multiple of `period` since 1970, plus `offset`.
    ///
    /// # Errors
    ///
    /// Another variant of [`ScheduleError`] than the two of [`cron`](Schedule::cron).
    pub fn every(period: Duration, offset: Duration) -> Result<Schedule, ScheduleError> {
        let every = seconds("every", period)?;
        if offset >= period {
            return Err(ScheduleError::Offset { every: period, offset });
        }
        Ok(Schedule { trigger: Trigger::Every { period: every, offset: whole("offset", offset)? } })
    }

    /// `delay` after the end of the run before.
    ///
    /// # Errors
    ///
    /// Another variant of [`ScheduleError`] than the two of [`cron`](Schedule::cron).
    pub fn delay(delay: Duration) -> Result<Schedule, ScheduleError> {
        Ok(Schedule { trigger: Trigger::Delay(seconds("delay", delay)?) })
    }

    /// Once, without a calendar.
    pub fn once() -> Schedule {
        Schedule { trigger: Trigger::Once }
    }

    /// The first tick after `mark`.
    ///
    /// With `delay`, the mark is the end of the last run, and only one tick after it is known. With `once`, there is no
    /// next tick.
    pub fn next(&self, mark: &Watermark) -> Option<ScheduledTime> {
        let at = mark.at.0.div_euclid(MICROS);
        ScheduledTime::new(match &self.trigger {
            Trigger::Cron(calendar) => calendar.next(at, mark.civil)?,
            Trigger::Every { period, offset } => (offset + ((at - offset).div_euclid(*period) + 1) * period, None),
            Trigger::Delay(delay) => (whole_second_from(mark.at) + delay, None),
            Trigger::Once => return None,
        })
    }

    /// The last tick after `mark` that is not after `until`.
    pub fn latest(&self, mark: &Watermark, until: WallTime) -> Option<ScheduledTime> {
        self.previous(until.0.div_euclid(MICROS), mark).filter(|occasion| occasion.is_after(mark))
    }

    /// The newest tick after `mark` and not after `until` that is followed by at least `most` others. It is computed by
    /// arithmetic, however many ticks there are.
    pub fn over(&self, mark: &Watermark, until: WallTime, most: u64) -> Option<ScheduledTime> {
        let over = match &self.trigger {
            Trigger::Cron(calendar) => {
                let mut over = calendar.back(until.0.div_euclid(MICROS), most).and_then(ScheduledTime::new)?;
                // Changes of the clocks have merged several ticks into one, or split one into several.
                let mut waiting = self.count(&over.into(), until);
                while waiting < most {
                    over = self.previous(over.second() - 1, mark)?;
                    waiting += 1;
                }
                while waiting > most {
                    over = self.next(&over.into())?;
                    waiting -= 1;
                }
                over
            }
            Trigger::Every { period, .. } => {
                let back = i64::try_from(most).ok()?.checked_mul(*period)?;
                let newest = self.previous(until.0.div_euclid(MICROS), mark)?;
                self.previous(newest.second().checked_sub(back)?, mark)?
            }
            Trigger::Delay(_) | Trigger::Once => return None,
        };
        Some(over).filter(|over| over.is_after(mark))
    }

    /// The last `most` ticks after `mark` that are not after `until`, the oldest first.
    #[cfg(test)]
    pub fn newest(&self, mark: &Watermark, until: WallTime, most: usize) -> Vec<ScheduledTime> {
        let mut newest = Vec::new();
        let mut at = until.0.div_euclid(MICROS);
        while newest.len() < most {
            let Some(occasion) = self.previous(at, mark).filter(|occasion| occasion.is_after(mark)) else { break };
            at = occasion.second() - 1;
            newest.push(occasion);
        }
        newest.reverse();
        newest
    }

    /// How many ticks there are after `mark` up to and including `until`. The count is computed by arithmetic, however
    /// many there are.
    pub fn count(&self, mark: &Watermark, until: WallTime) -> u64 {
        match &self.trigger {
            Trigger::Cron(calendar) => {
                let (from, to) = (mark.at.0.div_euclid(MICROS), until.0.div_euclid(MICROS));
                calendar.count(from, to, mark.civil).unwrap_or(0)
            }
            Trigger::Every { period, offset } => {
                let index = |at: WallTime| (at.0.div_euclid(MICROS) - offset).div_euclid(*period);
                u64::try_from(index(until) - index(mark.at)).unwrap_or(0)
            }
            Trigger::Delay(_) | Trigger::Once => self.latest(mark, until).map_or(0, |_| 1),
        }
    }

    /// The last tick that is not after `at`, whether or not it is after `mark`.
    fn previous(&self, at: Second, mark: &Watermark) -> Option<ScheduledTime> {
        match &self.trigger {
            Trigger::Cron(calendar) => calendar.previous(at).and_then(ScheduledTime::new),
            Trigger::Every { period, offset } => {
                ScheduledTime::new((offset + (at - offset).div_euclid(*period) * period, None))
            }
            Trigger::Delay(_) | Trigger::Once => self.next(mark).filter(|occasion| occasion.second() <= at),
        }
    }

    /// The smallest distance between two ticks on a day on which the clocks do not change.
    pub fn shortest_period(&self) -> Option<Duration> {
        match &self.trigger {
            Trigger::Cron(calendar) => Some(Duration::from_secs(60 * u64::from(calendar.shortest_minutes))),
            Trigger::Every { period, .. } | Trigger::Delay(period) => Some(Duration::from_secs(period.unsigned_abs())),
            Trigger::Once => None,
        }
    }

    /// The zone of a cron pattern.
    pub fn time_zone(&self) -> Option<&str> {
        match &self.trigger {
            Trigger::Cron(calendar) => Some(calendar.zone_name),
            Trigger::Every { .. } | Trigger::Delay(_) | Trigger::Once => None,
        }
    }

    /// Eight hexadecimal digits. If they differ from those in a record, the schedule was edited.
    ///
    /// They must stay the same in all versions of this library, because no tick is caught up after an edit.
    pub fn fingerprint(&self) -> String {
        let text = match &self.trigger {
            Trigger::Cron(calendar) => format!("cron {} {}", calendar.canonical, calendar.zone_name),
            Trigger::Every { period, offset } => format!("every {period} {offset}"),
            Trigger::Delay(delay) => format!("delay {delay}"),
            Trigger::Once => "once".to_owned(),
        };
        // FNV-1a, because the hasher of the standard library may change with any release.
        let hash = text.bytes().fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        format!("{hash:08x}")
    }
}

/// In the form of the arguments of the attribute.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.trigger {
            Trigger::Cron(calendar) => {
                write!(f, "cron = {:?}, time_zone = {:?}", calendar.written, calendar.zone_name)
            }
            Trigger::Every { period, offset: 0 } => write!(f, "every = \"{}\"", Length(*period)),
            Trigger::Every { period, offset } => {
                write!(f, "every = \"{}\", offset = \"{}\"", Length(*period), Length(*offset))
            }
            Trigger::Delay(delay) => write!(f, "delay = \"{}\"", Length(*delay)),
            Trigger::Once => write!(f, "once"),
        }
    }
}

/// Formats seconds in the largest unit of which they are a multiple.
struct Length(i64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            hours if hours % 3600 == 0 => write!(f, "{}h", hours / 3600),
            minutes if minutes % 60 == 0 => write!(f, "{}m", minutes / 60),
            seconds => write!(f, "{seconds}s"),
        }
    }
}

/// The first whole second that is not before `at`.
fn whole_second_from(at: WallTime) -> Second {
    at.0.div_euclid(MICROS) + i64::from(at.0.rem_euclid(MICROS) != 0)
}

/// A period or a delay.
fn seconds(argument: &'static str, given: Duration) -> Result<i64, ScheduleError> {
    if given < Duration::from_secs(1) {
        return Err(ScheduleError::Short { argument, given });
    }
    whole(argument, given)
}

fn whole(argument: &'static str, given: Duration) -> Result<i64, ScheduleError> {
    if given.subsec_nanos() != 0 {
        return Err(ScheduleError::Fraction { argument, given });
    }
    match i64::try_from(given.as_secs()) {
        Ok(seconds) if seconds <= CENTURY => Ok(seconds),
        _ => Err(ScheduleError::Long { argument, given }),
    }
}
