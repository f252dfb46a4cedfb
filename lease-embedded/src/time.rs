//! Times as the API server reads and writes them.
//!
//! It is stricter than most libraries: a `MicroTime` must have exactly six fraction digits, and a time with an offset is stored
//! in UTC. It also accepts more: an offset can move a time out of the years 0 to 9999, and the server stores that time.

use lease_protocol::clock::WallTime;

/// The two layouts of the API. Error messages contain them in Go's notation.
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

/// Seconds since 1970, and microseconds.
type Instant = (i64, u32);

const DAY: i64 = 86_400;
/// Go's zero time, the first second of year 1. Go writes it as null.
const ZERO: Instant = (-62_135_596_800, 0);

/// The same instant as the server stores it, or Go's error. `None` is Go's zero time.
pub(crate) fn normalise(text: &str, layout: Layout) -> Result<Option<String>, String> {
    let instant = parse(text, layout)
        .ok_or_else(|| format!("parsing time {text:?} as {:?}: cannot parse {text:?}", layout.go()))?;
    Ok((instant != ZERO).then(|| format(instant, layout)))
}

/// `wall` in the given layout.
pub(crate) fn of_wall(wall: WallTime, layout: Layout) -> String {
    let micros = u32::try_from(wall.0.rem_euclid(1_000_000)).unwrap_or(0);
    format((wall.0.div_euclid(1_000_000), micros), layout)
}

/// `wall` in the format of the `Date` header (RFC 9110, IMF-fixdate), rounded down to whole seconds.
pub(crate) fn in_head(wall: WallTime) -> String {
    // The first day of 1970 was a Thursday.
    const WEEK: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = wall.0.div_euclid(1_000_000);
    let days = seconds.div_euclid(DAY);
    let (year, month, day) = civil(days);
    let nth = |names: &[&'static str], n: i64| usize::try_from(n).ok().and_then(|n| names.get(n).copied());
    let (of_week, of_year) = (nth(&WEEK, days.rem_euclid(7)), nth(&MONTHS, month - 1));
    let (weekday, month) = (of_week.unwrap_or_default(), of_year.unwrap_or_default());
    let (hour, minute, second) = clock(seconds);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Hour, minute and second of a day.
fn clock(seconds: i64) -> (i64, i64, i64) {
    let second = seconds.rem_euclid(DAY);
    (second / 3600, second / 60 % 60, second % 60)
}

fn format((seconds, micros): Instant, layout: Layout) -> String {
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let sign = if year < 0 { "-" } else { "" };
    let fraction = match layout {
        Layout::Seconds => String::new(),
        Layout::Micros => format!(".{micros:06}"),
    };
    let (hour, minute, second) = clock(seconds);
    format!("{sign}{:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z", year.abs())
}

fn parse(text: &str, layout: Layout) -> Option<Instant> {
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
    let micros = fraction(&mut rest, layout)?;
    let offset = offset(&mut rest)?;
    if !rest.is_empty() || hour > 23 || minute > 59 || second > 59 || !(1..=12).contains(&month) {
        return None;
    }
    let days = days(year, month, day);
    // If the month does not have this day, `civil` returns a day of the next month.
    if civil(days) != (year, month, day) {
        return None;
    }
    Some((days * DAY + hour * 3600 + minute * 60 + second - offset, micros))
}

/// Days since 1970 of a date of the proleptic Gregorian calendar. Years are counted from March, so that the leap day is
/// the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (cycle, year_of_cycle) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    cycle * 146_097 + year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year - 719_468
}

/// The date of this number of days: the inverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (cycle * 400 + year + i64::from(month <= 2), month, day)
}

fn byte(rest: &mut &[u8], allowed: &[u8]) -> Option<u8> {
    let (&first, tail) = rest.split_first()?;
    *rest = tail;
    allowed.contains(&first).then_some(first)
}

fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (head, tail) = rest.split_at_checked(digits)?;
    *rest = tail;
    head.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

/// Microseconds: exactly six digits. In a layout without a fraction, any number of digits is accepted and ignored.
fn fraction(rest: &mut &[u8], layout: Layout) -> Option<u32> {
    match layout {
        Layout::Micros => {
            byte(rest, b".,")?;
            u32::try_from(number(rest, 6)?).ok()
        }
        Layout::Seconds if matches!(rest.first(), Some(b'.' | b',')) => {
            let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
            *rest = rest.get(1 + digits..)?;
            (digits > 0).then_some(0)
        }
        Layout::Seconds => Some(0),
    }
}

/// Seconds east of UTC.
fn offset(rest: &mut &[u8]) -> Option<i64> {
    let sign = match byte(rest, b"Z+-")? {
        b'Z' => return Some(0),
        b'-' => -1,
        _ => 1,
    };
    let hours = number(rest, 2)?;
    byte(rest, b":")?;
    let minutes = number(rest, 2)?;
    (hours <= 24 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Result<Option<String>, String> {
        normalise(text, Layout::Micros)
    }

    #[test]
    fn a_micro_time_has_exactly_six_digits() {
        assert_eq!(micros("2026-11-22T15:00:00.123456Z"), Ok(Some("2026-11-22T15:00:00.123456Z".to_owned())));
        assert_eq!(micros("2026-11-22T15:00:00.123456+02:00"), Ok(Some("2026-11-22T13:00:00.123456Z".to_owned())));
        for wrong in [
            "",
            "2026-11-22T15:00:00Z",
            "2026-11-22T15:00:00.123Z",
            "2026-11-22T15:00:00.123456789Z",
            "2026-11-22t15:00:00.123456z",
            "2026-02-30T15:00:00.123456Z",
            "2026-02-29T15:00:00.123456Z",
            "2026-13-01T15:00:00.123456Z",
            "2026-00-01T15:00:00.123456Z",
            "2026-01-00T15:00:00.123456Z",
            "2026-11-22T24:00:00.123456Z",
            "2026-11-22T15:00:00.123456",
            "2026-11-22T15:00:00.123456Zx",
            "2026-11-22T15:00:00.12345é",
        ] {
            assert!(micros(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn go_s_zero_time_is_absent() {
        assert_eq!(micros("0001-01-01T00:00:00.000000Z"), Ok(None));
        assert_eq!(micros("0001-01-01T00:00:00.000001Z"), Ok(Some("0001-01-01T00:00:00.000001Z".to_owned())));
        assert_eq!(normalise("0001-01-01T00:00:00Z", Layout::Seconds), Ok(None));
    }

    #[test]
    fn an_offset_can_lead_out_of_the_calendar() {
        assert_eq!(micros("9999-12-31T23:59:59.999999-01:00"), Ok(Some("10000-01-01T00:59:59.999999Z".to_owned())));
        assert_eq!(micros("0000-01-01T00:00:00.000000+23:00"), Ok(Some("-0001-12-31T01:00:00.000000Z".to_owned())));
    }

    #[test]
    fn a_time_drops_its_fraction() {
        let read = |text| normalise(text, Layout::Seconds);
        assert_eq!(read("2026-11-22T15:00:00Z"), Ok(Some("2026-11-22T15:00:00Z".to_owned())));
        assert_eq!(read("2026-11-22T15:00:00.9Z"), Ok(Some("2026-11-22T15:00:00Z".to_owned())));
        assert_eq!(read("2026-11-22T15:00:00.123456789123Z"), Ok(Some("2026-11-22T15:00:00Z".to_owned())));
        assert!(read("2026-11-22T15:00:00.Z").is_err());
    }

    #[test]
    fn the_head_of_an_answer_has_whole_seconds_that_have_begun() {
        let at = |seconds: i64, micros: i64| in_head(WallTime(seconds * 1_000_000 + micros));
        // The example of RFC 9110.
        assert_eq!(at(784_111_777, 0), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(784_111_777, 999_999), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(at(0, 0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(at(0, -1), "Wed, 31 Dec 1969 23:59:59 GMT");
        assert_eq!(at(951_782_399, 0), "Mon, 28 Feb 2000 23:59:59 GMT");
        // No time of the clock makes it panic.
        for wall in [i64::MIN, i64::MAX] {
            assert!(in_head(WallTime(wall)).ends_with(" GMT"));
        }
    }

    #[test]
    fn every_day_of_four_centuries_is_itself() {
        for day in -719_528..146_097 {
            let (year, month, of_month) = civil(day);
            assert_eq!(days(year, month, of_month), day);
        }
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(of_wall(WallTime(-1), Layout::Micros), "1969-12-31T23:59:59.999999Z");
    }
}
