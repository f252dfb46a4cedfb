//! Checks the names of time zones: `"Europe/Prague"`.

use super::zones::ZONES;
use lease_grammar::suggest;
use lease_grammar::value::Remedy;

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

/// All names.
pub(super) fn names() -> impl Iterator<Item = String> {
    ZONES.iter().flat_map(|(area, rest)| rest.split_whitespace().map(move |rest| format!("{area}{rest}")))
}

/// Whether there is a zone of exactly this name.
pub(crate) fn is_name(text: &str) -> bool {
    let in_area = |(area, rest): &(&str, &str)| {
        text.strip_prefix(area).is_some_and(|name| rest.split_whitespace().any(|rest| rest == name))
    };
    ZONES.iter().any(in_area)
}

/// Checks the name of a time zone. The error has the mistake and the remedy, without the key.
pub(super) fn check(text: &str) -> Result<(), (String, Remedy)> {
    if is_name(text) {
        return Ok(());
    }
    let trimmed = text.trim();
    let quoted = format!("`{text}`");
    if trimmed.is_empty() {
        return Err(("the name of a time zone must not be empty".to_owned(), Remedy::LeaveOut));
    }
    if trimmed.contains(['{', '}']) {
        let remedy = Remedy::Say(
            "leave `time_zone` out, and set a computed value on the task, as in `.time_zone(zone)`".to_owned(),
        );
        return Err((format!("{quoted} is not filled in here"), remedy));
    }
    if let Some(hours) = offset(trimmed) {
        let what = format!("{quoted} is a fixed offset, which has no summer time");
        let east = match hours.filter(|hours| (-12..=14).contains(hours)) {
            // The signs of the `Etc` names are reversed.
            Some(0) => ", or \"UTC\"".to_owned(),
            Some(hours) => format!(", or \"Etc/GMT{:+}\", whose sign is reversed", -hours),
            None => String::new(),
        };
        return Err((what, Remedy::Say(format!("write a place, as in `time_zone = \"Europe/Prague\"`{east}"))));
    }
    if suggest::is_among(trimmed, "local localtime system machine default host") {
        let what = format!("{quoted} may differ between replicas");
        return Err((what, write_a_place()));
    }
    if trimmed == "Z" {
        return Err((format!("{quoted} is not the name of a time zone"), Remedy::Write("UTC".to_owned())));
    }
    if let Some((_, place)) = OF_WINDOWS.iter().find(|(name, _)| suggest::plain(name) == suggest::plain(trimmed)) {
        return Err((format!("{quoted} is a Windows name of a time zone"), Remedy::Write((*place).to_owned())));
    }
    if trimmed.to_lowercase().ends_with(" time") {
        return Err((format!("{quoted} is not the name of a time zone"), write_a_place()));
    }
    if let Some((_, place)) = ABBREVIATIONS.iter().find(|(names, _)| suggest::is_among(trimmed, names)) {
        let what = format!("{quoted} is an abbreviation, not the name of a time zone");
        return Err((what, Remedy::Say(format!("write a place, as in `time_zone = \"{place}\"`"))));
    }
    match meant(trimmed) {
        Some(meant) => Err((format!("there is no time zone {quoted}"), Remedy::Write(meant))),
        None => Err((format!("there is no time zone {quoted}"), write_a_place())),
    }
}

fn write_a_place() -> Remedy {
    Remedy::Say("write the IANA name of a place, as in `time_zone = \"Europe/Prague\"`, or \"UTC\"".to_owned())
}

/// The time zone with a similar name, or with a place of a similar name.
fn meant(text: &str) -> Option<String> {
    let names: Vec<_> = names().collect();
    let place = |name: &str| name.rsplit('/').next().is_some_and(|place| suggest::plain(place) == suggest::plain(text));
    let same = names.iter().find(|name| suggest::plain(name) == suggest::plain(text));
    let same = same.or_else(|| names.iter().find(|name| place(name)));
    let close = || suggest::closest(text, names.iter().map(|name| (name.as_str(), name)));
    same.or_else(close).cloned()
}

/// `Some` if the text is an offset, with its hours if it has whole hours: `+01:00`, `GMT+1`, `UTC-5`.
fn offset(text: &str) -> Option<Option<i32>> {
    let upper = text.to_uppercase();
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
    Some(hours.parse::<i32>().ok().filter(|_| whole).map(|hours| sign * hours))
}
