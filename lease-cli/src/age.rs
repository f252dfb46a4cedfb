//! Spans of time for people.

use jiff::Timestamp;

/// A span as kubectl writes ages: `5s`, `3m12s`, `4h2m`, `12d3h`.
pub(crate) fn span(seconds: i64) -> String {
    let (sign, seconds) = if seconds < 0 { ("-", seconds.unsigned_abs()) } else { ("", seconds.unsigned_abs()) };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |high: u64, unit: &str, low: u64, low_unit: &str| {
        if low == 0 { format!("{high}{unit}") } else { format!("{high}{unit}{low}{low_unit}") }
    };
    let text = match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => two(minutes, "m", seconds % 60, "s"),
        3600..86_400 => two(hours, "h", minutes % 60, "m"),
        _ => two(days, "d", hours % 24, "h"),
    };
    format!("{sign}{text}")
}

/// How long ago a time was.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> String {
    span(now.as_second().saturating_sub(then.as_second()))
}

/// How long it is until a time.
pub(crate) fn until(then: Timestamp, now: Timestamp) -> String {
    span(then.as_second().saturating_sub(now.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_at_most_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (192, "3m12s"),
            (3600, "1h"),
            (14_520, "4h2m"),
            (86_400, "1d"),
            (12 * 86_400 + 3 * 3600 + 59, "12d3h"),
            (-5, "-5s"),
        ] {
            assert_eq!(span(seconds), text);
        }
        assert_eq!(span(i64::MIN), "-106751991167300d15h");
    }
}
