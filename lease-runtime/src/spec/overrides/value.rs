//! Reads the values of variables.

use std::collections::BTreeMap;
use std::time::Duration;

use lease_grammar::value::{Remedy, Wrong};
use lease_grammar::{Rule, duration};

use super::setting::{OverrideError, Setting};

/// The name of a lease begins with it, so it follows the rule of such a name.
pub(super) fn prefix_remedy(rule: Rule) -> &'static str {
    match rule {
        Rule::LeaseNameEmpty => "name the release, as in `blue`, or set no prefix",
        Rule::LeaseNameLength => rule.remedy(),
        _ => "write it as in `blue`, since the name of every lease begins with it",
    }
}

/// Reads a duration in the form of the attribute.
pub(super) fn span(text: &str, by: &'static str) -> Result<Duration, OverrideError> {
    duration::parse(text).map(Duration::from).map_err(|Wrong { what, remedy }| {
        let remedy = match remedy {
            Remedy::Write(instead) => format!("write `{instead}`"),
            Remedy::WriteExample => "write it as in `15s`".to_owned(),
            Remedy::LeaveOut => "do not set it, or write it as in `15s`".to_owned(),
            Remedy::Say(remedy) => remedy,
        };
        OverrideError::new(by, text, what, remedy)
    })
}

pub(super) fn switch(Setting { value, by }: Setting<String>) -> Result<Setting<bool>, OverrideError> {
    match value.as_str() {
        "on" => Ok(Setting::new(true, by)),
        "off" => Ok(Setting::new(false, by)),
        _ => Err(OverrideError::new(by, &value, "it is one of two words", "write `on` or `off`")),
    }
}

/// What proves that a holder is dead, or nothing.
pub(super) fn death_reports(Setting { value, by }: Setting<String>) -> Result<Setting<bool>, OverrideError> {
    match value.as_str() {
        "pods" => Ok(Setting::new(true, by)),
        "off" => Ok(Setting::new(false, by)),
        _ => Err(OverrideError::new(by, &value, "it is one of two words", "write `pods` or `off`")),
    }
}

/// Reads `key=value,key=value`.
pub(super) fn labels(
    Setting { value, by }: Setting<String>,
) -> Result<BTreeMap<String, Setting<String>>, OverrideError> {
    let mut labels = BTreeMap::new();
    for label in value.split(',').map(str::trim) {
        let remedy = "write them as in `team=billing,tier=3`";
        let Some((key, value)) = label.split_once('=') else {
            return Err(OverrideError::new(by, &value, "each label is a key, a `=` and a value", remedy));
        };
        if labels.insert(key.trim().to_owned(), Setting::new(value.trim().to_owned(), by)).is_some() {
            return Err(OverrideError::new(by, label, "each key can stand in the list once", remedy));
        }
    }
    Ok(labels)
}
