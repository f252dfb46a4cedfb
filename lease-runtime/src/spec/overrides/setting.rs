//! A value that a deployment sets, and what is wrong with it.

use std::time::Duration;

use lease_grammar::Rule;
use lease_protocol::election::shown;

/// A value, and what set it: a variable or a method.
#[derive(Clone, Debug)]
pub(super) struct Setting<T> {
    pub(super) value: T,
    pub(super) by: &'static str,
}

impl<T> Setting<T> {
    pub(super) fn new(value: T, by: &'static str) -> Setting<T> {
        Setting { value, by }
    }
}

impl Copy for Setting<Duration> {}

/// A deployment sets something that cannot be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{setting}` is `{value}`: {rule}: {remedy}")]
#[non_exhaustive]
pub struct OverrideError {
    /// The variable, or the method of [`Overrides`](crate::Overrides).
    pub setting: &'static str,
    /// Its value, escaped and cut to a length that fits a log line.
    pub value: String,
    /// What is wrong with the value.
    pub rule: &'static str,
    /// What to do.
    pub remedy: String,
}

impl OverrideError {
    pub(super) fn new(
        setting: &'static str,
        value: &str,
        rule: &'static str,
        remedy: impl Into<String>,
    ) -> OverrideError {
        OverrideError { setting, value: shown(value).to_string(), rule, remedy: remedy.into() }
    }

    pub(super) fn broken(setting: &'static str, value: &str, rule: Rule) -> OverrideError {
        OverrideError::new(setting, value, rule.sentence(), rule.remedy())
    }
}
