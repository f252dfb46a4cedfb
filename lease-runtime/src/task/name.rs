//! What a task may be called.

use crate::error::Error;

pub(super) fn check_task_name(name: &str) -> Result<(), Error> {
    broken_by_task_name(name).map_or(Ok(()), |rule| Err(Error::TaskName { task: name.to_owned(), rule }))
}

/// A task's name becomes part of an annotation's name on the Lease, and so has to be one.
pub(crate) fn broken_by_task_name(name: &str) -> Option<&'static str> {
    let is_alphanumeric = |c: char| c.is_ascii_alphanumeric();
    if name.is_empty() {
        Some("must not be empty")
    } else if name.len() > 63 {
        Some("must have at most 63 characters")
    } else if !name.chars().all(|c| is_alphanumeric(c) || matches!(c, '-' | '_' | '.')) {
        Some("must consist of ASCII letters, digits, `-`, `_` and `.`")
    } else if !name.starts_with(is_alphanumeric) || !name.ends_with(is_alphanumeric) {
        Some("must start and end with a letter or digit")
    } else {
        None
    }
}
