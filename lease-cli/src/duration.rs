//! Spans of time in arguments.

use std::time::Duration;

use crate::error::CliError;

/// Reads `15s` or `1m30s`.
pub(crate) fn duration(text: &str) -> Result<Duration, CliError> {
    let time = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    time.ok_or_else(|| CliError::Duration { text: text.to_owned() })
}
