//! Durations in the form of the attribute, such as `"15s"`.

use std::fmt;

use crate::value::{Remedy, Wrong};

/// A span of time, in whole seconds if possible and otherwise in milliseconds.
#[derive(Clone, Copy, Debug)]
pub enum Duration {
    /// Whole seconds.
    Secs(u64),
    /// Milliseconds.
    Millis(u64),
}

impl Duration {
    /// In milliseconds.
    pub fn millis(self) -> u128 {
        match self {
            Duration::Secs(secs) => u128::from(secs) * 1000,
            Duration::Millis(millis) => millis.into(),
        }
    }

    /// Formats in the largest unit of which it is a whole number.
    pub fn of_millis(millis: u64) -> String {
        match millis {
            _ if millis == 0 || !millis.is_multiple_of(1_000) => format!("{millis}ms"),
            _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
            _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
            _ => format!("{}s", millis / 1_000),
        }
    }
}

impl From<Duration> for std::time::Duration {
    fn from(duration: Duration) -> std::time::Duration {
        match duration {
            Duration::Secs(secs) => std::time::Duration::from_secs(secs),
            Duration::Millis(millis) => std::time::Duration::from_millis(millis),
        }
    }
}

/// The duration in the form of the attribute.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u64::try_from(self.millis()) {
            Ok(millis) => f.write_str(&Duration::of_millis(millis)),
            Err(_) => write!(f, "{}ms", self.millis()),
        }
    }
}

/// Reads a whole number and a unit.
///
/// # Errors
///
/// Any other text, zero, and a duration that is longer than a `u64` of seconds can count. The error suggests what was
/// probably meant.
pub fn parse(text: &str) -> Result<Duration, Wrong> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        _ if number.is_empty() => return Err(wrong(text)),
        "ms" => None,
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => return Err(wrong(text)),
    };
    let too_long = Wrong { what: "this duration is longer than can be counted", remedy: Remedy::WriteExample };
    match (number.parse::<u64>(), seconds) {
        (Ok(0), _) => Err(Wrong { what: "a duration must be longer than zero", remedy: Remedy::LeaveOut }),
        (Ok(number), None) => Ok(Duration::Millis(number)),
        (Ok(number), Some(unit)) => number.checked_mul(unit).map(Duration::Secs).ok_or(too_long),
        (Err(_), _) => Err(too_long),
    }
}

/// Explains what is wrong with a text that [`parse`] does not accept, and guesses what was meant.
fn wrong(text: &str) -> Wrong {
    let mut rest = text.trim();
    let mut parts = 0;
    let mut millis = 0.0;
    let mut what = "a duration is a string of a whole number and one of `ms`, `s`, `m`, `h`";
    while !rest.is_empty() {
        let (number, unit);
        (number, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len()));
        rest = rest.trim_start();
        (unit, rest) = rest.split_at(rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len()));
        rest = rest.trim_start();
        let (Ok(number), Some(unit_in_millis)) = (number.parse::<f64>(), unit_in_millis(unit)) else {
            return Wrong { what, remedy: Remedy::WriteExample };
        };
        if unit.is_empty() {
            what = "a duration needs a unit";
        }
        millis += number * unit_in_millis;
        parts += 1;
    }
    if parts > 1 {
        what = "a duration has one number and one unit";
    }
    // Nobody means a tenth of a millisecond or a thousand years.
    let whole = millis as u64;
    if whole as f64 != millis || whole == 0 || whole > 1_000 * 366 * 86_400_000 {
        return Wrong { what, remedy: Remedy::WriteExample };
    }
    Wrong { what, remedy: Remedy::Write(Duration::of_millis(whole)) }
}

/// The units that people write.
fn unit_in_millis(unit: &str) -> Option<f64> {
    Some(match unit.to_lowercase().as_str() {
        "us" | "µs" | "micros" | "microseconds" => 0.001,
        "ms" | "msec" | "msecs" | "millis" | "milliseconds" => 1.0,
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1_000.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000.0,
        "d" | "day" | "days" => 86_400_000.0,
        "w" | "week" | "weeks" => 604_800_000.0,
        _ => return None,
    })
}

/// Reads the ways in which people write durations. Returns the duration, exact or guessed.
pub fn guess(text: &str) -> Option<Duration> {
    match parse(text.trim()) {
        Ok(duration) => Some(duration),
        Err(Wrong { remedy: Remedy::Write(instead), .. }) => parse(&instead).ok(),
        Err(_) => None,
    }
}
