//! What is wrong with the name of a time zone, and what was probably meant.

use crate::suggest::{closest, is_among, plain};

/// The longest name that is compared with others. No name is longer, and the time that a comparison takes grows with its square.
const LONGEST_COMPARED: usize = 40;

/// Windows names of time zones.
const OF_WINDOWS: [(&str, &str); 16] = [
    ("AUS Eastern Standard Time", "Australia/Sydney"),
    ("Central Europe Standard Time", "Europe/Budapest"),
    ("Central European Standard Time", "Europe/Warsaw"),
    ("Central Standard Time", "America/Chicago"),
    ("China Standard Time", "Asia/Shanghai"),
    ("E. South America Standard Time", "America/Sao_Paulo"),
    ("Eastern Standard Time", "America/New_York"),
    ("GMT Standard Time", "Europe/London"),
    ("GTB Standard Time", "Europe/Bucharest"),
    ("India Standard Time", "Asia/Kolkata"),
    ("Mountain Standard Time", "America/Denver"),
    ("Pacific Standard Time", "America/Los_Angeles"),
    ("Romance Standard Time", "Europe/Paris"),
    ("Russian Standard Time", "Europe/Moscow"),
    ("Tokyo Standard Time", "Asia/Tokyo"),
    ("W. Europe Standard Time", "Europe/Berlin"),
];

/// Abbreviations that apply to a part of the year only, each with a place where they are used.
const ABBREVIATIONS: [(&str, &str); 12] = [
    ("ACT AEST AEDT", "Australia/Sydney"),
    ("BST", "Europe/London"),
    ("CEST", "Europe/Berlin"),
    ("CST CDT", "America/Chicago"),
    ("EDT", "America/New_York"),
    ("EEST", "Europe/Athens"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("KST", "Asia/Seoul"),
    ("MDT", "America/Denver"),
    ("MSK", "Europe/Moscow"),
    ("PST PDT PT", "America/Los_Angeles"),
];

/// What to write when nothing is known about the text.
const WRITE_A_PLACE: &str = "write the IANA name of a place, as in `time_zone = \"Europe/Prague\"`, or \"UTC\"";

/// Why `text` is not the name of a time zone, and the remedy. `names` are the names of all zones.
pub fn explain<'a>(text: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        let remedy = "leave `time_zone` out, or write `time_zone = \"Europe/Prague\"`";
        return format!("the name of a time zone must not be empty: {remedy}");
    }
    if trimmed.contains(['{', '}']) {
        let remedy = "leave `time_zone` out, and set a computed value on the task, as in `.time_zone(zone)`";
        return format!("`{text}` is not filled in here: {remedy}");
    }
    if let Some(hours) = offset(trimmed) {
        return format!("`{text}` is a fixed offset, which has no summer time: {}", instead_of_offset(hours));
    }
    if is_among(trimmed, "local localtime system machine default host") {
        return format!("`{text}` may differ between replicas: {WRITE_A_PLACE}");
    }
    if trimmed == "Z" {
        return format!("`{text}` is not the name of a time zone: write `time_zone = \"UTC\"`");
    }
    if let Some((_, place)) = OF_WINDOWS.iter().find(|(name, _)| plain(name) == plain(trimmed)) {
        return format!("`{text}` is a Windows name of a time zone: write `time_zone = {place:?}`");
    }
    if trimmed.to_lowercase().ends_with(" time") {
        return format!("`{text}` is not the name of a time zone: {WRITE_A_PLACE}");
    }
    if let Some((_, place)) = ABBREVIATIONS.iter().find(|(names, _)| is_among(trimmed, names)) {
        let what = "is an abbreviation, not the name of a time zone";
        return format!("`{text}` {what}: write a place, as in `time_zone = {place:?}`");
    }
    match meant(trimmed, names) {
        Some(meant) => format!("there is no time zone `{text}`: write `time_zone = {meant:?}`"),
        None => format!("there is no time zone `{text}`: {WRITE_A_PLACE}"),
    }
}

fn instead_of_offset(hours: Option<i32>) -> String {
    let east = match hours.filter(|hours| (-12..=14).contains(hours)) {
        // The signs of the `Etc` names are reversed.
        Some(0) => ", or \"UTC\"".to_owned(),
        Some(hours) => format!(", or \"Etc/GMT{:+}\", whose sign is reversed", -hours),
        None => String::new(),
    };
    format!("write a place, as in `time_zone = \"Europe/Prague\"`{east}")
}

/// `Some` if the text is an offset from UTC, with its hours if these are whole: `+01:00`, `GMT+1`, `UTC-5`. An offset is not the
/// name of a zone: the clocks of a place may change.
fn offset(text: &str) -> Option<Option<i32>> {
    let upper = text.trim().to_uppercase();
    let rest = upper.strip_prefix("UTC").or_else(|| upper.strip_prefix("GMT")).unwrap_or(&upper).trim();
    let is_offset = rest.starts_with(['+', '-', '\u{2212}']) || rest.starts_with(|c: char| c.is_ascii_digit());
    if !is_offset {
        return None;
    }
    let (sign, digits) = match rest.strip_prefix(['-', '\u{2212}']) {
        Some(digits) => (-1, digits),
        None => (1, rest.trim_start_matches('+')),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 && digits.is_ascii() => digits.split_at(2),
        None => (digits, "0"),
    };
    let whole = minutes.parse::<u32>() == Ok(0);
    // Without a sign of its own, which `i32::MIN` has: it cannot be negated.
    Some(hours.parse::<u8>().ok().filter(|_| whole).map(|hours| sign * i32::from(hours)))
}

/// The zone among `names` that `text` was probably meant to be: the same letters in another notation, the place without its
/// continent, or a similar spelling.
fn meant<'a>(text: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let wanted = plain(text);
    if wanted.is_empty() || wanted.chars().count() > LONGEST_COMPARED {
        return None;
    }
    let place = |name: &str| name.rsplit('/').next().map(plain);
    let same = names.clone().find(|name| plain(name) == wanted);
    let same = same.or_else(|| names.clone().find(|name| place(name).as_ref() == Some(&wanted)));
    same.or_else(|| closest(text, names.map(|name| (name, name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_known_with_its_hours() {
        for (text, hours) in [("+01:00", 1), ("GMT+1", 1), ("utc-5", -5), ("UTC \u{2212}3", -3), ("0200", 2)] {
            assert_eq!(offset(text), Some(Some(hours)), "{text}");
        }
        for text in ["+05:30", "+999", "--1", "--2147483648"] {
            assert_eq!(offset(text), Some(None), "{text}");
        }
        for name in ["UTC", "Etc/GMT+1", "Europe/Prague", ""] {
            assert_eq!(offset(name), None, "{name}");
        }
    }

    #[test]
    fn a_zone_is_found_by_notation_place_and_spelling() {
        let names = ["America/New_York", "Europe/Prague", "UTC"].into_iter();
        for (text, name) in [
            ("europe/prague", 1),
            ("new york", 0),
            ("Prague", 1),
            ("Europe/Prag", 1),
            ("utc", 2),
            ("America/NewYrok", 0),
        ] {
            assert_eq!(meant(text, names.clone()), names.clone().nth(name), "{text}");
        }
        for text in ["", "  ", "Mars/Olympus_Mons", &"x".repeat(10_000)] {
            assert_eq!(meant(text, names.clone()), None, "{text}");
        }
    }
}
