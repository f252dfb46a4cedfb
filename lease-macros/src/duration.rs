//! `"15s"`: durations as the attribute writes them.

/// A span of time, in the larger of the two units it can be built from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Span {
    Secs(u64),
    Millis(u64),
}

/// Why a text is not a duration, and which duration was probably meant.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Wrong {
    pub(crate) what: &'static str,
    pub(crate) instead: Option<String>,
}

/// Reads a whole number and a unit.
pub(crate) fn parse(text: &str) -> Result<Span, Wrong> {
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
    let too_long = Wrong { what: "this duration is longer than can be counted", instead: None };
    match (number.parse::<u64>(), seconds) {
        (Ok(0), _) => Err(Wrong { what: "a duration must be longer than zero", instead: None }),
        (Ok(number), None) => Ok(Span::Millis(number)),
        (Ok(number), Some(unit)) => number.checked_mul(unit).map(Span::Secs).ok_or(too_long),
        (Err(_), _) => Err(too_long),
    }
}

/// Says what is wrong with a text that [`parse`] does not take, reading it as generously as sense allows.
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
            return Wrong { what, instead: None };
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
    // A tenth of a millisecond, or a thousand years, is not what anyone meant.
    let whole = millis as u64;
    if whole as f64 != millis || whole == 0 || whole > 1_000 * 366 * 86_400_000 {
        return Wrong { what, instead: None };
    }
    let instead = match whole {
        _ if whole.is_multiple_of(3_600_000) => format!("{}h", whole / 3_600_000),
        _ if whole.is_multiple_of(60_000) => format!("{}m", whole / 60_000),
        _ if whole.is_multiple_of(1_000) => format!("{}s", whole / 1_000),
        _ => format!("{whole}ms"),
    };
    Wrong { what, instead: Some(instead) }
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
