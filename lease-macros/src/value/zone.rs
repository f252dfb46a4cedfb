//! The names of time zones that a literal may have: `"Europe/Prague"`.

use super::zones::ZONES;

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

/// Checks the name of a time zone. The error has the mistake and the remedy.
pub(super) fn check(text: &str) -> Result<(), String> {
    if is_name(text) {
        return Ok(());
    }
    let names: Vec<_> = names().collect();
    Err(lease_grammar::zone::explain(text, names.iter().map(String::as_str)))
}
