//! What is wrong with a schedule.

use std::ops::Range;
use std::time::Duration;

/// A schedule that no task can have.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The cron pattern is not valid.
    #[error("cron = {pattern:?}: {message}")]
    Cron {
        /// The pattern.
        pattern: String,
        /// The range of the part that is wrong, in bytes.
        at: Range<usize>,
        /// The part, what is wrong with it, and the remedy.
        message: String,
    },
    /// There is no zone of this name.
    #[error("time_zone = {zone:?}: {message}")]
    TimeZone {
        /// The name.
        zone: String,
        /// What is wrong, and the remedy.
        message: String,
    },
    /// A period or a delay is shorter than a second.
    #[error("{argument} must be at least one second, not {given:?}: a tick costs a write to the API server")]
    Short {
        /// `every` or `delay`.
        argument: &'static str,
        /// Its value.
        given: Duration,
    },
    /// A period, an offset or a delay is not in whole seconds, as ticks are.
    #[error("{argument} must be in whole seconds, not {given:?}: round it")]
    Fraction {
        /// `every`, `offset` or `delay`.
        argument: &'static str,
        /// Its value.
        given: Duration,
    },
    /// A period or a delay is longer than a century.
    #[error("{argument} must be at most 100 years, not {given:?}: leave the trigger out if it is never due")]
    Long {
        /// `every` or `delay`.
        argument: &'static str,
        /// Its value.
        given: Duration,
    },
    /// The offset is not shorter than the period.
    #[error("offset must be less than every, which is {every:?}, not {offset:?}: leave out whole periods")]
    Offset {
        /// The period.
        every: Duration,
        /// The offset.
        offset: Duration,
    },
}
