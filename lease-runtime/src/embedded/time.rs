//! Times as the API server reads and writes them.
//!
//! Stricter than most libraries: a `MicroTime` must carry exactly six fraction digits, and what was written with an offset
//! comes back in UTC.

use k8s_openapi::jiff::{SignedDuration, Timestamp, civil};

use crate::clock::WallTime;

/// The two layouts of the API, named as Go writes them, because its error messages do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `metav1.Time`: whole seconds.
    Seconds,
    /// `metav1.MicroTime`: exactly six fraction digits.
    Micros,
}

impl Layout {
    const fn go(self) -> &'static str {
        match self {
            Layout::Seconds => "2006-01-02T15:04:05Z07:00",
            Layout::Micros => "2006-01-02T15:04:05.000000Z07:00",
        }
    }
}

/// The same instant as the server stores it, or Go's complaint. `None` is Go's zero time, which is stored as absent.
pub(crate) fn normalise(text: &str, layout: Layout) -> Result<Option<String>, String> {
    let instant = parse(text, layout)
        .ok_or_else(|| format!("parsing time {text:?} as {:?}: cannot parse {text:?}", layout.go()))?;
    let text = format(instant, layout);
    Ok((!text.starts_with("0001-01-01T00:00:00")).then_some(text))
}

/// `wall` in the given layout.
pub(crate) fn of_wall(wall: WallTime, layout: Layout) -> String {
    format(Timestamp::from_microsecond(wall.0).unwrap_or(Timestamp::UNIX_EPOCH), layout)
}

fn format(instant: Timestamp, layout: Layout) -> String {
    let pattern = match layout {
        Layout::Seconds => "%Y-%m-%dT%H:%M:%SZ",
        Layout::Micros => "%Y-%m-%dT%H:%M:%S.%6fZ",
    };
    instant.strftime(pattern).to_string()
}

fn parse(text: &str, layout: Layout) -> Option<Timestamp> {
    let mut rest = text.as_bytes();
    let year = number(&mut rest, 4)?;
    byte(&mut rest, b"-")?;
    let month = number(&mut rest, 2)?;
    byte(&mut rest, b"-")?;
    let day = number(&mut rest, 2)?;
    byte(&mut rest, b"T")?;
    let hour = number(&mut rest, 2)?;
    byte(&mut rest, b":")?;
    let minute = number(&mut rest, 2)?;
    byte(&mut rest, b":")?;
    let second = number(&mut rest, 2)?;
    let nanos = fraction(&mut rest, layout)?;
    let offset = offset(&mut rest)?;
    if !rest.is_empty() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let small = |number: i32| i8::try_from(number).ok();
    let year = i16::try_from(year).ok()?;
    let local =
        civil::DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, nanos)
            .ok()?
            .to_zoned(k8s_openapi::jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp();
    local.checked_sub(offset).ok()
}

fn byte(rest: &mut &[u8], allowed: &[u8]) -> Option<u8> {
    let (&first, tail) = rest.split_first()?;
    *rest = tail;
    allowed.contains(&first).then_some(first)
}

fn number(rest: &mut &[u8], digits: usize) -> Option<i32> {
    let (head, tail) = rest.split_at_checked(digits)?;
    *rest = tail;
    head.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i32::from(digit - b'0')))
}

/// Six digits exactly, or, in a layout without a fraction, any number of them or none.
fn fraction(rest: &mut &[u8], layout: Layout) -> Option<i32> {
    match layout {
        Layout::Micros => {
            byte(rest, b".,")?;
            Some(number(rest, 6)? * 1_000)
        }
        Layout::Seconds if matches!(rest.first(), Some(b'.' | b',')) => {
            *rest = &rest[1..];
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let kept = digits.min(9);
            let nanos = number(rest, kept)? * 10_i32.pow(u32::try_from(9 - kept).ok()?);
            *rest = &rest[digits - kept..];
            (digits > 0).then_some(nanos)
        }
        Layout::Seconds => Some(0),
    }
}

fn offset(rest: &mut &[u8]) -> Option<SignedDuration> {
    let sign = match byte(rest, b"Z+-")? {
        b'Z' => return Some(SignedDuration::ZERO),
        b'-' => -1,
        _ => 1,
    };
    let hours = number(rest, 2)?;
    byte(rest, b":")?;
    let minutes = number(rest, 2)?;
    (hours <= 24 && minutes <= 59).then(|| SignedDuration::from_secs(sign * i64::from(hours * 3600 + minutes * 60)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_micro_time_has_exactly_six_digits() {
        let read = |text| normalise(text, Layout::Micros);
        assert_eq!(read("2026-11-22T15:00:00.123456Z"), Ok(Some("2026-11-22T15:00:00.123456Z".to_owned())));
        assert_eq!(read("2026-11-22T15:00:00.123456+02:00"), Ok(Some("2026-11-22T13:00:00.123456Z".to_owned())));
        for wrong in [
            "",
            "2026-11-22T15:00:00Z",
            "2026-11-22T15:00:00.123Z",
            "2026-11-22T15:00:00.123456789Z",
            "2026-11-22t15:00:00.123456z",
            "2026-02-30T15:00:00.123456Z",
            "2026-11-22T24:00:00.123456Z",
            "2026-11-22T15:00:00.123456",
            "2026-11-22T15:00:00.123456Zx",
            "2026-11-22T15:00:00.12345é",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn go_s_zero_time_is_absent() {
        assert_eq!(normalise("0001-01-01T00:00:00.000000Z", Layout::Micros), Ok(None));
        assert_eq!(normalise("0001-01-01T00:00:00Z", Layout::Seconds), Ok(None));
    }

    #[test]
    fn a_time_drops_its_fraction() {
        let read = |text| normalise(text, Layout::Seconds);
        assert_eq!(read("2026-11-22T15:00:00Z"), Ok(Some("2026-11-22T15:00:00Z".to_owned())));
        assert_eq!(read("2026-11-22T15:00:00.9Z"), Ok(Some("2026-11-22T15:00:00Z".to_owned())));
        assert_eq!(read("2026-11-22T15:00:00.123456789123Z"), Ok(Some("2026-11-22T15:00:00Z".to_owned())));
        assert!(read("2026-11-22T15:00:00.Z").is_err());
    }
}
